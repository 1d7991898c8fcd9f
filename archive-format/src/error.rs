//! The errors of reading and writing archives.

use std::{
    io,
    path::{Path, PathBuf},
};

use parquet::errors::ParquetError;
use tradesim_schemas::{Symbol, Timestamp};

use crate::{FormatVersion, StoreError, StoreFailure};

/// An error of reading or writing an archive or a journal.
///
/// Each kind of invalid file has its own variant, so that callers can decide by type: see [`Error::is_bad_data`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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
    /// A store of objects failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The output cannot be created: its folder does not exist or is not writable.
    #[error("cannot create {}", path.display())]
    CannotCreate {
        /// The path of the output.
        path: PathBuf,
        /// The cause, from the operating system.
        #[source]
        source: io::Error,
    },
    /// The output already exists, and overwriting is off.
    #[error("{} already exists", path.display())]
    Exists {
        /// The path of the output.
        path: PathBuf,
    },
    /// There is a journal of this name, from a capture that did not finish.
    #[error("{} already exists: it was left by a capture that did not finish", path.display())]
    JournalExists {
        /// The path of the journal.
        path: PathBuf,
    },
    /// A running capture is writing this journal.
    #[error("{} is in use by a running capture", path.display())]
    JournalInUse {
        /// The path of the journal.
        path: PathBuf,
    },
    /// The output has no space left: the disk is full, or a quota or a limit on the file size is reached.
    #[error("no space left to write {}", path.display())]
    DiskFull {
        /// The path of the output.
        path: PathBuf,
        /// The cause, from the operating system.
        #[source]
        source: io::Error,
    },
    /// The output is complete and has its final name, but its folder could not be synced to disk.
    #[error(
        "{} is complete and has its final name, but its folder {} could not be synced to disk: after a power failure the \
         file may be missing",
        path.display(),
        folder.display()
    )]
    FolderNotSynced {
        /// The path of the output.
        path: PathBuf,
        /// The path of its folder.
        folder: PathBuf,
        /// The cause, from the operating system.
        #[source]
        source: io::Error,
    },
    /// The Parquet writer failed, which is a bug of tradesim.
    #[error("cannot encode {}", path.display())]
    Encode {
        /// The path of the output.
        path: PathBuf,
        /// The cause, from the Parquet writer.
        #[source]
        source: ParquetError,
    },
    /// An option of the writer is out of range.
    #[error("{option} is {found}: expected {expected}")]
    BadOption {
        /// The name of the option.
        option: &'static str,
        /// The given value.
        found: u64,
        /// The valid values.
        expected: &'static str,
    },
    /// The metadata from the caller cannot be stored.
    #[error("cannot store the metadata: {what}")]
    BadMetadata {
        /// The problem, as a sentence about the metadata.
        what: &'static str,
    },
    /// The archive has reached the maximum number of row groups.
    #[error("{} has {limit} row groups, the maximum of an archive: start another archive", path.display())]
    TooManyRowGroups {
        /// The path of the output.
        path: PathBuf,
        /// The maximum number of row groups.
        limit: u64,
    },
    /// A row's seq is not above that of the previous row, or is above 2⁶³−1.
    #[error("seq {seq} is out of order: expected {} to 2⁶³−1", previous.map_or(0, |previous| previous.get() + 1))]
    SeqNotAscending {
        /// The seq of the row.
        seq: tradesim_schemas::RecordSeq,
        /// The seq of the previous row.
        previous: Option<tradesim_schemas::RecordSeq>,
    },
    /// A row's time is before that of the previous row.
    #[error("the time {found} of seq {seq} is before {previous}, the time of the previous row")]
    TimeNotAscending {
        /// The seq of the row.
        seq: tradesim_schemas::RecordSeq,
        /// The time of the row.
        found: Timestamp,
        /// The time of the previous row.
        previous: Timestamp,
    },
    /// A trade's ids are not those that derive from its order reference.
    #[error("the ids of seq {seq} do not match its order reference")]
    IdsDiffer {
        /// The seq of the row.
        seq: tradesim_schemas::RecordSeq,
    },
    /// A trade with an order reference has a symbol or an origin that the metadata does not list.
    #[error("seq {seq} has symbol {symbol}, which origin {origin} of the metadata does not list")]
    UnknownSymbol {
        /// The seq of the row.
        seq: tradesim_schemas::RecordSeq,
        /// The index of the row's origin.
        origin: u16,
        /// The symbol of the row.
        symbol: Symbol,
    },
    /// A row needs a column that the archive was created without.
    #[error("seq {seq} needs the column `{column}`, but the archive was created without it")]
    MissingColumn {
        /// The seq of the row.
        seq: tradesim_schemas::RecordSeq,
        /// The name of the column.
        column: &'static str,
    },
    /// An event cannot be restored from its columns: its spread or mid price does not follow from bid and ask, it has an
    /// order reference but is not a trade, or its volume is outside 1 to 2⁶³−1.
    #[error("seq {seq} cannot be stored in columns: {what}")]
    NotRepresentable {
        /// The seq of the row.
        seq: tradesim_schemas::RecordSeq,
        /// The reason.
        what: &'static str,
    },
    /// A raw frame is too long.
    #[error("the frame of seq {seq} has {bytes} bytes, more than the limit of {limit}")]
    FrameTooLarge {
        /// The seq of the row.
        seq: tradesim_schemas::RecordSeq,
        /// The length of the frame in bytes.
        bytes: usize,
        /// The maximum length in bytes.
        limit: usize,
    },
    /// A writer was used after an error.
    #[error("cannot continue to write {} after an earlier error", path.display())]
    Failed {
        /// The path of the output.
        path: PathBuf,
    },
    /// The input is a folder, a pipe, a socket or a device. As for a missing file, no data was read, so
    /// [`Error::is_bad_data`] is false.
    #[error("{} is {found}, not a regular file", path.display())]
    NotRegular {
        /// The path of the input.
        path: PathBuf,
        /// The kind of file, with an article, such as "a pipe".
        found: &'static str,
    },
    /// The file does not begin like a journal.
    #[error("{} is not the journal of a capture", path.display())]
    NotJournal {
        /// The path of the file.
        path: PathBuf,
    },
    /// The file does not begin like a Parquet file.
    #[error("{} is not a Parquet file", path.display())]
    NotParquet {
        /// The path of the file.
        path: PathBuf,
    },
    /// The file begins like a Parquet file but does not end like one: it is unfinished or truncated, or bytes follow its
    /// end.
    #[error("{} does not end like an archive: it is unfinished, or bytes were cut off or added", path.display())]
    Unfinished {
        /// The path of the file.
        path: PathBuf,
    },
    /// The file is a Parquet file, but not a tradesim archive.
    #[error("{} is a Parquet file, but not a tradesim archive", path.display())]
    Foreign {
        /// The path of the file.
        path: PathBuf,
    },
    /// This build does not support the format version of the archive.
    #[error("{} has archive format {found}, this build supports {supported}", path.display())]
    UnsupportedVersion {
        /// The path of the file.
        path: PathBuf,
        /// The version found.
        found: String,
        /// The newest supported version.
        supported: FormatVersion,
    },
    /// The bytes after the last row group are not those that were written.
    #[error("{} is damaged at its end: {what}", path.display())]
    DamagedTail {
        /// The path of the file.
        path: PathBuf,
        /// The problem.
        what: &'static str,
    },
    /// The bytes of a row group are not those that were written.
    #[error("{} is damaged in row group {row_group}, at bytes {offset} to {}", path.display(), offset + length)]
    DamagedRowGroup {
        /// The path of the file.
        path: PathBuf,
        /// The row group, from 0.
        row_group: usize,
        /// The offset of its first byte in the file.
        offset: u64,
        /// Its length in bytes.
        length: u64,
    },
    /// The bytes of a state frame are not those that were written.
    #[error("{} is damaged in state frame {index}", path.display())]
    DamagedStateFrame {
        /// The path of the file.
        path: PathBuf,
        /// The state frame, from 0.
        index: usize,
    },
    /// The length of the file changed while it was read.
    #[error("the length of {} changed while it was read, from {expected} to {found} bytes", path.display())]
    CutShort {
        /// The path of the file.
        path: PathBuf,
        /// Its length in bytes when it was opened.
        expected: u64,
        /// Its current length in bytes.
        found: u64,
    },
    /// The messages do not have the content digest of the metadata.
    #[error("the messages of {} have the digest {found}, its metadata has {expected}", path.display())]
    WrongContent {
        /// The path of the file.
        path: PathBuf,
        /// The digest in the metadata.
        expected: tradesim_schemas::ContentDigest,
        /// The digest of the messages.
        found: tradesim_schemas::ContentDigest,
    },
    /// The messages of a symbol do not have the digest, the number or the length of the metadata.
    #[error("the messages of {symbol} in {} are not those of its metadata", path.display())]
    WrongKey {
        /// The path of the file.
        path: PathBuf,
        /// The symbol.
        symbol: Symbol,
    },
    /// The numbers of messages by time are not those of the metadata.
    #[error("the messages of {} are not in the slices of time of its metadata", path.display())]
    WrongSlices {
        /// The path of the file.
        path: PathBuf,
    },
    /// A state frame does not follow from the messages before it.
    #[error("the state frame of {} before message {seq} is not the state that its messages lead to", path.display())]
    WrongState {
        /// The path of the file.
        path: PathBuf,
        /// The message before which it is.
        seq: tradesim_schemas::RecordSeq,
    },
    /// A message has a symbol or a time that the metadata excludes.
    #[error(
        "{} has a message {} that its metadata excludes",
        path.display(),
        symbol.map_or_else(|| "without a symbol".to_owned(), |symbol| format!("of {symbol}"))
    )]
    StrayMessage {
        /// The path of the file.
        path: PathBuf,
        /// The symbol of the message.
        symbol: Option<Symbol>,
    },
    /// A message cannot be in an archive that states the sums of slices: its time is in no slice, or it is not an event.
    #[error("seq {seq} belongs to no symbol or slice of the archive")]
    NoSlice {
        /// The seq of the row.
        seq: tradesim_schemas::RecordSeq,
    },
    /// The digests are correct, but the content is not a valid archive: it was written by a defective or malicious writer.
    #[error("{} is not a valid archive: {place}: {what}", path.display())]
    Corrupt {
        /// The path of the file.
        path: PathBuf,
        /// The part of the file.
        place: Place,
        /// The problem.
        what: String,
    },
    /// A number in the file is above its limit.
    #[error("{}: {what} is {found}, above the limit of {limit}", path.display())]
    TooLarge {
        /// The path of the file.
        path: PathBuf,
        /// The name of the number.
        what: &'static str,
        /// The value found.
        found: u64,
        /// The limit.
        limit: u64,
    },
}

/// A part of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The Parquet footer.
    Footer,
    /// The metadata document.
    Metadata,
    /// A row group, by its number from 0.
    RowGroup(usize),
    /// A state frame, by its number from 0.
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
    /// Returns true if the content of the file is the cause: it is not an archive, has an unsupported version, is damaged
    /// or is truncated.
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
                | Error::WrongKey { .. }
                | Error::WrongSlices { .. }
                | Error::WrongState { .. }
                | Error::StrayMessage { .. }
                | Error::Corrupt { .. }
                | Error::TooLarge { .. }
                | Error::Store(StoreError { failure: StoreFailure::Replaced, .. })
        )
    }

    /// Returns true if the output already exists or cannot be created.
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

    /// Creates the error of a failed write: [`Error::DiskFull`] or [`Error::Io`].
    pub(crate) fn write(path: &Path, source: io::Error) -> Error {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let path = path.to_owned();
        match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Error::DiskFull { path, source },
            _ => Error::Io { path, action: "write", source },
        }
    }
}
