//! The state machine of a bridge: a feed on one side, a producer on the other, and the position between them.
//!
//! # Exactly once
//! Records, dead letters and the position after them form one transaction. So consumers that read committed records
//! see at every moment exactly the messages before the committed position P (the argument of KIP-618):
//!
//! - one commit changes both;
//! - a producer is created before the position is read, which fences every older producer and ends its transaction, so that
//!   no other process can change P any more;
//! - a message is a function of its number, so that sending the messages from P on again sends the same messages;
//! - any failure, in sending, in a report or in a call, leaves the state of the producer unknown. The producer is dropped,
//!   together with everything in flight, and everything starts again from the position that is read then. Nothing is ever
//!   sent again while an older producer may still be sending it.
//!
//! A bridge writes its own name into the position as soon as it has a producer. If it starts again after a failure
//! and finds another name there, it was fenced, and did not merely fail: it ends, instead of fencing the other bridge
//! in turn.
//!
//! # At least once
//! There are no transactions and no fencing. What was handed over is kept until it is acknowledged, and handed over
//! again to a new producer if the old one fails. If the feed can resume from a position, a position is written after
//! the acknowledgements.

mod feed;
mod sink;
mod types;

#[cfg(test)]
mod hostile;
#[cfg(test)]
#[expect(clippy::print_stdout, reason = "a test that reports the faults of its seeds")]
mod simulation;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use tradesim_schemas::{StreamSeq, Timestamp};

pub use types::{
    Action, Admission, Counts, DisconnectReason, Finish, Guarantee, HandshakeInfo, Input, Note, Now, Options,
};

use tradesim_protocol::SEQ_END;

use crate::{Continuity, Identity};

/// The limit of messages that are watched because the broker refused a batch with them. A batch contains far fewer.
const SUSPECTS_MAX: usize = 100_000;

/// The state of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Feed {
    /// No connection is wanted.
    Idle,
    /// A connection is wanted, after a delay.
    Waiting { until: Duration },
    /// A connection was requested.
    Connecting,
    /// The connection is established.
    Open {
        since: Duration,
        /// True if a message was received on it.
        good: bool,
        /// True if the next message is the one that is due, or may be taken for it.
        aligned: bool,
        /// True if the feed has announced its end.
        ended: bool,
    },
}

/// The state of the producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sink {
    /// No producer is wanted yet.
    Absent,
    /// A producer is wanted, after a delay.
    Waiting { until: Duration },
    /// It is being checked if another bridge has taken over.
    Checking,
    /// A producer is being created.
    Initialising,
    /// The position is being read.
    Reading,
    /// The producer is ready.
    Ready,
    /// A transaction is being committed.
    Committing { claim: bool },
    /// Open records are awaited.
    Draining,
    /// The work has ended.
    Finished,
}

/// An open transaction.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    since: Duration,
    events: u64,
    produced: u64,
    dead_lettered: u64,
}

/// Decides what a bridge does next. The module's documentation explains why that is correct.
///
/// A driver passes one input, does what [`Delivery::poll_action`] returns until it returns `None`, and waits for the
/// next input or for [`Delivery::poll_timeout`]. Messages are inputs too; they are passed to [`Delivery::prepare`]
/// and [`Delivery::message`] while [`Delivery::is_reading`] is true.
#[derive(Debug)]
pub struct Delivery {
    options: Options,
    actions: VecDeque<Action>,
    feed: Feed,
    sink: Sink,
    /// The stream and run that the position belongs to, if the feed names them.
    identity: Option<Identity>,
    /// The stream and run that it will belong to when all open records are acknowledged, if the feed has begun
    /// another run.
    successor: Option<Option<Identity>>,
    /// The number of the connection that was requested last.
    connection: u64,
    /// The first message that was requested on it.
    asked: Option<StreamSeq>,
    /// The number of the next message on it.
    cursor: StreamSeq,
    /// The limit of the numbers on it: that of all numbers and, once the feed has announced its end, that end.
    announced: StreamSeq,
    /// The number of the message that is due.
    next: StreamSeq,
    /// All messages before this one are delivered.
    delivered: StreamSeq,
    /// The position that was written last.
    written: StreamSeq,
    /// The time at which the next position is due, without transactions.
    write_at: Duration,
    open: Option<Open>,
    /// True if the position contains the name of this bridge.
    owner: bool,
    /// The messages whose batch the broker refused, with the number of refusals.
    suspects: BTreeMap<StreamSeq, u32>,
    /// The result, once no record is open.
    finish: Option<Finish>,
    continuity: Continuity,
    counts: Counts,
    /// The feed has sent all messages before this one.
    head: StreamSeq,
    /// The number of consecutive failed connections.
    failures: u32,
}

