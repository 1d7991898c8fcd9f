//! The outgoing messages of one client, as they are written to a socket.

use std::{ops::Range, sync::Arc};

use tradesim_schemas::StreamSeq;

use crate::{
    block::Block,
    outbox::{Cut, Outbox, Picked},
    send_cursor::SendCursor,
};

/// Puts the messages of a [`SendCursor`] into an [`Outbox`], one chunk at a time. It knows at any time how far the
/// client got.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// Decides what is next. [`Outgoing::send`] tells it what is sent.
    pub(crate) cursor: SendCursor,
    /// The frames that are being written.
    pub(crate) outbox: Outbox,
    /// Where the messages of each block in the outbox begin.
    starts: Vec<Start>,
    first_seq: StreamSeq,
}

/// The start of the messages of a block that are being written.
#[derive(Clone, Copy, Debug)]
struct Start {
    source_seq: StreamSeq,
    seq: StreamSeq,
    live: bool,
}

impl Outgoing {
    pub(crate) fn new(cursor: SendCursor) -> Outgoing {
        Outgoing { first_seq: cursor.seq(), cursor, outbox: Outbox::default(), starts: Vec::new() }
    }

    /// Starts to send the messages that are next, as far as they are selected.
    pub(crate) fn send(&mut self, block: &Arc<Block>, messages: Range<usize>) {
        self.begin(block, messages.clone(), |outbox, cursor| {
            let selection = cursor.selection();
            if selection.is_all() && outbox.has_no_messages() {
                outbox.push(Arc::clone(block), messages)
            } else {
                let passes = |message: usize| selection.passes(block.entries()[message].meta.kind);
                outbox.push_selected(block, messages, passes)
            }
        });
    }

    /// Starts to send those of the messages that are next for which `passes` returns true. They all count as sent.
    pub(crate) fn send_picked(
        &mut self,
        block: &Arc<Block>,
        messages: Range<usize>,
        passes: impl FnMut(usize) -> bool,
    ) {
        self.begin(block, messages.clone(), |outbox, _| outbox.push_selected(block, messages, passes));
    }

    /// Starts to send the frames that stand for the messages that are next: `pick` appends them.
    pub(crate) fn send_as(
        &mut self,
        block: &Arc<Block>,
        messages: Range<usize>,
        pick: impl FnOnce(&mut Picked),
    ) {
        self.begin(block, messages, |outbox, _| outbox.pick(block, pick));
    }

    /// Adds messages with `push`, which returns false if there are none, and records that they were sent.
    fn begin(
        &mut self,
        block: &Arc<Block>,
        messages: Range<usize>,
        push: impl FnOnce(&mut Outbox, &SendCursor) -> bool,
    ) {
        if self.outbox.has_no_messages() {
            self.starts.clear();
        }
        let cursor = &self.cursor;
        let start = Start { source_seq: cursor.source_seq(), seq: cursor.seq(), live: cursor.is_live() };
        if push(&mut self.outbox, cursor) {
            self.starts.push(start);
        }
        self.cursor.took(block, messages);
    }

    /// Records that so many of [`Outbox::bytes`] were written. Returns the number of messages that are complete
    /// with that, and calls `left_live` for each of them that is sent as it is played, rather than later because the
    /// client connected later.
    pub(crate) fn wrote(&mut self, count: usize, mut left_live: impl FnMut(&Block, usize)) -> u64 {
        let starts = &self.starts;
        self.outbox.wrote(count, |part, block, message| {
            if starts[part].live {
                left_live(block, message);
            }
        })
    }

    /// Drops messages as [`Outbox::cut`] does. Returns the number, in the client's own stream, of the first message
    /// that will not have been sent, and true if any will have been sent.
    pub(crate) fn cut_at(&mut self) -> (StreamSeq, bool) {
        let next = match self.outbox.cut() {
            Some(Cut { part, block, unsent }) => {
                let start = self.starts[part];
                let first = (start.source_seq - block.first_seq()) as usize;
                start.seq + self.cursor.in_stream(&block, first..unsent.max(first))
            }
            None => self.cursor.seq(),
        };
        (next, next > self.first_seq)
    }
}
