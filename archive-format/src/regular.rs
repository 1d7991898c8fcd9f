//! Regular files, and what else a path can lead to.

use std::{fs::Metadata, os::unix::fs::FileTypeExt};

/// What a path leads to in place of a regular file; `None` if it is one. The metadata must be that of what links lead
/// to, so that `/dev/stdout` counts as what it stands for.
pub(crate) fn other_than_regular(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a folder")
    } else if kind.is_fifo() {
        Some("a pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}
