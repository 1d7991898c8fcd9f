//! Faults of one client's connection that were added on purpose (docs/PROTOCOL.md, section 8).

use std::{ops::Range, sync::Arc, time::Duration};

use tradesim_schemas::StreamSeq;

use super::Connection;
use crate::{
    block::{Block, LineFault},
    metrics::Closed,
};
use tradesim_protocol::Notice;

/// The interval at which a connection with a limited rate may write.
pub(super) const DRIP_EVERY: Duration = Duration::from_millis(10);

/// The faults that are in effect for a connection.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// A message that will be sent again.
    pub(super) again: Option<(Arc<Block>, usize)>,
    pub(super) drip: Option<Drip>,
    /// The message whose fault was handled.
    done: Option<StreamSeq>,
}

/// A limit of the rate of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drip {
    bytes_per_second: u32,
    since: Duration,
    lasts: Duration,
    written: u64,
}

impl Drip {
    /// Returns how many of `wanted` bytes may be written now.
    pub(super) fn allowed(&self, wanted: usize, now: Duration) -> usize {
        let spent = now.saturating_sub(self.since);
        if spent >= self.lasts {
            return wanted;
        }
        let due = (spent.as_secs_f64() * f64::from(self.bytes_per_second)) as u64;
        wanted.min(usize::try_from(due.saturating_sub(self.written)).unwrap_or(usize::MAX))
    }
}

impl Faults {
    /// Returns true if none is in effect.
    pub(super) fn are_over(&self) -> bool {
        self.again.is_none() && self.drip.is_none()
    }

    /// Records bytes that were written.
    pub(super) fn wrote(&mut self, count: usize, now: Duration) {
        if let Some(drip) = &mut self.drip {
            drip.written += count as u64;
            if now.saturating_sub(drip.since) >= drip.lasts {
                self.drip = None;
            }
        }
    }
}

impl Connection<'_> {
    /// Starts to send messages up to the next fault, or carries out that fault. Returns true if the client made
    /// progress.
    #[cold]
    pub(super) fn send_with_faults(&mut self, block: &Arc<Block>, messages: Range<usize>) -> bool {
        let seq = block.first_seq() + messages.start as u64;
        if let Some(fault) = block.fault_at(messages.start).filter(|_| self.faults.done != Some(seq)) {
            match fault {
                LineFault::Missing => {
                    self.miss(block, messages.start);
                    return true;
                }
                LineFault::Repeated => {
                    self.put(block, messages.start..messages.start + 1);
                    self.faults.again = Some((Arc::clone(block), messages.start));
                    return true;
                }
                LineFault::Disconnect if self.hub.clients.breaks(seq, self.client.id) => {
                    // without a close, as in a network failure
                    self.end(Closed::Fault, None, false);
                    return false;
                }
                LineFault::Session(fault) if self.breaks_session(seq) => {
                    self.plant(fault);
                    return false;
                }
                LineFault::Drip { bytes_per_second, lasts } => {
                    let since = self.hub.clock.now();
                    self.faults.drip = Some(Drip { bytes_per_second, since, lasts, written: 0 });
                }
                LineFault::Disconnect | LineFault::Session(_) | LineFault::Stall(_) => {}
            }
            self.faults.done = Some(seq);
        }
        let end = block.next_fault(messages.start + 1).map_or(messages.end, |(at, _)| at.min(messages.end));
        self.put(block, messages.start..end);
        true
    }

    /// Leaves a message out. Clients of `tradesim.v1` receive a notice.
    fn miss(&mut self, block: &Arc<Block>, message: usize) {
        let (from, kind) = (self.outgoing.cursor.seq(), block.entries()[message].meta.kind);
        let selected = self.outgoing.cursor.selection().passes(kind);
        self.outgoing.cursor.took(block, message..message + 1);
        let to = self.outgoing.cursor.seq();
        if self.client.v1 && selected && to > from {
            self.notify(&Notice::Gap { from, to });
        }
    }

    /// Sends a message again. Clients of `tradesim.v1` receive its sequence number.
    pub(super) fn send_again(&mut self) {
        let Some((block, message)) = self.faults.again.take() else { return };
        let Some(frames) = self.frames_again(&block, message) else { return };
        if self.client.v1 {
            self.notify(&Notice::Seek { seq: self.outgoing.cursor.seq() - 1 });
        }
        self.outgoing.outbox.push_control(&frames);
        self.client.sent().messages += 1;
        self.hub.metrics.messages_sent.inc();
    }
}
