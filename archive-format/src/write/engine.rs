//! Encodes chunks of rows to columns and computes the content digest, on the caller's thread or on several threads.
//!
//! Columns are independent of each other, so the bytes are the same for any number of threads.

mod digest;

use std::{
    io::Write,
    sync::{
        Arc,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread::JoinHandle,
};

use arrow_schema::FieldRef;
use parquet::{
    arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, compute_leaves},
    errors::ParquetError,
    file::writer::SerializedRowGroupWriter,
    schema::types::SchemaDescriptor,
};
use tradesim_schemas::ContentDigest;
use zstd::bulk::Compressor;

use self::digest::DigestJob;
use crate::{
    RowDigest,
    dictionary::{DictionaryChunk, Values, compressor},
    encode::{Chunk, CodedColumn, array},
    layout::Column,
    proofs::{Proofs, Proved},
};

/// The maximum number of chunks that wait for a thread: enough to cover the compression of a full page, and few enough to
/// stay in the cache.
const QUEUED_CHUNKS: usize = 4;

/// An encoded column.
pub(super) struct Encoded {
    /// The index of the column in the file's order.
    pub(super) place: usize,
    chunk: EncodedChunk,
}

enum EncodedChunk {
    Arrow(ArrowColumnChunk),
    Dictionary(DictionaryChunk),
}

impl Encoded {
    /// Writes the column into its row group.
    pub(super) fn append_to<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        match self.chunk {
            EncodedChunk::Arrow(chunk) => chunk.append_to_row_group(group),
            EncodedChunk::Dictionary(DictionaryChunk { bytes, close }) => group.append_column(&bytes, close),
        }
    }
}

/// The Parquet writer's column writers for one row group, `None` for the columns that it does not encode.
pub(super) type Writers = Vec<Option<ArrowColumnWriter>>;

pub(super) enum Engine {
    Inline(Box<Inline>),
    Threads(Threads),
}

/// The arguments of [`Engine::new`].
pub(super) struct EngineSetup<'a> {
    pub(super) threads: usize,
    pub(super) columns: &'a [Column],
    pub(super) fields: &'a [FieldRef],
    pub(super) schema: &'a SchemaDescriptor,
    /// The column of symbols has bounds in each row group.
    pub(super) symbol_bounds: bool,
    /// Digests and sums that are computed beside the content digest.
    pub(super) proofs: Option<Proofs>,
}

impl Engine {
    pub(super) fn new(setup: EngineSetup<'_>) -> std::io::Result<Engine> {
        let EngineSetup { threads, columns, fields, schema, symbol_bounds, proofs } = setup;
        let has_raw_frames = columns.contains(&Column::Raw);
        let values_of = |column: Column| match column.dictionary() {
            Some(Values::Texts) if column == Column::Symbol && symbol_bounds => Some(Values::BoundedTexts),
            values => values,
        };
        let all: Vec<ColumnJob> = columns
            .iter()
            .zip(fields)
            .enumerate()
            .map(|(place, (&column, field))| {
                let encoder = match values_of(column) {
                    Some(values) => ColumnEncoder::Dictionary(Box::new(CodedColumn::new(
                        column,
                        schema.column(place),
                        values,
                    ))),
                    None => ColumnEncoder::Arrow { field: Arc::clone(field), writer: None },
                };
                ColumnJob { place, column, encoder }
            })
            .collect();
        if threads == 1 {
            Ok(Engine::Inline(Box::new(Inline {
                digest: proofs.map_or_else(RowDigest::default, RowDigest::with_proofs),
                encoder: Encoder::new(all)?,
                done: Vec::new(),
            })))
        } else {
            Threads::start(threads, all, proofs, has_raw_frames).map(Engine::Threads)
        }
    }

    /// Starts a row group with the writers of all columns.
    pub(super) fn begin(&mut self, writers: Writers) -> Result<(), EngineError> {
        match self {
            Engine::Inline(inline) => {
                inline.encoder.begin(writers);
                Ok(())
            }
            Engine::Threads(threads) => threads.begin(writers),
        }
    }

    /// Adds rows to the row group.
    pub(super) fn chunk(&mut self, chunk: Chunk) -> Result<(), EngineError> {
        match self {
            Engine::Inline(inline) => {
                inline.digest.push(chunk.batch());
                Ok(inline.encoder.chunk(&chunk)?)
            }
            Engine::Threads(threads) => threads.chunk(chunk),
        }
    }

