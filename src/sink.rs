//! Archives in the making.

use std::{ffi::OsStr, num::NonZeroUsize, path::Path, thread};

use tradesim_archive::{ArchiveWriter, Batch, Columns, Faults, Provenance, Summary, WriterOptions};

use crate::{cli::ThreadArgs, exit::Failure, signals::Stop};

/// An archive that is being written; it gets its name when it is finished, and leaves nothing behind otherwise.
#[derive(Debug)]
pub(crate) struct Sink {
    writer: ArchiveWriter,
    stop: Stop,
}

impl Sink {
    /// Begins an archive. From here on the signals that stop a job end it at its next batch.
    pub(crate) fn create(
        path: &Path,
        force: bool,
        threads: ThreadArgs,
        provenance: Provenance,
        columns: Columns,
    ) -> anyhow::Result<Sink> {
        let stop = Stop::on_signals()?;
        let options = WriterOptions {
            overwrite: force,
            threads: thread_count(threads),
            columns,
            ..WriterOptions::default()
        };
        Ok(Sink { writer: ArchiveWriter::create(path, provenance, options)?, stop })
    }

    /// Adds rows.
    pub(crate) fn write(&mut self, batch: Batch) -> anyhow::Result<()> {
        self.stop.check()?;
        if batch.has_captured() {
            for row in batch.into_rows() {
                self.writer.write_row(row)?;
            }
        } else {
            self.writer.write_records(batch.into_records())?;
        }
        Ok(())
    }

    /// Fails once a signal came; for work between batches.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        Ok(self.stop.check()?)
    }

    /// Says what is wrong with it on purpose.
    pub(crate) fn set_faults(&mut self, faults: Faults) {
        self.writer.set_faults(faults);
    }

    /// Says where messages may be missing.
    pub(crate) fn set_gaps(&mut self, seqs: &[u64]) {
        self.writer.set_gaps(seqs);
    }

    /// Publishes the archive.
    pub(crate) fn finish(self) -> anyhow::Result<Summary> {
        self.stop.check()?;
        Ok(self.writer.finish()?)
    }
}

/// Refuses an output whose name asks for what is no archive, so that nobody takes one for text.
pub(crate) fn check_name(path: &Path) -> Result<(), Failure> {
    const OTHERS: [&str; 6] = ["jsonl", "json", "ndjson", "csv", "avro", "zst"];
    if path == "-" {
        return Err(Failure::usage_hint(
            "an archive is a file and cannot be written to the standard output",
            "name a file; `tradesim cat` prints the messages of an archive",
        ));
    }
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    if OTHERS.contains(&extension.as_str()) {
        return Err(Failure::usage_hint(
            format!("{} would be an archive, which is Parquet and not .{extension}", path.display()),
            "end the name in .parquet, and convert that with `tradesim export FILE -o OUT`",
        ));
    }
    Ok(())
}

/// The threads asked for, or one for each core.
pub(crate) fn thread_count(threads: ThreadArgs) -> NonZeroUsize {
    threads.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}
