//! The options of a writer, and its result.

use std::num::NonZeroUsize;

use tradesim_schemas::ContentDigest;

use crate::{Columns, Counts, Metadata, SliceGrid};

/// The default number of rows of a row group.
pub const ROW_GROUP_ROWS: u32 = 262_144;

/// The options of [`ArchiveWriter::create`](super::ArchiveWriter::create). They do not change the content digest. Only
/// `columns`, `row_group_rows` and `slices` change the bytes of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// Allows an existing file to be replaced. Off by default.
    pub overwrite: bool,
    /// The number of threads for encoding. With one, everything runs on the caller's thread.
    pub threads: NonZeroUsize,
    /// The number of rows of a row group, 1,024 to 524,288. A multiple of 65,536 is best for other readers.
    pub row_group_rows: u32,
    /// The optional columns that the rows need.
    pub columns: Columns,
    /// Adds the digest of each symbol, and the sums of these slices of time, to the metadata (FORMAT.md, 5.11 and 5.12).
    pub slices: Option<SliceGrid>,
}

impl Default for WriterOptions {
    fn default() -> WriterOptions {
        WriterOptions {
            overwrite: false,
            threads: NonZeroUsize::MIN,
            row_group_rows: ROW_GROUP_ROWS,
            columns: Columns::default(),
            slices: None,
        }
    }
}

/// The result of writing an archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The content digest.
    pub digest: ContentDigest,
    /// The number of messages of each kind.
    pub counts: Counts,
    /// The length of the file in bytes.
    pub bytes: u64,
    /// The complete metadata.
    pub metadata: Metadata,
}
