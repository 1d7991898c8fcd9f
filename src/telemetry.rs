//! Logs go to the standard error, as JSON or as text. This is the only place that installs a subscriber.

use std::{
    fmt::{self, Debug},
    io::{self, IsTerminal, Write},
};

use tracing::field::Field;
use tracing_subscriber::{
    field::MakeExt,
    fmt::format::{Writer, debug_fn},
};

use crate::{
    exit::Failure,
    output::{safe, safe_lines},
    settings::{Group, Settings},
};

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogFormat::Json => "json",
            LogFormat::Text => "text",
        })
    }
}

/// Starts logging as the settings of a group say; without a format JSON is written, or text to a terminal.
///
/// # Errors
/// A level or format that does not exist.
pub(crate) fn start(settings: &Settings, group: Group) -> Result<(), Failure> {
    let level = settings.log_level_of(group)?;
    let format = settings.log_format_of(group)?.unwrap_or(if io::stderr().is_terminal() {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let builder = tracing_subscriber::fmt()
        // nobody listening is no reason to fail, and the reaction to it would be a panic
        .log_internal_errors(false)
        .with_ansi(
            io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()),
        )
        .with_max_level(level);
    match format {
        LogFormat::Json => builder.json().with_writer(|| SafeJson(io::stderr())).init(),
        LogFormat::Text => {
            builder.fmt_fields(debug_fn(write_field).delimited(" ")).with_writer(io::stderr).init();
        }
    }
    Ok(())
}

/// Writes a field of a text line. Values come from feeds and brokers, so they are made safe to show.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let value = format!("{value:?}");
    match field.name() {
        "message" => write!(writer, "{}", safe(&value)),
        name => write!(writer, "{}={}", name.trim_start_matches("r#"), safe(&value)),
    }
}

/// Writes JSON lines; what the JSON writer leaves as it is although it is unsafe to show is escaped within its texts.
struct SafeJson<W>(W);

impl<W: Write> Write for SafeJson<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(safe_lines(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    fn log() {
        let reason = "bye\u{1b}[2J\u{9b}31m\nERROR forged\u{202e}";
        tracing::warn!(reason, error = %reason, seq = 7, "closed by {reason}");
    }

    #[test]
    fn foreign_text_in_a_text_line_is_safe_to_show() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .fmt_fields(debug_fn(write_field).delimited(" "))
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(subscriber.finish(), log);
        let text = lines.text();
        let (line, rest) = text.split_once('\n').unwrap();
        assert_eq!(rest, "");
        assert!(line.chars().all(|character| !character.is_control()), "{line:?}");
        let shown = "bye\\u001b[2J\\u009b31m\\u000aERROR forged\\u202e";
        assert!(
            line.contains(&format!("closed by {shown}")) && line.contains(&format!("error={shown}")),
            "{line}"
        );
        assert!(line.contains("seq=7"), "{line}");
    }

    #[test]
    fn foreign_text_in_a_json_line_is_safe_to_show_and_the_same() {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || SafeJson(writer.clone()));
        tracing::subscriber::with_default(subscriber.finish(), log);
        let text = lines.text();
        assert!(text.trim_end().chars().all(|character| !character.is_control()), "{text:?}");
        assert!(!text.contains('\u{202e}'), "{text:?}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["fields"]["reason"], "bye\u{1b}[2J\u{9b}31m\nERROR forged\u{202e}");
    }
}
