//! The end of a connection.

use std::time::Duration;

use tradesim_protocol::CloseCode;

use super::{Connection, End};
use crate::{close::Close, metrics::Closed};

/// The time that a client has to answer a close.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The least and the greatest time that a client which does not read has: it must first take what is on its way.
const SLOW_ANSWER_WITHIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

/// The time without progress after which such a client is given up: a playback that has ended does not wait longer.
const SLOW_GIVEN_UP_AFTER: Duration = Duration::from_secs(14);

/// The greatest time for a client that continues to read after such a close.
const SLOW_ANSWER_MAX: Duration = Duration::from_secs(60);

/// A close that has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    end: End,
    begun: Duration,
    /// The time that the client has, from now or from when it last made progress.
    within: Duration,
    /// The greatest time that the client has, whatever progress it makes.
    at_most: Duration,
    /// True if the client began the close.
    by_peer: bool,
    /// True if the whole close was written.
    written: bool,
    /// True if the sending side of the socket was shut down after it.
    hung_up: bool,
}

impl Closing {
    /// Returns the time by which the client must answer, given when it last made progress.
    pub(super) fn deadline(&self, moved: Duration) -> Duration {
        (self.begun.max(moved) + self.within).min(self.begun.saturating_add(self.at_most))
    }
}

impl Connection<'_> {
    /// Begins to close: only the close follows the frame that is being written.
    pub(super) fn close(&mut self, close: Close, why: Closed) {
        if self.closing.is_some() || self.over.is_some() {
            return;
        }
        let (within, at_most) = match why {
            // it receives its messages as long as it accepts them
            Closed::Delivered => (ANSWER_WITHIN, Duration::MAX),
            Closed::Slow => {
                let (least, most) = SLOW_ANSWER_WITHIN;
                let left = SLOW_GIVEN_UP_AFTER.saturating_sub(self.hub.options.stall);
                (left.clamp(least, most), SLOW_ANSWER_MAX)
            }
            _ => (ANSWER_WITHIN, ANSWER_WITHIN),
        };
        self.outgoing.outbox.cut();
        if !self.is_raw() {
            self.outgoing.outbox.push_control(&close.frame());
            self.inbound.sent_close();
        }
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
        self.client.set_play_offset(None);
        self.hub.player.client_moved(None);
        let delivered = by_peer && why == Closed::Delivered;
        let end = End { why, code: Some(code.number()), delivered, seen: None };
        let begun = self.hub.clock.now();
        let closing = Closing { end, begun, within, at_most, by_peer, written: false, hung_up: false };
        self.closing = Some(closing);
    }

    /// Closes because the server is stopping.
    pub(super) fn stop(&mut self) {
        let (unsent, _) = self.outgoing.cut_at();
        match self.hub.published.failure() {
            Some(failure) => self.close(Close::source_failed(unsent, &failure), Closed::Failed),
            None => self.close(Close::stopping(unsent), Closed::Stopped),
        }
    }

    /// Closes because the client does not keep up.
    pub(super) fn too_slow(&mut self) {
        let (unsent, any) = self.outgoing.cut_at();
        let last = any.then(|| unsent - 1);
        self.tell_too_slow();
        tracing::warn!(client = self.client.id, peer = %self.client.peer, next_seq = unsent.get(), "closing a slow client");
        self.close(Close::too_slow(last, unsent), Closed::Slow);
    }

    /// Handles the client's close.
    pub(super) fn peer_closes(&mut self) {
        match &mut self.closing {
            Some(closing) => {
                let mut end = closing.end;
                end.delivered = end.why == Closed::Delivered;
                self.over = Some(end);
            }
            None => {
                self.outgoing.outbox.cut();
                if let Some(frames) = self.inbound.take_outgoing() {
                    self.outgoing.outbox.push_control(&frames);
                }
                let why = if self.is_held() { Closed::Delivered } else { Closed::Left };
                self.begin_closing(why, CloseCode::Normal, (ANSWER_WITHIN, ANSWER_WITHIN), true);
            }
        }
    }

    /// Returns true once, when the sending side of the socket must be shut down. After a protocol error nothing of
    /// the client is read any more, not even an answer to the close (RFC 6455, section 7.1.7): only its FIN is
    /// awaited.
    pub(super) fn hangs_up(&mut self) -> bool {
        // without frames, the end of the stream is the close
        let hangs_up = self.inbound.is_over() || self.is_raw();
        match &mut self.closing {
            Some(closing) if closing.written && !closing.hung_up && hangs_up => {
                closing.hung_up = true;
                true
            }
            _ => false,
        }
    }

    /// Handles the end of the client's side of the connection.
    pub(super) fn peer_gone(&mut self) {
        match self.closing {
            // a client that takes everything and disconnects without a close has received everything
            Some(Closing { mut end, written, .. }) => {
                end.delivered = end.why == Closed::Delivered && written;
                self.over = Some(end);
            }
            None if self.is_held() => self.end(Closed::Delivered, None, true),
            None => self.end(Closed::Left, None, false),
        }
    }

    /// Handles a broken connection, which also results when a client disconnects without reading everything. How much
    /// of the written data it received is unknown.
    pub(super) fn peer_broke(&mut self) {
        match self.closing {
            Some(Closing { end, .. }) => self.over = Some(end),
            None => self.end(Closed::Left, None, false),
        }
    }

    /// Handles that everything was written on a connection that is being closed.
    pub(super) fn closing_written(&mut self) {
        if let Some(closing) = &mut self.closing {
            closing.written = true;
            if closing.by_peer {
                self.over = Some(closing.end);
            }
        }
    }

    /// Handles that the client did not answer in time.
    pub(super) fn end_closing(&mut self) {
        if let Some(closing) = &self.closing {
            // since when it was gone is unknown
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
