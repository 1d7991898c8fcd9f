//! Under its final name a file is whole or absent.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempPath;

use crate::{Error, regular::other_than_regular};

/// A file in the making, under a temporary name in the folder of its final one. Dropped, it is removed.
///
/// Archives are written through it; it is public for files of other formats that are to appear in the same way.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    folder: PathBuf,
    file: File,
    temporary: TempPath,
    overwrite: bool,
}

impl NewFile {
    /// Begins a file that will be `path`.
    ///
    /// # Errors
    /// A path that exists while `overwrite` is off, or that leads to anything but a regular file; a folder that is
    /// missing or cannot be written.
    pub fn create(path: impl AsRef<Path>, overwrite: bool) -> Result<NewFile, Error> {
        let path = path.as_ref();
        let name = check(path, overwrite)?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        let (file, temporary) = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".partial")
            .rand_bytes(4)
            // opened here and not by the crate, whose errors name the temporary file: nobody knows that one
            .make_in(&folder, |temporary| {
                // the mode that any new file gets: the process's mask takes its share
                OpenOptions::new().read(true).write(true).create_new(true).mode(0o666).open(temporary)
            })
            .map_err(|source| match Error::write(path, source) {
                Error::Io { path, source, .. } => Error::CannotCreate { path, source },
                full => full,
            })?
            .into_parts();
        Ok(NewFile { path: path.to_owned(), folder, file, temporary, overwrite })
    }

    /// The file's final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A handle to write to the file.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn handle(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(|source| self.write_error(source))
    }

    /// The error of a write through a handle, under the file's final name and with a full disk told apart.
    pub fn write_error(&self, source: io::Error) -> Error {
        Error::write(&self.path, source)
    }

    /// Makes the content durable and then gives it its final name. Returns the length in bytes.
    ///
    /// # Errors
    /// A path that exists by now while overwriting was not asked for, and what the operating system says.
    pub fn publish(self) -> Result<u64, Error> {
        self.file.sync_all().map_err(|source| self.write_error(source))?;
        let bytes = self.file.metadata().map_err(|source| self.write_error(source))?.len();
        let NewFile { path, folder, temporary, overwrite, .. } = self;
        let named = if overwrite { temporary.persist(&path) } else { temporary.persist_noclobber(&path) };
        if let Err(error) = named {
            return Err(match error.error.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists { path },
                _ => Error::io(&path, "rename a temporary file to", error.error),
            });
        }
        // the new name itself must survive a loss of power
        File::open(&folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| Error::io(&folder, "make durable the folder", source))?;
        Ok(bytes)
    }
}

/// Refuses early what would be refused at the end: nobody wants to wait for that. Only a regular file is ever
/// overwritten: the new file takes the name of the old one, which would do away with a device or a pipe. Returns the
/// file's name in its folder.
fn check(path: &Path, overwrite: bool) -> Result<&std::ffi::OsStr, Error> {
    let cannot = |source| Error::CannotCreate { path: path.to_owned(), source };
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(cannot(io::ErrorKind::IsADirectory.into()));
    }
    let name = path
        .file_name()
        .ok_or_else(|| cannot(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file")))?;
    let taken = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(cannot(io::ErrorKind::IsADirectory.into())),
        Ok(found) => {
            if let Some(kind) = other_than_regular(&found) {
                return Err(cannot(io::Error::other(format!("it is {kind}, and not a regular file"))));
            }
            true
        }
        // a link that leads nowhere takes the name all the same
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.symlink_metadata().is_ok(),
        Err(error) => return Err(cannot(error)),
    };
    if taken && !overwrite { Err(Error::Exists { path: path.to_owned() }) } else { Ok(name) }
}
