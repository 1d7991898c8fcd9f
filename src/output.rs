//! Where things are written: data to the standard output, talk to the standard error. What is for people is safe to show
//! on a terminal, whoever worded it.

mod foreign;

use std::{
    fmt,
    io::{self, BufWriter, IsTerminal, Write},
};

use serde::Serialize;

use crate::exit::Failure;

use foreign::push_safe_bytes;
pub(crate) use foreign::{safe, safe_lines};

/// Bytes that are gathered before they are written: the price of a message is the system call.
const STDOUT_BUFFER_BYTES: usize = 256 * 1024;

/// Writes a line for people to the standard error. Nobody may be listening, which is no reason to fail.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let line = line.to_string();
    let _ = writeln!(io::stderr().lock(), "{}", safe(&line));
}

/// Writes a text of several lines for people to the standard error.
pub(crate) fn say_lines(text: &str) {
    let _ = io::stderr().lock().write_all(safe_lines(text).as_bytes());
}

/// The standard output, buffered.
#[derive(Debug)]
pub(crate) struct Stdout {
    out: BufWriter<io::StdoutLock<'static>>,
}

impl Stdout {
    pub(crate) fn new() -> Stdout {
        Stdout { out: BufWriter::with_capacity(STDOUT_BUFFER_BYTES, io::stdout().lock()) }
    }

    /// Writes data as it is.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.out.write_all(bytes).map_err(stdout_failure)
    }

    /// Writes a line for people.
    pub(crate) fn line(&mut self, line: &str) -> anyhow::Result<()> {
        self.write(safe(line).as_bytes())?;
        self.write(b"\n")
    }

    /// Writes what is buffered. To be called at the end: what is still buffered on drop is lost without a word.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()
    }

    /// Writes what is buffered, before more comes.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        // the standard library's own handle buffers lines, so it is flushed as well
        self.out.flush().and_then(|()| self.out.get_mut().flush()).map_err(stdout_failure)
    }
}

/// How messages are written, one a line: byte for byte, or safe to show where they go to a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageLines {
    Raw,
    Safe,
}

impl MessageLines {
    /// Returns how messages are written to the standard output; `raw` asks for their bytes on a terminal as well.
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

/// Prints one JSON object, for people and programs alike: indented, keys in the order of the type. What would be unsafe to
/// show is escaped within its texts, as JSON allows.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print_lines(&serde_json::to_string_pretty(value)?)
}

/// The failure of a write to the standard output; that of a reader who has gone is none.
pub(crate) fn stdout_failure(error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::StdoutClosed.into()
    } else {
        anyhow::Error::new(error).context("cannot write to the standard output")
    }
}

/// A count with commas, as "1,234,567".
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes for people, as "9.0 MB" (powers of 1,000, as file managers and disks count).
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::{bytes, grouped};

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (count, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn sizes_have_one_decimal() {
        for (count, text) in
            [(0, "0 B"), (999, "999 B"), (1_000, "1.0 kB"), (999_949, "999.9 kB"), (8_650_000, "8.7 MB")]
        {
            assert_eq!(bytes(count), text);
        }
    }
}
