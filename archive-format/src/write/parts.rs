//! The parts of a file in their order: row groups whose columns arrive from encoders, state frames, and the tail.

use std::io::Write;

use parquet::{arrow::encode_arrow_schema, errors::ParquetError, file::metadata::KeyValue};
use tradesim_schemas::{RecordSeq, Timestamp};

use super::{ArchiveWriter, engine::Encoded};
use crate::{
    Error, Metadata, RowGroup, StateFrame, WriterVersions, layout,
    metadata::{check_bounds, to_json},
    proofs::Proved,
    tail,
};

/// The current row group.
#[derive(Clone, Copy)]
pub(super) struct OpenGroup {
    pub(super) rows: u64,
    pub(super) first: (RecordSeq, Timestamp),
    pub(super) last: (RecordSeq, Timestamp),
}

/// A part of the file that is not written yet.
pub(super) enum Part {
    Group { group: OpenGroup, columns: Vec<Encoded> },
    State { seq: RecordSeq, content: Vec<u8> },
}

impl ArchiveWriter {
    /// Writes parts from the front of the queue, waiting until at most `left` of them remain.
    pub(super) fn write_parts(&mut self, left: usize) -> Result<(), Error> {
        self.write_ready()?;
        while self.queue.len() > left {
            self.collect(true)?;
        }
        Ok(())
    }

    /// Takes encoded columns from the engine, and writes complete parts.
    pub(super) fn collect(&mut self, mut wait: bool) -> Result<(), Error> {
        loop {
            let polled = self.engine().poll(wait);
            let Some(encoded) = polled.map_err(|error| self.engine_error(error))? else { return Ok(()) };
            wait = false;
            // an encoder processes groups in order, so a column belongs to the first group that lacks it
            let count = self.column_count;
            let place = encoded.first().map(|column| column.place);
            let target = self.queue.iter_mut().find_map(|part| match part {
                Part::Group { columns, .. }
                    if columns.len() < count && columns.iter().all(|column| Some(column.place) != place) =>
                {
                    Some(columns)
                }
                _ => None,
            });
            target.expect("columns arrive only for row groups that have ended").extend(encoded);
            self.write_ready()?;
        }
    }

    fn write_ready(&mut self) -> Result<(), Error> {
        while let Some(part) = self.queue.front() {
            if matches!(part, Part::Group { columns, .. } if columns.len() < self.column_count) {
                break;
            }
            match self.queue.pop_front().expect("the queue has a front") {
                Part::Group { group, columns } => self.write_group(group, columns)?,
                Part::State { seq, content } => self.write_state_frame(seq, &content)?,
            }
        }
        Ok(())
    }

    fn write_group(&mut self, group: OpenGroup, mut columns: Vec<Encoded>) -> Result<(), Error> {
        columns.sort_by_key(|column| column.place);
        let written = (|| {
            let mut writer = self.file.next_row_group()?;
            for column in columns {
                column.append_to(&mut writer)?;
            }
            writer.close()?;
            self.file.flush().map_err(ParquetError::from)
        })();
        written.map_err(|error| self.encode(error))?;
        let region = self.file.inner_mut().end_region();
        self.row_groups.push(RowGroup {
            offset: region.offset,
            length: region.length,
            rows: group.rows,
            first: group.first,
            last: group.last,
            digest: region.digest,
        });
        Ok(())
    }

    fn write_state_frame(&mut self, seq: RecordSeq, content: &[u8]) -> Result<(), Error> {
        let written = zstd::bulk::compress(content, 3)
            .and_then(|compressed| self.file.write_all(&compressed))
            .and_then(|()| self.file.flush());
        written.map_err(|error| self.encode(error.into()))?;
        let region = self.file.inner_mut().end_region();
        self.state_frames.push(StateFrame {
            offset: region.offset,
            length: region.length,
            content_length: content.len() as u64,
            seq,
            digest: region.digest,
        });
        Ok(())
    }

    /// Writes the rest of the file. Returns the metadata and the length of the file.
    pub(super) fn write_tail(&mut self) -> Result<(Metadata, u64), Error> {
        self.end_group()?;
        self.write_parts(0)?;
        let (digest, proved) = self.engine.take().expect("a writer is finished once").finish();
        let (keys, slices) = proved.map(|Proved { keys, slices, .. }| (keys, slices)).unzip();
        let metadata = Metadata {
            format_version: self.format_version,
            writer: WriterVersions::current(),
            provenance: std::mem::take(&mut self.provenance),
            columns: self.columns,
            counts: self.validator.counts,
            digest,
            keys,
            slices,
            row_groups: std::mem::take(&mut self.row_groups),
            state_frames: std::mem::take(&mut self.state_frames),
        };
        let document = to_json(&metadata);
        check_bounds(&document).map_err(|error| Error::BadMetadata { what: error.as_str() })?;
        let offset = self.file.inner_mut().begin_tail();
        let entries = [
            ("ARROW:schema", encode_arrow_schema(&layout::embedded_schema(self.columns))),
            ("tradesim.format_version", self.format_version.to_string()),
            ("tradesim.metadata", document),
            (tail::TAIL_KEY, tail::blank_marker(offset)),
        ];
        for (key, value) in entries {
            self.file.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        self.file.finish().map_err(|error| self.encode(error))?;
        let sink = self.file.inner_mut();
        let mut bytes = sink.take_tail();
        tail::seal(&mut bytes).expect("the tail has exactly one marker");
        sink.write_all(&bytes).and_then(|()| sink.flush()).map_err(|error| self.encode(error.into()))?;
        Ok((metadata, self.file.inner().position()))
    }
}

impl WriterVersions {
    /// Returns the versions of this build.
    pub fn current() -> WriterVersions {
        WriterVersions {
            tradesim: env!("CARGO_PKG_VERSION").to_owned(),
            // the crate does not export its version; a test compares this with Cargo.lock
            parquet: "60.1.0".to_owned(),
            zstd: zstd_version(),
        }
    }
}

fn zstd_version() -> String {
    let number = zstd::zstd_safe::version_number();
    format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100)
}
