//! What a client is sent: messages, and the notices that belong to their order.

use std::{io, ops::Range, sync::Arc, time::Duration};

use tradesim_protocol::Notice;

use super::{Connection, Stopped};
use crate::{
    block::Block,
    close::Close,
    metrics::{Closed, LatenessCounts},
    send_cursor::Task,
    state::States,
};

/// The interval of the pings with the position that clients of `tradesim.v1` receive while messages are sent.
const POSITION_EVERY: Duration = Duration::from_millis(100);

/// The number of consecutive writes before other clients get their turn: 2 MiB with full blocks.
const WRITES_IN_A_ROW: u32 = 32;

/// The number of bytes of messages that a slow client is sent at a time.
const SLOW_BYTES: usize = 8 * 1024;

impl Connection<'_> {
    /// Writes as much as the socket accepts.
    pub(super) fn write(&mut self) -> Stopped {
        let mut turns = 0;
        while self.over.is_none() {
            if self.outgoing.outbox.is_empty() && !self.refill() {
                return Stopped::Empty;
            }
            let mut bytes = self.outgoing.outbox.bytes();
            if let Some(drip) = &self.faults.drip {
                bytes = &bytes[..drip.allowed(bytes.len(), self.hub.clock.now())];
                if bytes.is_empty() {
                    return Stopped::Dripping;
                }
            }
            match self.socket.try_write(bytes) {
                Ok(count) => self.wrote(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.progress.blocked(self.hub.clock.now());
                    return Stopped::Blocked;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.peer_broke(),
            }
            turns += 1;
            if turns == WRITES_IN_A_ROW {
                return Stopped::Turn;
            }
        }
        Stopped::Empty
    }

    fn wrote(&mut self, count: usize) {
        let now = self.hub.clock.now();
        self.progress.wrote(count, now);
        self.faults.wrote(count, now);
        let mut lateness = LatenessCounts::default();
        let mut sent = self.client.sent();
        let mut due_last = None;
        let written = self.outgoing.wrote(count, |block, message| {
            if let Some(due) = block.due(message) {
                let late = now.saturating_sub(due);
                sent.late.record(late, 1);
                lateness.observe(late);
                due_last = Some(due);
            }
        });
        sent.messages += written;
        if self.outgoing.outbox.is_empty() {
            sent.seq = self.outgoing.cursor.seq();
        }
        drop(sent);
        let metrics = &self.hub.metrics;
        if due_last.is_some() {
            metrics.add_late(&mut lateness);
            self.due_last = due_last;
        }
        metrics.messages_sent.inc_by(written);
        if written > 0 {
            self.delivered_in_dialect(now);
        }
        let metrics = &self.hub.metrics;
        metrics.bytes_sent.inc_by(count as u64);
        let flows = written > 0 && self.client.v1 && self.closing.is_none();
        if flows && self.outgoing.outbox.is_empty() && now >= self.position_sent + POSITION_EVERY {
            self.ping(now);
        }
    }

    /// Finds something to write if there is nothing. Returns true if there is something to write.
    fn refill(&mut self) -> bool {
        if self.closing.is_some() {
            self.closing_written();
            return false;
        }
        // a connection without frames is closed without anything to write
        while self.outgoing.outbox.is_empty() && self.over.is_none() && self.closing.is_none() {
            if !self.is_placed() {
                break;
            }
            if self.faults.again.is_some() {
                self.send_again();
                continue;
            }
            if self.state.is_some() {
                if !self.finish_state() {
                    return false;
                }
                continue;
            }
            self.known_head = *self.head.borrow_and_update();
            let task = self.outgoing.cursor.next(&self.hub.ring(), &self.known_head);
            if !matches!(task, Task::Read { .. }) {
                self.catch_up.stop();
            }
            match task {
                Task::Send { block, messages } => {
                    if !self.send(&block, messages) {
                        break;
                    }
                }
                Task::Read { seq, before } => match self.catch_up.block(self.hub, seq) {
                    Ok(Some(block)) if before > seq => {
                        let messages = self.outgoing.cursor.messages_of(&block, before);
                        if !self.send(&block, messages) {
                            break;
                        }
                    }
                    Ok(_) => return false,
                    Err(error) => {
                        self.close(Close::source_failed(self.outgoing.cursor.seq(), &error), Closed::Failed)
                    }
                },
                // vendors have no word for it: their clients go on with what is played
                Task::Jumped { .. } if self.has_session() => {}
                // a client that counts the messages of a filter cannot know the number of the next one
                Task::Jumped { seq }
                    if !self.client.v1 || !self.outgoing.cursor.selection().is_whole_stream() =>
                {
                    self.close(Close::seek(seq), Closed::Seek);
                }
                Task::Jumped { seq } => {
                    self.notify(&Notice::Seek { seq });
                    if let Some(request) = self.wants_state {
                        self.state = Some(States::start(self.hub, seq, request));
                    }
                }
                Task::Wait => {
                    // the player may be waiting for a client that was catching up
                    self.moved();
                    return false;
                }
                Task::Finished if self.holds() => return false,
                Task::Finished => self.finish(),
            }
        }
        if self.closing.is_none() {
            self.top_up();
        } else if self.outgoing.outbox.is_empty() {
            self.closing_written();
        }
        !self.outgoing.outbox.is_empty()
    }

    /// Adds messages of further blocks to picked ones, as long as nothing belongs between them: what a client receives of a
    /// block may be little, and a write costs more than it.
    fn top_up(&mut self) {
        let is_usual = self.faults.are_over() && self.state.is_none() && self.over.is_none();
        while is_usual
            && !self.outgoing.outbox.has_no_messages()
            && self.outgoing.outbox.has_room()
            && !self.progress.is_slow(self.hub.clock.now())
        {
            let following = self.outgoing.cursor.following(&self.hub.ring(), &self.known_head);
            let Some((block, messages)) =
                following.filter(|(block, _)| block.is_regular() && !block.has_events())
            else {
                return;
            };
            if !self.is_translated(&block) {
                return;
            }
            self.put(&block, messages);
            self.moved();
        }
    }

    /// Starts to send messages. Returns false if they cannot be sent yet, or if the connection is being closed.
    fn send(&mut self, block: &Arc<Block>, messages: Range<usize>) -> bool {
        if !self.is_translated(block) {
            return false;
        }
        let now = self.hub.clock.now();
        let messages = if self.progress.is_slow(now) {
            if self.progress.should_ask(now) {
                self.ask(now);
            }
            portion(block, messages)
        } else {
            messages
        };
        let messages = self.announce(block, messages);
        if block.is_regular() {
            self.put(block, messages);
        } else if !self.send_with_faults(block, messages) {
            return true;
        }
        self.moved();
        if self.outgoing.outbox.is_empty() {
            // none of them is selected: they count as sent
            self.client.sent().seq = self.outgoing.cursor.seq();
        }
        true
    }

    /// Reports the client's play offset to the player.
    pub(super) fn moved(&self) {
        let play_offset = self.outgoing.cursor.play_offset();
        self.client.set_play_offset(play_offset);
        self.hub.player.client_moved(play_offset);
    }

    fn finish(&mut self) {
        if self.client.v1 {
            let notice = Notice::End {
                seq: self.outgoing.cursor.seq(),
                sent: self.client.sent().messages,
                digest: self.hub.published.view().digest_received,
            };
            self.notify(&notice);
        }
        self.close(Close::delivered(), Closed::Delivered);
    }
}

/// Returns the first of some messages: as many as a slow client is sent at a time, and at least one.
fn portion(block: &Block, messages: Range<usize>) -> Range<usize> {
    let mut end = messages.start + 1;
    while end < messages.end && block.frames(messages.start..end + 1).len() <= SLOW_BYTES {
        end += 1;
    }
    messages.start..end
}
