//! The stored bytes of an open archive: a file, or an object of a store.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::remote::Remote;
use crate::{
    Error, Object, PendingRead,
    mmap::{Mapping, Truncated},
    regular::other_than_regular,
};

/// The maximum length in bytes of a copy out of a mapping.
const MAPPED_BYTES_MAX: usize = 8 << 20;

/// Stored bytes that may change while they are open.
#[derive(Debug)]
pub(super) struct Source {
    /// The path of the file, or the URL of the object.
    path: PathBuf,
    stored: Stored,
}

#[derive(Debug)]
enum Stored {
    File { file: File, len: u64, mapping: Option<Mapping> },
    Object(Remote),
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source, Error> {
        let regular = |metadata: io::Result<Metadata>| {
            let metadata = metadata.map_err(|source| Error::io(path, "open", source))?;
            match other_than_regular(&metadata) {
                Some(found) => Err(Error::NotRegular { path: path.to_owned(), found }),
                None => Ok(metadata),
            }
        };
        // check before opening, because opening a pipe waits for its writer, and after it, because it may be another file
        regular(fs::metadata(path))?;
        let file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
        let metadata = regular(file.metadata())?;
        let stored = Stored::File { file, len: metadata.len(), mapping: None };
        Ok(Source { path: path.to_owned(), stored })
    }

    pub(super) fn of_object(url: PathBuf, object: Box<dyn Object>) -> Result<Source, Error> {
        Ok(Source { path: url, stored: Stored::Object(Remote::new(object)?) })
    }

    /// Maps the file if possible.
    pub(super) fn map(&mut self) {
        if let Stored::File { file, mapping, .. } = &mut self.stored {
            // a file that cannot be mapped, such as on some network disks, can still be read
            *mapping = Mapping::new(file).unwrap_or_default();
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the length in bytes when it was opened.
    pub(super) fn len(&self) -> u64 {
        match &self.stored {
            Stored::File { len, .. } => *len,
            Stored::Object(object) => object.len(),
        }
    }

    /// Returns true if each read is a request over a network.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self.stored, Stored::Object(_))
    }

    /// Requests a range of an object; `None` for a file, which is read when it is needed.
    pub(super) fn begin(&self, offset: u64, len: u64) -> Option<Box<dyn PendingRead>> {
        match &self.stored {
            Stored::File { .. } => None,
            Stored::Object(object) => Some(object.begin(offset, len)),
        }
    }

    /// Returns a copy of a range of bytes. The caller must check them before use.
    pub(super) fn read(&self, offset: u64, len: u64) -> Result<Bytes, Error> {
        self.check_len()?;
        let end = offset.checked_add(len).filter(|&end| end <= self.len());
        assert!(end.is_some(), "ranges are checked against the length before they are read");
        let (file, mapping) = match &self.stored {
            Stored::Object(object) => return Ok(object.begin(offset, len).wait()?),
            Stored::File { file, mapping, .. } => (file, mapping),
        };
        let len = usize::try_from(len).expect("limits of length are below the address space");
        match mapping {
            // a longer range would be in memory twice: in the pages of the mapping and in the copy
            Some(mapping) if len <= MAPPED_BYTES_MAX => {
                let offset = usize::try_from(offset).expect("a mapped file fits into the address space");
                mapping.copy(offset, len).map(Bytes::from).map_err(|Truncated| self.cut_short())
            }
            _ => {
                let mut bytes = vec![0; len];
                match file.read_exact_at(&mut bytes, offset) {
                    Ok(()) => Ok(Bytes::from(bytes)),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.cut_short()),
                    Err(source) => Err(Error::io(&self.path, "read", source)),
                }
            }
        }
    }

    /// Checks that the length of the file did not change. Each read of an object makes sure of more.
    pub(super) fn check_len(&self) -> Result<(), Error> {
        let Stored::File { file, len, .. } = &self.stored else { return Ok(()) };
        let found = file.metadata().map_err(|source| Error::io(&self.path, "look at", source))?.len();
        if found == *len {
            Ok(())
        } else {
            Err(Error::CutShort { path: self.path.clone(), expected: *len, found })
        }
    }

    fn cut_short(&self) -> Error {
        let Stored::File { file, len, .. } = &self.stored else { unreachable!("objects are not files") };
        let found = file.metadata().map_or(0, |metadata| metadata.len());
        Error::CutShort { path: self.path.clone(), expected: *len, found }
    }
}
