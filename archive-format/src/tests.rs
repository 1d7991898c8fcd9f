//! Laws of the whole: what is written is what is read.

mod round_trip;

use std::path::Path;

use tradesim_schemas::Record;

use crate::{
    Archive, ArchiveWriter, Error, OpenOptions, Start, Summary, WriterOptions,
    sample::{self, Sample},
};

/// Small row groups on one thread.
pub(crate) fn small_options() -> WriterOptions {
    WriterOptions { row_group_rows: 2_048, ..WriterOptions::default() }
}

/// Writes records of the sample.
pub(crate) fn write(path: &Path, records: Vec<Record>, options: WriterOptions) -> Result<Summary, Error> {
    let mut writer = ArchiveWriter::create(path, sample::provenance(), options)?;
    writer.write_records(records)?;
    writer.finish()
}

/// All records from a place on.
pub(crate) fn read(archive: &Archive, start: Start) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for batch in archive.batches(start) {
        records.extend_from_slice(batch?.records());
    }
    Ok(records)
}
