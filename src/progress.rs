//! Progress of a long job: a bar on a terminal, otherwise a periodic log line.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant, SystemTime},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::info;
use tradesim_schemas::Timestamp;

/// The interval of log lines where there is no terminal.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Returns the wall clock time, for example as the start of a replay with shifted timestamps.
#[expect(clippy::disallowed_methods, reason = "the command line reads the clock and passes the value on")]
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since_epoch.as_micros()).ok().and_then(Timestamp::from_micros);
    micros.unwrap_or(Timestamp::MAX)
}

/// The time since the job began. It is shown and never recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    started: Instant,
}

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the duration of a job is shown and never recorded")]
    pub(crate) fn start() -> Stopwatch {
        Stopwatch { started: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The progress of one job.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    stopwatch: Stopwatch,
    on_terminal: bool,
    next_log: Duration,
}

impl Progress {
    /// Starts the progress towards `total`, in any unit; `what` names the job.
    pub(crate) fn new(what: &'static str, total: u64) -> Progress {
        let on_terminal = io::stderr().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(total), target).with_message(what);
        let style =
            ProgressStyle::with_template("{msg} [{bar:40}] {percent:>3} % {elapsed} (left: {eta}) {prefix}")
                .expect("the template is valid")
                .progress_chars("=> ");
        bar.set_style(style);
        Progress { bar, stopwatch: Stopwatch::start(), on_terminal, next_log: LOG_INTERVAL }
    }

    /// Updates the position and the number of messages.
    pub(crate) fn at(&mut self, position: u64, messages: u64) {
        if self.on_terminal {
            self.bar.set_position(position);
            self.bar.set_prefix(format!("{} messages", crate::output::grouped(messages)));
        } else if self.stopwatch.elapsed() >= self.next_log {
            self.next_log += LOG_INTERVAL;
            let total = self.bar.length().unwrap_or(0).max(1);
            info!(percent = position * 100 / total, messages, "{}", self.bar.message());
        }
    }

    /// Removes the bar and returns the duration of the job.
    pub(crate) fn finish(self) -> Duration {
        self.bar.finish_and_clear();
        self.stopwatch.elapsed()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
