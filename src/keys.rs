//! Keys that control a replay from its terminal: space, arrows, q.
//!
//! The terminal is not put into raw mode, which would also disable Ctrl-C and the carriage return at line ends. Only line
//! editing and echo are switched off, so signals and output work as before.

mod decode;
mod terminal;
#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{self, IsTerminal, PipeReader, PipeWriter, Read},
    os::{fd::AsFd, unix::net::UnixStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP},
    flag,
    low_level::{self, pipe},
};
use tradesim_replay::{Command, CommandError, Handle, Speed, State, Status};

use self::{
    decode::{Decoder, Key},
    terminal::{Modes, Signals, Wake},
};

/// The help that is printed at the start.
const HELP: &str =
    "keys: space pauses and resumes, right plays one message, up and down change the speed, q stops";

/// The limits of the speed factor, and the factor one step below max.
const FASTEST: f64 = 1_000_000.0;
const SLOWEST: f64 = 0.000_001;
const BELOW_MAX: f64 = 1_000.0;

/// Reads keys while it exists, and restores the terminal on drop.
#[derive(Debug)]
pub(crate) struct Guard {
    modes: Arc<Modes>,
    suspends_itself: Suspension,
    /// Closing it wakes the thread, which then ends.
    _end: PipeWriter,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.modes.restore();
        self.suspends_itself.leave();
    }
}

/// Decides what suspends the process on Ctrl-Z: the thread that reads keys, which restores the modes of the terminal first, or,
/// after that thread has ended, the signal handler.
#[derive(Clone, Debug)]
struct Suspension {
    by_handler: Arc<AtomicBool>,
}

impl Suspension {
    /// Lets the thread do it, if there is a shell that would continue the process.
    fn take() -> io::Result<Suspension> {
        let by_handler = Arc::new(AtomicBool::new(false));
        if terminal::can_be_suspended() {
            flag::register_conditional_default(SIGTSTP, Arc::clone(&by_handler))?;
        }
        Ok(Suspension { by_handler })
    }

    fn leave(&self) {
        self.by_handler.store(true, Ordering::SeqCst);
    }
}

/// Controls a replay with keys, if this process runs in the foreground of a terminal that is its standard input and standard
/// error. Calls `tell` with a line of help, and with the position of the player after each key.
///
/// Must be called within a tokio runtime.
pub(crate) fn start(handle: Handle, tell: impl Fn(&str) + Send + 'static) -> Option<Guard> {
    let input = File::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    if !input.is_terminal() || !io::stderr().is_terminal() || !terminal::in_foreground(&input) {
        return None;
    }
    let runtime = tokio::runtime::Handle::current();
    tell(HELP);
    listen(input, terminal::in_foreground, move |key| {
        let Some(command) = command(key, &handle.status()) else { return };
        match runtime.block_on(handle.command(command)) {
            Ok(status) => tell(&position(&status)),
            // the replay ends anyway
            Err(CommandError::Over) => {}
            Err(error) => tell(&error.to_string()),
        }
    })
    // the replay works without keys
    .inspect_err(|error| tracing::debug!(%error, "cannot read keys"))
    .ok()
}

/// Calls `act` with each key, on a thread of its own, until the guard is dropped or a signal stops the job.
fn listen(
    input: File,
    may_touch: fn(&File) -> bool,
    act: impl FnMut(Key) + Send + 'static,
) -> io::Result<Guard> {
    let signals = Signals {
        stop: readable_on(&[SIGHUP, SIGINT, SIGTERM])?,
        suspend: readable_on(&[SIGTSTP])?,
        resume: readable_on(&[SIGCONT])?,
    };
    let suspension = Suspension::take()?;
    let (ended, end) = io::pipe()?;
    let modes = Arc::new(Modes::keys(input, may_touch).inspect_err(|_| suspension.leave())?);
    let guard = Guard { modes: Arc::clone(&modes), suspends_itself: suspension.clone(), _end: end };
    thread::Builder::new().name("keys".to_owned()).spawn(move || {
        read_keys(&modes, signals, &ended, act);
        suspension.leave();
    })?;
    Ok(guard)
}

/// Returns a socket that becomes readable when one of the signals is received.
fn readable_on(signals: &[i32]) -> io::Result<UnixStream> {
    let (woken, waker) = UnixStream::pair()?;
    for signal in signals {
        pipe::register(*signal, waker.try_clone()?)?;
    }
    Ok(woken)
}

fn read_keys(modes: &Modes, mut signals: Signals, ended: &PipeReader, mut act: impl FnMut(Key)) {
    let mut decoder = Decoder::default();
    let mut buffer = [0; 64];
    loop {
        match modes.wait(&mut buffer, &signals, ended) {
            Wake::Typed(bytes) => bytes.iter().filter_map(|byte| decoder.push(*byte)).for_each(&mut act),
            // restore now, because a second signal would end the process without restoring
            Wake::Stop => {
                let _ = signals.stop.read(&mut buffer);
                return modes.restore();
            }
            Wake::Suspend => {
                let _ = signals.suspend.read(&mut buffer);
                modes.lend();
                if terminal::can_be_suspended() {
                    // returns when the process is continued
                    let _ = low_level::emulate_default_handler(SIGTSTP);
                }
                if modes.apply().is_err() {
                    return;
                }
            }
            Wake::Resume => {
                let _ = signals.resume.read(&mut buffer);
                if modes.apply().is_err() {
                    return;
                }
            }
            Wake::End => return,
        }
    }
}

/// Returns the command of a key in the current state of the player.
fn command(key: Key, status: &Status) -> Option<Command> {
    match key {
        Key::Space => Some(match status.state {
            State::Playing => Command::Pause,
            State::Waiting | State::Paused | State::Ended => Command::Resume,
        }),
        Key::Right => Some(Command::Step(1)),
        Key::Up => speed(&status.speed, 2.0).map(Command::Speed),
        Key::Down => speed(&status.speed, 0.5).map(Command::Speed),
        Key::Q => Some(Command::Stop),
    }
}

/// Returns a speed times a factor. Above the fastest factor it is max; `None` if there is no further speed.
fn speed(now: &str, times: f64) -> Option<Speed> {
    let factor = match now.parse::<Speed>().ok()?.factor() {
        Some(factor) => factor * times,
        None if times < 1.0 => BELOW_MAX,
        None => return None,
    };
    if factor > FASTEST {
        return Some(Speed::Max);
    }
    (factor >= SLOWEST).then(|| format!("{factor:.6}x").parse().ok()).flatten()
}

/// Returns the position of the player as one line of text.
fn position(status: &Status) -> String {
    let time = status.time.as_deref().map_or_else(String::new, |time| format!(", {time}"));
    format!(
        "{} at seq {}{time}, {}",
        status.state.as_str(),
        crate::output::grouped(status.seq.get()),
        status.speed
    )
}
