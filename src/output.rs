//! Output: data on standard output, messages on standard error. Everything that is meant for people is escaped so that it is
//! safe to show on a terminal.

use std::{
    fmt,
    io::{self, BufWriter, IsTerminal, Write},
};

use serde::Serialize;

use tradesim_protocol::foreign::push_safe_bytes;
pub(crate) use tradesim_protocol::foreign::{safe, safe_lines};
pub(crate) use tradesim_schemas::text::{bytes, grouped};

use crate::exit::Failure;

/// The size of the output buffer. Without one, each message would cost a system call.
const STDOUT_BUFFER_BYTES: usize = 256 * 1024;

/// Writes a line for people to standard error. Errors are ignored.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let line = line.to_string();
    let _ = writeln!(io::stderr().lock(), "{}", safe(&line));
}

/// Writes a text of several lines for people to standard error. Errors are ignored.
pub(crate) fn say_lines(text: &str) {
    let _ = io::stderr().lock().write_all(safe_lines(text).as_bytes());
}

/// Buffered standard output.
#[derive(Debug)]
pub(crate) struct Stdout {
    out: BufWriter<io::StdoutLock<'static>>,
}

impl Stdout {
    pub(crate) fn new() -> Stdout {
        Stdout { out: BufWriter::with_capacity(STDOUT_BUFFER_BYTES, io::stdout().lock()) }
    }

    /// Writes data without escaping.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.out.write_all(bytes).map_err(stdout_failure)
    }

    /// Writes a line for people.
    pub(crate) fn line(&mut self, line: &str) -> anyhow::Result<()> {
        self.write(safe(line).as_bytes())?;
        self.write(b"\n")
    }

    /// Writes the buffered data. Call this at the end: data that is still buffered on drop is lost without an error.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()
    }

    /// Writes the buffered data.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        // the handle of the standard library buffers lines, so it must be flushed as well
        self.out.flush().and_then(|()| self.out.get_mut().flush()).map_err(stdout_failure)
    }
}

/// The form in which messages are written, one per line: raw bytes, or escaped for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageLines {
    Raw,
    Safe,
}

impl MessageLines {
    /// Returns the form for standard output; with `raw`, bytes are also written to a terminal.
    pub(crate) fn of_stdout(raw: bool) -> MessageLines {
        if !raw && io::stdout().is_terminal() { MessageLines::Safe } else { MessageLines::Raw }
    }

    /// Appends a message and its line end.
    pub(crate) fn push(self, message: &[u8], out: &mut Vec<u8>) {
        match self {
            MessageLines::Raw => out.extend_from_slice(message),
            MessageLines::Safe => push_safe_bytes(message, out),
        }
        out.push(b'\n');
    }
}

/// Prints one line.
pub(crate) fn print_line(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    let mut out = Stdout::new();
    out.line(&line.to_string())?;
    out.finish()
}

/// Prints a text of several lines.
pub(crate) fn print_lines(text: &str) -> anyhow::Result<()> {
    let mut out = Stdout::new();
    out.write(safe_lines(text).as_bytes())?;
    out.write(b"\n")?;
    out.finish()
}

/// Prints the report of a command: as one JSON object with `--json`, or else as the text that `text` writes. The object is
/// indented, with keys in the order of the type. Characters that are unsafe to show are escaped within strings, as JSON allows.
pub(crate) fn emit(
    json: bool,
    report: &impl Serialize,
    text: impl FnOnce(&mut Stdout) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if json {
        return print_lines(&serde_json::to_string_pretty(report)?);
    }
    let mut out = Stdout::new();
    text(&mut out)?;
    out.finish()
}

/// Returns the error for a failed write to standard output. A closed pipe is not a failure.
pub(crate) fn stdout_failure(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::StdoutClosed.into()
    } else {
        anyhow::Error::new(error).context("cannot write to standard output")
    }
}
