//! The limit in bytes of received messages that are not delivered: batches in the queue, in progress, and unacknowledged.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The longest wait before the state is checked again.
const TICK: Duration = Duration::from_millis(100);

/// A number of bytes that all batches share. A batch that exceeds it is admitted when there is no other.
#[derive(Debug)]
pub(super) struct Budget {
    bytes_max: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    used: usize,
    is_closed: bool,
}

/// A share of the budget, which is returned on drop.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Arc<Budget> {
        Arc::new(Budget { bytes_max, state: Mutex::default(), freed: Condvar::new() })
    }

    /// Waits until `bytes` are available. Returns `None` if the budget is closed.
    pub(super) fn take(self: &Arc<Budget>, bytes: usize) -> Option<Lease> {
        let mut state = self.lock();
        while !state.is_closed && state.used > 0 && bytes > self.bytes_max.saturating_sub(state.used) {
            let waited = self.freed.wait_timeout(state, TICK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.is_closed {
            return None;
        }
        state.used += bytes;
        Some(Lease { budget: Arc::clone(self), bytes })
    }

    /// Ends all waits.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.freed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // the state is consistent at every moment
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.budget.lock().used -= self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_is_held_stays_within_the_budget_but_for_one_that_is_larger() {
        let budget = Budget::new(100);
        let large = budget.take(1_000).unwrap();
        let (took, taken) = mpsc::channel();
        let thread = {
            let budget = Arc::clone(&budget);
            std::thread::spawn(move || took.send(budget.take(60).unwrap()).unwrap())
        };
        assert!(taken.try_recv().is_err(), "there is no room next to the large one");
        drop(large);
        let lease = taken.recv().unwrap();
        thread.join().unwrap();
        let rest = budget.take(40).unwrap();
        assert_eq!(budget.lock().used, 100);
        drop((lease, rest));
        assert_eq!(budget.lock().used, 0);
    }

    #[test]
    fn nobody_waits_for_a_budget_that_is_closed() {
        let budget = Budget::new(100);
        let all = budget.take(100).unwrap();
        let thread = {
            let budget = Arc::clone(&budget);
            std::thread::spawn(move || budget.take(1).is_none())
        };
        budget.close();
        assert!(thread.join().unwrap());
        drop(all);
    }
}