    /// Ends the current row group.
    pub(super) fn end(&mut self) -> Result<(), EngineError> {
        match self {
            Engine::Inline(inline) => {
                let encoded = inline.encoder.end()?;
                inline.done.push(encoded);
                Ok(())
            }
            Engine::Threads(threads) => threads.send_all(|| Command::End),
        }
    }

    /// Returns finished columns, those of the oldest row group first. With `wait`, blocks until there are some.
    pub(super) fn poll(&mut self, wait: bool) -> Result<Option<Vec<Encoded>>, EngineError> {
        match self {
            Engine::Inline(inline) => Ok(inline.done.pop()),
            Engine::Threads(threads) => threads.poll(wait),
        }
    }

    /// Returns the content digest of all rows, and what was computed beside it.
    pub(super) fn finish(self) -> (ContentDigest, Option<Proved>) {
        match self {
            Engine::Inline(inline) => (inline.digest.finish(), inline.digest.proved()),
            Engine::Threads(mut threads) => threads.finish(),
        }
    }
}

/// The error that stopped the engine.
pub(super) enum EngineError {
    /// The error of the Parquet writer.
    Encode(ParquetError),
    /// A thread has panicked. [`Engine::finish`] and dropping the engine resume the panic.
    ThreadGone,
}

impl From<ParquetError> for EngineError {
    fn from(error: ParquetError) -> EngineError {
        EngineError::Encode(error)
    }
}

pub(super) struct Inline {
    digest: RowDigest,
    encoder: Encoder,
    done: Vec<Vec<Encoded>>,
}

struct ColumnJob {
    place: usize,
    column: Column,
    encoder: ColumnEncoder,
}

/// The encoder of a column.
enum ColumnEncoder {
    Arrow { field: FieldRef, writer: Option<Box<ArrowColumnWriter>> },
    Dictionary(Box<CodedColumn>),
}

/// Encodes a part of the columns.
struct Encoder {
    jobs: Vec<ColumnJob>,
    zstd: Compressor<'static>,
}

impl Encoder {
    fn new(jobs: Vec<ColumnJob>) -> std::io::Result<Encoder> {
        Ok(Encoder { jobs, zstd: compressor()? })
    }

    /// Starts a row group. `writers` are those of all columns; this encoder takes its own.
    fn begin(&mut self, mut writers: Writers) {
        for job in &mut self.jobs {
            if let ColumnEncoder::Arrow { writer, .. } = &mut job.encoder {
                *writer = writers[job.place].take().map(Box::new);
            }
        }
    }

