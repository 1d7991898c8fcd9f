//! The state machine of a bridge: feed on one side, producer on the other, and a position between them.
//!
//! # Exactly once
//! Records, dead letters and the position behind them are one transaction. So what consumers of committed records see is
//! at every moment exactly the messages before the committed position P (the argument of KIP-618):
//! - both change by one commit;
//! - a producer is made before the position is read, which fences every older one and ends its transaction, so that P
//!   cannot move any more by anybody else's doing;
//! - a message is a function of its number, so that sending the messages from P on again sends the same;
//! - whatever fails, in sending, in a report or in a call, leaves the producer's state unknown. It is let go, with what it
//!   holds, and everything starts again from the position that is read then. Nothing is ever sent again beside a producer
//!   that may still be sending.
//!
//! A bridge writes its own name into the position as soon as it has a producer. One that starts again after a failure
//! and finds another name there was fenced rather than unlucky: it ends, instead of fencing the other in turn.
//!
//! # At least once
//! There are no transactions and no fencing. What was handed over is kept until it is acknowledged, and handed over
//! again to a new producer where the old one fails. Where the feed can go on from a position, one is written behind the
//! acknowledgements.

mod feed;
mod sink;
mod words;

#[cfg(test)]
mod hostile;
#[cfg(test)]
#[expect(clippy::print_stdout, reason = "a test that tells what its seeds held")]
mod simulation;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tradesim_schemas::Timestamp;

pub use words::{
    Action, Admission, Counts, Ending, Finish, Greeting, Guarantee, Input, Moment, Note, Options,
};

use crate::{Continuity, Identity, SEQ_END};

/// Messages that are watched because the broker refused a batch that they were in. A batch holds far fewer.
const SUSPECTS_MAX: usize = 100_000;

/// The side that messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// Not wanted now.
    Idle,
    /// Wanted, after a pause.
    Waiting { until: Duration },
    /// Asked for.
    Connecting,
    /// There.
    Open {
        since: Duration,
        /// Whether it brought a message.
        good: bool,
        /// Whether the next message is the one that is due, or may be taken for it.
        aligned: bool,
        /// Whether it said its end.
        ended: bool,
    },
}

/// The side that records go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    /// Not wanted yet.
    Absent,
    /// Wanted, after a pause.
    Waiting { until: Duration },
    /// Looks whether another bridge has taken over.
    Checking,
    /// A producer is being made.
    Initialising,
    /// The position is being read.
    Reading,
    /// There.
    Ready,
    /// A transaction is being committed.
    Committing { claim: bool },
    /// Waits for what is open.
    Draining,
    /// It is over.
    Finished,
}

/// A transaction that is open.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    since: Duration,
    events: u64,
    produced: u64,
    dead_lettered: u64,
}

/// Decides what a bridge does next. See the module's documentation for why that is right.
///
/// A driver feeds it one input, does what [`Delivery::poll_action`] says until there is nothing more, and waits for the
/// next input or for [`Delivery::poll_timeout`]. Messages are inputs as well, taken by [`Delivery::prepare`] and
/// [`Delivery::message`] while [`Delivery::is_reading`].
#[derive(Debug)]
pub struct Delivery {
    options: Options,
    actions: VecDeque<Action>,
    feed: Feed,
    sink: Sink,
    /// What the position belongs to, where the feed says it.
    identity: Option<Identity>,
    /// What it will belong to when what is open is acknowledged, where the feed has begun another run.
    successor: Option<Option<Identity>>,
    /// Number of the connection that was asked for last.
    connection: u64,
    /// The first message that was asked for on it.
    asked: Option<u64>,
    /// Number of the next message on it.
    cursor: u64,
    /// Numbers on it are below this one: what every number is, and after the feed said its end, that.
    announced: u64,
    /// Number of the message that is due.
    next: u64,
    /// Everything before this one is delivered.
    delivered: u64,
    /// The position that was written last.
    written: u64,
    /// When the next one is due, without transactions.
    write_at: Duration,
    open: Option<Open>,
    /// Whether our name stands in the position.
    owner: bool,
    /// Messages whose batch the broker refused, with how often.
    suspects: BTreeMap<u64, u32>,
    /// How it ends once the sink has nothing open.
    ending: Option<Finish>,
    continuity: Continuity,
    counts: Counts,
    /// The feed has sent everything before this one.
    head: u64,
    /// Connections in a row that were good for nothing.
    failures: u32,
}

