//! Limits for everything that is read from a file before it is used for an allocation (FORMAT.md, section 8).

/// Bytes of a raw frame: the longest message that tradesim reads from a socket.
pub(crate) const FRAME_BYTES_MAX: usize = 16 << 20;
/// Bytes of raw frames after which a row group ends early.
pub(crate) const GROUP_RAW_BYTES: usize = 64 << 20;
/// Bytes of raw frames in a block after which the row group ends early. The writer keeps them in memory twice.
pub(crate) const BLOCK_RAW_BYTES: usize = 8 << 20;
/// Bytes of all pages of `raw` in a row group, uncompressed: frames up to the limit above, one more frame, and their
/// lengths.
pub(crate) const GROUP_RAW_PAGE_BYTES_MAX: u64 = (GROUP_RAW_BYTES + FRAME_BYTES_MAX + (8 << 20)) as u64;
/// Row groups of an archive.
pub(crate) const GROUPS_MAX: u64 = 65_535;
/// Rows of a row group. Dictionaries have at most 56 bytes per row, and a limit of their own.
pub(crate) const GROUP_ROWS_MAX: u64 = 1 << 19;
/// Bytes of a row group as stored.
pub(crate) const GROUP_BYTES_MAX: u64 = 256 << 20;
/// Bytes of all dictionaries of a row group, uncompressed. They are all in memory at the same time.
pub(crate) const GROUP_DICTIONARY_BYTES_MAX: u64 = 32 << 20;
/// Bytes of a data page, uncompressed, of other columns than `raw`. One page of each column is in memory at a time.
pub(crate) const PAGE_BYTES_MAX: u64 = 2 << 20;
/// The window size of a zstd frame of a page of `raw`, as a power of two: 8 MiB.
pub(crate) const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Bytes of a page header.
pub(crate) const PAGE_HEADER_BYTES_MAX: usize = 16 << 10;
/// Bytes of a text in a column other than `raw`. All texts of the contract are shorter.
pub(crate) const TEXT_BYTES_MAX: usize = 64;
/// Columns of the table, including those of later minor versions.
pub(crate) const COLUMNS_MAX: usize = 256;
/// Bytes of the tail: page index and footer.
pub(crate) const TAIL_BYTES_MAX: u64 = 512 << 20;
/// Bytes of the footer.
pub(crate) const FOOTER_BYTES_MAX: u64 = 256 << 20;
/// Bytes of the metadata document.
pub(crate) const METADATA_BYTES_MAX: u64 = 24 << 20;
/// Values of the metadata document: members of objects and elements of lists.
pub(crate) const METADATA_VALUES_MAX: usize = 1 << 20;
/// The nesting of objects and lists in the metadata document. `sources` are nested.
pub(crate) const METADATA_DEPTH_MAX: usize = 124;
/// Origins of an archive, and symbols of an origin.
pub(crate) const ORIGINS_MAX: usize = u16::MAX as usize;
/// Symbols of a part, and symbols with a digest. A reader keeps a buffer of 16 KiB for each.
pub(crate) const KEYS_MAX: usize = 4_096;
/// Slices of time with a sum.
pub(crate) const SLICES_MAX: usize = 65_536;
/// Options of an archive.
pub(crate) const OPTIONS_MAX: usize = 1_024;
/// Labels of planned events of an archive.
pub(crate) const LABELS_MAX: usize = 65_536;
/// The maximum number of planted faults that the metadata lists (FORMAT.md, section 5.9).
pub const FAULTS_MAX: usize = 100_000;
/// Bytes of a state frame, uncompressed.
pub(crate) const STATE_FRAME_BYTES_MAX: u64 = 64 << 20;
