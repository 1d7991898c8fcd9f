//! The sources of a replay: one archive, several archives in a row, or simulated days, and streams with planted faults. Their
//! messages are numbered from 0, and can be read from any of them on.
#![deny(missing_docs)]

mod archive;
mod checkpoints;
mod client_script;
mod date;
mod faults;
mod live;
mod message;
mod outline;
mod period;
mod phases;
mod playlist;
mod scenario_file;
pub mod schedule;
mod spaced;
mod toml_text;

pub use archive::ArchiveSource;
pub use client_script::{ClientScriptError, read_client_script};
pub use date::{ExchangeTimeError, instant_in};
pub use faults::{
    ArchiveFaults, Fault, FaultKind, FaultPlan, FaultPlanError, FaultsReport, FaultyRows, FaultySource, Hit,
    KindReport, ListedFaults, ListedFaultsCheck, Places, Planted,
};
pub use live::{Days, LiveMarket, LivePlan, LiveRecords, LiveSource, Window};
pub use message::{Pace, Timestamps};
pub use playlist::{Playlist, Rounds};
pub use scenario_file::{ScenarioFile, ScenarioFileError};
pub use toml_text::{duration_of, from_toml, optional_duration_of};

use tradesim_replay::SourceError;
use tradesim_schemas::TimeSpec;

/// Wraps an error of reading.
fn read_error(error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::Read(Box::new(error))
}

/// Returns the error for an invalid position.
fn no_place(position: TimeSpec, reason: impl Into<String>) -> SourceError {
    SourceError::InvalidPosition { position, reason: reason.into() }
}
