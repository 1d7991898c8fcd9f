//! A client of a feed without a dialect, which receives a recording as it was captured: the driver of its [`ScriptSession`].

use std::{ops::Range, sync::Arc, time::Duration};

use tradesim_dialects::{Incoming, Script, ScriptOutput, ScriptSession};

use super::Connection;
use crate::{
    block::{Block, Opcode},
    close::Close,
    metrics::Closed,
    options::Options,
    outbox,
    outgoing::Outgoing,
};

/// The client's side of a script.
#[derive(Debug)]
pub(crate) struct ScriptClient {
    session: ScriptSession,
    /// The time at which the session began.
    opened: Duration,
    /// True if everything was delivered, and the connection stays open.
    pub(super) held: bool,
}

impl ScriptClient {
    /// Returns a client whose session has not begun yet.
    pub(crate) fn new(script: Arc<Script>) -> ScriptClient {
        ScriptClient { session: ScriptSession::new(script), opened: Duration::ZERO, held: false }
    }

    /// Returns the time at which the session wants to be called.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.session.poll_timeout().map(|timeout| self.opened + timeout)
    }

    /// Starts to send the messages that are next. Before the end of the handshake they pass by, as at the vendor.
    pub(super) fn put(&self, outgoing: &mut Outgoing, block: &Arc<Block>, messages: Range<usize>) {
        let script = self.session.script();
        if !self.session.is_open() {
            outgoing.cursor.took(block, messages);
        } else if script.plays_all() {
            outgoing.send(block, messages);
        } else {
            outgoing.send_picked(block, messages, |message| self.receives(block, message));
        }
    }

    /// Returns true if the client receives a message.
    pub(super) fn receives(&self, block: &Block, message: usize) -> bool {
        let is_text = block.entries()[message].meta.opcode == Opcode::Text;
        self.session.is_open() && !(is_text && self.session.script().leaves_out(block.text(message)))
    }

    /// Decides whether the connection stays open after the end, and returns that.
    pub(super) fn holds(&mut self, options: &Options) -> bool {
        self.held = options.dialects.holds_by_default(false);
        self.held
    }
}

impl Connection<'_> {
    /// Returns the time of the wall clock in milliseconds since the Unix epoch.
    fn unix_ms(&self, now: Duration) -> u64 {
        self.hub.clock.unix_us(now) / 1_000
    }

    /// Begins the session of a client of a script.
    pub(super) fn greet_by_script(&mut self) {
        let now = self.hub.clock.now();
        let unix_ms = self.unix_ms(now);
        if let Some(client) = &mut self.script {
            client.opened = now;
            client.session.greet(unix_ms);
        }
        self.carry_out_script();
    }

    /// Passes a message of the client to its session. Returns false if the client has no script.
    pub(super) fn receive_by_script(&mut self, message: Incoming<'_>) -> bool {
        let unix_ms = self.unix_ms(self.hub.clock.now());
        let Some(client) = &mut self.script else { return false };
        if self.closing.is_none() {
            client.session.receive(message, unix_ms);
            self.carry_out_script();
        }
        true
    }

    /// Calls the session if it is time to.
    pub(super) fn check_script(&mut self, now: Duration) {
        let unix_ms = self.unix_ms(now);
        if !self.answers_wait()
            && let Some(client) = &mut self.script
            && client.deadline().is_some_and(|due| now >= due)
        {
            client.session.handle_timeout(now.saturating_sub(client.opened), unix_ms);
            self.carry_out_script();
        }
    }

    /// Does what the session wants to be done.
    fn carry_out_script(&mut self) {
        while self.over.is_none()
            && let Some(client) = &mut self.script
            && let Some(output) = client.session.poll()
        {
            match output {
                ScriptOutput::Text(text) => self.push_frames(&outbox::frame(1, text.as_bytes())),
                ScriptOutput::Binary(bytes) => self.push_frames(&outbox::frame(2, &bytes)),
                ScriptOutput::Start => self.hub.clients.count(self.client),
                ScriptOutput::Close => self.close(Close::session_refused(), Closed::Refused),
            }
        }
    }
}
