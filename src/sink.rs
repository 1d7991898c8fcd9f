//! Writing archives.

use std::{ffi::OsStr, num::NonZeroUsize, path::Path, thread};

use tradesim_archive::{ArchiveWriter, Batch, Columns, Faults, Provenance, Summary, WriterOptions};
use tradesim_schemas::RecordSeq;

use crate::{cli::ThreadArgs, exit::Failure, signals::Stop};

/// An archive that is being written. The file gets its name when it is finished; without that, nothing is left.
#[derive(Debug)]
pub(crate) struct Sink {
    writer: ArchiveWriter,
    stop: Stop,
}

impl Sink {
    /// Starts an archive. From now on, a signal that stops the command takes effect at the next batch.
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

    /// Appends rows.
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

    /// Fails after a signal; for work between batches.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        Ok(self.stop.check()?)
    }

    /// Sets the list of planted faults.
    pub(crate) fn set_faults(&mut self, faults: Faults) {
        self.writer.set_faults(faults);
    }

    /// Sets the places where messages may be missing.
    pub(crate) fn set_gaps(&mut self, seqs: &[RecordSeq]) {
        self.writer.set_gaps(seqs);
    }

    /// Finishes the file and gives it its name.
    pub(crate) fn finish(self) -> anyhow::Result<Summary> {
        self.stop.check()?;
        Ok(self.writer.finish()?)
    }
}

/// Refuses an output name with the extension of another format, which would be misleading.
pub(crate) fn check_name(path: &Path) -> Result<(), Failure> {
    const OTHERS: [&str; 6] = ["jsonl", "json", "ndjson", "csv", "avro", "zst"];
    if path == "-" {
        return Err(Failure::usage_hint(
            "an archive cannot be written to standard output",
            "use -o FILE; `tradesim cat` prints the messages of an archive",
        ));
    }
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    if OTHERS.contains(&extension.as_str()) {
        return Err(Failure::usage_hint(
            format!("invalid name {}: an archive is Parquet, not .{extension}", path.display()),
            "use the extension .parquet; `tradesim export FILE -o OUT` converts an archive to other formats",
        ));
    }
    Ok(())
}

/// Returns the given number of threads, or one for each core.
pub(crate) fn thread_count(threads: ThreadArgs) -> NonZeroUsize {
    threads.threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}
