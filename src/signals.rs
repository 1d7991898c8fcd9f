//! What SIGINT and SIGTERM do.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGXFSZ},
    flag,
};

use crate::exit::Failure;

/// A stop that was asked for and that the work looks at now and then.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Lets the first SIGINT or SIGTERM raise the flag and the second one end the process at once.
    ///
    /// For jobs that would leave an unfinished file behind; all others use [`end_at_once`].
    pub(crate) fn on_signals() -> io::Result<Stop> {
        let asked_before = Arc::new(AtomicBool::new(false));
        let signal = Arc::new(AtomicUsize::new(0));
        for number in [SIGINT, SIGTERM] {
            // actions run in the order of registration: the first signal finds the flag still down
            flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&asked_before))?;
            flag::register(number, Arc::clone(&asked_before))?;
            flag::register_usize(number, Arc::clone(&signal), number as usize)?;
        }
        Ok(Stop { signal })
    }

    /// Fails once a signal came.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.signal.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(Failure::Interrupted { signal: signal as i32 }),
        }
    }
}

/// Lets SIGINT and SIGTERM end the process at once, with the contract's exit codes: for jobs that only read and print,
/// and that may be waiting for a slow reader of their output when the signal comes.
pub(crate) fn end_at_once() -> io::Result<()> {
    for number in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(number, 128 + number, Arc::new(AtomicBool::new(true)))?;
    }
    Ok(())
}

/// Lets a file that grows over its limit be an error of writing, like a full disk, and not a death by signal.
pub(crate) fn survive_size_limit() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    Ok(())
}
