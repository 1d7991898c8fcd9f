//! The states of the market that were read, from which later ones are read.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tradesim_archive::{Archive, Error, Start, StateBefore};
use tradesim_replay::{SourceError, StreamState};

/// The limit of states that are kept, some ten KB each. They are only needed for archives without state frames.
const KEPT_MAX: usize = 16;

/// The states of one archive.
#[derive(Debug, Default)]
pub(super) struct States {
    /// The most recently read ones.
    read: Mutex<Vec<StateBefore>>,
    last: OnceLock<StreamState>,
}

impl States {
    /// Returns the state before a row.
    pub(super) fn before(&self, archive: &Archive, start: Start) -> Result<StateBefore, Error> {
        let at = match start {
            Start::Seq(seq) => Some(seq),
            // without holes, which is usual, rows are numbered like messages
            Start::Row(row) => archive.metadata().first().map(|(first, _)| first.saturating_add(row)),
            Start::Beginning | Start::Time(_) => None,
        };
        let known = self
            .read()
            .iter()
            .filter(|state| state.row.map(|(seq, _)| seq) <= at)
            .max_by_key(|s| s.row)
            .cloned();
        let state = archive.state_before(start, known.as_ref())?;
        let mut read = self.read();
        if state.row.is_some() && read.iter().all(|other| other.row != state.row) {
            if read.len() == KEPT_MAX {
                read.remove(0);
            }
            read.push(state.clone());
        }
        Ok(state)
    }

    /// Returns the state after the last message, which `read` reads.
    pub(super) fn last(
        &self,
        read: impl FnOnce() -> Result<StreamState, SourceError>,
    ) -> Result<StreamState, SourceError> {
        if let Some(state) = self.last.get() {
            return Ok(state.clone());
        }
        let state = read()?;
        Ok(self.last.get_or_init(|| state).clone())
    }

    fn read(&self) -> MutexGuard<'_, Vec<StateBefore>> {
        // a panic while it is held leaves whole states
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
