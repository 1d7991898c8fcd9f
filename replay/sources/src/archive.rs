//! An archive as a source, whole or filtered.

mod states;

use std::sync::Arc;

use tradesim_archive::{Archive, Batch, Batches, Error, Filter, Start};
use tradesim_replay::{
    BlockBuilder, Feed, Filled, Outline, OutlineOptions, Source, SourceError, SourceInfo, StateRequest,
    StreamState,
};
use tradesim_schemas::{RecordSeq, StreamSeq, Symbol, TimeSpec, Timestamp};

use states::States;

use crate::{
    checkpoints::{Checkpoint, Checkpoints},
    instant_in,
    message::{Messages, Pace, Timestamps},
    no_place, outline, period,
    phases::{self, Phases, PlannedPhases},
    read_error,
};

/// An archive, or the messages of it that pass a filter.
///
/// A whole archive can be opened at any message by means of its row groups. With a filter, the rows up to a message must be read;
/// checkpoints shorten that for later readers.
#[derive(Debug)]
pub struct ArchiveSource {
    archive: Archive,
    /// The filter in its initial state.
    filter: Filter,
    timestamps: Timestamps,
    pace: Pace,
    info: SourceInfo,
    checkpoints: Arc<Checkpoints>,
    states: States,
    /// The phases of planned events.
    phases: PlannedPhases,
}

impl ArchiveSource {
    /// Creates the source of the messages of an archive that pass a filter in its initial state.
    pub fn new(archive: Archive, filter: Filter, timestamps: Timestamps) -> ArchiveSource {
        let metadata = archive.metadata();
        let messages = filter.is_open().then(|| metadata.counts().total());
        let info = SourceInfo { messages, symbols: symbols(&archive, &filter), ..SourceInfo::default() };
        let checkpoints = Arc::new(Checkpoints::new(messages));
        let received = metadata.provenance().has_received_pace();
        let pace = if received { Pace::Received } else { Pace::Recorded };
        let states = States::default();
        let phases = PlannedPhases::default();
        ArchiveSource { archive, filter, timestamps, pace, info, checkpoints, states, phases }
            .with_timestamps(timestamps)
    }

    /// Sets other timestamps.
    pub fn with_timestamps(mut self, timestamps: Timestamps) -> ArchiveSource {
        let is_recording = self.filter.is_open() && timestamps == Timestamps::Recorded;
        self.info.identity = identity(&self.archive, &self.filter, timestamps);
        self.info.digest = is_recording.then(|| self.archive.metadata().digest());
        let labels = &self.archive.metadata().provenance().labels;
        self.phases = phases::of_labels(labels, self.filter.cut(), timestamps);
        ArchiveSource { timestamps, ..self }
    }

    /// Sets another pace than that of the archive.
    pub fn with_pace(self, pace: Pace) -> ArchiveSource {
        ArchiveSource { pace, ..self }
    }

    /// Returns the number of messages. With a filter, they are counted once.
    ///
    /// # Errors
    /// Returns errors of reading.
    pub fn count(&self) -> Result<u64, Error> {
        if let Some(messages) = self.checkpoints.messages() {
            return Ok(messages);
        }
        let mut rows = self.rows_after(self.checkpoints.before_message(u64::MAX));
        while rows.next_batch()?.is_some() {}
        Ok(rows.filter.passed())
    }

    /// Returns the number of messages, if it is already known.
    pub fn known_count(&self) -> Option<u64> {
        self.checkpoints.messages()
    }

    /// Returns the recorded time of the first message, or `None` if there are no messages.
    ///
    /// # Errors
    /// Returns errors of reading.
    pub fn first(&self) -> Result<Option<Timestamp>, Error> {
        let batch = self.rows_after(None).next_batch()?;
        Ok(batch.and_then(|batch| batch.rows().next().map(|row| row.timestamp())))
    }

    /// Returns the rows that pass, starting at a checkpoint.
    fn rows_after(&self, place: Option<Checkpoint>) -> PassingRows {
        let (start, filter) = match place {
            Some(place) => (Start::Seq(place.seq), self.filter.resumed(place.passed)),
            None => (self.filter.from().map_or(Start::Beginning, Start::Time), self.filter.clone()),
        };
        self.rows_from(start, filter)
    }

    fn rows_from(&self, start: Start, filter: Filter) -> PassingRows {
        let batches = self.archive.batches(start);
        PassingRows { batches, filter, checkpoints: Arc::clone(&self.checkpoints), ended: false }
    }

    /// Returns a feed whose first message is `seq`.
    fn feed(
        &self,
        seq: StreamSeq,
        rows: PassingRows,
        batch: Batch,
        at: usize,
    ) -> Result<Box<dyn Feed>, SourceError> {
        let messages = Messages::new(self.timestamps, self.pace);
        let phases = Phases::after(Arc::clone(&self.phases), self.time_before(seq)?);
        Ok(Box::new(ArchiveFeed { rows, batch, at, messages, phases }))
    }

