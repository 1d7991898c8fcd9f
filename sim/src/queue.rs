//! A queue of things by the time at which they are due.

use std::{cmp::Reverse, collections::BinaryHeap};

/// The due time of a value, as one word: the time in microseconds since the epoch, then its number, because the lower number
/// comes first in a tie, and then its slot. A heap compares entries all the time, and comparing single words has no branch to
/// mispredict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due(u128);

impl Due {
    /// The number of bits for the slot.
    const SLOT_BITS: u32 = 24;
    /// The number of bits for the number. A symbol has fewer orders per day.
    const NUMBER_BITS: u32 = 40;

    #[inline]
    fn new(at: i64, number: u64, slot: u32) -> Due {
        assert!(at >= 0 && number >> Due::NUMBER_BITS == 0 && slot >> Due::SLOT_BITS == 0);
        Due(u128::from(at as u64) << 64 | u128::from(number << Due::SLOT_BITS | u64::from(slot)))
    }

    #[inline]
    fn at(self) -> i64 {
        (self.0 >> 64) as i64
    }

    #[inline]
    fn slot(self) -> usize {
        (self.0 as u64 & ((1 << Due::SLOT_BITS) - 1)) as usize
    }

    /// Returns the same value with another due time.
    fn moved_to(self, at: i64) -> Due {
        Due(u128::from(at as u64) << 64 | u128::from(self.0 as u64))
    }
}

/// Values by the time at which they are due. A value that is queued has a slot of its own.
#[derive(Clone, Debug)]
pub(crate) struct Queue<T> {
    due: BinaryHeap<Reverse<Due>>,
    slots: Vec<T>,
    free: Vec<u32>,
}

impl<T: Copy> Queue<T> {
    /// Creates an empty queue.
    pub(crate) fn new() -> Queue<T> {
        Queue { due: BinaryHeap::new(), slots: Vec::new(), free: Vec::new() }
    }

    /// Returns the number of queued values.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.due.len()
    }

    /// Returns the memory of a clone, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.slots[..]) + size_of_val(&self.free[..]) + self.due.len() * size_of::<Due>()
    }

    /// Returns the next due time; `i64::MAX` if the queue is empty.
    #[inline]
    pub(crate) fn next_due(&self) -> i64 {
        self.due.peek().map_or(i64::MAX, |Reverse(due)| due.at())
    }

    /// Adds a value that is due at `at`, and returns its slot.
    #[inline]
    pub(crate) fn push(&mut self, at: i64, number: u64, value: T) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = value;
                slot
            }
            None => {
                self.slots.push(value);
                (self.slots.len() - 1) as u32
            }
        };
        self.due.push(Reverse(Due::new(at, number, slot)));
        slot
    }

    /// Removes and returns the value that is due next.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.pop_mut().copied()
    }

    /// Removes the value that is due next, and returns it in its slot, which keeps it until it is used again.
    #[inline]
    pub(crate) fn pop_mut(&mut self) -> Option<&mut T> {
        let Reverse(due) = self.due.pop()?;
        self.free.push(due.slot() as u32);
        Some(&mut self.slots[due.slot()])
    }

    /// Returns the value in a slot, which may be that of an earlier value.
    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> &mut T {
        &mut self.slots[slot as usize]
    }

    /// Returns all queued values, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.due.iter().map(|Reverse(due)| &self.slots[due.slot()])
    }

    /// Sets the values for which `chosen` returns true to be due at `now`.
    pub(crate) fn make_due(&mut self, now: i64, mut chosen: impl FnMut(&mut T) -> bool) {
        let mut all = std::mem::take(&mut self.due).into_vec();
        for Reverse(due) in &mut all {
            if chosen(&mut self.slots[due.slot()]) {
                *due = due.moved_to(now);
            }
        }
        self.due = all.into();
    }
}
