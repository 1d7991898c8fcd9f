//! Creates files atomically: under its final name, a file is either complete or absent.

mod leftovers;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use tempfile::TempPath;

use crate::{Error, regular::other_than_regular};

/// A new file under a temporary name in the folder of its final name. It is removed if it is dropped. If the process is
/// killed, the next `NewFile` in the same folder removes it.
///
/// Archives are written with it. It is public for files of other formats that should be created atomically.
#[derive(Debug)]
pub struct NewFile {
    path: PathBuf,
    folder: PathBuf,
    file: File,
    temporary: TempPath,
    overwrite: bool,
}

impl NewFile {
    /// Creates a temporary file that will become `path`.
    ///
    /// # Errors
    /// Returns an error if `path` exists and `overwrite` is false, if it is not a regular file, or if its folder does not
    /// exist or is not writable.
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
            // opened here and not by the crate, whose errors would name the temporary file
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

    /// Returns the final path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a handle to write to the file.
    ///
    /// # Errors
    /// Returns an error if the handle cannot be duplicated.
    pub fn handle(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(|source| self.write_error(source))
    }

    /// Converts an error of writing through a handle to an [`Error`] with the file's final name.
    pub fn write_error(&self, source: io::Error) -> Error {
        Error::write(&self.path, source)
    }

    /// Syncs the content to disk, and gives the file its final name. Returns its length in bytes.
    ///
    /// # Errors
    /// Returns an error if the path exists by now and must not be replaced, or if a call of the operating system fails.
    /// After [`Error::FolderNotSynced`], the file exists and is complete.
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
        // the new name must survive a power failure, too
        match sync_folder(&folder) {
            Ok(()) => Ok(bytes),
            Err(source) => Err(Error::FolderNotSynced { path, folder, source }),
        }
    }
}

/// Removes the unfinished files that killed processes of this user left in a folder, and logs each. [`NewFile::create`] does so
/// in its folder; this is for a folder in which nothing is created.
pub fn remove_leftovers(folder: &Path) {
    if let Ok(metadata) = tempfile::tempfile().and_then(|file| file.metadata()) {
        leftovers::remove(folder, metadata.uid());
    }
}

/// Creates a file of this name and locks it, so that other processes do not remove it as a leftover.
fn open_locked(temporary: &Path) -> io::Result<File> {
    // the default mode of a new file; the umask of the process applies
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o666).open(temporary)?;
    let is_ours = match file.try_lock() {
        // another process may have removed it as a leftover before it was locked
        Ok(()) => file.metadata()?.nlink() > 0,
        Err(TryLockError::WouldBlock) => false,
        // writing also works on file systems without locks
        Err(TryLockError::Error(_)) => true,
    };
    // after this error, the caller tries another name
    if is_ours { Ok(file) } else { Err(io::ErrorKind::AlreadyExists.into()) }
}

/// Checks the output before it is written, so that errors are not found only at the end. Only a regular file may be
/// overwritten, because the new file replaces it, which would remove a device or a pipe. Returns the file's name in its
/// folder.
fn check(path: &Path, overwrite: bool) -> Result<&std::ffi::OsStr, Error> {
    let cannot = |source| Error::CannotCreate { path: path.to_owned(), source };
    if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(cannot(io::ErrorKind::IsADirectory.into()));
    }
    let name = path
        .file_name()
        .ok_or_else(|| cannot(io::Error::new(io::ErrorKind::InvalidInput, "the path is not a file name")))?;
    let taken = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(cannot(io::ErrorKind::IsADirectory.into())),
        Ok(found) => {
            if let Some(kind) = other_than_regular(&found) {
                return Err(cannot(io::Error::other(format!("it is {kind}, not a regular file"))));
            }
            true
        }
        // a dangling link occupies the name as well
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
        // like the end of a process: the lock is released and the file stays
        temporary.keep().unwrap();
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        NewFile::create(folder.path().join("b"), false).unwrap().publish().unwrap();
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["b"]);
    }
}
