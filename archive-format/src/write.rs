//! Writes archives.

mod engine;
mod options;
mod parts;
mod publish;
mod sink;
mod validate;

use std::{
    collections::VecDeque,
    fmt,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_schema::DataType;
use parquet::{
    arrow::arrow_writer::ArrowRowGroupWriterFactory, errors::ParquetError,
    file::writer::SerializedFileWriter, schema::parser::parse_message_type,
};
use tradesim_schemas::{Record, RecordSeq};

use self::{
    engine::{Engine, EngineError, EngineSetup},
    parts::{OpenGroup, Part},
    sink::Sink,
    validate::RowValidator,
};
use crate::{
    Batch, Columns, Cut, Error, Faults, FormatVersion, Provenance, Row, RowGroup, StateFrame,
    encode::{CHUNK_ROWS, Chunk},
    layout::{self, Column},
    limits,
    proofs::Proofs,
    state::StateWriter,
};

pub use options::{ROW_GROUP_ROWS, Summary, WriterOptions};
pub use publish::{NewFile, remove_leftovers};
pub(crate) use validate::fits_columns;

/// Writes an archive. Its file appears when [`ArchiveWriter::finish`] returns. If the writer is dropped
/// before, it leaves no file.
///
/// Memory does not grow with the number of rows, except for about 50 bytes per column and page, which are kept for the
/// footer.
///
/// ```
/// use tradesim_archive::{ArchiveWriter, Provenance, WriterOptions};
/// use tradesim_schemas::{
///     Envelope, Event, Exchange, OrderBook, Price, Quantity, Record, RecordSeq, Symbol, Timestamp,
/// };
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("book.parquet");
///
/// let price = |text: &str| Price::parse(text.as_bytes()).expect("a price with 2 to 4 decimals");
/// let timestamp = Timestamp::parse(b"2026-02-18T14:30:00Z")?;
/// let book = OrderBook {
///     symbol: Symbol::new("AAPL").expect("1 to 10 characters"),
///     bid_price: price("178.49"),
///     ask_price: price("178.51"),
///     bid_size: Quantity::new(300).expect("at least one share"),
///     ask_size: Quantity::new(200).expect("at least one share"),
///     spread: price("0.02"),
///     mid_price: price("178.50"),
///     timestamp,
///     exchange: Exchange::Nasdaq,
/// };
/// let envelope = Envelope { timestamp, event: Event::OrderBook(book) };
///
/// let mut writer = ArchiveWriter::create(&path, Provenance::default(), WriterOptions::default())?;
/// writer.write_records(vec![Record { seq: RecordSeq(0), origin: 0, order: None, envelope }])?;
/// let summary = writer.finish()?;
/// assert_eq!(summary.counts.orderbook, 1);
/// assert_eq!(summary.bytes, std::fs::metadata(&path)?.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ArchiveWriter {
    path: PathBuf,
    unpublished: Option<NewFile>,
    file: SerializedFileWriter<Sink>,
    factory: ArrowRowGroupWriterFactory,
    engine: Option<Engine>,
    validator: RowValidator,
    pending: Batch,
    /// The number of bytes of raw frames in it.
    pending_raw_bytes: usize,
    group: Option<OpenGroup>,
    /// The parts of the file that are not written yet, in order.
    queue: VecDeque<Part>,
    provenance: Provenance,
    columns: Columns,
    column_count: usize,
    row_group_rows: u64,
    groups_begun: usize,
    row_groups: Vec<RowGroup>,
    state_frames: Vec<StateFrame>,
    pub(crate) states: StateWriter,
    format_version: FormatVersion,
    failed: bool,
}

