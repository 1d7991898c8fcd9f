//! The feed's side: when it is connected, and whether it continues where it must.

use tradesim_schemas::StreamSeq;

use super::{Action, Delivery, DisconnectReason, Feed, Finish, HandshakeInfo, Note, Now, Sink};
use tradesim_protocol::{SEQ_END, is_name};

use crate::{Flaw, Identity};

impl Delivery {
    pub(super) fn connect(&mut self) {
        self.connection += 1;
        self.asked = match self.identity {
            Some(_) => Some(self.next),
            // a new run begins at its first message, and an old one is found out by the answer
            None => self.exactly_once().then_some(StreamSeq(0)),
        };
        self.feed = Feed::Connecting;
        self.counts.reconnects = self.connection - 1;
        self.actions.push_back(Action::Connect { connection: self.connection, from_seq: self.asked });
    }

    pub(super) fn disconnect(&mut self) {
        if matches!(self.feed, Feed::Connecting | Feed::Open { .. }) {
            self.actions.push_back(Action::Disconnect);
        }
        self.feed = Feed::Idle;
    }

    pub(super) fn connected(&mut self, handshake: HandshakeInfo, now: Now) {
        self.feed = Feed::Open { since: now.at, good: false, aligned: false, ended: false };
        self.announced = StreamSeq(SEQ_END);
        if let Err(cause) = check(&handshake) {
            return self.broken(cause);
        }
        let HandshakeInfo { stream, run, start_seq } = handshake;
        if let (Some(wanted), Some(found)) = (&self.options.run, &run)
            && wanted != found
        {
            return self.finish_with(Finish::OtherRun { wanted: wanted.clone(), found: found.clone() });
        }
        let (Some(stream), Some(run), Some(start_seq)) = (stream, run, start_seq) else {
            if self.exactly_once() {
                return self.finish_with(Finish::CannotResume);
            }
            // such a feed does not number its messages: they are counted here
            self.cursor = self.next;
            return self.greet(None, now);
        };
        self.cursor = start_seq;
        self.greet(Some(Identity { stream, run }), now);
    }

    /// Records the stream and run of the messages that follow.
    fn greet(&mut self, identity: Option<Identity>, now: Now) {
        let is_other = self.identity != identity;
        self.successor = None;
        if is_other && self.sink != Sink::Absent && !self.exactly_once() {
            // open records, and everything that is acknowledged meanwhile, belong to the previous run
            self.successor = Some(identity);
            if self.sink == Sink::Ready {
                self.drain();
            }
            return;
        }
        if is_other {
            self.change_to(identity);
        }
        match self.sink {
            Sink::Absent => self.start_sink(),
            Sink::Ready if is_other && self.exactly_once() => {
                self.actions.push_back(Action::DropProducer);
                self.start_sink();
            }
            Sink::Ready => self.align(now),
            _ => {}
        }
    }

    /// Switches to another run.
    pub(super) fn change_to(&mut self, identity: Option<Identity>) {
        self.identity = identity;
        self.owner = false;
        self.suspects.clear();
        self.head = StreamSeq(0);
        if self.identity.is_some() {
            (self.next, self.delivered, self.written) = Default::default();
        } else {
            self.cursor = self.next;
        }
    }

    pub(super) fn drain(&mut self) {
        self.sink = Sink::Draining;
        self.actions.push_back(Action::Drain);
    }

    /// Ensures that the next message of the connection is the one that is due.
    pub(super) fn align(&mut self, now: Now) {
        if !matches!(self.feed, Feed::Open { .. }) {
            if self.feed == Feed::Idle {
                self.connect();
            }
        } else if self.identity.is_none() || self.cursor == self.next {
            self.set_aligned();
            let note = Note::Reading { identity: self.identity.clone(), seq: self.cursor };
            self.actions.push_back(Action::Note(note));
        } else if self.asked != Some(self.next) {
            self.disconnect();
            self.connect();
        } else if self.exactly_once() {
            let cause = format!("it began with message {} instead of {}", self.cursor, self.next);
            self.disconnect();
            self.lost(cause, now);
        } else {
            self.set_aligned();
            self.jumped(self.cursor);
        }
    }

    fn set_aligned(&mut self) {
        if let Feed::Open { aligned, .. } = &mut self.feed {
            *aligned = true;
        }
    }

    /// Returns whether a number is possible in the stream, and ends the bridge if it is not.
    fn is_possible(&mut self, what: &str, seq: StreamSeq) -> bool {
        let cause = if seq >= StreamSeq(SEQ_END) {
            format!("{what} {seq}, but numbers must be below 2^53")
        } else if seq > self.announced {
            format!("{what} {seq}, after the announced end of its stream, {}", self.announced)
        } else {
            return true;
        };
        self.broken(cause);
        false
    }

    /// Handles a protocol error of the feed: delivers everything before it and ends the bridge.
    pub(super) fn broken(&mut self, cause: String) {
        self.disconnect();
        self.end(Finish::FeedBroken { cause });
    }

