//! The output of an export: a file or standard output, compressed or not.

use std::{
    io::{self, BufWriter, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// The zstd level, which is the default of zstd.
const ZSTD_LEVEL: i32 = 3;
const BUFFER_BYTES: usize = 256 * 1024;

/// The first write error of the file. The writers of the formats wrap it in their own errors, some of which keep only its text.
#[derive(Clone, Debug, Default)]
pub(super) struct FileError(Arc<Mutex<Option<io::Error>>>);

impl FileError {
    pub(super) fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Stores the first error and returns an error of the same kind.
    fn keep(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        kind.into()
    }
}

/// A file or standard output, which stores its first error.
pub(super) struct Watched {
    out: Box<dyn Write + Send>,
    error: FileError,
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.out.write(bytes) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(self.error.keep(error)),
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush().map_err(|error| self.error.keep(error))
    }
}

/// Plain or compressed output.
pub(super) enum Sink {
    Plain(BufWriter<Watched>),
    Zstd(zstd::Encoder<'static, BufWriter<Watched>>),
}

impl Sink {
    /// Writes to `out`, and stores its first error in `error`.
    pub(super) fn new(out: Box<dyn Write + Send>, compressed: bool, error: FileError) -> io::Result<Sink> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, Watched { out, error });
        Ok(if compressed {
            let mut encoder = zstd::Encoder::new(file, ZSTD_LEVEL)?;
            encoder.include_checksum(true)?;
            Sink::Zstd(encoder)
        } else {
            Sink::Plain(file)
        })
    }

    /// Ends the stream and writes the buffered bytes.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Sink::Plain(mut file) => file.flush(),
            Sink::Zstd(encoder) => encoder.finish()?.flush(),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Plain(file) => file.write(bytes),
            Sink::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Plain(file) => file.flush(),
            Sink::Zstd(encoder) => encoder.flush(),
        }
    }
}
