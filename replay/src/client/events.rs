//! Notices of planned events (docs/PROTOCOL.md, section 4).

use std::ops::Range;

use super::Connection;
use crate::block::Block;
use tradesim_protocol::Notice;

impl Connection<'_> {
    /// Announces the phases of planned events that begin with the first of some messages. Returns the messages before the next
    /// phase.
    pub(super) fn announce(&mut self, block: &Block, messages: Range<usize>) -> Range<usize> {
        if !block.has_events() || !self.client.v1 {
            return messages;
        }
        let seq = self.outgoing.cursor.seq();
        for phase in block.events_at(messages.start) {
            let selection = self.outgoing.cursor.selection();
            if phase.symbol.is_none_or(|symbol| selection.selects(symbol)) {
                self.notify(&Notice::Event { seq, phase: (**phase).clone() });
            }
        }
        let next = block.next_event(messages.start + 1).unwrap_or(messages.end);
        messages.start..next.min(messages.end)
    }
}
