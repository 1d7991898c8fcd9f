//! The outgoing messages of one client, as they are written to a socket.

use std::{ops::Range, sync::Arc};

use tradesim_schemas::StreamSeq;

use crate::{block::Block, outbox::Outbox, send_cursor::SendCursor, translation::Selected};

/// Puts the messages of a [`SendCursor`] into an [`Outbox`], one chunk at a time. It knows at any time how far the
/// client got.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// Decides what is next. [`Outgoing::send`] tells it what is sent.
    pub(crate) cursor: SendCursor,
    /// The frames that are being written.
    pub(crate) outbox: Outbox,
    chunk: Chunk,
    first_seq: StreamSeq,
}

/// The start of the messages that are being written.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    source_seq: StreamSeq,
    seq: StreamSeq,
    live: bool,
}

impl Outgoing {
    pub(crate) fn new(cursor: SendCursor) -> Outgoing {
        let chunk = Chunk { source_seq: cursor.source_seq(), seq: cursor.seq(), live: false };
        Outgoing { first_seq: cursor.seq(), cursor, outbox: Outbox::default(), chunk }
    }

    /// Starts to send the messages that are next, as far as they are selected.
    pub(crate) fn send(&mut self, block: &Arc<Block>, messages: Range<usize>) {
        let selection = self.cursor.selection();
        self.chunk = Chunk {
            source_seq: self.cursor.source_seq(),
            seq: self.cursor.seq(),
            live: self.cursor.is_live(),
        };
        if selection.is_all() {
            self.outbox.push(Arc::clone(block), messages.clone());
        } else {
            let passes = |message: usize| selection.passes(block.entries()[message].meta.kind);
            self.outbox.push_selected(Arc::clone(block), messages.clone(), passes);
        }
        self.cursor.took(block, messages);
    }

    /// Starts to send those of the messages that are next for which `passes` returns true. They all count as sent.
    pub(crate) fn send_picked(
        &mut self,
        block: &Arc<Block>,
        messages: Range<usize>,
        passes: impl FnMut(usize) -> bool,
    ) {
        self.chunk = Chunk {
            source_seq: self.cursor.source_seq(),
            seq: self.cursor.seq(),
            live: self.cursor.is_live(),
        };
        self.outbox.push_selected(Arc::clone(block), messages.clone(), passes);
        self.cursor.took(block, messages);
    }

    /// Starts to send the messages that are next in a dialect.
    pub(crate) fn send_translated(&mut self, block: &Arc<Block>, messages: Range<usize>, selected: Selected) {
        self.chunk = Chunk {
            source_seq: self.cursor.source_seq(),
            seq: self.cursor.seq(),
            live: self.cursor.is_live(),
        };
        self.outbox.push_translated(Arc::clone(block), selected);
        self.cursor.took(block, messages);
    }

    /// Records that so many of [`Outbox::bytes`] were written. Returns the number of messages that are complete
    /// with that, and calls `left_live` for each of them that is sent as it is played, rather than later because the
    /// client connected later.
    pub(crate) fn wrote(&mut self, count: usize, mut left_live: impl FnMut(&Block, usize)) -> u64 {
        let live = self.chunk.live;
        self.outbox.wrote(count, |block, message| {
            if live {
                left_live(block, message);
            }
        })
    }

    /// Drops messages as [`Outbox::cut`] does. Returns the number, in the client's own stream, of the first message
    /// that will not have been sent, and true if any will have been sent.
    pub(crate) fn cut_at(&mut self) -> (StreamSeq, bool) {
        let chunk = self.chunk;
        let next = match self.outbox.cut() {
            Some((block, unsent)) => {
                let first = (chunk.source_seq - block.first_seq()) as usize;
                chunk.seq + self.cursor.in_stream(&block, first..unsent.max(first))
            }
            None => self.cursor.seq(),
        };
        (next, next > self.first_seq)
    }
}
