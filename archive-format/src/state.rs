//! The state of the market at a row of an archive: from the nearest state frame before it, and the rows after that.

use tradesim_schemas::{Envelope, Event, MarketState, Price, RecordSeq, Timestamp};

use crate::{Archive, Batch, Error, RowRef, Start, read::FramesAhead};

/// The number of rows between two state frames: six blocks of the writer. Reading them takes at most about 25 ms, and a frame of
/// 50 symbols, 5 KB, is 1.3 percent of their bytes (docs/adr/0032-state-before-a-message.md).
const FRAME_ROWS: u64 = 49_152;

/// The number of state frames after which the number of rows between two of them doubles. The metadata, which lists them, has a
/// limit.
const FRAMES_UNTIL_DOUBLED: u64 = 4_096;

/// The limit of frames that are tried, from the nearest one on, if their content is not ours.
const FRAMES_TRIED_MAX: usize = 4;

/// The state of the market before a row.
#[derive(Clone, Debug)]
pub struct StateBefore {
    /// The state.
    pub market: MarketState,
    /// The seq and time of the row; `None` after the last one.
    pub row: Option<(RecordSeq, Timestamp)>,
}

impl Archive {
    /// Returns the state of the market before the first row from `start` on. It reads a state frame and the rows between it
    /// and that row; without a state frame, as in archives of earlier versions, all rows from `known` on, or from the beginning.
    /// `known` is a state that was returned before.
    ///
    /// # Errors
    /// Returns an error if a row group is damaged or the file cannot be read.
    pub fn state_before(&self, start: Start, known: Option<&StateBefore>) -> Result<StateBefore, Error> {
        let end = match self.seq_of(start) {
            Some(seq) => seq,
            None => {
                let batch = self.batches(start).next().transpose()?;
                batch.and_then(|batch| batch.rows().next().map(|row| row.seq())).unwrap_or(RecordSeq::MAX)
            }
        };
        let known = known.and_then(|known| Some((known.row?.0, &known.market)));
        let known = known.filter(|(seq, _)| *seq <= end);
        let (from, mut market) = match (self.nearest_frame(end)?, known) {
            (Some((seq, market)), Some((known_seq, _))) if seq >= known_seq => (seq, market),
            (_, Some((seq, market))) => (seq, market.clone()),
            (Some((seq, market)), None) => (seq, market),
            (None, None) => (RecordSeq(0), MarketState::new()),
        };
        for batch in self.batches(Start::Seq(from)) {
            for row in batch?.rows() {
                if row.seq() >= end {
                    return Ok(StateBefore { market, row: Some((row.seq(), row.timestamp())) });
                }
                push(&mut market, row);
            }
        }
        Ok(StateBefore { market, row: None })
    }

    /// Returns the seq of a start, or one between it and the row before, if it is known without reading.
    fn seq_of(&self, start: Start) -> Option<RecordSeq> {
        let (first, last) = (self.metadata().first()?.0, self.metadata().last()?.0);
        match start {
            Start::Beginning => Some(first),
            Start::Seq(seq) => Some(seq),
            // in a cut, the numbers have holes
            Start::Row(row) if last.since(first) + 1 == self.metadata().counts().total() => {
                Some(first.saturating_add(row))
            }
            Start::Row(_) | Start::Time(_) => None,
        }
    }

    /// Returns the last state that is stored at or before a message.
    fn nearest_frame(&self, before: RecordSeq) -> Result<Option<(RecordSeq, MarketState)>, Error> {
        let frames = self.metadata().state_frames();
        let mut places: Vec<usize> = (0..frames.len())
            .filter(|&index| {
                let frame = &frames[index];
                frame.seq <= before && frame.content_length <= MarketState::ENCODED_BYTES_MAX
            })
            .collect();
        places.sort_by_key(|&index| frames[index].seq);
        for &index in places.iter().rev().take(FRAMES_TRIED_MAX) {
            if let Some(market) = MarketState::decode(&self.state_frame(index)?) {
                return Ok(Some((frames[index].seq, market)));
            }
        }
        Ok(None)
    }
}

/// Adds a row to the state, if it has an event.
#[inline]
pub(crate) fn push(market: &mut MarketState, row: RowRef<'_>) {
    match row {
        RowRef::Event(record) => market.push(&record.envelope),
        RowRef::Captured(captured) => {
            if let Some(event) = row.event() {
                let mut event = *event;
                if let Event::OrderBook(book) = &mut event {
                    // as its columns are read: a foreign text may state a spread that does not follow
                    let ask_price = Price::from_units(book.bid_price.units() + book.spread.units());
                    book.ask_price = ask_price.unwrap_or(book.ask_price);
                    book.mid_price = Price::mid(book.bid_price, book.ask_price);
                }
                market.push(&Envelope { timestamp: captured.timestamp, event });
            }
        }
    }
}

/// The states of the rows that are written, and those that are stored.
#[derive(Debug, Default)]
pub(crate) struct StateWriter {
    market: MarketState,
    rows_since_frame: u64,
    frames: u64,
    /// The states to be written at the end of the row group.
    waiting: Vec<(RecordSeq, Vec<u8>)>,
}

