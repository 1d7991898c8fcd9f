//! What can go wrong with an archive.

use std::{
    io,
    path::{Path, PathBuf},
};

use parquet::errors::ParquetError;
use tradesim_schemas::{Symbol, Timestamp};

use crate::FormatVersion;

/// Why an archive could not be written or read.
///
/// What is wrong with a file is told apart by variant, so that a caller decides by type: see [`Error::is_bad_data`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done, as a verb.
        action: &'static str,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The output cannot be made: its folder is missing or not writable.
    #[error("cannot create {}", path.display())]
    CannotCreate {
        /// The output.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The output exists, and overwriting was not asked for.
    #[error("{} exists already", path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// There is a journal of this name, left over from a capture that did not come to its end.
    #[error("{} is left over from a capture that did not come to its end", path.display())]
    JournalExists {
        /// The journal.
        path: PathBuf,
    },
    /// A capture writes this journal now.
    #[error("{} belongs to a capture that is running", path.display())]
    JournalInUse {
        /// The journal.
        path: PathBuf,
    },
    /// There is no room left for the output: a full disk, a quota or a limit of file size.
    #[error("no room to write {}", path.display())]
    DiskFull {
        /// The output.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The output is complete and has its name, but its folder could not be made durable.
    #[error(
        "{} is complete and has its final name, but its folder {} could not be synced to disk: after a power failure the \
         file may be missing",
        path.display(),
        folder.display()
    )]
    FolderNotSynced {
        /// The output.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The Parquet writer refused the data, which is a defect of tradesim.
    #[error("the encoder of {} stopped", path.display())]
    Encode {
        /// The output.
        path: PathBuf,
        /// What the Parquet writer said.
        #[source]
        source: ParquetError,
    },
    /// An option of the writer is out of range.
    #[error("{option} is {found}; {expected} is expected")]
    BadOption {
        /// The option.
        option: &'static str,
        /// What was given.
        found: u64,
        /// What is possible.
        expected: &'static str,
    },
    /// The metadata given by the caller cannot be stored.
    #[error("the metadata cannot be stored: {what}")]
    BadMetadata {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The archive has as many row groups as a reader accepts.
    #[error("{} has {limit} row groups, the most that an archive can have: begin another one", path.display())]
    TooManyRowGroups {
        /// The output.
        path: PathBuf,
        /// The most row groups.
        limit: u64,
    },
    /// A row's seq is not above the one before it, or above 2⁶³−1.
    #[error("seq {seq} does not ascend after {previous:?}")]
    SeqNotAscending {
        /// The row's seq.
        seq: u64,
        /// The seq of the row before it.
        previous: Option<u64>,
    },
    /// A row's time is before that of the row before it.
    #[error("the time of seq {seq}, {found}, is before {previous}, that of the row before it")]
    TimeNotAscending {
        /// The row's seq.
        seq: u64,
        /// The row's time.
        found: Timestamp,
        /// The time of the row before it.
        previous: Timestamp,
    },
    /// A trade's ids are not those that follow from its order reference.
    #[error("the ids of seq {seq} do not follow from its order reference")]
    IdsDiffer {
        /// The row's seq.
        seq: u64,
    },
    /// A trade with an order reference has a symbol or an origin that the metadata does not list.
    #[error("seq {seq}: origin {origin} of the metadata has no symbol {symbol}")]
    UnknownSymbol {
        /// The row's seq.
        seq: u64,
        /// The row's origin.
        origin: u16,
        /// The row's symbol.
        symbol: Symbol,
    },
    /// A row needs a column that the archive was created without.
    #[error("seq {seq} needs the column `{column}`, which this archive was created without")]
    MissingColumn {
        /// The row's seq.
        seq: u64,
        /// The column's name.
        column: &'static str,
    },
    /// An event's fields cannot be told from its columns: a spread or middle that does not follow from bid and ask, a
    /// reference to an order in something that is no trade, a volume outside 1 to 2⁶³−1.
    #[error("seq {seq} cannot be stored by columns: {what}")]
    NotRepresentable {
        /// The row's seq.
        seq: u64,
        /// What stands in the way.
        what: &'static str,
    },
    /// A raw frame is too long.
    #[error("the frame of seq {seq} has {bytes} bytes, more than {limit}")]
    FrameTooLarge {
        /// The row's seq.
        seq: u64,
        /// The frame's length.
        bytes: usize,
        /// The longest frame that is stored.
        limit: usize,
    },
    /// A writer that has failed before was used again.
    #[error("writing {} has failed before", path.display())]
    Failed {
        /// The output.
        path: PathBuf,
    },
    /// The input is a folder, a pipe, a socket or a device. Like a missing file it says nothing of data: nothing was
    /// read, so [`Error::is_bad_data`] is false.
    #[error("{} is {found}, and not a regular file", path.display())]
    NotRegular {
        /// The input.
        path: PathBuf,
        /// What it is, with its article.
        found: &'static str,
    },
    /// The file does not begin as a journal of a capture does.
    #[error("{} is no journal of a capture", path.display())]
    NotJournal {
        /// The file.
        path: PathBuf,
    },
    /// The file does not begin as a Parquet file does.
    #[error("{} is not a Parquet file", path.display())]
    NotParquet {
        /// The file.
        path: PathBuf,
    },
    /// The file begins as a Parquet file and does not end as one: it was cut short or never finished, or has bytes
    /// behind its end.
    #[error("{} does not end as an archive does: it was never finished, or bytes were cut off or added", path.display())]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// The file is a Parquet file, and no archive of tradesim.
    #[error("{} is a Parquet file but no tradesim archive", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The archive's format version is one that this build cannot read.
    #[error("{} has archive format {found}; this build reads {supported}", path.display())]
    UnsupportedVersion {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: String,
        /// The newest version that is read.
        supported: FormatVersion,
    },
    /// The bytes after the last row group are not those that were written.
    #[error("{} is damaged at its end: {what}", path.display())]
    DamagedTail {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The bytes of a row group are not those that were written.
    #[error("{} is damaged in row group {row_group}, at bytes {offset} to {}", path.display(), offset + length)]
    DamagedRowGroup {
        /// The file.
        path: PathBuf,
        /// The row group, from 0.
        row_group: usize,
        /// Where it begins.
        offset: u64,
        /// Its bytes.
        length: u64,
    },
    /// The bytes of a state frame are not those that were written.
    #[error("{} is damaged in state frame {index}", path.display())]
    DamagedStateFrame {
        /// The file.
        path: PathBuf,
        /// The state frame, from 0.
        index: usize,
    },
    /// The file's length changed while it was read.
    #[error("{} changed its length while it was read, from {expected} bytes to {found}", path.display())]
    CutShort {
        /// The file.
        path: PathBuf,
        /// Its length when it was opened.
        expected: u64,
        /// Its length now.
        found: u64,
    },
    /// The content differs from the content digest.
    #[error("the messages of {} have the digest {found}; the metadata says {expected}", path.display())]
    WrongContent {
        /// The file.
        path: PathBuf,
        /// The digest in the metadata.
        expected: tradesim_schemas::Digest,
        /// The digest of the messages.
        found: tradesim_schemas::Digest,
    },
    /// The bytes are those that were written, and yet they are no valid archive: made by a defective or malicious
    /// writer.
    #[error("{} is no valid archive: {place}: {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Where.
        place: Place,
        /// What is wrong.
        what: String,
    },
    /// A length in the file is above the limit for it.
    #[error("{}: {what} is {found}, more than {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is too large.
        what: &'static str,
        /// The value found.
        found: u64,
        /// The largest value that is read.
        limit: u64,
    },
}

