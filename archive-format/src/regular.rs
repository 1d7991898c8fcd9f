//! Distinguishes regular files from folders, pipes, sockets and devices.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{FileTypeExt, OpenOptionsExt},
    path::Path,
};

use crate::Error;

/// Returns the kind of a file that is not a regular file, with an article, or `None` for a regular file. The metadata must
/// be that of the target of links, so that `/dev/stdout` counts as its target.
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

/// Opens a regular file for reading. It does not open anything else, because opening a pipe waits for its writer, and
/// opening a device may have side effects.
///
/// # Errors
/// Returns [`Error::NotRegular`], or an error if the file cannot be opened.
pub(crate) fn open_regular(path: &Path) -> Result<File, Error> {
    let regular = |metadata: io::Result<Metadata>| {
        let metadata = metadata.map_err(|source| Error::io(path, "read", source))?;
        match other_than_regular(&metadata) {
            Some(found) => Err(Error::NotRegular { path: path.to_owned(), found }),
            None => Ok(()),
        }
    };
    regular(fs::metadata(path))?;
    // the path may have become a pipe since the check: with this flag, opening it does not wait
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(|source| Error::io(path, "read", source))?;
    regular(file.metadata())?;
    Ok(file)
}
