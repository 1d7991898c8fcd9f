//! Removes unfinished files of processes that were killed.
//!
//! Every unfinished file is locked by the process that writes it, and the system releases the lock when the process ends in
//! any way. So an unfinished file that can be locked is a leftover.

use std::{
    fs::{self, DirEntry, OpenOptions},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt},
    },
    path::Path,
};

/// The number of random characters in the name of an unfinished file.
pub(super) const RANDOM_CHARACTERS: usize = 4;
/// The suffix of an unfinished file's name.
pub(super) const SUFFIX: &str = ".partial";
/// The maximum number of folder entries that are examined, so that a large folder does not delay a recording.
const ENTRIES_MAX: usize = 100_000;

/// Removes the leftovers in a folder, and logs each. Only files of the user `owner` are removed. Files that cannot be
/// examined or removed are ignored.
pub(super) fn remove(folder: &Path, owner: u32) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.take(ENTRIES_MAX).flatten() {
        if !is_unfinished(entry.file_name().as_bytes()) {
            continue;
        }
        let path = entry.path();
        match remove_one(&entry, owner) {
            Ok(Some(bytes)) => {
                tracing::warn!(
                    path = %path.display(),
                    bytes,
                    "removed the unfinished file of a process that was killed"
                );
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(
                    path = %path.display(),
                    %error,
                    "cannot remove the unfinished file of a process that was killed"
                );
            }
        }
    }
}

/// Returns true if a file has a name that [`super::NewFile`] assigns: `.NAME.abcd.partial`.
fn is_unfinished(name: &[u8]) -> bool {
    let Some(stem) = name.strip_prefix(b".").and_then(|name| name.strip_suffix(SUFFIX.as_bytes())) else {
        return false;
    };
    let Some(dot) = stem.len().checked_sub(RANDOM_CHARACTERS + 1) else { return false };
    dot > 0 && stem[dot] == b'.' && stem[dot + 1..].iter().all(u8::is_ascii_alphanumeric)
}

/// Removes one file if it is a leftover. Returns its length.
fn remove_one(entry: &DirEntry, owner: u32) -> io::Result<Option<u64>> {
    let path = entry.path();
    let found = entry.metadata()?;
    if !found.is_file() || found.uid() != owner {
        return Ok(None);
    }
    // some network file systems lock only files that are open for writing
    let file = match OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(&path) {
        Ok(file) => file,
        // the process that wrote it has finished in the meantime
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if file.try_lock().is_err() {
        // it is in use, or the file system does not support locks
        return Ok(None);
    }
    let locked = file.metadata()?;
    match path.symlink_metadata() {
        Ok(named) if (named.dev(), named.ino()) == (locked.dev(), locked.ino()) => {}
        // it was renamed or removed before it was locked
        _ => return Ok(None),
    }
    match fs::remove_file(&path) {
        Ok(()) => Ok(Some(locked.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn only_names_of_unfinished_files_are_known_as_such() {
        for name in [".day.parquet.aB3z.partial", ".a.0000.partial", ".a b.c.d.wxyz.partial"] {
            assert!(is_unfinished(name.as_bytes()), "{name}");
        }
        for name in [
            "day.parquet.aB3z.partial",
            ".day.parquet.partial",
            ".day.parquet.aB3.partial",
            ".day.parquet.aB3zz.partial",
            ".day.parquet.aB-z.partial",
            "..aB3z.partial",
            ".aB3z.partial",
            ".partial",
            "",
            ".day.parquet.aB3z.part",
        ] {
            assert!(!is_unfinished(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn files_of_processes_that_run_and_files_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in [".a.0001.partial", ".a.0002.partial", ".a.partial", "b"] {
            fs::write(path(name), b"content").unwrap();
        }
        fs::create_dir(path(".c.0001.partial")).unwrap();
        std::os::unix::fs::symlink(path("b"), path(".d.0001.partial")).unwrap();
        let owner = path("b").metadata().unwrap().uid();
        let running = File::open(path(".a.0001.partial")).unwrap();
        running.lock().unwrap();
        let names = || {
            let entries = fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        remove(folder.path(), owner + 1);
        assert_eq!(names().len(), 6);
        remove(folder.path(), owner);
        assert_eq!(names(), [".a.0001.partial", ".a.partial", ".c.0001.partial", ".d.0001.partial", "b"]);
        drop(running);
        remove(folder.path(), owner);
        assert_eq!(names(), [".a.partial", ".c.0001.partial", ".d.0001.partial", "b"]);
    }
}
