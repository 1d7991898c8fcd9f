//! A TCP stream that reports when a read would block.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A TCP stream that can return [`io::ErrorKind::WouldBlock`] before each read that may have to wait, so that a
/// reader of messages knows that it has everything that has arrived.
#[derive(Debug)]
pub(crate) struct TcpStreamWithPoll {
    stream: TcpStream,
    may_wait: Wait,
    has_activity: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// Every read may wait.
    Always,
    /// The next read may wait.
    Once,
    Never,
}

impl TcpStreamWithPoll {
    /// Returns a stream whose reads may wait, up to its timeout.
    pub(crate) fn new(stream: TcpStream) -> TcpStreamWithPoll {
        TcpStreamWithPoll { stream, may_wait: Wait::Always, has_activity: false }
    }

    /// From now on reads wait only if they are allowed to.
    pub(crate) fn report_would_block(&mut self) {
        self.may_wait = Wait::Once;
    }

    /// Returns true if anything was received since the last call.
    pub(crate) fn take_activity(&mut self) -> bool {
        std::mem::take(&mut self.has_activity)
    }

    /// Lets the next read wait, for at most `time`.
    ///
    /// # Errors
    /// A stream that cannot be used any more.
    pub(crate) fn allow_wait(&mut self, time: Duration) -> io::Result<()> {
        self.may_wait = Wait::Once;
        // zero would mean without a limit
        self.stream.set_read_timeout(Some(time.max(Duration::from_millis(1))))
    }
}

impl Read for TcpStreamWithPoll {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.may_wait {
            Wait::Always => {}
            Wait::Once => self.may_wait = Wait::Never,
            Wait::Never => return Err(io::ErrorKind::WouldBlock.into()),
        }
        let count = self.stream.read(buffer).map_err(as_would_block)?;
        self.has_activity |= count > 0;
        Ok(count)
    }
}

impl Write for TcpStreamWithPoll {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes).map_err(as_would_block)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Converts the error of a read that timed out or was interrupted, and may be repeated.
fn as_would_block(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::TimedOut => io::ErrorKind::WouldBlock.into(),
        _ => error,
    }
}

/// Returns true if an error means that nothing is available yet.
pub(crate) fn is_would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
