//! What `replay` and `serve` play: an archive, or several of them one after the other, or simulated days, as messages that
//! are numbered from 0 and can be read from any of them on.

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

/// An error of reading, as the server passes it on.
fn read_error(error: impl std::error::Error + Send + Sync + 'static) -> SourceError {
    SourceError::Read(Box::new(error))
}

/// A text that names no place.
fn no_place(place: &str, reason: impl Into<String>) -> SourceError {
    SourceError::InvalidPosition { position: place.to_owned(), reason: reason.into() }
}
