//! The sources of `replay` and `serve`: one archive, several archives in a row, or simulated days. Their messages are numbered
//! from 0, and can be read from any of them on.

mod archive;
mod checkpoints;
mod live;
mod message;
mod playlist;

pub(crate) use archive::ArchiveSource;
pub(crate) use live::{Days, LiveSource, Plan, Records};
pub(crate) use message::{Pace, Timestamps};
pub(crate) use playlist::{Playlist, Rounds};

use tradesim_replay::SourceError;

/// Wraps an error of reading.
fn read_error(error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::Read(Box::new(error))
}

/// Returns the error for an invalid position.
fn no_place(place: &str, reason: impl Into<String>) -> SourceError {
    SourceError::InvalidPosition { position: place.to_owned(), reason: reason.into() }
}