    /// Returns the recorded time of the message before `seq`, if that decides which phases were announced.
    fn time_before(&self, seq: StreamSeq) -> Result<Option<Timestamp>, SourceError> {
        let Some(before) = seq.get().checked_sub(1).filter(|_| !self.phases.is_empty()) else {
            return Ok(None);
        };
        if !self.filter.is_open() {
            return Ok(self.row_of(StreamSeq(before))?.map(|(_, at)| at));
        }
        let batch =
            self.rows_from(Start::Row(before), self.filter.clone()).next_batch().map_err(read_error)?;
        Ok(batch.and_then(|batch| batch.rows().next().map(|row| row.timestamp())))
    }

    fn open_filtered(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        let (rows, batch, at) = self.locate(seq)?;
        self.feed(seq, rows, batch, at)
    }

    /// Finds a message among the rows that pass: the index of its row in the batch, or the first of the rows that follow.
    fn locate(&self, seq: StreamSeq) -> Result<(PassingRows, Batch, usize), SourceError> {
        let place = self.checkpoints.before_message(seq.get());
        let mut skip = seq.get() - place.map_or(0, |place| place.passed);
        let mut rows = self.rows_after(place);
        while skip > 0 {
            let Some(batch) = rows.next_batch().map_err(read_error)? else {
                return Err(SourceError::BeyondEnd { seq, messages: rows.filter.passed() });
            };
            if batch.len() as u64 > skip {
                return Ok((rows, batch, skip as usize));
            }
            skip -= batch.len() as u64;
        }
        Ok((rows, Batch::default(), 0))
    }

    /// Returns the record sequence number and the time of a message that passes; `None` after the last one.
    fn row_of(&self, seq: StreamSeq) -> Result<Option<(RecordSeq, Timestamp)>, SourceError> {
        let (mut rows, batch, at) = self.locate(seq)?;
        if let Some(row) = batch.rows_from(at).next() {
            return Ok(Some((row.seq(), row.timestamp())));
        }
        let batch = rows.next_batch().map_err(read_error)?;
        Ok(batch.and_then(|batch| batch.rows().next().map(|row| (row.seq(), row.timestamp()))))
    }

    /// Returns the row before which the state of the market is that before a message, and the time of the message; after the
    /// last one, that of the last one. A whole archive knows the time only from the row.
    fn place_of_state(&self, seq: StreamSeq) -> Result<(Start, Option<Timestamp>), SourceError> {
        if self.filter.is_open() {
            return Ok((Start::Row(seq.get()), None));
        }
        if let Some((row, at)) = self.row_of(seq)? {
            return Ok((Start::Seq(row), Some(at)));
        }
        let last = match seq.get().checked_sub(1) {
            Some(before) => self.row_of(StreamSeq(before))?,
            None => None,
        };
        Ok(match (last, self.filter.from()) {
            (Some((last, at)), _) => (Start::Seq(last.saturating_add(1)), Some(at)),
            (None, Some(from)) => (Start::Time(from), Some(from)),
            (None, None) => (Start::Beginning, None),
        })
    }

    /// Returns true if there is no message from `seq` on.
    pub(crate) fn ends_at(&self, seq: StreamSeq) -> Result<bool, SourceError> {
        match self.checkpoints.messages() {
            Some(messages) => Ok(seq >= StreamSeq(messages)),
            None => self.row_of(seq).map(|row| row.is_none()),
        }
    }

    /// Returns the state after the last message. It is read once.
    pub(crate) fn final_state(&self) -> Result<StreamState, SourceError> {
        self.states.last(|| self.state(StreamSeq(self.count().map_err(read_error)?), StateRequest::Books))
    }

    fn find_filtered(&self, at: Timestamp) -> Result<Option<u64>, Error> {
        let place = self.checkpoints.before_time(at);
        let mut passed = place.map_or(0, |place| place.passed);
        let mut rows = self.rows_after(place);
        while let Some(batch) = rows.next_batch()? {
            if let Some(index) = batch.rows().position(|row| row.timestamp() >= at) {
                return Ok(Some(passed + index as u64));
            }
            passed += batch.len() as u64;
        }
        Ok(None)
    }

    fn find_whole(&self, at: Timestamp) -> Result<Option<u64>, Error> {
        let row = self.archive.rows_before(Start::Time(at))?;
        Ok((row < self.archive.metadata().counts().total()).then_some(row))
    }
}