impl Delivery {
    /// Returns a delivery that begins with a connection to the feed.
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
            cursor: StreamSeq(0),
            announced: StreamSeq(SEQ_END),
            next: StreamSeq(0),
            delivered: StreamSeq(0),
            written: StreamSeq(0),
            write_at: Duration::ZERO,
            open: None,
            owner: false,
            suspects: BTreeMap::new(),
            finish: None,
            continuity: Continuity::new(),
            counts: Counts::default(),
            head: StreamSeq(0),
            failures: 0,
        };
        delivery.connect();
        delivery
    }

    /// Returns the next action.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Returns true if there is an action.
    #[inline]
    pub fn has_actions(&self) -> bool {
        !self.actions.is_empty()
    }

    /// Returns the time at which [`Input::Timeout`] is due.
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

    /// Returns true if events of the feed are wanted. While they are not, they stay in the queue, and the feed slows
    /// down.
    #[inline]
    pub fn wants_events(&self) -> bool {
        self.feed == Feed::Connecting || self.is_reading()
    }

    /// Returns true if messages are taken.
    #[inline]
    pub fn is_reading(&self) -> bool {
        self.sink == Sink::Ready && matches!(self.feed, Feed::Open { aligned: true, .. })
    }

    /// Returns true if records may be handed over: messages that were taken before, and are handed over again.
    #[inline]
    pub fn is_sink_ready(&self) -> bool {
        matches!(self.sink, Sink::Ready | Sink::Draining)
    }

    /// Returns true if the feed and the producer are ready.
    pub fn is_ready(&self) -> bool {
        matches!(self.sink, Sink::Ready | Sink::Committing { .. })
            && matches!(self.feed, Feed::Open { aligned: true, .. })
    }

    /// Returns the number of the current connection.
    #[inline]
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// Returns the stream and run that the position belongs to, if the feed names them.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Returns the number of the message that is due.
    pub fn next_seq(&self) -> StreamSeq {
        self.next
    }

    /// Returns the number before which all messages are delivered: committed, or acknowledged.
    pub fn delivered_seq(&self) -> StreamSeq {
        self.delivered
    }

    /// Returns the number before which the feed has sent all messages, as far as it has announced that.
    pub fn head_seq(&self) -> StreamSeq {
        self.head.max(self.next)
    }

    /// Returns the counts so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn exactly_once(&self) -> bool {
        self.options.guarantee == Guarantee::ExactlyOnce
    }

    /// Handles an input.
    pub fn handle(&mut self, input: Input, now: Now) {
        if self.sink == Sink::Finished {
            return;
        }
        match input {
            Input::Connected { connection, handshake } if self.is_current(connection) => {
                self.connected(handshake, now);
            }
            Input::Jumped { connection, seq } if self.is_current(connection) => self.jumped(seq),
            Input::Sent { connection, seq } if self.is_current(connection) => self.sent(seq, now),
            Input::Ended { connection, seq } if self.is_current(connection) => self.ended(seq, now),
            Input::Disconnected { connection, reason, cause } if self.is_current(connection) => {
                self.disconnected(reason, cause, now);
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
            Input::Failed { cause, refused, is_fatal } => self.failed(cause, &refused, is_fatal, now),
            Input::Timeout => self.timeout(now),
            Input::Stop => self.stop(),
        }
    }

    fn is_current(&self, connection: u64) -> bool {
        connection == self.connection && matches!(self.feed, Feed::Connecting | Feed::Open { .. })
    }

    /// Prepares for a message. Call it before each one; the actions that it requests come before the message is
    /// taken. The time is only requested when a transaction begins.
    #[inline]
    pub fn prepare(&mut self, now: impl FnOnce() -> Duration) {
        if self.open.is_none() && self.options.guarantee == Guarantee::ExactlyOnce {
            self.open = Some(Open { since: now(), ..Open::default() });
            self.actions.push_back(Action::Begin);
        }
    }

    /// Takes the next message of the connection. `emitted` is its time, if it states one; `valid` is true for a
    /// record and false for a dead letter. The actions that it requests come after the message itself.
    ///
    /// # Panics
    /// If messages are not taken ([`Delivery::is_reading`]).
    #[inline]
    pub fn message(&mut self, emitted: Option<Timestamp>, valid: bool) -> Admission {
        assert!(self.is_reading(), "messages are taken only while the feed and the producer are ready");
        let seq = self.cursor;
        if seq >= self.announced && self.identity.is_some() {
            self.broken(format!("it sent message {seq}, but numbers must be below {}", self.announced));
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

    /// Admits a message whose batch was refused: it is sent alone, as often as allowed, and then as a dead letter
    /// alone, as often. If the topic of dead letters refuses even that, an operator must find out why.
    fn admit_suspect(&mut self, seq: StreamSeq, valid: bool) -> Admission {
        let Some(refusals) = self.suspects.get(&seq).copied() else { return Admission::Produce { seq } };
        let retries = refusals - 1;
        if refusals <= self.options.refusals_max {
            return Admission::ProduceAlone { seq };
        }
        if refusals > 2 * self.options.refusals_max + 1 {
            let cause = format!("the broker refused message {seq} as a record and as a dead letter");
            self.finish_with(Finish::KafkaFailed { cause });
            return Admission::Skip;
        }
        if valid {
            self.dead_lettered();
        }
        Admission::DeadLetter { seq, retries }
    }

    /// Records that the last message became a dead letter after all.
    pub fn dead_lettered(&mut self) {
        let (produced, dead_lettered) = match &mut self.open {
            Some(open) => (&mut open.produced, &mut open.dead_lettered),
            None => (&mut self.counts.produced, &mut self.counts.dead_lettered),
        };
        *produced = produced.saturating_sub(1);
        *dead_lettered += 1;
    }

    // timeouts, and the end

    fn timeout(&mut self, now: Now) {
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

    /// Ends as soon as no record is open, or at once if open records cannot be completed.
    fn end(&mut self, finish: Finish) {
        if let Some(flaw) = self.continuity.flush() {
            self.actions.push_back(Action::Note(Note::Flaw(flaw)));
        }
        match self.sink {
            Sink::Ready if !self.exactly_once() => {
                self.finish = Some(finish);
                self.drain();
            }
            Sink::Ready if self.open.is_some() => {
                self.finish = Some(finish);
                self.commit();
            }
            Sink::Committing { .. } | Sink::Draining => self.finish = Some(finish),
            // received messages must be acknowledged first
            Sink::Waiting { .. } if finish == Finish::Complete => self.finish = Some(finish),
            _ => self.finish_with(finish),
        }
    }

    fn finish_with(&mut self, finish: Finish) {
        self.disconnect();
        self.sink = Sink::Finished;
        self.actions.push_back(Action::Finish(finish));
    }
}
