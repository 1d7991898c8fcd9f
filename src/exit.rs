//! Outcome to exit code, in one place, as the contract lists them (section 9).

use std::{io, path::PathBuf, process::ExitCode};

use tradesim_archive::Error as ArchiveError;
use tradesim_replay::ServerError;

use crate::output;

/// How a command ended when nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All done.
    Done,
    /// The command did its work and found a difference, a loss or a broken rule.
    Difference,
    /// A load did not reach what its scenario asks for.
    ThresholdFailed,
}

/// A failure whose kind decides the exit code. Everything else that reaches [`report`] is "failed while running".
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line cannot be meant.
    #[error("{what}")]
    Usage { what: String, hint: Option<String> },
    /// The same, and the parser of the command line has said so already.
    #[error("the command line cannot be read")]
    ShownUsage,
    /// An environment variable or a line of the `.env` file cannot be used.
    #[error("{what}")]
    Configuration { what: String, hint: Option<String> },
    /// What was read is not what it should be.
    #[error("{what}")]
    Data { what: String, hint: Option<String> },
    /// Nobody is there, or nobody answers.
    #[error("{what}")]
    Unreachable { what: String, hint: Option<String> },
    /// The output cannot be made.
    #[error("{} cannot be made", path.display())]
    OutputUnwritable { path: PathBuf, source: io::Error },
    /// Stopped by a signal, tidily.
    #[error("stopped by {}", signal_name(*signal))]
    Interrupted { signal: i32 },
    /// The reader of the standard output went away: no failure at all.
    #[error("the standard output was closed")]
    StdoutClosed,
}

/// Exit codes of the contract.
mod code {
    pub(super) const FAILED: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const DIFFERENCE: u8 = 3;
    pub(super) const DATA: u8 = 65;
    pub(super) const UNREACHABLE: u8 = 69;
    pub(super) const OUTPUT: u8 = 73;
    pub(super) const CONFIGURATION: u8 = 78;
    pub(super) const THRESHOLD: u8 = 99;
    /// Plus the signal's number.
    pub(super) const SIGNAL: u8 = 128;
}

impl Failure {
    pub(crate) fn usage(what: impl Into<String>) -> Failure {
        Failure::Usage { what: what.into(), hint: None }
    }

    pub(crate) fn usage_hint(what: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure::Usage { what: what.into(), hint: Some(hint.into()) }
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Usage { .. } | Failure::ShownUsage => code::USAGE,
            Failure::Configuration { .. } => code::CONFIGURATION,
            Failure::Data { .. } => code::DATA,
            Failure::Unreachable { .. } => code::UNREACHABLE,
            Failure::OutputUnwritable { .. } => code::OUTPUT,
            Failure::Interrupted { signal } => code::SIGNAL + *signal as u8,
            Failure::StdoutClosed => 0,
        }
    }

    fn hint(&self) -> Option<&str> {
        match self {
            Failure::Usage { hint, .. }
            | Failure::Configuration { hint, .. }
            | Failure::Data { hint, .. }
            | Failure::Unreachable { hint, .. } => hint.as_deref(),
            Failure::ShownUsage
            | Failure::OutputUnwritable { .. }
            | Failure::Interrupted { .. }
            | Failure::StdoutClosed => None,
        }
    }
}

/// Prints a failure, once, and gives the exit code.
pub(crate) fn report(result: anyhow::Result<Outcome>) -> ExitCode {
    let error = match result {
        Ok(Outcome::Done) => return ExitCode::SUCCESS,
        Ok(Outcome::Difference) => return ExitCode::from(code::DIFFERENCE),
        Ok(Outcome::ThresholdFailed) => return ExitCode::from(code::THRESHOLD),
        Err(error) => error,
    };
    let (code, hint) = decide(&error);
    let silent = matches!(error.downcast_ref(), Some(Failure::StdoutClosed | Failure::ShownUsage));
    if !silent {
        output::say(format_args!("error: {}", one_line(&format!("{error:#}"))));
        if let Some(hint) = hint {
            output::say(format_args!("hint: {hint}"));
        }
    }
    ExitCode::from(code)
}

/// The exit code of an error and what helps against it, by its type.
fn decide(error: &anyhow::Error) -> (u8, Option<&str>) {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        (failure.code(), failure.hint())
    } else if let Some(archive) = error.chain().find_map(|cause| cause.downcast_ref::<ArchiveError>()) {
        // a server passes on what it met while it read
        (archive_code(archive), archive_hint(archive))
    } else if let Some(ServerError::Bind { source, .. }) = error.downcast_ref() {
        let in_use = source.kind() == io::ErrorKind::AddrInUse;
        (code::FAILED, in_use.then_some("--port 0 picks a free one"))
    } else {
        (code::FAILED, None)
    }
}

fn archive_code(error: &ArchiveError) -> u8 {
    if error.is_bad_data() {
        code::DATA
    } else if error.is_cannot_create() {
        code::OUTPUT
    } else {
        code::FAILED
    }
}

fn archive_hint(error: &ArchiveError) -> Option<&'static str> {
    match error {
        ArchiveError::Exists { .. } => Some("--force overwrites it"),
        ArchiveError::JournalExists { .. } => {
            Some("`tradesim recover` with its name makes the archive of it; delete it if nobody needs it")
        }
        ArchiveError::FolderNotSynced { .. } => Some("the file can be used; `sync` makes its name durable"),
        ArchiveError::Foreign { .. } => {
            Some("only files that `tradesim record` and its relatives made are read")
        }
        ArchiveError::Unfinished { .. }
        | ArchiveError::DamagedTail { .. }
        | ArchiveError::DamagedRowGroup { .. } => {
            Some("copy it again from where it came, or record it again: the same seed gives the same archive")
        }
        ArchiveError::UnsupportedVersion { .. } => Some("a newer tradesim reads it"),
        _ => None,
    }
}

/// An error is one line, whatever a library put into its text.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn signal_name(signal: i32) -> &'static str {
    signal_hook::low_level::signal_name(signal).unwrap_or("a signal")
}
