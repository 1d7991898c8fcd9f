//! Limits, so that nothing read from a file sets an allocation unchecked (FORMAT.md, section 8).

/// Bytes of a raw frame: the longest message that tradesim reads from a socket.
pub(crate) const FRAME_BYTES_MAX: usize = 16 << 20;
/// Bytes of raw frames after which a row group ends early.
pub(crate) const GROUP_RAW_BYTES: usize = 64 << 20;
/// Bytes of raw frames in a block after which the row group ends early: what the writer holds of it twice over.
pub(crate) const BLOCK_RAW_BYTES: usize = 8 << 20;
/// Bytes of all pages of `raw` in a row group, uncompressed: frames up to the limit above and one more, and their lengths.
pub(crate) const GROUP_RAW_PAGE_BYTES_MAX: u64 = (GROUP_RAW_BYTES + FRAME_BYTES_MAX + (8 << 20)) as u64;
/// Row groups of an archive.
pub(crate) const GROUPS_MAX: u64 = 65_535;
/// Rows of a row group: of each row at most 56 bytes can be in a dictionary, and the dictionaries have a limit.
pub(crate) const GROUP_ROWS_MAX: u64 = 1 << 19;
/// Bytes of a row group as stored.
pub(crate) const GROUP_BYTES_MAX: u64 = 256 << 20;
/// Bytes of all dictionaries of a row group, uncompressed: they are all in memory at a time.
pub(crate) const GROUP_DICTIONARY_BYTES_MAX: u64 = 32 << 20;
/// Bytes of a data page, uncompressed, of other columns than `raw`: one of each column is in memory at a time.
pub(crate) const PAGE_BYTES_MAX: u64 = 2 << 20;
/// Bytes of the window that a zstd frame of a page of `raw` needs, as a power of two.
pub(crate) const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Bytes of a page header.
pub(crate) const PAGE_HEADER_BYTES_MAX: usize = 16 << 10;
/// Bytes of a text in a column other than `raw`: none of the contract's is as long.
pub(crate) const TEXT_BYTES_MAX: usize = 64;
/// Columns of the table, of which later minor versions may have more.
pub(crate) const COLUMNS_MAX: usize = 256;
/// Bytes of the tail: page index and footer.
pub(crate) const TAIL_BYTES_MAX: u64 = 512 << 20;
/// Bytes of the footer.
pub(crate) const FOOTER_BYTES_MAX: u64 = 256 << 20;
/// Bytes of the metadata document.
pub(crate) const METADATA_BYTES_MAX: u64 = 24 << 20;
/// Values of the metadata document: members of objects and elements of lists.
pub(crate) const METADATA_VALUES_MAX: usize = 1 << 20;
/// Objects and lists within each other in the metadata document, which `sources` nest.
pub(crate) const METADATA_DEPTH_MAX: usize = 124;
/// Origins of an archive, and symbols of an origin.
pub(crate) const ORIGINS_MAX: usize = u16::MAX as usize;
/// Options of an archive.
pub(crate) const OPTIONS_MAX: usize = 1_024;
/// Numbers of faults that are listed.
pub(crate) const FAULTS_MAX: usize = 100_000;
/// Bytes of a state frame, uncompressed.
pub(crate) const STATE_FRAME_BYTES_MAX: u64 = 64 << 20;
