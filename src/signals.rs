//! Handling of SIGHUP, SIGINT and SIGTERM.

use std::{
    fs, future, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::Signals,
    low_level,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;

/// A flag that a signal sets and that a job checks periodically.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Registers handlers: the first signal sets the flag, the second one ends the process at once.
    ///
    /// For jobs that would otherwise leave an unfinished file; all others use [`end_at_once`].
    pub(crate) fn on_signals() -> io::Result<Stop> {
        let asked_before = Arc::new(AtomicBool::new(false));
        let signal = Arc::new(AtomicUsize::new(0));
        for number in stopping() {
            // actions run in the order of registration, so the first signal finds the flag not set yet
            flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&asked_before))?;
            flag::register(number, Arc::clone(&asked_before))?;
            flag::register_usize(number, Arc::clone(&signal), number as usize)?;
        }
        Ok(Stop { signal })
    }

    /// Like [`Stop::on_signals`], but also ends the process if the job is not finished `grace` after the first signal: for
    /// jobs that may be blocked by a slow reader of their output.
    pub(crate) fn on_signals_within(grace: Duration) -> io::Result<Stop> {
        let stop = Stop::on_signals()?;
        let mut signals = Signals::new(stopping())?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            if let Some(number) = signals.forever().next() {
                thread::sleep(grace);
                low_level::exit(128 + number);
            }
        })?;
        Ok(stop)
    }

    /// Fails after a signal.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.number().map_or(Ok(()), |signal| Err(Failure::Interrupted { signal }))
    }

    /// Returns the signal that was received, if any.
    pub(crate) fn number(&self) -> Option<i32> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal as i32),
        }
    }

    /// Returns a future-based form of the flag. Needs a tokio runtime.
    pub(crate) fn awaited(&self) -> io::Result<Awaited> {
        let signals =
            stopping().map(|number| signal(SignalKind::from_raw(number))).collect::<io::Result<_>>()?;
        Ok(Awaited { stop: self.clone(), signals })
    }
}

/// A [`Stop`] that tasks can wait for.
#[derive(Debug)]
pub(crate) struct Awaited {
    stop: Stop,
    signals: Vec<Signal>,
}

impl Awaited {
    /// Waits for a signal.
    pub(crate) async fn came(&mut self) {
        future::poll_fn(|context| {
            // all are polled each time, so that each of them wakes the task
            let woken = self.signals.iter_mut().filter_map(|signal| match signal.poll_recv(context) {
                Poll::Ready(_) => Some(()),
                Poll::Pending => None,
            });
            let woken = woken.count() > 0;
            if woken || self.stop.number().is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Makes signals end the process at once, with the exit codes of the contract: for jobs that only read and print, and that may
/// be blocked by a slow reader of their output.
pub(crate) fn end_at_once() -> io::Result<()> {
    for number in stopping() {
        flag::register_conditional_shutdown(number, 128 + number, Arc::new(AtomicBool::new(true)))?;
    }
    Ok(())
}

/// Returns the signals that stop a job. SIGHUP means that the terminal was closed; under `nohup` it stays ignored.
fn stopping() -> impl Iterator<Item = i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    [SIGHUP, SIGINT, SIGTERM].into_iter().filter(move |number| *number != SIGHUP || !ignores(&status, SIGHUP))
}

/// Returns whether the process ignores a signal, according to `/proc/self/status`: the system call needs unsafe code. Returns
/// false if that file does not exist.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// Turns a file size limit into a write error, as for a full disk, instead of a fatal signal.
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