    fn chunk(&mut self, chunk: &Chunk) -> Result<(), ParquetError> {
        for job in &mut self.jobs {
            match &mut job.encoder {
                ColumnEncoder::Arrow { field, writer } => {
                    let writer = writer.as_mut().expect("a row group has begun");
                    for leaf in compute_leaves(field, &array(job.column, chunk))? {
                        writer.write(&leaf)?;
                    }
                }
                ColumnEncoder::Dictionary(column) => column.chunk(chunk, &mut self.zstd)?,
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<Vec<Encoded>, ParquetError> {
        let Encoder { jobs, zstd } = self;
        let encode = |job: &mut ColumnJob| {
            let chunk = match &mut job.encoder {
                ColumnEncoder::Arrow { writer, .. } => {
                    let writer = writer.take().expect("a row group has begun");
                    EncodedChunk::Arrow(writer.close()?)
                }
                ColumnEncoder::Dictionary(column) => EncodedChunk::Dictionary(column.close(zstd)?),
            };
            Ok(Encoded { place: job.place, chunk })
        };
        jobs.iter_mut().map(encode).collect()
    }
}

enum Command {
    Begin(Writers),
    Chunk(Arc<Chunk>),
    End,
}

/// Some threads for the digest, the others for columns.
pub(super) struct Threads {
    digest: Option<DigestJob>,
    encoders: Vec<EncoderThread>,
    results: Receiver<Result<Vec<Encoded>, ParquetError>>,
}

struct EncoderThread {
    places: Vec<usize>,
    commands: Option<SyncSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl Threads {
    /// Starts at least two threads for columns, in addition to the one for the digest, even if `threads` is 2: three threads
    /// that are partly idle keep two cores busy.
    fn start(
        threads: usize,
        jobs: Vec<ColumnJob>,
        proofs: Option<Proofs>,
        has_raw_frames: bool,
    ) -> std::io::Result<Threads> {
        let shares = spread(jobs, threads.saturating_sub(1).clamp(2, 8));
        let (done, results) = channel();
        let digest = DigestJob::start(threads, proofs, has_raw_frames)?;
        let mut encoders = Vec::new();
        for share in shares {
            let places = share.iter().map(|job| job.place).collect();
            let (commands, inbox) = sync_channel(QUEUED_CHUNKS);
            let done = done.clone();
            let encoder = Encoder::new(share)?;
            let thread = std::thread::Builder::new()
                .name("archive-encode".to_owned())
                .spawn(move || run_encoder(encoder, &inbox, &done))?;
            encoders.push(EncoderThread { places, commands: Some(commands), thread: Some(thread) });
        }
        Ok(Threads { digest: Some(digest), encoders, results })
    }

    fn begin(&mut self, mut writers: Writers) -> Result<(), EngineError> {
        for encoder in &self.encoders {
            let mut own: Writers = writers.iter().map(|_| None).collect();
            for &place in &encoder.places {
                own[place] = writers[place].take();
            }
            encoder.send(Command::Begin(own))?;
        }
        Ok(())
    }

    fn chunk(&mut self, chunk: Chunk) -> Result<(), EngineError> {
        let chunk = Arc::new(chunk);
        self.send_all(|| Command::Chunk(Arc::clone(&chunk)))?;
        self.digest.as_mut().ok_or(EngineError::ThreadGone)?.push(chunk)
    }

    fn send_all(&self, command: impl Fn() -> Command) -> Result<(), EngineError> {
        for encoder in &self.encoders {
            if let Err(gone) = encoder.send(command()) {
                // an encoder reports an error before it ends
                return Err(self.results.try_iter().find_map(Result::err).map_or(gone, EngineError::Encode));
            }
        }
        Ok(())
    }

    fn poll(&mut self, wait: bool) -> Result<Option<Vec<Encoded>>, EngineError> {
        let result = if wait {
            self.results.recv().map_err(|_| EngineError::ThreadGone)?
        } else {
            match self.results.try_recv() {
                Ok(result) => result,
                Err(_) => return Ok(None),
            }
        };
        Ok(Some(result?))
    }

    fn finish(&mut self) -> (ContentDigest, Option<Proved>) {
        self.stop_encoders();
        let digest = self.digest.take().expect("the engine is finished once");
        digest.finish().expect("this thread does not panic")
    }

    fn stop_encoders(&mut self) {
        for encoder in &mut self.encoders {
            encoder.commands = None;
        }
        for encoder in &mut self.encoders {
            if let Some(Err(panic)) = encoder.thread.take().map(JoinHandle::join)
                && !std::thread::panicking()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl Drop for Threads {
    /// Waits for the threads, so that they do not outlive a dropped writer.
    fn drop(&mut self) {
        self.stop_encoders();
        drop(self.digest.take().map(DigestJob::finish));
    }
}

impl EncoderThread {
    fn send(&self, command: Command) -> Result<(), EngineError> {
        let commands = self.commands.as_ref().ok_or(EngineError::ThreadGone)?;
        commands.send(command).map_err(|_| EngineError::ThreadGone)
    }
}

fn run_encoder(
    mut encoder: Encoder,
    inbox: &Receiver<Command>,
    done: &Sender<Result<Vec<Encoded>, ParquetError>>,
) {
    while let Ok(command) = inbox.recv() {
        let result = match command {
            Command::Begin(writers) => {
                encoder.begin(writers);
                continue;
            }
            Command::Chunk(chunk) => encoder.chunk(&chunk).err().map(Err),
            Command::End => Some(encoder.end()),
        };
        if let Some(result) = result {
            let failed = result.is_err();
            // the receiver is gone if the writer was dropped
            if done.send(result).is_err() || failed {
                return;
            }
        }
    }
}

/// Spreads columns over threads: in the order of descending cost, each to the thread with the least work.
fn spread(mut jobs: Vec<ColumnJob>, threads: usize) -> Vec<Vec<ColumnJob>> {
    jobs.sort_by_key(|job| (std::cmp::Reverse(job.column.cost()), job.place));
    let mut shares: Vec<(u32, Vec<ColumnJob>)> = (0..threads).map(|_| (0, Vec::new())).collect();
    for job in jobs {
        let least = shares.iter_mut().min_by_key(|(cost, _)| *cost).expect("there is a thread");
        least.0 += job.column.cost();
        least.1.push(job);
    }
    shares.into_iter().map(|(_, jobs)| jobs).collect()
}
