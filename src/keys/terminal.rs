//! The terminal: its modes, and waiting for input.

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::Mutex,
};

use nix::unistd::{Pid, getpgrp, getsid, tcgetpgrp};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr},
};

/// The interval at which a background process checks whether it is in the foreground again.
const BACKGROUND_INTERVAL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Returns whether this process may use the terminal: the system stops a background process that reads from it. Returns false
/// if the process groups are unknown.
pub(super) fn in_foreground(terminal: &File) -> bool {
    known(tcgetpgrp(terminal)).is_some_and(|group| group == getpgrp())
}

/// Returns an id if it is known. A session or group from outside the process id namespace, as with `unshare --pid --fork`, has
/// the id 0. (This uses nix because a `Pid` of rustix cannot be 0.)
pub(super) fn known(id: nix::Result<Pid>) -> Option<Pid> {
    id.ok().filter(|id| id.as_raw() != 0)
}

/// Sockets that become readable when a signal is received.
#[derive(Debug)]
pub(super) struct Signals {
    pub(super) stop: UnixStream,
    pub(super) suspend: UnixStream,
    pub(super) resume: UnixStream,
}

/// Returns whether the process can be suspended. If its process group leads the session, as in a container, there is no shell
/// that would continue it, and the system ignores Ctrl-Z as well.
pub(super) fn can_be_suspended() -> bool {
    known(Ok(getpgrp())).is_some_and(|group| getsid(None).is_ok_and(|session| session != group))
}

/// The modes of a terminal, which are restored at the end.
#[derive(Debug)]
pub(super) struct Modes {
    terminal: File,
    may_touch: fn(&File) -> bool,
    before: Mutex<Option<Termios>>,
}

impl Modes {
    /// Switches off line editing and echo. On failure nothing is changed.
    pub(super) fn keys(terminal: File, may_touch: fn(&File) -> bool) -> io::Result<Modes> {
        let before = tcgetattr(&terminal)?;
        let modes = Modes { terminal, may_touch, before: Mutex::new(Some(before)) };
        modes.apply()?;
        Ok(modes)
    }

    /// Switches them off again, after another process had the terminal.
    pub(super) fn apply(&self) -> io::Result<()> {
        let before = self.before.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(before) = before.as_ref() else { return Ok(()) };
        if (self.may_touch)(&self.terminal) {
            let mut wanted = before.clone();
            wanted.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            tcsetattr(&self.terminal, OptionalActions::Now, &wanted)?;
        }
        Ok(())
    }

    /// Restores the modes while the process is suspended; [`Modes::apply`] switches them off again.
    pub(super) fn lend(&self) {
        let before = self.before.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.set(before.as_ref());
    }

    /// Restores the modes, once. Does nothing in the background, where the terminal belongs to another process.
    pub(super) fn restore(&self) {
        let before = self.before.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        self.set(before.as_ref());
    }

    fn set(&self, modes: Option<&Termios>) {
        if let Some(modes) = modes.filter(|_| (self.may_touch)(&self.terminal)) {
            // fails if the terminal is closed, and then it needs no modes
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, modes);
        }
    }

    /// Waits until keys arrive, a signal is received or `end` is closed.
    pub(super) fn wait<'a>(&self, buffer: &'a mut [u8], signals: &Signals, end: &impl AsFd) -> Wake<'a> {
        let mut had_it = true;
        loop {
            // in the background, input belongs to another process, and reading it would stop this one
            let has_it = (self.may_touch)(&self.terminal);
            if has_it && !had_it && self.apply().is_err() {
                return Wake::End;
            }
            had_it = has_it;
            let mut fds = [
                PollFd::new(end, PollFlags::IN),
                PollFd::new(&signals.stop, PollFlags::IN),
                PollFd::new(&signals.suspend, PollFlags::IN),
                PollFd::new(&signals.resume, PollFlags::IN),
                PollFd::new(&self.terminal, PollFlags::IN),
            ];
            let watched = if has_it { &mut fds[..] } else { &mut fds[..4] };
            match poll(watched, (!has_it).then_some(&BACKGROUND_INTERVAL)) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return Wake::End,
            }
            let [end, stop, suspend, resume, terminal] = fds.map(|fd| fd.revents());
            if !end.is_empty() {
                return Wake::End;
            }
            if !stop.is_empty() {
                return Wake::Stop;
            }
            if !suspend.is_empty() {
                return Wake::Suspend;
            }
            if !resume.is_empty() {
                return Wake::Resume;
            }
            if terminal.contains(PollFlags::IN) && (self.may_touch)(&self.terminal) {
                return match rustix::io::read(&self.terminal, &mut *buffer) {
                    Ok(0) => Wake::End,
                    Ok(count) => Wake::Typed(&buffer[..count]),
                    Err(Errno::INTR | Errno::AGAIN) => Wake::Typed(&[]),
                    Err(_) => Wake::End,
                };
            }
            if terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                return Wake::End;
            }
        }
    }
}

/// The reason why a wait ended.
#[derive(Debug)]
pub(super) enum Wake<'a> {
    Typed(&'a [u8]),
    /// A signal that stops the job.
    Stop,
    /// Ctrl-Z.
    Suspend,
    /// The process continues; another process may have used the terminal meanwhile.
    Resume,
    End,
}
