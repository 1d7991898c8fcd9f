//! A file that appears under its name only when it is whole.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::{NamedTempFile, TempPath};

use super::check;
use crate::exit::Failure;

/// A file in the making, under a temporary name in the folder of its final one. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: NamedTempFile,
    path: PathBuf,
    overwrite: bool,
}

impl NewFile {
    /// Begins a file that will be `path`.
    ///
    /// # Errors
    /// A path that exists while `overwrite` is off, and a folder that cannot be written.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<NewFile, Failure> {
        check(path, overwrite)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut builder = tempfile::Builder::new();
        let prefix = format!(".{name}.");
        builder.prefix(&prefix).suffix(".partial");
        // the mode that any new file gets: the process's mask takes its share
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let file = builder
            .tempfile_in(folder(path))
            .map_err(|source| Failure::OutputUnwritable { path: path.to_owned(), source })?;
        Ok(NewFile { file, path: path.to_owned(), overwrite })
    }

    /// A handle to write to the file.
    pub(crate) fn handle(&self) -> io::Result<File> {
        self.file.as_file().try_clone()
    }

    /// Makes the file durable and gives it its name. Returns its length in bytes.
    pub(crate) fn publish(mut self) -> anyhow::Result<u64> {
        let writing = |source: io::Error| {
            anyhow::Error::new(source).context(format!("cannot write {}", self.path.display()))
        };
        self.file.flush().map_err(writing)?;
        self.file.as_file().sync_all().map_err(writing)?;
        let bytes = self.file.as_file().metadata().map_err(writing)?.len();
        let path = self.path.clone();
        let (_, temporary) = self.file.into_parts();
        rename(temporary, &path, self.overwrite)?;
        // the new name itself must survive a loss of power
        File::open(folder(&path))
            .and_then(|folder| folder.sync_all())
            .map_err(|source| Failure::OutputUnwritable { path, source })?;
        Ok(bytes)
    }
}

fn rename(temporary: TempPath, path: &Path, overwrite: bool) -> Result<(), Failure> {
    let renamed = if overwrite { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    renamed.map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => Failure::OutputExists { path: path.to_owned() },
        _ => Failure::OutputUnwritable { path: path.to_owned(), source: failed.error },
    })
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
