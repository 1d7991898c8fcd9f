//! Under its final name a file is whole or absent.

use std::{
    fs::{File, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::Error;

/// A file under a temporary name in the folder of the final one. Dropped, it is removed.
pub(super) struct Unpublished {
    path: PathBuf,
    folder: PathBuf,
    temporary: NamedTempFile,
    overwrite: bool,
}

impl Unpublished {
    pub(super) fn create(path: &Path, overwrite: bool) -> Result<Unpublished, Error> {
        let cannot = |source| Error::CannotCreate { path: path.to_owned(), source };
        let name = path
            .file_name()
            .ok_or_else(|| cannot(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file")))?;
        if path.is_dir() {
            return Err(cannot(io::ErrorKind::IsADirectory.into()));
        }
        if !overwrite && path.symlink_metadata().is_ok() {
            return Err(Error::Exists { path: path.to_owned() });
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        let temporary = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".partial")
            .rand_bytes(4)
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(&folder)
            .map_err(|source| match Error::write(path, source) {
                Error::Io { path, source, .. } => Error::CannotCreate { path, source },
                full => full,
            })?;
        Ok(Unpublished { path: path.to_owned(), folder, temporary, overwrite })
    }

    /// The file, to write to.
    pub(super) fn file(&self) -> Result<File, Error> {
        self.temporary.as_file().try_clone().map_err(|source| Error::write(&self.path, source))
    }

    /// Makes the content durable and then gives it its final name.
    pub(super) fn publish(self) -> Result<(), Error> {
        let path = self.path;
        self.temporary.as_file().sync_all().map_err(|source| Error::write(&path, source))?;
        let named = if self.overwrite {
            self.temporary.persist(&path)
        } else {
            self.temporary.persist_noclobber(&path)
        };
        if let Err(error) = named {
            return Err(match error.error.kind() {
                io::ErrorKind::AlreadyExists => Error::Exists { path },
                _ => Error::io(&path, "rename a temporary file to", error.error),
            });
        }
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| Error::io(&self.folder, "make durable the folder", source))
    }
}
