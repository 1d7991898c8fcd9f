//! What SIGHUP, SIGINT and SIGTERM do.

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

    /// Like [`Stop::on_signals`]; and where the work has not ended within `grace` of the first signal, it is ended at
    /// once: for jobs that may be waiting for a slow reader of their output.
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

    /// Fails once a signal came.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.number().map_or(Ok(()), |signal| Err(Failure::Interrupted { signal }))
    }

    /// The signal that came, if one did.
    pub(crate) fn number(&self) -> Option<i32> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal as i32),
        }
    }

    /// The same stop for tasks that wait. Needs a tokio runtime.
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
    /// Comes back once a signal came.
    pub(crate) async fn came(&mut self) {
        future::poll_fn(|context| {
            // all are asked each time, so that all of them wake the task
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
