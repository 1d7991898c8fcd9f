//! What one client is sent: its sequence of messages, on its way into a socket.

use std::{ops::Range, sync::Arc};

use crate::{
    block::Block,
    delivery::{Delivery, Head, Task},
    outbox::Outbox,
    ring::Ring,
    selection::Selection,
};

/// The messages that a [`Delivery`] gives, put into an [`Outbox`] one chunk at a time; and, whenever it has to end, how
/// far the client got.
#[derive(Debug)]
pub(crate) struct Outgoing {
    delivery: Delivery,
    outbox: Outbox,
    chunk: Chunk,
    first_seq: u64,
}

/// Where the messages begin that are being written.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    source_seq: u64,
    seq: u64,
    live: bool,
}

impl Outgoing {
    pub(crate) fn new(delivery: Delivery) -> Outgoing {
        let chunk = Chunk { source_seq: delivery.source_seq(), seq: delivery.seq(), live: false };
        Outgoing { first_seq: delivery.seq(), delivery, outbox: Outbox::default(), chunk }
    }

    /// Seq of the next message in the client's own stream, behind those that are being written.
    pub(crate) fn seq(&self) -> u64 {
        self.delivery.seq()
    }

    /// The next message's place in the order of play; `None` while older ones are read from the source.
    pub(crate) fn place(&self) -> Option<u64> {
        self.delivery.place()
    }

    /// Which messages are selected.
    pub(crate) fn selection(&self) -> &Selection {
        self.delivery.selection()
    }

    /// Changes which messages are selected, from those on that are not being written yet.
    pub(crate) fn selection_mut(&mut self) -> &mut Selection {
        self.delivery.selection_mut()
    }

    /// Whether everything is written.
    pub(crate) fn is_empty(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Bytes of control frames that wait.
    pub(crate) fn urgent_len(&self) -> usize {
        self.outbox.urgent_len()
    }

    /// Puts whole frames before the next messages.
    pub(crate) fn push_urgent(&mut self, frames: &[u8]) {
        self.outbox.push_urgent(frames);
    }

    /// What to do next, when everything is written.
    pub(crate) fn next(&mut self, ring: &Ring, head: &Head) -> Task {
        self.delivery.next(ring, head)
    }

    /// Puts the messages of a [`Task::Send`] on their way, as far as they are selected.
    pub(crate) fn send(&mut self, block: &Arc<Block>, messages: Range<usize>) {
        let selection = self.delivery.selection();
        self.chunk = Chunk {
            source_seq: self.delivery.source_seq(),
            seq: self.delivery.seq(),
            live: self.delivery.is_live(),
        };
        if selection.is_all() {
            self.outbox.push(Arc::clone(block), messages.clone());
        } else {
            let passes = |message: usize| selection.passes(block.entries()[message].meta.kind);
            self.outbox.push_selected(Arc::clone(block), messages.clone(), passes);
        }
        self.delivery.took(block, messages);
    }

    /// Passes over messages of a block that are not to be sent.
    pub(crate) fn pass_over(&mut self, block: &Arc<Block>, messages: Range<usize>) {
        self.delivery.took(block, messages);
    }

    /// Which messages of a block that was read for a [`Task::Read`] are to be sent: those that are `before` a seq.
    pub(crate) fn messages_of(&self, block: &Block, before: u64) -> Range<usize> {
        self.delivery.messages_of(block, before)
    }

    /// The bytes to write next; none if there are none.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.outbox.bytes()
    }

    /// Takes note that so many of [`Outgoing::bytes`] were written. Gives the number of messages that are whole with
    /// that, and calls `left_live` for each of them that is sent as it is played, and not later because the client
    /// came later.
    pub(crate) fn wrote(&mut self, count: usize, mut left_live: impl FnMut(&Block, usize)) -> u64 {
        let live = self.chunk.live;
        self.outbox.wrote(count, |block, message| {
            if live {
                left_live(block, message);
            }
        })
    }

    /// Forgets the messages of which nothing is written yet, so that a close can follow the frame that is under way.
    pub(crate) fn cut(&mut self) {
        self.outbox.cut();
    }

    /// Cuts, and gives the number, in the client's own stream, of the first message that it will not have been sent;
    /// and whether it will have been sent any.
    pub(crate) fn cut_at(&mut self) -> (u64, bool) {
        let chunk = self.chunk;
        let next = match self.outbox.cut() {
            Some((block, unsent)) => {
                let first = (chunk.source_seq - block.first_seq()) as usize;
                chunk.seq + self.delivery.in_stream(&block, first..unsent.max(first))
            }
            None => self.delivery.seq(),
        };
        (next, next > self.first_seq)
    }
}
