//! What a client receives before its messages: where it begins, and the state of the market there.

use tradesim_protocol::{Notice, StateRequest};

use super::Connection;
use crate::{
    close::Close,
    metrics::Closed,
    outbox,
    source::StreamState,
    state::{self, PendingState},
};

/// The state before the first message of a client.
#[derive(Debug)]
pub(crate) struct FirstState {
    pub(crate) state: StreamState,
    pub(crate) request: StateRequest,
}

impl Connection<'_> {
    pub(super) fn greet(&mut self, stream: &str) {
        if self.client.v1 {
            let head = self.known_head;
            let info = self.hub.source.info();
            let whole = self.outgoing.cursor.selection().is_whole_stream();
            let notice = Notice::Start {
                stream: stream.to_owned(),
                run: self.hub.options.run.clone(),
                seq: self.client.start_seq,
                digest: info.digest.filter(|_| whole),
                speed: self.hub.published.view().speed,
                state: head.state,
            };
            self.notify(&notice);
        }
    }

    /// Sends the state before the next message.
    pub(super) fn send_state(&mut self, state: &StreamState) {
        let selection = self.outgoing.cursor.selection();
        let selects = |symbol| selection.selects(symbol);
        let frames = match self.client.v1 {
            true => outbox::frame(1, state::notice(state, selects).text().as_bytes()),
            false => state::book_frames(state, selects).0,
        };
        self.state_bytes = frames.len();
        self.push_frames(&frames);
    }

    /// Sends the state that was being read. Returns false if it is not there yet.
    pub(super) fn finish_state(&mut self) -> bool {
        let Some(pending) = &mut self.state else { return true };
        let Some(read) = pending.take() else { return false };
        self.state = None;
        match read {
            Ok(state) => self.send_state(&state),
            Err(error) => {
                let close = Close::source_failed(self.outgoing.cursor.seq(), &error.with_cause());
                self.close(close, Closed::Failed);
            }
        }
        true
    }
}

/// Waits for a state that is being read.
pub(super) async fn ready(state: &mut Option<PendingState>) {
    match state {
        Some(pending) => pending.ready().await,
        None => std::future::pending().await,
    }
}
