//! A TCP stream that says when it would have to wait.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A TCP stream that, once told so, gives [`io::ErrorKind::WouldBlock`] before each read that may have to wait, so that
/// whoever reads messages knows that all that had arrived are in hand.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    may_wait: Wait,
    heard: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// Each read may.
    Always,
    /// The next read may.
    Once,
    Never,
}

impl Wire {
    /// A stream each of whose reads may wait, as long as its time-out says.
    pub fn new(stream: TcpStream) -> Wire {
        Wire { stream, may_wait: Wait::Always, heard: false }
    }

    /// From now on reads wait when they are let.
    pub fn announce_waits(&mut self) {
        self.may_wait = Wait::Once;
    }

    /// Whether anything came since this was asked last.
    pub fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    /// Lets the next read wait, for at most `time`.
    ///
    /// # Errors
    /// A stream of which nothing can be asked any more.
    pub fn let_wait(&mut self, time: Duration) -> io::Result<()> {
        self.may_wait = Wait::Once;
        // zero would mean for ever
        self.stream.set_read_timeout(Some(time.max(Duration::from_millis(1))))
    }

    /// The stream itself, for its time-outs.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.may_wait {
            Wait::Always => {}
            Wait::Once => self.may_wait = Wait::Never,
            Wait::Never => return Err(io::ErrorKind::WouldBlock.into()),
        }
        let count = self.stream.read(buffer).map_err(as_would_block)?;
        self.heard |= count > 0;
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes).map_err(as_would_block)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A read that timed out or was interrupted is one to try again.
fn as_would_block(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::TimedOut => io::ErrorKind::WouldBlock.into(),
        _ => error,
    }
}

/// Whether an error says that nothing is there yet.
pub fn is_would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}
