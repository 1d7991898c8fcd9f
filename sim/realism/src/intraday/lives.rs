//! How long orders live that are cancelled.

use tradesim_schemas::CorrelationId;

use crate::number::log_histogram::LogHistogram;

/// Slots for an order: it is found in one of so many places.
const WAYS: usize = 8;
/// Groups of slots. The table has room for 262,144 orders, 4 MiB.
const GROUPS: usize = 1 << 15;
/// The number of live orders above which fewer of them are followed, so that groups rarely fill up.
const LIVE_MAX: usize = GROUPS * WAYS / 4;

/// A slot without an order. No order arrives at this instant.
const EMPTY: (u64, i64) = (0, i64::MIN);

/// Follows orders from their arrival to their cancellation, in constant memory.
///
/// If too many orders are alive, every second one of them is dropped, by its id, and of later orders only those with such ids are
/// followed. Which orders these are does not depend on how long they live.
#[derive(Clone, Debug)]
pub(crate) struct Lives {
    slots: Box<[(u64, i64)]>,
    live: usize,
    /// Ids are followed whose hash has no bit of this mask.
    mask: u64,
    /// Lives of cancelled orders, in microseconds.
    pub(crate) cancelled: LogHistogram,
}

impl Default for Lives {
    fn default() -> Lives {
        let slots = vec![EMPTY; GROUPS * WAYS].into_boxed_slice();
        Lives { slots, live: 0, mask: 0, cancelled: LogHistogram::default() }
    }
}

impl Lives {
    pub(crate) fn arrive(&mut self, id: CorrelationId, at: i64) {
        let hash = mixed(id.0);
        if hash & self.mask != 0 {
            return;
        }
        if let Some(slot) = self.group(hash).iter_mut().find(|slot| **slot == EMPTY) {
            *slot = (hash, at);
            self.live += 1;
        }
        if self.live > LIVE_MAX {
            self.follow_fewer();
        }
    }

    /// Ends an order that was not cancelled.
    pub(crate) fn end(&mut self, id: CorrelationId) {
        self.take(id);
    }

    pub(crate) fn cancel(&mut self, id: CorrelationId, at: i64) {
        if let Some(since) = self.take(id) {
            self.cancelled.push((at - since).max(0) as u64);
        }
    }

    /// Forgets the orders that are alive.
    pub(crate) fn end_day(&mut self) {
        // a recording may have many days with few orders
        if self.live > 0 {
            self.slots.fill(EMPTY);
            self.live = 0;
        }
    }

    fn take(&mut self, id: CorrelationId) -> Option<i64> {
        let hash = mixed(id.0);
        if hash & self.mask != 0 {
            return None;
        }
        let slot = self.group(hash).iter_mut().find(|slot| slot.0 == hash && **slot != EMPTY)?;
        let since = std::mem::replace(slot, EMPTY).1;
        self.live -= 1;
        Some(since)
    }

    /// Returns the slots of an order: by the upper bits, because the lower ones select who is followed.
    fn group(&mut self, hash: u64) -> &mut [(u64, i64)] {
        let first = (hash >> 40) as usize % GROUPS * WAYS;
        &mut self.slots[first..first + WAYS]
    }

    fn follow_fewer(&mut self) {
        self.mask = self.mask << 1 | 1;
        for slot in &mut self.slots {
            if *slot != EMPTY && slot.0 & self.mask != 0 {
                *slot = EMPTY;
                self.live -= 1;
            }
        }
    }
}

/// Mixes the bits of an id: a bijection (the finalizer of SplitMix64).
fn mixed(id: u64) -> u64 {
    let word = (id ^ (id >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_of_cancelled_orders_are_measured() {
        let mut lives = Lives::default();
        lives.arrive(CorrelationId(0), 100);
        lives.arrive(CorrelationId(1), 110);
        lives.arrive(CorrelationId(2), 120);
        lives.end(CorrelationId(1));
        lives.cancel(CorrelationId(1), 500);
        lives.cancel(CorrelationId(0), 350);
        lives.cancel(CorrelationId(9), 400);
        assert_eq!((lives.cancelled.total(), lives.cancelled.mean()), (1, Some(250.0)));
        lives.end_day();
        lives.cancel(CorrelationId(2), 600);
        assert_eq!(lives.cancelled.total(), 1);
    }

    #[test]
    fn many_live_orders_are_sampled_without_a_bias() {
        let mut lives = Lives::default();
        let orders = 1_000_000;
        for id in 0..orders {
            lives.arrive(CorrelationId(id), id as i64);
        }
        assert!(lives.live <= LIVE_MAX);
        for id in 0..orders {
            // half of them live 1,000 longer
            lives.cancel(CorrelationId(id), id as i64 + 1_000 + 1_000 * (id % 2) as i64);
        }
        assert!(lives.cancelled.total() > 20_000);
        let mean = lives.cancelled.mean().unwrap();
        assert!((mean - 1_500.0).abs() < 15.0, "{mean}");
    }
}
