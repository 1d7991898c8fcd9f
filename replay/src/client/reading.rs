//! What a client sends.

use std::io;

use tradesim_dialects::Incoming;
use tradesim_protocol::{Action, CloseCode, ControlMessage, Notice, Refusal};

use super::Connection;
use crate::{close::Close, inbound::Received, metrics::Closed};

impl Connection<'_> {
    /// Reads what the socket has received.
    pub(super) fn read(&mut self) {
        let mut buffer = [0; 8 * 1024];
        // bounded, so that a client that floods the server does not keep others waiting
        for _ in 0..8 {
            if self.answers_wait() {
                return;
            }
            match self.socket.try_read(&mut buffer) {
                Ok(0) => return self.peer_gone(),
                Ok(count) if self.is_raw() => {
                    self.liveness.received(self.hub.clock.now());
                    self.receive_in_dialect(Incoming::Bytes(&buffer[..count]));
                }
                Ok(count) => {
                    self.liveness.received(self.hub.clock.now());
                    self.inbound.feed(&buffer[..count]);
                    self.receive();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.peer_broke(),
            }
        }
        self.receive();
    }

    fn receive(&mut self) {
        while self.over.is_none()
            && !self.answers_wait()
            && let Some(received) = self.inbound.poll()
        {
            match received {
                Received::Text(text) if self.receive_in_session(Incoming::Text(&text)) => {}
                Received::Binary(bytes) if self.receive_in_session(Incoming::Binary(&bytes)) => {}
                Received::Text(text) => self.control(&text),
                Received::Binary(_) => self.refuse_message(&ControlMessage::not_text()),
                Received::Ping => {}
                Received::Pong(payload) => self.progress.answered(&payload, self.hub.clock.now()),
                Received::Closed { .. } => self.peer_closes(),
                Received::Failed(close) => {
                    let why = if close.code() == CloseCode::MessageTooBig {
                        Closed::TooLarge
                    } else {
                        Closed::Protocol
                    };
                    self.close(close, why);
                }
            }
        }
        if self.closing.is_none()
            && let Some(frames) = self.inbound.take_outgoing()
        {
            self.push_frames(&frames);
        }
    }

    /// Passes a message to the client's session. Returns false if it speaks our own protocol.
    fn receive_in_session(&mut self, message: Incoming<'_>) -> bool {
        self.receive_in_dialect(message) || self.receive_by_script(message)
    }

    fn control(&mut self, text: &str) {
        if self.closing.is_some() {
            return;
        }
        let changed = text.parse().and_then(|message: ControlMessage| {
            let (symbols, events) = (message.symbols.as_deref(), message.events.as_deref());
            self.hub.known_symbols.check(symbols)?;
            let selection = self.outgoing.cursor.selection_mut();
            match message.action {
                Action::Subscribe => selection.subscribe(symbols, events),
                Action::Unsubscribe => selection.unsubscribe(symbols, events),
            }
        });
        if changed.is_ok() {
            self.describe_selection();
        }
        match changed {
            Ok(()) if self.client.v1 => {
                let selection = self.outgoing.cursor.selection();
                let symbols = selection.symbols(&self.hub.known_symbols);
                let notice = symbols.notice(self.outgoing.cursor.seq(), selection.events());
                self.notify(&notice);
            }
            Ok(()) => {}
            Err(refusal) => self.refuse_message(&refusal),
        }
    }

    fn refuse_message(&mut self, refusal: &Refusal) {
        if self.closing.is_some() {
        } else if self.client.v1 {
            self.notify(&Notice::Error { code: refusal.code.to_owned(), text: refusal.text.clone() });
        } else {
            self.close(Close::refused(refusal), Closed::Refused);
        }
    }

    /// Updates the description of what the client receives, which others see.
    pub(super) fn describe_selection(&mut self) {
        let description = self.outgoing.cursor.selection().description(&self.hub.known_symbols);
        self.client.sent().selection = description;
    }
}
