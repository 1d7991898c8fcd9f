//! How many connections there may be.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections above the cap that are still answered: with 503 if they want to be clients, and as ever if they ask
/// how things stand or steer, as that is wanted most when everything is taken. They get one answer each.
pub(super) const SPARE: usize = 32;

/// The seats of a server.
#[derive(Debug)]
pub(super) struct Seats {
    ordinary: Arc<Semaphore>,
    spare: Arc<Semaphore>,
}

/// A place for a connection, free again when this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    spare: bool,
    _permit: OwnedSemaphorePermit,
}

impl Seats {
    pub(super) fn new(clients_max: usize) -> Seats {
        let ordinary = Arc::new(Semaphore::new(clients_max.min(Semaphore::MAX_PERMITS)));
        Seats { ordinary, spare: Arc::new(Semaphore::new(SPARE)) }
    }

    /// A seat, a spare one if need be; `None` if those are taken as well.
    pub(super) fn take(&self) -> Option<Seat> {
        self.take_ordinary().or_else(|| {
            let permit = Arc::clone(&self.spare).try_acquire_owned().ok()?;
            Some(Seat { spare: true, _permit: permit })
        })
    }

    /// A seat on which a client may stay.
    pub(super) fn take_ordinary(&self) -> Option<Seat> {
        let permit = Arc::clone(&self.ordinary).try_acquire_owned().ok()?;
        Some(Seat { spare: false, _permit: permit })
    }
}

impl Seat {
    pub(super) fn is_spare(&self) -> bool {
        self.spare
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spare_seats_come_last_and_are_few() {
        let seats = Seats::new(2);
        let taken: Vec<Seat> = std::iter::from_fn(|| seats.take()).collect();
        let spare: Vec<bool> = taken.iter().map(Seat::is_spare).collect();
        assert_eq!(spare, [vec![false; 2], vec![true; SPARE]].concat());
        drop(taken);
        assert!(!seats.take().unwrap().is_spare());
    }
}
