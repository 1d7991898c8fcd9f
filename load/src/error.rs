//! Errors of load tests.

use std::{io, path::PathBuf};

use tradesim_archive::Error as ArchiveError;
use tradesim_bridge::BridgeError;
use tradesim_replay::{ServerError, SourceError};
use tradesim_schemas::text::grouped;
use tradesim_sources::FaultPlanError;

/// The reason why a load test cannot run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The scenario is invalid.
    #[error("invalid scenario {origin}: {what}")]
    Scenario {
        /// The file or the name of the scenario.
        origin: String,
        /// The problem, and its place.
        what: String,
    },
    /// The recording is not the one that the scenario specifies.
    #[error("the recording is not that of the scenario: {} has the digest {found}, expected {wanted}", path.display())]
    OtherRecording {
        /// The archive.
        path: PathBuf,
        /// Its digest.
        found: String,
        /// The digest in the scenario.
        wanted: String,
    },
    /// No message is due in any stage.
    #[error("the stages of the scenario contain no messages")]
    NoMessages,
    /// The recording is too short for the stages.
    #[error("the stages need {} messages, but the recording has {}", grouped(*needed), grouped(*found))]
    TooFewMessages {
        /// The number of messages of the stages.
        needed: u64,
        /// The number of messages of the recording.
        found: u64,
    },
    /// The fault plan does not fit the recording.
    #[error(transparent)]
    Faults(#[from] FaultPlanError),
    /// The archive cannot be read, or a report cannot be written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The messages of the recording cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The server failed.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The bridge failed.
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    /// The system cannot create a thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// A thread of an endpoint panicked, which is a bug.
    #[error("an end point panicked")]
    Panicked,
    /// The server stopped early.
    #[error("the server ended before everything was sent")]
    ServerEnded,
    /// The command of an event failed.
    #[error("the event {event:?} failed: {cause}")]
    Event {
        /// The name of the event.
        event: String,
        /// The exit status and the output.
        cause: String,
    },
    /// The page of the load cannot be served.
    #[error("cannot serve the page of the load")]
    Watch(#[source] io::Error),
    /// A report cannot be read.
    #[error("cannot read {}", path.display())]
    ReadReport {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is larger than any report.
    #[error("{} is not a report of a load test: it is larger than {} MiB", path.display(), max_bytes >> 20)]
    LargeReport {
        /// The file.
        path: PathBuf,
        /// The size limit in bytes.
        max_bytes: u64,
    },
    /// A file is not a report.
    #[error("{} is not a report of a load test", path.display())]
    NotReport {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// A report has a layout that this version does not know.
    #[error("{} is a report with schema_version {found}, expected {known}", path.display())]
    ReportVersion {
        /// The file.
        path: PathBuf,
        /// The version of its layout.
        found: u64,
        /// The version that is known.
        known: u32,
    },
    /// A report cannot be written as JSON.
    #[error("cannot write the report")]
    Report(#[from] serde_json::Error),
}
