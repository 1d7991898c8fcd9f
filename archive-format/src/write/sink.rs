//! The output of the Parquet writer: the file, with a hash of each region, and for the tail a buffer that can still be
//! changed.

use std::io::{self, Write};

use tradesim_schemas::ByteHash;

/// The file as the Parquet writer sees it.
pub(super) struct Sink {
    out: Box<dyn Write + Send>,
    hasher: blake3::Hasher,
    position: u64,
    region_start: u64,
    /// The bytes after the last row group, after [`Sink::begin_tail`] was called.
    tail: Option<Vec<u8>>,
    /// The first error of `out`. The Parquet writer returns errors in a form that hides their kind.
    error: Option<io::Error>,
}

/// A region of the file: offset, length and byte hash.
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) digest: ByteHash,
}

impl Sink {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Sink {
        Sink { out, hasher: blake3::Hasher::new(), position: 0, region_start: 0, tail: None, error: None }
    }

    /// Returns the region written since the last call.
    pub(super) fn end_region(&mut self) -> Region {
        let digest = ByteHash::from(self.hasher.finalize());
        self.hasher.reset();
        let offset = std::mem::replace(&mut self.region_start, self.position);
        Region { offset, length: self.position - offset, digest }
    }

    /// Collects all following bytes in the buffer. Returns their offset in the file.
    pub(super) fn begin_tail(&mut self) -> u64 {
        self.tail = Some(Vec::new());
        self.position
    }

    /// Returns the collected tail.
    pub(super) fn take_tail(&mut self) -> Vec<u8> {
        self.tail.take().unwrap_or_default()
    }

    /// Returns the error of the file that stopped a write, if there was one.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Returns the number of bytes in the file.
    pub(super) fn position(&self) -> u64 {
        self.position
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(tail) = &mut self.tail {
            tail.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        match self.out.write(bytes) {
            Ok(written) => {
                self.hasher.update(&bytes[..written]);
                self.position += written as u64;
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.error.get_or_insert(error);
                Err(kind.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