impl StateWriter {
    /// Adds a batch of rows.
    pub(crate) fn push(&mut self, batch: &Batch) {
        let Some(first) = batch.rows().next() else { return };
        if self.rows_since_frame >= FRAME_ROWS << (self.frames / FRAMES_UNTIL_DOUBLED).min(32) {
            self.waiting.push((first.seq(), self.market.encode()));
            self.frames += 1;
            self.rows_since_frame = 0;
        }
        self.rows_since_frame += batch.len() as u64;
        for row in batch.rows() {
            push(&mut self.market, row);
        }
    }

    /// Returns the states to be written, each before the message of its number.
    pub(crate) fn take(&mut self) -> Vec<(RecordSeq, Vec<u8>)> {
        std::mem::take(&mut self.waiting)
    }
}

/// Compares the state frames of an archive with its rows.
#[derive(Debug)]
pub(crate) struct StateCheck {
    archive: Archive,
    /// The frames that are left, the next one last.
    frames: Vec<usize>,
    ahead: FramesAhead,
    market: MarketState,
    wrong: Option<RecordSeq>,
}

impl StateCheck {
    /// Starts with the first row.
    pub(crate) fn new(archive: &Archive) -> StateCheck {
        let stored = archive.metadata().state_frames();
        let mut frames: Vec<usize> = (0..stored.len()).collect();
        frames.retain(|&index| stored[index].content_length <= MarketState::ENCODED_BYTES_MAX);
        frames.sort_by_key(|&index| std::cmp::Reverse(stored[index].seq));
        StateCheck {
            archive: archive.clone(),
            frames,
            ahead: FramesAhead::default(),
            market: MarketState::new(),
            wrong: None,
        }
    }

    /// Adds the next rows.
    pub(crate) fn push(&mut self, batch: &Batch) -> Result<(), Error> {
        if self.frames.is_empty() {
            return Ok(());
        }
        for row in batch.rows() {
            while let Some(&index) = self.frames.last()
                && self.archive.metadata().state_frames()[index].seq <= row.seq()
            {
                self.frames.pop();
                self.compare(index)?;
            }
            push(&mut self.market, row);
        }
        Ok(())
    }

    fn compare(&mut self, index: usize) -> Result<(), Error> {
        let following = self.frames.iter().rev().copied();
        let content = self.archive.state_frame_ahead(&mut self.ahead, index, following)?;
        // the content of a frame that is not ours is not known
        if MarketState::is_encoding(&content) && content != self.market.encode() {
            let seq = self.archive.metadata().state_frames()[index].seq;
            self.wrong.get_or_insert(seq);
        }
        Ok(())
    }

    /// Returns an error for the first frame that was wrong.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        match self.wrong {
            Some(seq) => Err(Error::WrongState { path: self.archive.path().to_owned(), seq }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ArchiveWriter, OpenOptions, WriterOptions,
        sample::{self, Sample},
    };

    /// The number of rows: more than one state frame.
    const ROWS: usize = 150_000;

    fn written(path: &std::path::Path, change: impl Fn(&mut Vec<u8>)) -> Archive {
        let records = Sample::new(11).take(ROWS);
        let options = WriterOptions { row_group_rows: 100_000, ..WriterOptions::default() };
        let mut writer = ArchiveWriter::create(path, sample::provenance(), options).unwrap();
        writer.write_records(records[..80_000].to_vec()).unwrap();
        for (_, content) in &mut writer.states.waiting {
            change(content);
        }
        writer.write_records(records[80_000..].to_vec()).unwrap();
        writer.finish().unwrap();
        Archive::open(path, OpenOptions::default()).unwrap()
    }

    fn expected(rows: usize) -> Vec<u8> {
        let mut market = MarketState::new();
        Sample::new(11).take(rows).iter().for_each(|record| market.push(&record.envelope));
        market.encode()
    }

    #[test]
    fn a_state_is_that_of_all_rows_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let archive = written(&folder.path().join("a.parquet"), |_| ());
        let seqs: Vec<u64> = archive.metadata().state_frames().iter().map(|frame| frame.seq.get()).collect();
        assert_eq!(seqs, [49_152, 98_304, 149_152]);
        archive.verify_content().unwrap();
        let mut known = None;
        for row in [0, 1, 49_151, 49_152, 99_999, 100_000, 140_001, ROWS as u64 - 1] {
            let state = archive.state_before(Start::Row(row), known.as_ref()).unwrap();
            assert_eq!(state.row.map(|(seq, _)| seq), Some(RecordSeq(row)));
            assert!(state.market.encode() == expected(row as usize), "{row}");
            known = Some(state);
        }
        // a later state is of no use
        let state = archive.state_before(Start::Row(1_000), known.as_ref()).unwrap();
        assert!(state.market.encode() == expected(1_000));
        let end = archive.state_before(Start::Row(ROWS as u64), None).unwrap();
        assert!(end.row.is_none() && end.market.encode() == expected(ROWS));
    }

    #[test]
    fn a_state_frame_that_does_not_follow_from_the_rows_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let last = |content: &mut Vec<u8>| *content.last_mut().unwrap() ^= 1;
        let archive = written(&folder.path().join("a.parquet"), last);
        archive.verify_structure().unwrap();
        let error = archive.verify_content().unwrap_err();
        assert!(matches!(error, Error::WrongState { .. }) && error.is_bad_data(), "{error}");
        // of a frame with another content nothing is known
        let archive = written(&folder.path().join("b.parquet"), |content| content[0] ^= 1);
        archive.verify_content().unwrap();
        let state = archive.state_before(Start::Row(60_000), None).unwrap();
        assert!(state.market.encode() == expected(60_000));
    }
}
