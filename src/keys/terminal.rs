//! The terminal: its modes, and waiting for what it sends.

use std::{fs::File, io, os::fd::AsFd, sync::Mutex};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr},
};

/// How often a process in the background looks whether it is in the foreground again.
const BACKGROUND_INTERVAL: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Whether this process may read and set the terminal: from the background the system would stop it for that.
pub(super) fn in_foreground(terminal: &File) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// The modes of a terminal, to be put back in the end.
#[derive(Debug)]
pub(super) struct Modes {
    terminal: File,
    may_touch: fn(&File) -> bool,
    before: Mutex<Option<Termios>>,
}

impl Modes {
    /// Switches line editing and echo off, and nothing else. Where that fails nothing is changed.
    pub(super) fn keys(terminal: File, may_touch: fn(&File) -> bool) -> io::Result<Modes> {
        let before = tcgetattr(&terminal)?;
        let modes = Modes { terminal, may_touch, before: Mutex::new(Some(before)) };
        modes.apply()?;
        Ok(modes)
    }

    /// Switches them off again, after somebody else had the terminal.
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

    /// Puts the modes back, once. In the background the terminal is somebody else's, and is left alone.
    pub(super) fn restore(&self) {
        let before = self.before.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(before) = before.filter(|_| (self.may_touch)(&self.terminal)) {
            // a terminal that has gone needs no modes
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &before);
        }
    }

    /// Waits for keys or for one of the two others to become readable or closed.
    pub(super) fn wait<'a>(&self, buffer: &'a mut [u8], signals: &impl AsFd, end: &impl AsFd) -> Wake<'a> {
        let mut had_it = true;
        loop {
            // in the background what is typed is for somebody else, and reading it would stop this process
            let has_it = (self.may_touch)(&self.terminal);
            if has_it && !had_it && self.apply().is_err() {
                return Wake::End;
            }
            had_it = has_it;
            let mut fds = [
                PollFd::new(end, PollFlags::IN),
                PollFd::new(signals, PollFlags::IN),
                PollFd::new(&self.terminal, PollFlags::IN),
            ];
            let watched = if has_it { &mut fds[..] } else { &mut fds[..2] };
            match poll(watched, (!has_it).then_some(&BACKGROUND_INTERVAL)) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return Wake::End,
            }
            let [end, signals, terminal] = fds.map(|fd| fd.revents());
            if !end.is_empty() {
                return Wake::End;
            }
            if !signals.is_empty() {
                return Wake::Signal;
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

/// What ended a wait.
#[derive(Debug)]
pub(super) enum Wake<'a> {
    Typed(&'a [u8]),
    Signal,
    End,
}
