//! How a connection comes to its end.

use std::time::Duration;

use super::{Connection, End};
use crate::{
    close::{Close, CloseCode},
    metrics::Closed,
};

/// How long a client has to answer a close.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long one has at least, and at most, that does not read: it must first take what is on its way.
const SLOW_ANSWER_WITHIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

/// How long after it last moved such a client is given up: a play that has ended waits for it no longer.
const SLOW_GIVEN_UP_AFTER: Duration = Duration::from_secs(14);

/// How long one may at most take that goes on reading behind such a close.
const SLOW_ANSWER_MAX: Duration = Duration::from_secs(60);

/// A close that was begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    end: End,
    begun: Duration,
    /// How long the client has, from now on or from when it last moved.
    within: Duration,
    /// The longest that it has, however it moves.
    at_most: Duration,
    /// Whether the client began it.
    by_peer: bool,
    /// Whether the whole close was written.
    written: bool,
    /// Whether the sending side of the socket was shut behind it.
    hung_up: bool,
}

impl Closing {
    /// Until when the client has to answer, where it last moved at this instant.
    pub(super) fn deadline(&self, moved: Duration) -> Duration {
        (self.begun.max(moved) + self.within).min(self.begun.saturating_add(self.at_most))
    }
}

impl Connection<'_> {
    /// Begins to close: behind the frame that is on its way nothing follows but this.
    pub(super) fn close(&mut self, close: Close, why: Closed) {
        if self.closing.is_some() || self.over.is_some() {
            return;
        }
        let (within, at_most) = match why {
            // it gets its messages as long as it takes them
            Closed::Delivered => (ANSWER_WITHIN, Duration::MAX),
            Closed::Slow => {
                let (least, most) = SLOW_ANSWER_WITHIN;
                let left = SLOW_GIVEN_UP_AFTER.saturating_sub(self.hub.options.stall);
                (left.clamp(least, most), SLOW_ANSWER_MAX)
            }
            _ => (ANSWER_WITHIN, ANSWER_WITHIN),
        };
        self.outgoing.cut();
        self.outgoing.push_urgent(&close.frame());
        self.inbound.sent_close();
        self.begin_closing(why, close.code(), (within, at_most), false);
    }

    fn begin_closing(
        &mut self,
        why: Closed,
        code: CloseCode,
        (within, at_most): (Duration, Duration),
        by_peer: bool,
    ) {
        self.catch_up.stop();
        self.client.set_place(None);
        self.hub.client_moved(None);
        let end = End { why, code: Some(code.number()), delivered: false, seen: None };
        let begun = self.hub.clock.now();
        let closing = Closing { end, begun, within, at_most, by_peer, written: false, hung_up: false };
        self.closing = Some(closing);
    }

    /// The server stops.
    pub(super) fn stop(&mut self) {
        let (unsent, _) = self.outgoing.cut_at();
        match self.hub.failure() {
            Some(failure) => self.close(Close::source_failed(unsent, &failure), Closed::Failed),
            None => self.close(Close::stopping(unsent), Closed::Stopped),
        }
    }

    /// The client cannot follow.
    pub(super) fn too_slow(&mut self) {
        let (unsent, any) = self.outgoing.cut_at();
        let last = unsent.checked_sub(1).filter(|_| any);
        tracing::warn!(client = self.client.id, peer = %self.client.peer, next_seq = unsent, "closing a slow client");
        self.close(Close::too_slow(last, unsent), Closed::Slow);
    }

    /// The client's close has come.
    pub(super) fn peer_closes(&mut self) {
        match &mut self.closing {
            Some(closing) => {
                let mut end = closing.end;
                end.delivered = end.why == Closed::Delivered;
                self.over = Some(end);
            }
            None => {
                self.outgoing.cut();
                if let Some(frames) = self.inbound.take_outgoing() {
                    self.outgoing.push_urgent(&frames);
                }
                self.begin_closing(Closed::Left, CloseCode::Normal, (ANSWER_WITHIN, ANSWER_WITHIN), true);
            }
        }
    }

    /// Whether the sending side of the socket is to be shut now; said once. Behind a fault nothing of the client is read
    /// any more, an answer to the close neither (RFC 6455, section 7.1.7): there is nothing to wait for but its FIN.
    pub(super) fn hangs_up(&mut self) -> bool {
        match &mut self.closing {
            Some(closing) if closing.written && !closing.hung_up && self.inbound.is_over() => {
                closing.hung_up = true;
                true
            }
            _ => false,
        }
    }

    /// The client's side of the connection is gone.
    pub(super) fn peer_gone(&mut self) {
        match self.closing {
            // who takes all and hangs up without a word has it all the same
            Some(Closing { mut end, written, .. }) => {
                end.delivered = end.why == Closed::Delivered && written;
                self.over = Some(end);
            }
            None => self.end(Closed::Left, None, false),
        }
    }

    /// The connection broke, which it does when a client goes without having read everything: of what was written,
    /// nobody knows how much it got.
    pub(super) fn peer_broke(&mut self) {
        match self.closing {
            Some(Closing { end, .. }) => self.over = Some(end),
            None => self.end(Closed::Left, None, false),
        }
    }

    /// Everything was written in a connection that is being closed.
    pub(super) fn closing_written(&mut self) {
        if let Some(closing) = &mut self.closing {
            closing.written = true;
            if closing.by_peer {
                self.over = Some(closing.end);
            }
        }
    }

    /// The client did not answer in time.
    pub(super) fn end_closing(&mut self) {
        if let Some(closing) = &self.closing {
            // nobody knows since when it was not there
            self.over = Some(End { seen: Some(self.progress.moved()), ..closing.end });
        }
    }

    pub(super) fn end(&mut self, why: Closed, code: Option<u16>, delivered: bool) {
        self.over = Some(End { why, code, delivered, seen: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_goes_on_reading_has_time_and_who_does_not_is_given_up() {
        let at = Duration::from_secs;
        let closing = |within, at_most| Closing {
            end: End { why: Closed::Slow, code: None, delivered: false, seen: None },
            begun: at(100),
            within,
            at_most,
            by_peer: false,
            written: false,
            hung_up: false,
        };
        let delivered = closing(at(5), Duration::MAX);
        assert_eq!(
            [at(0), at(99), at(103), at(9_000)].map(|moved| delivered.deadline(moved)),
            [at(105), at(105), at(108), at(9_005)]
        );
        let slow = closing(at(4), at(60));
        assert_eq!(
            [at(90), at(101), at(9_000)].map(|moved| slow.deadline(moved)),
            [at(104), at(105), at(160)]
        );
    }
}
