//! Under its final name a file is whole or absent.

mod leftovers;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempPath;

use crate::{Error, regular::other_than_regular};

/// A file in the making, under a temporary name in the folder of its final one. Dropped, it is removed; where the
/// process is killed, the next file that is begun in the same folder removes it.
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
            .suffix(leftovers::SUFFIX)
            .rand_bytes(leftovers::RANDOM_CHARACTERS)
            // opened here and not by the crate, whose errors name the temporary file: nobody knows that one
            .make_in(&folder, open_locked)
            .map_err(|source| match Error::write(path, source) {
                Error::Io { path, source, .. } => Error::CannotCreate { path, source },
                full => full,
            })?
            .into_parts();
        if let Ok(metadata) = file.metadata() {
            leftovers::remove(&folder, metadata.uid());
        }
        Ok(NewFile { path: path.to_owned(), folder, file, temporary, overwrite })
    }

    /// The file's final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A handle to write to the file.
    ///
    /// # Errors
    /// The error of the operating system.
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
    /// A path that exists by now while overwriting was not asked for, and what the operating system says. After
    /// [`Error::FolderNotSynced`] the file is there, and complete.
    pub fn publish(self) -> Result<u64, Error> {
        self.publish_and(|folder| File::open(folder)?.sync_all())
    }

    fn publish_and(self, sync_folder: impl FnOnce(&Path) -> io::Result<()>) -> Result<u64, Error> {
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
        match sync_folder(&folder) {
            Ok(()) => Ok(bytes),
            Err(source) => Err(Error::FolderNotSynced { path, folder, source }),
        }
    }
}

/// Makes a file of this name and locks it, so that nobody takes it for one that was left over.
fn open_locked(temporary: &Path) -> io::Result<File> {
    // the mode that any new file gets: the process's mask takes its share
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o666).open(temporary)?;
    let is_ours = match file.try_lock() {
        // whoever looks for leftovers may have removed it before it was locked
        Ok(()) => file.metadata()?.nlink() > 0,
        Err(TryLockError::WouldBlock) => false,
        // a file system without locks is no reason not to write
        Err(TryLockError::Error(_)) => true,
    };
    // with this error the caller tries another name
    if is_ours { Ok(file) } else { Err(io::ErrorKind::AlreadyExists.into()) }
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_folder_that_cannot_be_synced_is_named_beside_the_file_that_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let file = NewFile::create(&path, false).unwrap();
        file.handle().unwrap().write_all(b"content").unwrap();
        let error = file.publish_and(|_| Err(io::Error::other("the disk is gone"))).unwrap_err();
        assert!(matches!(error, Error::FolderNotSynced { .. }), "{error:?}");
        assert!(!error.is_cannot_create() && !error.is_bad_data());
        let (name, folder_name) = (path.display(), folder.path().display());
        assert_eq!(
            error.to_string(),
            format!(
                "{name} is complete and has its final name, but its folder {folder_name} could not be synced to disk: \
                 after a power failure the file may be missing"
            )
        );
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_the_making_is_not_a_leftover() {
        let folder = tempfile::tempdir().unwrap();
        let first = NewFile::create(folder.path().join("a"), false).unwrap();
        let second = NewFile::create(folder.path().join("a"), true).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        first.publish().unwrap();
        second.publish().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_process_left_goes_with_the_next_file() {
        let folder = tempfile::tempdir().unwrap();
        let NewFile { file, temporary, .. } = NewFile::create(folder.path().join("a"), false).unwrap();
        // as the end of a process does: the lock goes and the file stays
        temporary.keep().unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        NewFile::create(folder.path().join("b"), false).unwrap().publish().unwrap();
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["b"]);
    }
}