impl Source for ArchiveSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        if let Some(messages) = self.checkpoints.messages()
            && seq > StreamSeq(messages)
        {
            return Err(SourceError::BeyondEnd { seq, messages });
        }
        if self.filter.is_open() {
            let rows = self.rows_from(Start::Row(seq.get()), self.filter.clone());
            self.feed(seq, rows, Batch::default(), 0)
        } else {
            self.open_filtered(seq)
        }
    }

    fn state(&self, seq: StreamSeq, request: StateRequest) -> Result<StreamState, SourceError> {
        if let Some(messages) = self.checkpoints.messages()
            && seq > StreamSeq(messages)
        {
            return Err(SourceError::BeyondEnd { seq, messages });
        }
        let (start, at) = self.place_of_state(seq)?;
        let before = self.states.before(&self.archive, start).map_err(read_error)?;
        let last = self.archive.metadata().last();
        let at = at.or(before.row.or(last).map(|(_, at)| at)).unwrap_or_default();
        let mut market = before.market.view(at);
        period::keep_passing(&mut market, &self.filter);
        market.books = market.books.iter().map(|book| self.timestamps.sent_envelope(book)).collect();
        let period = period::period_in(at, self.archive.metadata().provenance());
        let orders = match request {
            StateRequest::Books => None,
            StateRequest::Orders => {
                let mut found = self.archive.orders_before(&before).map_err(read_error)?;
                period::keep_passing_orders(&mut found.orders, &self.filter);
                for order in &mut found.orders {
                    order.message = self.timestamps.sent_envelope(&order.message);
                }
                Some(found)
            }
        };
        Ok(StreamState { market, period: Some(period), orders })
    }

    /// The time refers to the recording, even if timestamps are shifted.
    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        let at = instant_in(time, self.archive.metadata().provenance())
            .map_err(|error| no_place(time, error.to_string()))?;
        let found = if self.filter.is_open() { self.find_whole(at) } else { self.find_filtered(at) };
        found.map_err(read_error)?.map(StreamSeq).ok_or_else(|| no_place(time, "all messages are earlier"))
    }

    /// The times are those of the recording, even if timestamps are shifted.
    fn outline(&self, options: OutlineOptions<'_>) -> Result<Option<Outline>, SourceError> {
        outline::of_archive(&self.archive, &self.filter, options).map_err(read_error)
    }
}

/// Returns the identity of the stream: content, filter and timestamps, but not the path.
fn identity(archive: &Archive, filter: &Filter, timestamps: Timestamps) -> String {
    let digest = archive.metadata().digest();
    if filter.is_open() {
        return format!("archive {digest} timestamps {timestamps}");
    }
    let mut cut = filter.cut().clone();
    cut.symbols.sort_unstable();
    format!("archive {digest} cut ({cut}) timestamps {timestamps}")
}

/// Returns the symbols that can occur; empty if unknown, because a capture may contain any symbol.
fn symbols(archive: &Archive, filter: &Filter) -> Vec<Symbol> {
    let metadata = archive.metadata();
    let kept = &filter.cut().symbols;
    if !kept.is_empty() {
        return kept.clone();
    }
    let columns = metadata.columns();
    if columns.captured || columns.stored_ids {
        return Vec::new();
    }
    let mut symbols: Vec<Symbol> = metadata
        .provenance()
        .origins
        .iter()
        .flat_map(|origin| &origin.symbols)
        .map(|entry| entry.symbol)
        .collect();
    symbols.sort_unstable();
    symbols.dedup();
    symbols
}

/// The rows of an archive that pass a filter.
#[derive(Debug)]
struct PassingRows {
    batches: Batches,
    filter: Filter,
    checkpoints: Arc<Checkpoints>,
    ended: bool,
}

impl PassingRows {
    /// Returns the next rows, at least one, or `None` after the last and after an error.
    fn next_batch(&mut self) -> Result<Option<Batch>, Error> {
        while !self.ended {
            let batch = if self.filter.has_ended() { None } else { self.batches.next() };
            let Some(batch) = batch else {
                self.ended = true;
                if !self.filter.is_open() {
                    self.checkpoints.learn_end(self.filter.passed());
                }
                break;
            };
            // after an error the iterator ends, but not because there are no more messages
            let batch = batch.inspect_err(|_| self.ended = true)?;
            if !self.filter.is_open()
                && let Some(row) = batch.rows().next()
            {
                let passed = self.filter.passed();
                self.checkpoints.learn(Checkpoint { passed, seq: row.seq(), at: row.timestamp() });
            }
            let batch = self.filter.retain_rows(batch);
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

#[derive(Debug)]
struct ArchiveFeed {
    rows: PassingRows,
    batch: Batch,
    /// The number of rows of the batch that were returned.
    at: usize,
    messages: Messages,
    phases: Phases,
}

impl Feed for ArchiveFeed {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        loop {
            self.at += if self.batch.has_captured() {
                self.messages.push_rows(self.batch.rows_from(self.at), block)
            } else {
                let records = &self.batch.records()[self.at..];
                let count = self.phases.announce(records, block);
                self.messages.push_records(&records[..count], block)
            };
            if self.at == self.batch.len() {
                let Some(batch) = self.rows.next_batch().map_err(read_error)? else {
                    return Ok(Filled::End);
                };
                (self.batch, self.at) = (batch, 0);
            }
            if block.is_full() {
                return Ok(Filled::More);
            }
        }
    }
}
