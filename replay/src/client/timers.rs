//! What is due for a client at a time, and what its connection waits for.

use std::time::Duration;

use tradesim_protocol::{Notice, PingPayload};

use super::{
    Connection, Stopped, dialect, faults, liveness::Liveness, state, unacknowledged::unacknowledged,
};
use crate::{metrics::Closed, options::OnSlow, outbox};

/// The interval of checks of a client whose socket accepts nothing.
const BLOCKED_EVERY: Duration = Duration::from_millis(100);

impl Connection<'_> {
    /// Waits for the first of several events; the next iteration finds out which one it was.
    pub(super) async fn wait(&mut self, stopped: Stopped) {
        let hub = self.hub;
        let deadline = hub.clock.instant(self.deadline(stopped));
        let follows = stopped == Stopped::Empty && self.closing.is_none();
        let can_stop = self.closing.is_none();
        let answers_wait = self.answers_wait();
        tokio::select! {
            biased;
            _ = self.socket.writable(), if stopped == Stopped::Blocked => {}
            _ = self.socket.readable(), if !answers_wait => {}
            _ = self.head.changed(), if follows => {}
            () = self.catch_up.ready(), if follows => {}
            () = dialect::translation_ready(&mut self.dialect), if follows => {}
            () = state::ready(&mut self.state), if follows => {}
            _ = self.stopping.changed(), if can_stop => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
    }

    /// Returns the time of the next look at the timers: never one that has passed and finds nothing to do.
    fn deadline(&self, stopped: Stopped) -> Duration {
        let soon = self.hub.clock.now() + BLOCKED_EVERY;
        let mut deadline = match &self.closing {
            Some(closing) => closing.deadline(self.progress.moved()).min(soon),
            // pings cannot be answered, see `check_timers`
            None if self.progress.is_blocked() => soon,
            None => self.liveness.deadline(),
        };
        if stopped == Stopped::Blocked {
            deadline = deadline.min(soon);
        }
        if stopped == Stopped::Dripping {
            deadline = deadline.min(self.hub.clock.now() + faults::DRIP_EVERY);
        }
        // sessions are not called any more while the connection is being closed
        if self.closing.is_none()
            && let Some(due) = self.session_deadline()
        {
            deadline = deadline.min(due);
        }
        deadline
    }

    /// Does what is due at this time.
    pub(super) fn check_timers(&mut self) {
        let now = self.hub.clock.now();
        if self.progress.is_blocked() || self.closing.is_some() {
            self.progress.look(unacknowledged(&self.socket), now);
        }
        if let Some(closing) = &self.closing {
            if now >= closing.deadline(self.progress.moved()) {
                self.end_closing();
            }
            return;
        }
        if *self.stopping.borrow_and_update() {
            return self.stop();
        }
        self.check_session(now);
        self.check_script(now);
        if self.closing.is_some() || self.over.is_some() {
            return;
        }
        if self.progress.is_blocked() {
            let stalled = self.progress.stalled_for(now) >= self.hub.options.stall;
            if stalled && self.hub.options.on_slow == OnSlow::Disconnect {
                return self.too_slow();
            }
        } else if self.liveness.is_dead(now) {
            let unacknowledged = unacknowledged(&self.socket);
            self.progress.look(unacknowledged, now);
            // it may still be reading what precedes the ping
            let reads = unacknowledged.is_some_and(|bytes| bytes > 0) && self.progress.moved() == now;
            if !reads {
                return self.end(Closed::Dead, None, false);
            }
            self.liveness.pinged(now);
        } else if self.liveness.is_ping_due(now) {
            match self.is_raw() {
                // this protocol has no pings: TCP finds out whether the client is alive when something is written
                true => self.liveness = Liveness::new(now),
                false => self.ping(now),
            }
        }
        let changes = self.hub.published.view().changes;
        if changes != self.notified_changes {
            self.notified_changes = changes;
            if self.client.v1 {
                let head = *self.head.borrow();
                let speed = self.hub.published.view().speed;
                self.notify(&Notice::Position { seq: head.seq, state: head.state, speed });
            }
        }
    }

    pub(super) fn ping(&mut self, now: Duration) {
        self.liveness.pinged(now);
        self.ask(now);
    }

    /// Sends a ping after the written messages. Its answer shows how far the client has read.
    pub(super) fn ask(&mut self, now: Duration) {
        if self.is_raw() {
            return;
        }
        let payload = if self.client.v1 {
            self.position_sent = now;
            let due_us = self.due_last.map(|due| self.hub.clock.unix_us(due));
            let sent_us = self.progress.ask(self.hub.clock.unix_us(now), now);
            PingPayload { seq: self.outgoing.cursor.seq(), due_us, sent_us }.text()
        } else {
            self.progress.ask(0, now).to_string()
        };
        self.push_frames(&outbox::frame(9, payload.as_bytes()));
    }
}