impl fmt::Debug for ArchiveWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveWriter").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ArchiveWriter {
    /// The number of rows that are encoded together. A batch of exactly this length is not copied.
    pub const BATCH_ROWS: usize = CHUNK_ROWS;

    /// Starts an archive.
    ///
    /// # Errors
    /// Returns an error if the output exists and must not be replaced, is not a regular file or cannot be created, or if the
    /// options or the provenance are invalid.
    pub fn create(
        path: impl AsRef<Path>,
        provenance: Provenance,
        options: WriterOptions,
    ) -> Result<ArchiveWriter, Error> {
        let unpublished = NewFile::create(path.as_ref(), options.overwrite)?;
        let out = Box::new(unpublished.handle()?);
        ArchiveWriter::start(path.as_ref(), out, Some(unpublished), provenance, options)
    }

    fn start(
        path: &Path,
        out: Box<dyn Write + Send>,
        unpublished: Option<NewFile>,
        provenance: Provenance,
        options: WriterOptions,
    ) -> Result<ArchiveWriter, Error> {
        if !(1_024..=limits::GROUP_ROWS_MAX).contains(&u64::from(options.row_group_rows)) {
            return Err(Error::BadOption {
                option: "row_group_rows",
                found: options.row_group_rows.into(),
                expected: "1,024 to 524,288",
            });
        }
        let columns = options.columns;
        let validator = RowValidator::new(&provenance, columns, options.slices)?;
        let encode = |source| Error::Encode { path: path.to_owned(), source };
        let schema = parse_message_type(&layout::message_type(Column::of(columns))).map_err(encode)?;
        let properties = Arc::new(layout::writer_properties(columns));
        let mut file =
            SerializedFileWriter::new(Sink::new(out), Arc::new(schema), properties).map_err(encode)?;
        // the magic bytes do not belong to a row group
        file.flush().map_err(|source| Error::write(path, source))?;
        file.inner_mut().end_region();
        let arrow_schema = layout::memory_schema(Column::of(columns), &DataType::UInt16);
        let factory = ArrowRowGroupWriterFactory::new(&file, Arc::clone(&arrow_schema));
        let all: Vec<Column> = Column::of(columns).collect();
        let proofs = options.slices.map(|grid| Proofs::new(provenance.key_symbols(), grid));
        let format_version = match (&proofs, &provenance.part) {
            (None, None) if provenance.labels.is_empty() => FormatVersion::CURRENT,
            _ => FormatVersion::WITH_PARTS,
        };
        let setup = EngineSetup {
            threads: options.threads.get(),
            columns: &all,
            fields: arrow_schema.fields(),
            schema: file.schema_descr(),
            // other archives have all symbols in every row group
            symbol_bounds: provenance.part.is_some(),
            proofs,
        };
        let engine =
            Engine::new(setup).map_err(|source| Error::io(path, "start threads to write", source))?;
        Ok(ArchiveWriter {
            path: path.to_owned(),
            unpublished,
            file,
            factory,
            engine: Some(engine),
            validator,
            pending: Batch::default(),
            pending_raw_bytes: 0,
            group: None,
            queue: VecDeque::new(),
            provenance,
            columns,
            column_count: all.len(),
            row_group_rows: options.row_group_rows.into(),
            groups_begun: 0,
            row_groups: Vec::new(),
            state_frames: Vec::new(),
            states: StateWriter::default(),
            format_version,
            failed: false,
        })
    }

    /// Adds events. Within and across calls, seq must ascend and times must not descend.
    ///
    /// # Errors
    /// Returns an error if a record cannot be stored exactly, or if the file cannot be written. After an error, the writer
    /// cannot be used any more.
    pub fn write_records(&mut self, records: Vec<Record>) -> Result<(), Error> {
        self.guarded(|writer| {
            for record in &records {
                writer.validator.validate(record)?;
            }
            let mut rest = records;
            while !rest.is_empty() {
                let room = writer.room();
                if rest.len() <= room && writer.pending.is_empty() {
                    writer.pending = Batch::from(std::mem::take(&mut rest));
                } else {
                    let taken = rest.len().min(room);
                    writer.pending.records.extend_from_slice(&rest[..taken]);
                    rest.drain(..taken);
                }
                writer.chunk_if_full()?;
            }
            Ok(())
        })
    }

    /// Adds one row of any kind.
    ///
    /// # Errors
    /// Returns the errors of [`ArchiveWriter::write_records`].
    pub fn write_row(&mut self, row: Row) -> Result<(), Error> {
        self.guarded(|writer| {
            let mut raw_bytes = 0;
            match &row {
                Row::Event(record) => writer.validator.validate(record)?,
                Row::Captured(captured) => raw_bytes = writer.validator.validate_captured(captured)?,
            }
            writer.pending.push(row);
            writer.validator.raw_bytes += raw_bytes;
            writer.pending_raw_bytes += raw_bytes;
            // a block of large frames ends the row group, because a block cannot be split and is in memory several times
            let is_large = writer.pending_raw_bytes >= limits::BLOCK_RAW_BYTES;
            writer.chunk_if_full()?;
            if is_large || writer.validator.raw_bytes >= limits::GROUP_RAW_BYTES {
                writer.end_group()?;
            }
            Ok(())
        })
    }

    /// Adds a state frame: opaque bytes that describe the state before the message `seq`. It ends the current row group.
    ///
    /// # Errors
    /// Returns an error if the content is longer than 64 MiB, or if the file cannot be written.
    pub fn append_state_frame(&mut self, seq: RecordSeq, content: Vec<u8>) -> Result<(), Error> {
        self.guarded(|writer| {
            if content.len() as u64 > limits::STATE_FRAME_BYTES_MAX {
                return Err(Error::BadOption {
                    option: "the length of a state frame",
                    found: content.len() as u64,
                    expected: "at most 64 MiB",
                });
            }
            writer.end_group()?;
            writer.queue.push_back(Part::State { seq, content });
            writer.write_parts(0)
        })
    }

    /// Adds a cut to the provenance, if it is known only while the archive is written, as for a live stream.
    pub fn add_cut(&mut self, cut: Cut) {
        self.provenance.cuts.push(cut);
    }

    /// Sets the seqs of the messages before which others may be missing, which are known only while the archive is written.
    pub fn set_gaps(&mut self, seqs: &[RecordSeq]) {
        self.provenance.set_gaps(seqs);
    }

    /// Sets the faults of the archive, if they are known only while it is written, as for a cut.
    pub fn set_faults(&mut self, faults: Faults) {
        self.provenance.faults = Some(faults);
    }

    /// Returns the number of messages so far.
    pub fn messages(&self) -> u64 {
        self.validator.counts.total()
    }

    /// Finishes the archive, syncs it to disk and gives it its final name.
    ///
    /// # Errors
    /// Returns an error if the file cannot be written, or if the name exists by now. Then no archive is created.
    pub fn finish(mut self) -> Result<Summary, Error> {
        let (metadata, bytes) = self.guarded(ArchiveWriter::write_tail)?;
        if let Some(unpublished) = self.unpublished.take() {
            unpublished.publish()?;
        }
        tracing::debug!(messages = metadata.counts().total(), bytes, "archive published");
        Ok(Summary { digest: metadata.digest(), counts: metadata.counts(), bytes, metadata })
    }

    fn guarded<T>(&mut self, work: impl FnOnce(&mut ArchiveWriter) -> Result<T, Error>) -> Result<T, Error> {
        if self.failed {
            return Err(Error::Failed { path: self.path.clone() });
        }
        let result = work(self);
        self.failed = result.is_err();
        result
    }

    /// Returns the number of rows that still fit into the pending chunk. It ends where the row group ends, so that the bytes
    /// do not depend on the batches of the caller.
    fn room(&self) -> usize {
        let in_group = self.group.map_or(0, |group| group.rows);
        let left = usize::try_from(self.row_group_rows - in_group).expect("a row group's rows fit");
        left.min(CHUNK_ROWS) - self.pending.len()
    }

    fn chunk_if_full(&mut self) -> Result<(), Error> {
        if self.room() == 0 {
            self.flush_chunk()?;
            if self.group.is_some_and(|group| group.rows == self.row_group_rows) {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn flush_chunk(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.pending);
        self.pending_raw_bytes = 0;
        let at = |row: crate::RowRef<'_>| (row.seq(), row.timestamp());
        let first = batch.rows().next().map(at).expect("the batch is not empty");
        let last = batch.last().map(at).expect("the batch is not empty");
        let rows = batch.len() as u64;
        let group = match self.group {
            Some(group) => OpenGroup { rows: group.rows + rows, last, ..group },
            None => {
                if self.groups_begun as u64 == limits::GROUPS_MAX {
                    return Err(Error::TooManyRowGroups {
                        path: self.path.clone(),
                        limit: limits::GROUPS_MAX,
                    });
                }
                let writers =
                    self.factory.create_column_writers(self.groups_begun).map_err(|e| self.encode(e))?;
                let writers = writers.into_iter().map(Some).collect();
                self.groups_begun += 1;
                let begun = self.engine().begin(writers);
                begun.map_err(|error| self.engine_error(error))?;
                OpenGroup { rows, first, last }
            }
        };
        self.group = Some(group);
        self.states.push(&batch);
        let added = self.engine().chunk(Chunk::new(batch));
        added.map_err(|error| self.engine_error(error))?;
        self.collect(false)?;
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), Error> {
        self.flush_chunk()?;
        self.validator.raw_bytes = 0;
        if let Some(group) = self.group.take() {
            let ended = self.engine().end();
            ended.map_err(|error| self.engine_error(error))?;
            // before the row group: they are ready, and must not wait for its columns
            for (seq, content) in self.states.take() {
                self.queue.push_back(Part::State { seq, content });
            }
            self.queue.push_back(Part::Group { group, columns: Vec::with_capacity(self.column_count) });
            // the previous group may still be encoded while the next one is filled
            self.write_parts(1)?;
        }
        Ok(())
    }

    fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().expect("the engine exists until the end")
    }

    fn engine_error(&mut self, error: EngineError) -> Error {
        match error {
            EngineError::Encode(error) => self.encode(error),
            EngineError::ThreadGone => {
                // resumes the panic that ended the thread
                drop(self.engine.take());
                Error::Failed { path: self.path.clone() }
            }
        }
    }

    /// Returns the error of the file if it caused the error of the Parquet writer, and otherwise the latter.
    fn encode(&mut self, source: ParquetError) -> Error {
        match self.file.inner_mut().take_error() {
            Some(error) => Error::write(&self.path, error),
            None => Error::Encode { path: self.path.clone(), source },
        }
    }
}

impl Batch {
    fn last(&self) -> Option<crate::RowRef<'_>> {
        let last_row = self.len().checked_sub(1)?;
        match self.captured.last() {
            Some((at, captured)) if *at as usize == last_row => Some(crate::RowRef::Captured(captured)),
            _ => self.records.last().map(crate::RowRef::Event),
        }
    }
}

#[cfg(test)]
mod tests;
