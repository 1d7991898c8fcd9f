//! The file of an open archive.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::{
    Error,
    mmap::{Mapping, Truncated},
    regular::other_than_regular,
};

/// The maximum length in bytes of a copy out of a mapping.
const MAPPED_BYTES_MAX: usize = 8 << 20;

/// A file that may change while it is open.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: File,
    len: u64,
    mapping: Option<Mapping>,
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
        Ok(Source { path: path.to_owned(), file, len: metadata.len(), mapping: None })
    }

    /// Maps the file if possible.
    pub(super) fn map(&mut self) {
        // a file that cannot be mapped, such as on some network disks, can still be read
        self.mapping = Mapping::new(&self.file).unwrap_or_default();
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the length of the file when it was opened, in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns a copy of a range of bytes. The caller must check them before use.
    pub(super) fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>, Error> {
        self.check_len()?;
        let end = offset.checked_add(len).filter(|&end| end <= self.len);
        assert!(end.is_some(), "ranges are checked against the file's length before they are read");
        let len = usize::try_from(len).expect("limits of length are below the address space");
        match &self.mapping {
            // a longer range would be in memory twice: in the pages of the mapping and in the copy
            Some(mapping) if len <= MAPPED_BYTES_MAX => {
                let offset = usize::try_from(offset).expect("a mapped file fits into the address space");
                mapping.copy(offset, len).map_err(|Truncated| self.cut_short())
            }
            _ => {
                let mut bytes = vec![0; len];
                match self.file.read_exact_at(&mut bytes, offset) {
                    Ok(()) => Ok(bytes),
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(self.cut_short()),
                    Err(source) => Err(Error::io(&self.path, "read", source)),
                }
            }
        }
    }

    /// Checks that the length of the file did not change.
    pub(super) fn check_len(&self) -> Result<(), Error> {
        let found = self.file.metadata().map_err(|source| Error::io(&self.path, "look at", source))?.len();
        if found == self.len {
            Ok(())
        } else {
            Err(Error::CutShort { path: self.path.clone(), expected: self.len, found })
        }
    }

    fn cut_short(&self) -> Error {
        let found = self.file.metadata().map_or(0, |metadata| metadata.len());
        Error::CutShort { path: self.path.clone(), expected: self.len, found }
    }
}
