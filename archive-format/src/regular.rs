//! Regular files, and what else a path can lead to.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use crate::Error;

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

/// Opens a regular file for reading, and never anything else: opening a pipe waits for its writer, and opening a device
/// may do anything.
///
/// # Errors
/// [`Error::NotRegular`], and what the operating system says.
pub(crate) fn open_regular(path: &Path) -> Result<File, Error> {
    let regular = |metadata: io::Result<Metadata>| {
        let metadata = metadata.map_err(|source| Error::io(path, "read", source))?;
        match other_than_regular(&metadata) {
            Some(found) => Err(Error::NotRegular { path: path.to_owned(), found }),
            None => Ok(()),
        }
    };
    regular(fs::metadata(path))?;
    // between the two calls the path may come to lead to a pipe, for which this flag does not wait
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(|source| Error::io(path, "read", source))?;
    regular(file.metadata())?;
    Ok(file)
}
