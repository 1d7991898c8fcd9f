//! Where a dataset is: a folder, or a prefix of a store of objects.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use tempfile::TempDir;
use tradesim_archive::{Archive, Error as ArchiveError, OpenOptions, Store};

use crate::{DatasetError, files};

/// The number of units of a store that are looked at at the same time, because each takes some round trips.
const STORE_THREADS: NonZeroUsize = NonZeroUsize::new(16).expect("not zero");

/// The place of a dataset. Functions of this crate take a path where the dataset is a folder.
///
/// Names and content of the files follow from the recipe, in a store as in a folder. So writing a file again is harmless, and only the
/// recipe and the manifest must not exist when they are written.
#[derive(Clone, Debug)]
pub struct Root {
    /// The path of the folder, or the URL of the prefix.
    path: PathBuf,
    store: Option<Arc<dyn Store>>,
}

impl From<&Path> for Root {
    fn from(path: &Path) -> Root {
        Root { path: path.to_owned(), store: None }
    }
}

impl From<&PathBuf> for Root {
    fn from(path: &PathBuf) -> Root {
        Root::from(path.as_path())
    }
}

impl From<&Root> for Root {
    fn from(root: &Root) -> Root {
        root.clone()
    }
}

impl From<Arc<dyn Store>> for Root {
    fn from(store: Arc<dyn Store>) -> Root {
        Root { path: PathBuf::from(store.url()), store: Some(store) }
    }
}

/// An archive that is being made, before it is in the dataset.
pub(crate) struct NewArchive {
    /// Where to write it.
    pub(crate) path: PathBuf,
    /// The folder of an archive that is uploaded when it is complete. It is removed with this value.
    folder: Option<TempDir>,
}

impl Root {
    /// Returns the path of the folder, or the URL of the prefix.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path or the URL of a file of the dataset.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn store(&self) -> Option<&dyn Store> {
        self.store.as_deref()
    }

    /// Returns the number of units to look at at the same time.
    pub(crate) fn threads(&self) -> NonZeroUsize {
        if self.store.is_some() { STORE_THREADS } else { NonZeroUsize::MIN }
    }

    /// Reads a document of limited length; `None` if it does not exist.
    pub(crate) fn read(&self, name: &str) -> Result<Option<String>, DatasetError> {
        let path = self.join(name);
        let Some(store) = &self.store else {
            return if exists(&path) { files::read(&path).map(Some) } else { Ok(None) };
        };
        let object = match store.open(name) {
            Ok(object) => object,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(ArchiveError::from(error).into()),
        };
        if object.size() > files::DOCUMENT_BYTES_MAX {
            return Err(files::too_long(&path));
        }
        let bytes = object.begin(0, object.size()).wait().map_err(ArchiveError::from)?;
        files::text(&path, bytes.to_vec()).map(Some)
    }

    /// Writes a document, replacing one of the same name.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<(), DatasetError> {
        match &self.store {
            None => files::write(&self.join(name), text, true),
            Some(store) => Ok(store.replace(name, text.into()).map_err(ArchiveError::from)?),
        }
    }

    /// Writes a document that does not exist; returns false if it does.
    pub(crate) fn write_new(&self, name: &str, text: &str) -> Result<bool, DatasetError> {
        match &self.store {
            None => match files::write(&self.join(name), text, false) {
                Ok(()) => Ok(true),
                Err(DatasetError::Archive(ArchiveError::Exists { .. })) => Ok(false),
                Err(error) => Err(error),
            },
            Some(store) => Ok(store.create(name, text.into()).map_err(ArchiveError::from)?),
        }
    }

    /// Creates a folder and those above it. A store has none.
    pub(crate) fn create_folder(&self, name: &str) -> Result<(), DatasetError> {
        if self.store.is_some() {
            return Ok(());
        }
        let path = self.join(name);
        fs::create_dir_all(&path).map_err(|source| DatasetError::CannotCreate { path, source })
    }

    /// Opens an archive; `None` if it does not exist. A file is not mapped: on a network it may be replaced by the same one of
    /// another worker.
    pub(crate) fn open(&self, name: &str) -> Result<Option<Archive>, DatasetError> {
        let path = self.join(name);
        let Some(store) = &self.store else {
            let there = exists(&path).then(|| Archive::open(path, OpenOptions { mmap: false }));
            return Ok(there.transpose()?);
        };
        match store.open(name) {
            Ok(object) => Ok(Some(Archive::of_object(path, object)?)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(ArchiveError::from(error).into()),
        }
    }

    /// Returns where to write an archive. One for a store is written in the system's temporary folder: what is uploaded is complete, a
    /// request that fails can be repeated, and a worker that is killed while it simulates has sent nothing.
    pub(crate) fn new_archive(&self, name: &str) -> Result<NewArchive, DatasetError> {
        if self.store.is_none() {
            if let Some((folder, _)) = name.rsplit_once('/') {
                self.create_folder(folder)?;
            }
            return Ok(NewArchive { path: self.join(name), folder: None });
        }
        let folder = tempfile::Builder::new().prefix("tradesim-upload-").tempdir();
        let folder =
            folder.map_err(|source| DatasetError::CannotCreate { path: std::env::temp_dir(), source })?;
        Ok(NewArchive { path: folder.path().join("part.parquet"), folder: Some(folder) })
    }

    /// Makes a complete archive the one of this name.
    pub(crate) fn publish(&self, name: &str, archive: &NewArchive) -> Result<(), DatasetError> {
        if let (Some(store), Some(_)) = (&self.store, &archive.folder) {
            store.upload(name, &archive.path).map_err(ArchiveError::from)?;
        }
        Ok(())
    }
}

/// Returns true if a file exists under this name.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