impl Delivery {
    /// Begins with a connection to the feed.
    pub fn new(options: Options) -> Delivery {
        let mut delivery = Delivery {
            options,
            actions: VecDeque::new(),
            feed: Feed::Idle,
            sink: Sink::Absent,
            identity: None,
            successor: None,
            connection: 0,
            asked: None,
            cursor: 0,
            announced: SEQ_END,
            next: 0,
            delivered: 0,
            written: 0,
            write_at: Duration::ZERO,
            open: None,
            owner: false,
            suspects: BTreeMap::new(),
            ending: None,
            continuity: Continuity::new(),
            counts: Counts::default(),
            head: 0,
            failures: 0,
        };
        delivery.connect();
        delivery
    }

    /// What is to be done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Whether there is something to be done.
    #[inline]
    pub fn has_actions(&self) -> bool {
        !self.actions.is_empty()
    }

    /// When [`Input::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let feed = match self.feed {
            Feed::Waiting { until } => Some(until),
            _ => None,
        };
        let sink = match self.sink {
            Sink::Waiting { until } => Some(until),
            Sink::Ready => match &self.open {
                Some(open) => Some(open.since + self.options.batch_time),
                None => (self.delivered > self.written).then_some(self.write_at),
            },
            _ => None,
        };
        feed.into_iter().chain(sink).min()
    }

    /// Whether events of the feed are waited for. While they are not, they stay where they are, and the feed notices.
    #[inline]
    pub fn wants_events(&self) -> bool {
        self.feed == Feed::Connecting || self.is_reading()
    }

    /// Whether messages are taken.
    #[inline]
    pub fn is_reading(&self) -> bool {
        self.sink == Sink::Ready && matches!(self.feed, Feed::Open { aligned: true, .. })
    }

    /// Whether records may be handed over: messages that were taken before, where they are handed over again.
    #[inline]
    pub fn is_sink_ready(&self) -> bool {
        matches!(self.sink, Sink::Ready | Sink::Draining)
    }

    /// Whether both sides are there.
    pub fn is_ready(&self) -> bool {
        matches!(self.sink, Sink::Ready | Sink::Committing { .. })
            && matches!(self.feed, Feed::Open { aligned: true, .. })
    }

    /// Number of the connection that counts.
    #[inline]
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// What the position belongs to, where the feed says it.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Number of the message that is due.
    pub fn next_seq(&self) -> u64 {
        self.next
    }

    /// Everything before this message is delivered: committed, or acknowledged.
    pub fn delivered_seq(&self) -> u64 {
        self.delivered
    }

    /// The feed has sent everything before this message, as far as it said so.
    pub fn head_seq(&self) -> u64 {
        self.head.max(self.next)
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn exactly_once(&self) -> bool {
        self.options.guarantee == Guarantee::ExactlyOnce
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, input: Input, now: Moment) {
        if self.sink == Sink::Finished {
            return;
        }
        match input {
            Input::Connected { connection, greeting } if self.is_current(connection) => {
                self.connected(greeting, now);
            }
            Input::Jumped { connection, seq } if self.is_current(connection) => self.jumped(seq),
            Input::Sent { connection, seq } if self.is_current(connection) => self.sent(seq, now),
            Input::Ended { connection, seq } if self.is_current(connection) => self.ended(seq, now),
            Input::Disconnected { connection, ending, cause } if self.is_current(connection) => {
                self.disconnected(ending, cause, now);
            }
            Input::Connected { .. }
            | Input::Jumped { .. }
            | Input::Sent { .. }
            | Input::Ended { .. }
            | Input::Disconnected { .. } => {}
            Input::PositionRead(position) => self.position_read(position, now),
            Input::Initialised => self.initialised(now),
            Input::Committed => self.committed(now),
            Input::Acknowledged { next_seq } => self.delivered = next_seq,
            Input::Drained => self.drained(),
            Input::Failed { cause, refused, hopeless } => self.failed(cause, &refused, hopeless, now),
            Input::Timeout => self.timeout(now),
            Input::Stop => self.stop(),
        }
    }

    fn is_current(&self, connection: u64) -> bool {
        connection == self.connection && matches!(self.feed, Feed::Connecting | Feed::Open { .. })
    }

    /// Makes ready for a message. To be called before each one; what it wants done comes before the message is taken. The
    /// time is asked for only where a transaction begins.
    #[inline]
    pub fn prepare(&mut self, now: impl FnOnce() -> Duration) {
        if self.open.is_none() && self.options.guarantee == Guarantee::ExactlyOnce {
            self.open = Some(Open { since: now(), ..Open::default() });
            self.actions.push_back(Action::Begin);
        }
    }

    /// Takes the next message of the connection. `emitted` is its time, where it states one; `valid` whether it is a
    /// record rather than a dead letter. What this wants done comes behind the message itself.
    ///
    /// # Panics
    /// Where messages are not taken ([`Delivery::is_reading`]).
    #[inline]
    pub fn message(&mut self, emitted: Option<Timestamp>, valid: bool) -> Admission {
        assert!(self.is_reading(), "messages are taken while both sides are there");
        let seq = self.cursor;
        if seq >= self.announced && self.identity.is_some() {
            self.broken(format!("it sends message {seq}, and numbers are below {}", self.announced));
            return Admission::Skip;
        }
        self.cursor += 1;
        if let Feed::Open { good, .. } = &mut self.feed
            && !*good
        {
            *good = true;
            self.failures = 0;
            self.options.feed_backoff.reset();
        }
        if seq < self.next {
            self.counts.repeated += 1;
            return Admission::Skip;
        }
        self.next = seq + 1;
        if let Some(emitted) = emitted
            && let Some(flaw) = self.continuity.observe(emitted)
        {
            self.actions.push_back(Action::Note(Note::Flaw(flaw)));
        }
        self.count(valid);
        if self.suspects.is_empty() { Admission::Produce { seq } } else { self.admit_suspect(seq, valid) }
    }

    #[inline]
    fn count(&mut self, valid: bool) {
        let Some(open) = &mut self.open else {
            self.counts.received += 1;
            self.counts.produced += u64::from(valid);
            self.counts.dead_lettered += u64::from(!valid);
            return;
        };
        open.events += 1;
        open.produced += u64::from(valid);
        open.dead_lettered += u64::from(!valid);
        if open.events >= self.options.batch_events {
            self.commit();
        }
    }

    /// A message whose batch was refused goes alone, as often as is allowed; then it is a dead letter, and that one goes
    /// alone as often. Where the topic of dead letters refuses even that, somebody has to look.
    fn admit_suspect(&mut self, seq: u64, valid: bool) -> Admission {
        let Some(refusals) = self.suspects.get(&seq).copied() else { return Admission::Produce { seq } };
        let retries = refusals - 1;
        if refusals <= self.options.refusals_max {
            return Admission::ProduceAlone { seq };
        }
        if refusals > 2 * self.options.refusals_max + 1 {
            let cause = format!("message {seq} is refused as a record and as a dead letter");
            self.finish_with(Finish::KafkaFailed { cause });
            return Admission::Skip;
        }
        if valid {
            self.buried();
        }
        Admission::Bury { seq, retries }
    }

    /// Records that the last message became a dead letter after all.
    pub fn buried(&mut self) {
        let (produced, dead_lettered) = match &mut self.open {
            Some(open) => (&mut open.produced, &mut open.dead_lettered),
            None => (&mut self.counts.produced, &mut self.counts.dead_lettered),
        };
        *produced = produced.saturating_sub(1);
        *dead_lettered += 1;
    }

    // time, and the end

    fn timeout(&mut self, now: Moment) {
        if matches!(self.feed, Feed::Waiting { until } if until <= now.at) {
            self.connect();
        }
        match self.sink {
            Sink::Waiting { until } if until <= now.at => self.start_sink(),
            Sink::Ready => match &self.open {
                Some(open) if open.since + self.options.batch_time <= now.at => self.commit(),
                Some(_) => {}
                None if self.exactly_once() || self.identity.is_none() => self.written = self.delivered,
                None if self.delivered > self.written && self.write_at <= now.at => {
                    self.write_at = now.at + self.options.batch_time;
                    self.checkpoint();
                }
                None => {}
            },
            _ => {}
        }
    }

    fn stop(&mut self) {
        self.end(Finish::Stopped);
    }

    /// Ends as soon as nothing is open, or at once where nothing can be done about it.
    fn end(&mut self, ending: Finish) {
        if let Some(flaw) = self.continuity.flush() {
            self.actions.push_back(Action::Note(Note::Flaw(flaw)));
        }
        match self.sink {
            Sink::Ready if !self.exactly_once() => {
                self.ending = Some(ending);
                self.drain();
            }
            Sink::Ready if self.open.is_some() => {
                self.ending = Some(ending);
                self.commit();
            }
            Sink::Committing { .. } | Sink::Draining => self.ending = Some(ending),
            // what was received has to be acknowledged first
            Sink::Waiting { .. } if ending == Finish::Complete => self.ending = Some(ending),
            _ => self.finish_with(ending),
        }
    }

    fn finish_with(&mut self, finish: Finish) {
        self.disconnect();
        self.sink = Sink::Finished;
        self.actions.push_back(Action::Finish(finish));
    }
}
