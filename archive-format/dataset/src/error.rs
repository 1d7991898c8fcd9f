//! The errors of datasets.

use std::{
    io,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;
use tradesim_archive::{Error as ArchiveError, StoreFailure};
use tradesim_schemas::PieceError;
use tradesim_sim::{OptionsError, PlanError, session::CalendarError};

/// An error of a dataset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// An archive cannot be read or written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The options of the simulation are invalid.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// A planned event is not possible on a day.
    #[error("a planned event is not possible on {date} with seed {seed}")]
    Event {
        /// The date.
        date: NaiveDate,
        /// The seed.
        seed: u64,
        /// The event, and the reason.
        source: PlanError,
    },
    /// A date cannot be simulated.
    #[error(transparent)]
    Date(#[from] CalendarError),
    /// A call of the operating system failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The path of the file or folder.
        path: PathBuf,
        /// The failed action, as a verb.
        action: &'static str,
        /// The cause, from the operating system.
        #[source]
        source: io::Error,
    },
    /// A folder cannot be created.
    #[error("cannot create the folder {}", path.display())]
    CannotCreate {
        /// The path of the folder.
        path: PathBuf,
        /// The cause, from the operating system.
        #[source]
        source: io::Error,
    },
    /// The folder has no recipe.
    #[error("{} is not a dataset: it has no _tradesim/recipe.json", root.display())]
    NotDataset {
        /// The path of the folder.
        root: PathBuf,
    },
    /// A file of the dataset is not what this program writes.
    #[error("{}: {what}", path.display())]
    BadFile {
        /// The path of the file.
        path: PathBuf,
        /// The problem.
        what: String,
    },
    /// The dataset was made by other versions than those of this program.
    #[error("{}: {key} is {found:?}, this program has {ours:?}", path.display())]
    OtherVersion {
        /// The path of the recipe.
        path: PathBuf,
        /// The name of the version.
        key: &'static str,
        /// The version of the dataset.
        found: String,
        /// The version of this program.
        ours: String,
    },
    /// The folder contains another dataset.
    #[error("{} is another dataset: {difference}", root.display())]
    OtherRecipe {
        /// The path of the folder.
        root: PathBuf,
        /// The first difference between the recipes.
        difference: String,
    },
    /// The dataset is sealed, with other content.
    #[error("{} exists with other content", path.display())]
    OtherManifest {
        /// The path of the manifest.
        path: PathBuf,
    },
    /// The number of parts does not fit the symbols.
    #[error("invalid number of parts {parts}: expected 1 to {symbols}, the number of symbols")]
    Parts {
        /// The number of parts.
        parts: u16,
        /// The number of symbols.
        symbols: usize,
    },
    /// The dataset would have too many units, or none.
    #[error("{units} units of dates, seeds and parts: expected 1 to {limit}")]
    Units {
        /// The number of units.
        units: u64,
        /// The largest number of units.
        limit: u64,
    },
    /// The dataset has no such day.
    #[error("the dataset has no day {date} with seed {seed}")]
    NoDay {
        /// The date.
        date: NaiveDate,
        /// The seed.
        seed: u64,
    },
    /// A part of a day is missing, or is not that of the recipe.
    #[error("{}: {what}", path.display())]
    OtherPart {
        /// The path of the part.
        path: PathBuf,
        /// The difference.
        what: String,
    },
    /// Files with hashes of slices do not belong together.
    #[error("{}: {what}", path.display())]
    OtherPieces {
        /// The path of the file.
        path: PathBuf,
        /// The difference.
        what: String,
    },
    /// Hashes of slices are missing or given twice.
    #[error("the pieces are not one day")]
    Pieces(#[from] PieceError),
    /// The caller stopped the work.
    #[error("stopped")]
    Stopped,
}

/// The kind of an error, from which a caller decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is invalid.
    Usage,
    /// Files differ from what they should be.
    Difference,
    /// Data is damaged or unsupported.
    Data,
    /// An output exists with other content, or cannot be created.
    Output,
    /// Anything else.
    Failed,
}

impl DatasetError {
    /// Returns the kind of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            DatasetError::Archive(error) if error.is_bad_data() => ErrorKind::Data,
            DatasetError::Archive(error) if error.is_cannot_create() => ErrorKind::Output,
            DatasetError::Options(_)
            | DatasetError::Event { .. }
            | DatasetError::Date(_)
            | DatasetError::Parts { .. }
            | DatasetError::Units { .. }
            | DatasetError::NoDay { .. } => ErrorKind::Usage,
            DatasetError::NotDataset { .. }
            | DatasetError::BadFile { .. }
            | DatasetError::OtherVersion { .. } => ErrorKind::Data,
            DatasetError::OtherRecipe { .. }
            | DatasetError::OtherManifest { .. }
            | DatasetError::CannotCreate { .. } => ErrorKind::Output,
            DatasetError::OtherPart { .. } | DatasetError::OtherPieces { .. } | DatasetError::Pieces(_) => {
                ErrorKind::Difference
            }
            DatasetError::Archive(_) | DatasetError::Io { .. } | DatasetError::Stopped => ErrorKind::Failed,
        }
    }

    /// Returns true if the error says nothing about the content of the files: the work was stopped, the system or a store does not
    /// answer or refuses, or another writer replaced an object meanwhile. A file that the user may not read is not damaged.
    pub(crate) fn is_about_work(&self) -> bool {
        match self {
            DatasetError::Stopped => true,
            DatasetError::Archive(ArchiveError::Store(error)) => error.failure != StoreFailure::NotFound,
            DatasetError::Io { source, .. } | DatasetError::Archive(ArchiveError::Io { source, .. }) => {
                // these are what a wrong file causes: a folder or a dangling link of its name, and an end that comes too early
                !matches!(
                    source.kind(),
                    io::ErrorKind::NotFound
                        | io::ErrorKind::IsADirectory
                        | io::ErrorKind::NotADirectory
                        | io::ErrorKind::UnexpectedEof
                        | io::ErrorKind::InvalidData
                )
            }
            _ => false,
        }
    }

    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> DatasetError {
        DatasetError::Io { path: path.to_owned(), action, source }
    }

    pub(crate) fn bad(path: &Path, what: impl ToString) -> DatasetError {
        DatasetError::BadFile { path: path.to_owned(), what: what.to_string() }
    }
}
