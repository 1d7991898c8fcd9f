//! Converts rows to columns: to Arrow arrays for the columns that the Parquet writer encodes, and to codes for the others.

mod coded;

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, Int64Array, TimestampMicrosecondArray,
    builder::{FixedSizeBinaryBuilder, StringDictionaryBuilder},
    types::UInt16Type,
};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, NullBuffer, ScalarBuffer};
use tradesim_schemas::{Event, EventType, Exchange, Trade};

pub(crate) use self::coded::CodedColumn;
use crate::{
    layout::Column,
    row::{Batch, Captured, RowRef},
};

/// The number of rows of a block, small enough to stay in the second-level cache. It is part of the format: order
/// references are relative to the beginning of a block.
pub(crate) const CHUNK_ROWS: usize = 8_192;

/// At most [`CHUNK_ROWS`] rows, with the type of each.
#[derive(Debug)]
pub(crate) struct Chunk {
    batch: Batch,
    /// The rows that have an event; `None` if all have one.
    events: Option<NullBuffer>,
    trades: NullBuffer,
    books: NullBuffer,
    candles: NullBuffer,
}

impl Chunk {
    pub(crate) fn new(batch: Batch) -> Chunk {
        let kinds = batch.map(|row| row.event().map_or(u8::MAX, |event| event.event_type() as u8));
        let mask = |kind: EventType| {
            NullBuffer::new(BooleanBuffer::collect_bool(kinds.len(), |row| kinds[row] == kind as u8))
        };
        let events = batch
            .has_captured()
            .then(|| NullBuffer::new(BooleanBuffer::collect_bool(kinds.len(), |row| kinds[row] != u8::MAX)));
        Chunk {
            events,
            trades: mask(EventType::Trade),
            books: mask(EventType::OrderBook),
            candles: mask(EventType::MarketData),
            batch,
        }
    }

    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }
}

impl AsRef<Batch> for Chunk {
    fn as_ref(&self) -> &Batch {
        &self.batch
    }
}

/// Returns the array of a column that the Parquet writer encodes.
pub(crate) fn array(column: Column, chunk: &Chunk) -> ArrayRef {
    let batch = &chunk.batch;
    match column {
        Column::Seq => Arc::new(Int64Array::from(batch.map(|row| row.seq().get() as i64))),
        Column::Ts => times(batch.map(|row| row.timestamp().micros()), None),
        Column::TradeId => trade_ids(batch),
        Column::CorrelationId => correlation_ids(batch),
        Column::Raw => Arc::new(BinaryArray::from_iter(batch.rows().map(RowRef::raw))),
        Column::Received => {
            let (values, nulls) = optional(batch, 0, |row| Some(captured(row)?.received?.micros()));
            times(values, Some(nulls))
        }
        other => unreachable!("{} is written as a dictionary of ours", other.name()),
    }
}

fn optional<T: Copy>(
    batch: &Batch,
    absent: T,
    field: impl Fn(RowRef<'_>) -> Option<T>,
) -> (Vec<T>, NullBuffer) {
    let mut present = BooleanBufferBuilder::new(batch.len());
    let mut values = Vec::with_capacity(batch.len());
    for row in batch.rows() {
        let value = field(row);
        present.append(value.is_some());
        values.push(value.unwrap_or(absent));
    }
    (values, NullBuffer::new(present.finish()))
}

fn times(micros: Vec<i64>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::new(ScalarBuffer::from(micros), nulls).with_timezone("UTC"))
}

pub(crate) fn exchange(event: &Event) -> Exchange {
    match event {
        Event::Trade(trade) => trade.exchange,
        Event::OrderBook(book) => book.exchange,
        Event::MarketData(candle) => candle.exchange,
    }
}

/// Returns the payload's own timestamp.
pub(crate) fn payload_timestamp(event: &Event) -> tradesim_schemas::Timestamp {
    match event {
        Event::Trade(trade) => trade.timestamp,
        Event::OrderBook(book) => book.timestamp,
        Event::MarketData(candle) => candle.timestamp,
    }
}

fn captured(row: RowRef<'_>) -> Option<&Captured> {
    match row {
        RowRef::Event(_) => None,
        RowRef::Captured(captured) => Some(captured),
    }
}

/// Returns the trade of a row whose ids are stored, which has no order reference.
fn stored_trade(row: RowRef<'_>) -> Option<&Trade> {
    match row.event()? {
        Event::Trade(trade) if row.order().is_none() => Some(trade),
        _ => None,
    }
}

fn trade_ids(batch: &Batch) -> ArrayRef {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(batch.len(), 16);
    for row in batch.rows() {
        match stored_trade(row) {
            Some(trade) => builder.append_value(trade.trade_id.as_bytes()).expect("an id has 16 bytes"),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

fn correlation_ids(batch: &Batch) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<UInt16Type>::new();
    let mut text = Vec::with_capacity(32);
    for row in batch.rows() {
        match stored_trade(row).and_then(|trade| trade.correlation_id) {
            Some(id) => {
                text.clear();
                id.write(&mut text);
                builder.append_value(std::str::from_utf8(&text).expect("an id is ASCII"));
            }
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}