    pub(super) fn jumped(&mut self, seq: StreamSeq) {
        if self.identity.is_none() {
            // messages are counted here, whatever the feed announces
            return;
        }
        if !self.is_possible("it jumped to message", seq) {
            return;
        }
        self.cursor = seq;
        let flaw = if seq > self.next {
            self.counts.missing = self.counts.missing.saturating_add(seq - self.next);
            Flaw::Gap { from: self.next, to: seq }
        } else if seq < self.next {
            Flaw::Repeated { from: seq, to: self.next }
        } else {
            return;
        };
        self.next = self.next.max(seq);
        self.actions.push_back(Action::Note(Note::Flaw(flaw)));
    }

    pub(super) fn sent(&mut self, seq: StreamSeq, now: Now) {
        if self.identity.is_none() {
            return;
        }
        if !self.is_possible("it announced that it sent all messages before number", seq) {
            return;
        }
        self.head = seq;
        if self.is_reading() && seq > self.cursor {
            let cause = format!("all messages before {seq} were sent, and {} has not arrived", self.cursor);
            self.disconnect();
            self.lost(cause, now);
        }
    }

    pub(super) fn ended(&mut self, seq: StreamSeq, now: Now) {
        if self.identity.is_none() {
            return self.delivered_all(None);
        }
        if !self.is_possible("it announced its end before message", seq) {
            return;
        }
        if self.is_reading() && seq != self.cursor {
            let cause = format!("it ended before message {seq}, but {} is due", self.cursor);
            self.disconnect();
            return self.lost(cause, now);
        }
        if let Feed::Open { ended, .. } = &mut self.feed {
            *ended = true;
        }
        self.announced = seq;
        self.delivered_all(Some(seq));
    }

    /// Handles the end of the feed.
    fn delivered_all(&mut self, next_seq: Option<StreamSeq>) {
        self.actions.push_back(Action::Note(Note::Delivered { next_seq }));
        if self.options.until_end {
            self.end(Finish::Complete);
        }
    }

    pub(super) fn disconnected(&mut self, reason: DisconnectReason, cause: String, now: Now) {
        let Feed::Open { since, good, ended, .. } = self.feed else {
            // the handshake failed
            self.feed = Feed::Idle;
            return match reason {
                DisconnectReason::Refused => self.end(Finish::FeedRefused { cause }),
                DisconnectReason::Broken => self.end(Finish::FeedBroken { cause }),
                DisconnectReason::Delivered | DisconnectReason::Lost => self.lost(cause, now),
            };
        };
        // a feed may be quiet for hours: a connection that lasted long counts as good too
        if good
            || reason == DisconnectReason::Delivered
            || now.at.saturating_sub(since) >= self.options.feed_backoff.max()
        {
            self.failures = 0;
        }
        if good {
            self.options.feed_backoff.reset();
        }
        if self.identity.is_none() {
            self.continuity.interrupt();
        }
        self.feed = Feed::Idle;
        match reason {
            DisconnectReason::Refused => self.end(Finish::FeedRefused { cause }),
            DisconnectReason::Broken => self.end(Finish::FeedBroken { cause }),
            DisconnectReason::Delivered => {
                if !ended {
                    self.delivered_all(None);
                }
                if self.finish.is_none() && self.sink != Sink::Finished {
                    self.pause_feed(cause, now);
                }
            }
            DisconnectReason::Lost => self.lost(cause, now),
        }
    }

    /// Handles a failed connection: retries, or ends.
    fn lost(&mut self, cause: String, now: Now) {
        self.failures += 1;
        if self.failures > self.options.feed_tries {
            return self.end(Finish::FeedUnreachable { tries: self.failures, cause });
        }
        self.pause_feed(cause, now);
    }

    fn pause_feed(&mut self, cause: String, now: Now) {
        // no messages will arrive for now, and the run of the next connection is unknown
        if self.sink == Sink::Ready && self.open.is_some() {
            self.commit();
        }
        let after = self.options.feed_backoff.pause(now.random);
        let tries = self.options.feed_backoff.tries();
        self.feed = Feed::Waiting { until: now.at + after };
        self.actions.push_back(Action::Note(Note::Reconnecting { after, tries, cause }));
    }
}

/// Validates the names and the number of a handshake.
fn check(handshake: &HandshakeInfo) -> Result<(), String> {
    for (what, name) in [("stream", &handshake.stream), ("run", &handshake.run)] {
        if name.as_ref().is_some_and(|name| !is_name(name)) {
            return Err(format!(
                "its handshake states an invalid name of the {what}: expected 1 to 64 letters, digits, dashes, underscores, dots \
                 and colons"
            ));
        }
    }
    match handshake.start_seq {
        Some(seq) if seq >= StreamSeq(SEQ_END) => {
            Err(format!("it begins with message {seq}, but numbers must be below 2^53"))
        }
        _ => Ok(()),
    }
}
