//! Bytes on their way into the file or the standard output, compressed or not.

use std::{
    io::{self, BufWriter, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// zstd's level for exports, its own default.
const ZSTD_LEVEL: i32 = 3;
const BUFFER_BYTES: usize = 256 * 1024;

/// The error that made a write stop, if the file was the reason. The writers of the formats wrap it in errors of their
/// own, some of which keep nothing but its text.
#[derive(Clone, Debug, Default)]
pub(super) struct FileError(Arc<Mutex<Option<io::Error>>>);

impl FileError {
    pub(super) fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the first error and passes on its kind.
    fn keep(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        kind.into()
    }
}

/// The file or the standard output, with its first error kept.
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

/// The bytes as they are, or a zstd stream of them.
pub(super) enum Sink {
    Plain(BufWriter<Watched>),
    Zstd(zstd::Encoder<'static, BufWriter<Watched>>),
}

impl Sink {
    /// A way into `out`, whose errors are also kept in `error`.
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

    /// Ends the stream and writes what is buffered.
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
