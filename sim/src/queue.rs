//! A queue of things by the time at which they are due.

use std::hint::black_box;

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

/// The due times, the earliest one first: a heap in which each node has four children, so that it has half the levels of one
/// with two. The order of equal times is total, so every heap returns the same sequence.
#[derive(Clone, Debug)]
struct Heap(Vec<Due>);

impl Heap {
    /// The number of children of a node.
    const CHILDREN: usize = 4;

    #[inline]
    fn peek(&self) -> Option<Due> {
        self.0.first().copied()
    }

    #[inline]
    fn push(&mut self, due: Due) {
        let mut hole = self.0.len();
        self.0.push(due);
        while hole > 0 {
            let parent = (hole - 1) / Heap::CHILDREN;
            if self.0[parent] < due {
                break;
            }
            self.0[hole] = self.0[parent];
            hole = parent;
        }
        self.0[hole] = due;
    }

    #[inline]
    fn pop(&mut self) -> Option<Due> {
        let last = self.0.pop()?;
        let Some(first) = self.peek() else { return Some(last) };
        self.sink(0, last);
        Some(first)
    }

    /// Puts `due` at `hole` or below.
    #[inline]
    fn sink(&mut self, mut hole: usize, due: Due) {
        loop {
            let first = Heap::CHILDREN * hole + 1;
            let least = if let Some(&[a, b, c, d]) = self.0[first.min(self.0.len())..].first_chunk() {
                // two of these comparisons need not wait for each other, and none is a branch
                let left = usize::from(b < a);
                let right = 2 + usize::from(d < c);
                first + if c.min(d) < a.min(b) { right } else { left }
            } else {
                let children = first..self.0.len();
                let Some(least) = children.min_by_key(|&child| self.0[child]) else { break };
                least
            };
            if due < self.0[least] {
                break;
            }
            self.0[hole] = self.0[least];
            hole = least;
        }
        self.0[hole] = due;
    }

    /// Restores the order after any changes.
    fn restore(&mut self) {
        for node in (0..self.0.len().div_ceil(Heap::CHILDREN)).rev() {
            self.sink(node, self.0[node]);
        }
    }
}

/// Values by the time at which they are due. A value that is queued has a slot of its own.
#[derive(Clone, Debug)]
pub(crate) struct Queue<T> {
    due: Heap,
    slots: Vec<T>,
    free: Vec<u32>,
}

impl<T: Copy> Queue<T> {
    /// Creates an empty queue.
    pub(crate) fn new() -> Queue<T> {
        Queue { due: Heap(Vec::new()), slots: Vec::new(), free: Vec::new() }
    }

    /// Returns the number of queued values.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.due.0.len()
    }

    /// Returns the memory of a clone, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.slots[..]) + size_of_val(&self.free[..]) + self.due.0.len() * size_of::<Due>()
    }

    /// Returns the next due time; `i64::MAX` if the queue is empty.
    #[inline]
    pub(crate) fn next_due(&self) -> i64 {
        self.due.peek().map_or(i64::MAX, Due::at)
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
        self.due.push(Due::new(at, number, slot));
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
        let due = self.due.pop()?;
        // the value that is due next was queued long ago: reading it now brings it into the cache until then
        if let Some(next) = self.due.peek() {
            black_box(self.slots[next.slot()]);
        }
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
        self.due.0.iter().map(|due| &self.slots[due.slot()])
    }

    /// Sets the values for which `chosen` returns true to be due at `now`.
    pub(crate) fn make_due(&mut self, now: i64, mut chosen: impl FnMut(&mut T) -> bool) {
        for due in &mut self.due.0 {
            if chosen(&mut self.slots[due.slot()]) {
                *due = due.moved_to(now);
            }
        }
        self.due.restore();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rng::{Purpose, Stream};

    #[test]
    fn values_come_by_due_time_and_then_by_number() {
        let mut stream = Stream::new(1, Purpose::Orders, "");
        let (mut queue, mut expected) = (Queue::new(), BTreeSet::new());
        for number in 0..20_000 {
            // few different times, so that there are ties, and more values than are taken at first
            let at = i64::from(stream.below(500));
            queue.push(at, number, (at, number));
            expected.insert((at, number));
            if stream.below(5) < 2 + 2 * u32::from(number > 15_000) {
                assert_eq!(queue.next_due(), expected.first().unwrap().0);
                assert_eq!(queue.pop(), expected.pop_first());
            }
            if number % 1_000 == 0 {
                let chosen = |&(_, number): &(i64, u64)| number % 3 == 0;
                let moved: Vec<_> = expected.iter().copied().filter(chosen).collect();
                for (at, number) in moved {
                    expected.remove(&(at, number));
                    expected.insert((250, number));
                }
                queue.make_due(250, |value| {
                    let chosen = chosen(value);
                    value.0 = if chosen { 250 } else { value.0 };
                    chosen
                });
            }
            assert_eq!(queue.len(), expected.len());
        }
        while let Some(value) = expected.pop_first() {
            assert_eq!(queue.pop(), Some(value));
        }
        assert_eq!((queue.pop(), queue.next_due()), (None, i64::MAX));
    }
}
