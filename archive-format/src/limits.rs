//! Limits, so that nothing read from a file sets an allocation unchecked (FORMAT.md, section 8).

/// Bytes of a raw frame: the longest message that tradesim reads from a socket.
pub(crate) const FRAME_BYTES_MAX: usize = 16 << 20;
/// Bytes of raw frames after which a row group ends early.
pub(crate) const GROUP_RAW_BYTES: usize = 64 << 20;
/// Rows of a row group.
pub(crate) const GROUP_ROWS_MAX: u64 = 1 << 22;
/// Bytes of a row group as stored.
pub(crate) const GROUP_BYTES_MAX: u64 = 1 << 30;
/// Bytes of the tail: page index and footer.
pub(crate) const TAIL_BYTES_MAX: u64 = 512 << 20;
/// Bytes of the footer.
pub(crate) const FOOTER_BYTES_MAX: u64 = 256 << 20;
/// Bytes of the metadata document.
pub(crate) const METADATA_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a state frame, uncompressed.
pub(crate) const STATE_FRAME_BYTES_MAX: u64 = 256 << 20;
