//! Bytes on their way into the file, compressed or not.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

/// zstd's level for exports, its own default.
const ZSTD_LEVEL: i32 = 3;
const BUFFER_BYTES: usize = 256 * 1024;

/// The file, or a zstd stream into it.
pub(super) enum Sink {
    Plain(BufWriter<File>),
    Zstd(zstd::Encoder<'static, BufWriter<File>>),
}

impl Sink {
    pub(super) fn new(file: File, compressed: bool) -> io::Result<Sink> {
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
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
