//! Maps outcomes and errors to the exit codes of the contract (section 9).

use std::{io, path::PathBuf, process::ExitCode};

use tradesim_archive::{Error as ArchiveError, StoreAction, StoreError, StoreFailure};
use tradesim_dataset::{DatasetError, ErrorKind};
use tradesim_replay::ServerError;
use tradesim_sources::{ExchangeTimeError, FaultPlanError};

use crate::output;

/// The result of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The command succeeded.
    Done,
    /// The command found a difference, a loss or a broken rule.
    Difference,
    /// A threshold of a load test failed.
    ThresholdFailed,
}

/// A failure with an exit code of its own. All other errors have the exit code 1, "failed while running".
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is invalid.
    #[error("{what}")]
    Usage { what: String, hint: Option<String> },
    /// The command line is invalid, and `clap` has printed the error already.
    #[error("invalid command line")]
    ShownUsage,
    /// An environment variable, a line of the `.env` file or another configuration is invalid.
    #[error("{what}")]
    Configuration { what: String, hint: Option<String> },
    /// The input is invalid.
    #[error("{what}")]
    Data { what: String, hint: Option<String> },
    /// A peer does not respond.
    #[error("{what}")]
    Unreachable { what: String, hint: Option<String> },
    /// The output cannot be created.
    #[error("cannot create {}", path.display())]
    OutputUnwritable { path: PathBuf, source: io::Error },
    /// A signal stopped the command in an orderly way.
    #[error("stopped by {}", signal_name(*signal))]
    Interrupted { signal: i32 },
    /// The reader of standard output closed the pipe, which is not a failure.
    #[error("standard output was closed")]
    StdoutClosed,
}

impl From<ExchangeTimeError> for Failure {
    fn from(error: ExchangeTimeError) -> Failure {
        let hint = matches!(error, ExchangeTimeError::NoDate);
        let hint = hint.then(|| "use RFC 3339, for example 2026-02-18T14:30:00Z".to_owned());
        Failure::Usage { what: error.to_string(), hint }
    }
}

/// The exit codes of the contract.
mod code {
    pub(super) const FAILED: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const DIFFERENCE: u8 = 3;
    pub(super) const DATA: u8 = 65;
    pub(super) const UNREACHABLE: u8 = 69;
    pub(super) const OUTPUT: u8 = 73;
    pub(super) const CONFIGURATION: u8 = 78;
    pub(super) const THRESHOLD: u8 = 99;
    /// Added to the number of the signal.
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

/// Prints the failure, if there is one, and returns the exit code.
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

/// Returns the exit code and the hint of an error, by its type.
fn decide(error: &anyhow::Error) -> (u8, Option<&str>) {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        (failure.code(), failure.hint())
    } else if let Some(dataset) = error.downcast_ref::<DatasetError>() {
        (dataset_code(dataset), dataset_hint(dataset))
    } else if let Some(archive) = error.chain().find_map(|cause| cause.downcast_ref::<ArchiveError>()) {
        // a server wraps errors of reading the archive
        (archive_code(archive), archive_hint(archive))
    } else if let Some(plan) = error.downcast_ref() {
        let for_replays =
            matches!(plan, FaultPlanError::NotForArchives { .. } | FaultPlanError::TooManyForArchives { .. });
        let hint = "`tradesim replay FILE --faults PLAN` adds it while serving the archive";
        (code::CONFIGURATION, for_replays.then_some(hint))
    } else if let Some(ServerError::Bind { source, .. }) = error.downcast_ref() {
        let in_use = source.kind() == io::ErrorKind::AddrInUse;
        (code::FAILED, in_use.then_some("--port 0 picks a free port"))
    } else {
        (code::FAILED, None)
    }
}

fn dataset_code(error: &DatasetError) -> u8 {
    if let DatasetError::Archive(error) = error {
        return archive_code(error);
    }
    match error.kind() {
        ErrorKind::Usage => code::USAGE,
        ErrorKind::Difference => code::DIFFERENCE,
        ErrorKind::Data => code::DATA,
        ErrorKind::Output => code::OUTPUT,
        ErrorKind::Failed => code::FAILED,
    }
}

fn dataset_hint(error: &DatasetError) -> Option<&'static str> {
    match error {
        DatasetError::OtherRecipe { .. } => Some("use another folder, or delete this one"),
        DatasetError::OtherManifest { .. } => Some("delete it to seal the dataset again"),
        DatasetError::NotDataset { .. } => Some("`tradesim dataset record` makes one"),
        DatasetError::OtherVersion { .. } => Some("use the version of tradesim that recorded the dataset"),
        DatasetError::OtherPart { .. } => {
            Some("`tradesim dataset record` with the same options makes missing parts")
        }
        _ => None,
    }
}

fn archive_code(error: &ArchiveError) -> u8 {
    if let ArchiveError::Store(error) = error {
        store_code(error)
    } else if error.is_bad_data() {
        code::DATA
    } else if error.is_cannot_create() {
        code::OUTPUT
    } else {
        code::FAILED
    }
}

fn store_code(error: &StoreError) -> u8 {
    match error.failure {
        StoreFailure::Replaced => code::DATA,
        StoreFailure::Configuration | StoreFailure::Denied => code::CONFIGURATION,
        StoreFailure::Unreachable => code::UNREACHABLE,
        StoreFailure::NotFound if error.action == StoreAction::Write => code::OUTPUT,
        _ => code::FAILED,
    }
}

fn archive_hint(error: &ArchiveError) -> Option<&'static str> {
    match error {
        ArchiveError::Exists { .. } => Some("--force overwrites it"),
        ArchiveError::JournalExists { .. } => {
            Some("`tradesim recover JOURNAL` converts it into an archive; delete it if it is not needed")
        }
        ArchiveError::FolderNotSynced { .. } => Some("the file is complete; `sync` makes its name durable"),
        ArchiveError::Foreign { .. } => {
            Some("expected an archive written by `record`, `serve`, `capture`, `filter`, `merge` or `plant`")
        }
        ArchiveError::Unfinished { .. }
        | ArchiveError::DamagedTail { .. }
        | ArchiveError::DamagedRowGroup { .. } => {
            Some("copy it again, or record it again: the same seed produces the same archive")
        }
        ArchiveError::UnsupportedVersion { .. } => Some("use a newer version of tradesim"),
        _ => None,
    }
}

/// Puts an error on one line, whatever its text contains.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn signal_name(signal: i32) -> &'static str {
    signal_hook::low_level::signal_name(signal).unwrap_or("a signal")
}
