//! The state of the market at a row of an archive: from the nearest state frame before it, and the rows after that.

use tradesim_schemas::{Envelope, MarketState, RecordSeq, Timestamp};

use crate::{Archive, Error, RowRef, Start};

/// The number of rows between two state frames. Reading them takes some milliseconds, and a frame is about half a percent of
/// their bytes.
const FRAME_ROWS: u64 = 65_536;

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
        let batch = self.batches(start).next().transpose()?;
        let next = batch.and_then(|batch| batch.rows().next().map(|row| (row.seq(), row.timestamp())));
        let end = next.map_or(RecordSeq::MAX, |(seq, _)| seq);
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
                    return Ok(StateBefore { market, row: next });
                }
                push(&mut market, row);
            }
        }
        Ok(StateBefore { market, row: next })
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
                market.push(&Envelope { timestamp: captured.timestamp, event: *event });
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
    pub(crate) fn push(&mut self, batch: &crate::Batch) {
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