/// A place in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The Parquet footer.
    Footer,
    /// The metadata document.
    Metadata,
    /// A row group, from 0.
    RowGroup(usize),
    /// A state frame, from 0.
    StateFrame(usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Footer => f.write_str("footer"),
            Place::Metadata => f.write_str("metadata"),
            Place::RowGroup(index) => write!(f, "row group {index}"),
            Place::StateFrame(index) => write!(f, "state frame {index}"),
        }
    }
}

impl Error {
    /// Whether the file's bytes are at fault: not an archive, of another version, damaged or cut short.
    pub fn is_bad_data(&self) -> bool {
        matches!(
            self,
            Error::NotJournal { .. }
                | Error::NotParquet { .. }
                | Error::Unfinished { .. }
                | Error::Foreign { .. }
                | Error::UnsupportedVersion { .. }
                | Error::DamagedTail { .. }
                | Error::DamagedRowGroup { .. }
                | Error::DamagedStateFrame { .. }
                | Error::CutShort { .. }
                | Error::WrongContent { .. }
                | Error::Corrupt { .. }
                | Error::TooLarge { .. }
        )
    }

    /// Whether the output exists or cannot be made.
    pub fn is_cannot_create(&self) -> bool {
        matches!(
            self,
            Error::Exists { .. }
                | Error::CannotCreate { .. }
                | Error::JournalExists { .. }
                | Error::JournalInUse { .. }
        )
    }

    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> Error {
        Error::Io { path: path.to_owned(), action, source }
    }

    /// An error of writing, with a full disk told apart.
    pub(crate) fn write(path: &Path, source: io::Error) -> Error {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let path = path.to_owned();
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Error::DiskFull { path, source },
            _ => Error::Io { path, action: "write", source },
        }
    }
}
