//! What SIGHUP, SIGINT and SIGTERM do.

use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
};

use crate::exit::Failure;

/// A stop that was asked for and that the work looks at now and then.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Lets the first signal that stops a job raise the flag and the second one end the process at once.
    ///
    /// For jobs that would leave an unfinished file behind; all others use [`end_at_once`].
    pub(crate) fn on_signals() -> io::Result<Stop> {
        let asked_before = Arc::new(AtomicBool::new(false));
        let signal = Arc::new(AtomicUsize::new(0));
        for number in stopping() {
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

/// Lets the signals that stop a job end the process at once, with the contract's exit codes: for jobs that only read and print,
/// and that may be waiting for a slow reader of their output when the signal comes.
pub(crate) fn end_at_once() -> io::Result<()> {
    for number in stopping() {
        flag::register_conditional_shutdown(number, 128 + number, Arc::new(AtomicBool::new(true)))?;
    }
    Ok(())
}

/// The signals that stop a job. SIGHUP says that the terminal has gone; under `nohup` it is ignored, and stays so.
fn stopping() -> impl Iterator<Item = i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    [SIGHUP, SIGINT, SIGTERM].into_iter().filter(move |number| *number != SIGHUP || !ignores(&status, SIGHUP))
}

/// Whether the process ignores a signal, by the text of its status: asking the system itself takes unsafe code. Where
/// there is no such text, it does not.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// Lets a file that grows over its limit be an error of writing, like a full disk, and not a death by signal.
pub(crate) fn survive_size_limit() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use signal_hook::consts::{SIGHUP, SIGINT};

    use super::ignores;

    #[test]
    fn an_ignored_signal_is_found_in_the_status() {
        let nohup = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert!(ignores(nohup, SIGHUP));
        assert!(!ignores(nohup, SIGINT));
        assert!(!ignores("", SIGHUP));
    }
}
