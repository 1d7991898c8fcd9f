//! Where the Parquet writer's bytes go: into the file, hashed on the way, and at the end into a buffer that can still
//! be changed.

use std::io::{self, Write};

use tradesim_schemas::Digest;

/// The file as the Parquet writer sees it.
pub(super) struct Sink {
    out: Box<dyn Write + Send>,
    hasher: blake3::Hasher,
    position: u64,
    region_start: u64,
    /// Everything after the last row group, once [`Sink::begin_tail`] was called.
    tail: Option<Vec<u8>>,
    /// The first error of `out`. The Parquet writer passes errors on in a form that hides their kind.
    error: Option<io::Error>,
}

/// A part of the file: offset, length and digest.
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) digest: Digest,
}

impl Sink {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Sink {
        Sink { out, hasher: blake3::Hasher::new(), position: 0, region_start: 0, tail: None, error: None }
    }

    /// The part written since the last call.
    pub(super) fn end_region(&mut self) -> Region {
        let digest = Digest::from_bytes(*self.hasher.finalize().as_bytes());
        self.hasher.reset();
        let offset = std::mem::replace(&mut self.region_start, self.position);
        Region { offset, length: self.position - offset, digest }
    }

    /// From here on, keeps what is written. Returns where in the file that will be.
    pub(super) fn begin_tail(&mut self) -> u64 {
        self.tail = Some(Vec::new());
        self.position
    }

    /// The tail.
    pub(super) fn take_tail(&mut self) -> Vec<u8> {
        self.tail.take().unwrap_or_default()
    }

    /// The error that made a write stop, if the file was the reason.
    pub(super) fn take_error(&mut self) -> Option<io::Error> {
        self.error.take()
    }

    /// Bytes in the file.
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
