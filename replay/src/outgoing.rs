//! The outgoing messages of one client, as they are written to a socket.

use std::{ops::Range, sync::Arc};

use tradesim_schemas::StreamSeq;

use crate::{
    block::Block,
    outbox::Outbox,
    ring::Ring,
    selection::Selection,
    send_cursor::{Head, SendCursor, Task},
    translation::Selected,
};

/// Puts the messages of a [`SendCursor`] into an [`Outbox`], one chunk at a time. It knows at any time how far the
/// client got.
#[derive(Debug)]
pub(crate) struct Outgoing {
    send_cursor: SendCursor,
    outbox: Outbox,
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
    pub(crate) fn new(send_cursor: SendCursor) -> Outgoing {
        let chunk = Chunk { source_seq: send_cursor.source_seq(), seq: send_cursor.seq(), live: false };
        Outgoing { first_seq: send_cursor.seq(), send_cursor, outbox: Outbox::default(), chunk }
    }

    /// Returns the sequence number of the next message in the client's own stream, after those that are being
    /// written.
    pub(crate) fn seq(&self) -> StreamSeq {
        self.send_cursor.seq()
    }

    /// Returns the play offset of the next message; `None` while older messages are read from the source.
    pub(crate) fn play_offset(&self) -> Option<u64> {
        self.send_cursor.play_offset()
    }

    /// Continues with another cursor. Messages that are being written are finished.
    pub(crate) fn restart(&mut self, send_cursor: SendCursor) {
        self.send_cursor = send_cursor;
    }

    /// Returns the selection.
    pub(crate) fn selection(&self) -> &Selection {
        self.send_cursor.selection()
    }

    /// Returns the selection, to be changed for messages that are not being written yet.
    pub(crate) fn selection_mut(&mut self) -> &mut Selection {
        self.send_cursor.selection_mut()
    }

    /// Returns true if everything is written.
    pub(crate) fn is_empty(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Returns the number of bytes of control frames that wait.
    pub(crate) fn urgent_len(&self) -> usize {
        self.outbox.urgent_len()
    }

    /// Adds whole frames that are sent before the next messages.
    pub(crate) fn push_urgent(&mut self, frames: &[u8]) {
        self.outbox.push_urgent(frames);
    }

    /// Returns the next step, when everything is written.
    pub(crate) fn next(&mut self, ring: &Ring, head: &Head) -> Task {
        self.send_cursor.next(ring, head)
    }

    /// Starts to send the messages of a [`Task::Send`], as far as they are selected.
    pub(crate) fn send(&mut self, block: &Arc<Block>, messages: Range<usize>) {
        let selection = self.send_cursor.selection();
        self.chunk = Chunk {
            source_seq: self.send_cursor.source_seq(),
            seq: self.send_cursor.seq(),
            live: self.send_cursor.is_live(),
        };
        if selection.is_all() {
            self.outbox.push(Arc::clone(block), messages.clone());
        } else {
            let passes = |message: usize| selection.passes(block.entries()[message].meta.kind);
            self.outbox.push_selected(Arc::clone(block), messages.clone(), passes);
        }
        self.send_cursor.took(block, messages);
    }

    /// Starts to send the messages of a [`Task::Send`] in a dialect.
    pub(crate) fn send_translated(&mut self, block: &Arc<Block>, messages: Range<usize>, selected: Selected) {
        self.chunk = Chunk {
            source_seq: self.send_cursor.source_seq(),
            seq: self.send_cursor.seq(),
            live: self.send_cursor.is_live(),
        };
        self.outbox.push_translated(Arc::clone(block), selected);
        self.send_cursor.took(block, messages);
    }

    /// Skips messages of a block that must not be sent.
    pub(crate) fn pass_over(&mut self, block: &Arc<Block>, messages: Range<usize>) {
        self.send_cursor.took(block, messages);
    }

    /// Returns the messages of a block read for a [`Task::Read`] that may be sent: those that are `before` a sequence
    /// number.
    pub(crate) fn messages_of(&self, block: &Block, before: StreamSeq) -> Range<usize> {
        self.send_cursor.messages_of(block, before)
    }

    /// Returns the bytes to write next, or no bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.outbox.bytes()
    }

    /// Records that so many of [`Outgoing::bytes`] were written. Returns the number of messages that are complete
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

    /// Drops the messages of which nothing is written yet, so that a close can follow the frame that is being
    /// written.
    pub(crate) fn cut(&mut self) {
        self.outbox.cut();
    }

    /// Drops them as [`Outgoing::cut`] does. Returns the number, in the client's own stream, of the first message
    /// that will not have been sent, and true if any will have been sent.
    pub(crate) fn cut_at(&mut self) -> (StreamSeq, bool) {
        let chunk = self.chunk;
        let next = match self.outbox.cut() {
            Some((block, unsent)) => {
                let first = (chunk.source_seq - block.first_seq()) as usize;
                chunk.seq + self.send_cursor.in_stream(&block, first..unsent.max(first))
            }
            None => self.send_cursor.seq(),
        };
        (next, next > self.first_seq)
    }
}
