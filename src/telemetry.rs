//! Logs go to the standard error, as JSON or as text. This is the only place that installs a subscriber.

use std::{
    fmt,
    io::{self, IsTerminal},
};

use tracing_subscriber::EnvFilter;

use crate::settings::{Group, SettingError, Settings};

/// How a log line looks.
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
pub(crate) fn start(settings: &Settings, group: Group) -> Result<(), SettingError> {
    let level = settings.log_level(group)?;
    let format = settings.log_format(group)?.unwrap_or(if io::stderr().is_terminal() {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let builder = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        // nobody listening is no reason to fail, and the reaction to it would be a panic
        .log_internal_errors(false)
        .with_ansi(
            io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()),
        )
        .with_env_filter(EnvFilter::new(level.as_str()));
    match format {
        LogFormat::Json => builder.json().init(),
        LogFormat::Text => builder.init(),
    }
    Ok(())
}
