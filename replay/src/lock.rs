//! Locks that a panic does not make unusable.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a value that a panic leaves valid: a poisoned lock is used as it is.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
