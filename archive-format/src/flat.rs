//! The plain table: every field of every message as a column, for tools that do not know the archive format.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, RecordBatch,
    builder::{
        Decimal128Builder, Int32Builder, Int64Builder, StringBuilder, StringDictionaryBuilder,
        TimestampMicrosecondBuilder,
    },
    types::Int32Type,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use tradesim_schemas::{Event, Exchange, Price, SCHEMA_VERSION, Timestamp};

use crate::{Batch, RowRef};

/// The value of the `source` column: the contract's default for all three event types.
const SOURCE: &str = tradesim_schemas::contract::AVRO_SOURCE;

/// Returns the schema of [`flat_batch`]: the fields of all event types under the names of the contract, null where an event
/// does not have the field. `envelope_timestamp` is the timestamp of the message, null if it has none that can be read.
/// `raw` contains the bytes of raw frames, whose `event_type` is null unless they could be parsed. `received` and `opcode`
/// are those of captured messages.
pub fn flat_schema() -> SchemaRef {
    let text = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let price = || DataType::Decimal128(12, 4);
    let column = |name: &str, data_type: DataType| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        Field::new("seq", DataType::Int64, false),
        column("envelope_timestamp", time()),
        column("schema_version", DataType::Int32),
        column("event_type", text()),
        column("source", text()),
        column("symbol", text()),
        column("timestamp", time()),
        column("exchange", text()),
        column("trade_id", DataType::Utf8),
        column("trade_type", text()),
        column("order_type", text()),
        column("price", price()),
        column("quantity", DataType::Int32),
        column("trader_id", text()),
        column("account_id", text()),
        column("status", text()),
        column("correlation_id", DataType::Utf8),
        column("bid_price", price()),
        column("ask_price", price()),
        column("bid_size", DataType::Int32),
        column("ask_size", DataType::Int32),
        column("spread", price()),
        column("mid_price", price()),
        column("interval", text()),
        column("open", price()),
        column("high", price()),
        column("low", price()),
        column("close", price()),
        column("volume", DataType::Int64),
        column("vwap", price()),
        column("raw", DataType::Binary),
        column("received", time()),
        column("opcode", DataType::Int32),
    ]))
}

/// Converts rows to a batch of the plain table.
///
/// # Errors
/// Returns an error if there are more texts than an Arrow array can contain. No batch of an archive has so many.
pub fn flat_batch(batch: &Batch) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::default();
    for row in batch.rows() {
        columns.push(row);
    }
    columns.finish(batch)
}

/// A column of texts with few different values.
type Texts = StringDictionaryBuilder<Int32Type>;

#[derive(Default)]
struct Columns {
    seq: Int64Builder,
    envelope_timestamp: TimestampMicrosecondBuilder,
    schema_version: Int32Builder,
    event_type: Texts,
    source: Texts,
    symbol: Texts,
    timestamp: TimestampMicrosecondBuilder,
    exchange: Texts,
    trade_id: StringBuilder,
    trade_type: Texts,
    order_type: Texts,
    price: Decimal128Builder,
    quantity: Int32Builder,
    trader_id: Texts,
    account_id: Texts,
    status: Texts,
    correlation_id: StringBuilder,
    bid_ask: [Decimal128Builder; 2],
    sizes: [Int32Builder; 2],
    spread: Decimal128Builder,
    mid_price: Decimal128Builder,
    interval: Texts,
    /// open, high, low, close
    prices: [Decimal128Builder; 4],
    volume: Int64Builder,
    vwap: Decimal128Builder,
    received: TimestampMicrosecondBuilder,
    opcode: Int32Builder,
}

impl Columns {
    fn push(&mut self, row: RowRef<'_>) {
        self.seq.append_value(row.seq().get() as i64);
        self.envelope_timestamp.append_option(row.stated_timestamp().map(Timestamp::micros));
        self.received.append_option(row.received().map(Timestamp::micros));
        self.opcode.append_option(row.opcode().map(i32::from));
        let event = row.event();
        self.schema_version.append_option(event.map(|_| SCHEMA_VERSION as i32));
        self.event_type.append_option(event.map(|event| event.event_type().as_str()));
        self.source.append_option(event.map(|_| SOURCE));
        self.common(event.map(|event| {
            let symbol = event.symbol();
            (symbol, crate::encode::payload_timestamp(event), crate::encode::exchange(event))
        }));
        self.trade(event);
        self.book(event);
        self.candle(event);
    }

    fn common(&mut self, fields: Option<(tradesim_schemas::Symbol, Timestamp, Exchange)>) {
        self.symbol.append_option(fields.as_ref().map(|(symbol, ..)| symbol.as_str()));
        self.timestamp.append_option(fields.map(|(_, timestamp, _)| timestamp.micros()));
        self.exchange.append_option(fields.map(|(.., exchange)| exchange.as_str()));
    }

    fn trade(&mut self, event: Option<&Event>) {
        let trade = match event {
            Some(Event::Trade(trade)) => Some(trade),
            _ => None,
        };
        self.trade_id.append_option(trade.map(|trade| trade.trade_id.to_string()));
        self.trade_type.append_option(trade.map(|trade| trade.trade_type.as_str()));
        self.order_type.append_option(trade.map(|trade| trade.order_type.as_str()));
        self.price.append_option(trade.map(|trade| units(trade.price)));
        self.quantity.append_option(trade.map(|trade| trade.quantity.get() as i32));
        self.trader_id.append_option(trade.map(|trade| trade.trader_id.to_string()));
        self.account_id.append_option(trade.map(|trade| trade.account_id.to_string()));
        self.status.append_option(trade.map(|trade| trade.status.as_str()));
        self.correlation_id
            .append_option(trade.and_then(|trade| trade.correlation_id).map(|id| id.to_string()));
    }

    fn book(&mut self, event: Option<&Event>) {
        let book = match event {
            Some(Event::OrderBook(book)) => Some(book),
            _ => None,
        };
        self.bid_ask[0].append_option(book.map(|book| units(book.bid_price)));
        self.bid_ask[1].append_option(book.map(|book| units(book.ask_price)));
        self.sizes[0].append_option(book.map(|book| book.bid_size.get() as i32));
        self.sizes[1].append_option(book.map(|book| book.ask_size.get() as i32));
        self.spread.append_option(book.map(|book| units(book.spread)));
        self.mid_price.append_option(book.map(|book| units(book.mid_price)));
    }

    fn candle(&mut self, event: Option<&Event>) {
        let candle = match event {
            Some(Event::MarketData(candle)) => Some(candle),
            _ => None,
        };
        self.interval.append_option(candle.map(|candle| candle.interval.as_str()));
        self.prices[0].append_option(candle.map(|candle| units(candle.open)));
        self.prices[1].append_option(candle.map(|candle| units(candle.high)));
        self.prices[2].append_option(candle.map(|candle| units(candle.low)));
        self.prices[3].append_option(candle.map(|candle| units(candle.close)));
        self.volume.append_option(candle.map(|candle| candle.volume as i64));
        self.vwap.append_option(candle.map(|candle| units(candle.vwap)));
    }

    fn finish(self, batch: &Batch) -> Result<RecordBatch, ArrowError> {
        fn texts(mut builder: Texts) -> ArrayRef {
            Arc::new(builder.finish())
        }
        fn prices(mut builder: Decimal128Builder) -> Result<ArrayRef, ArrowError> {
            Ok(Arc::new(builder.finish().with_precision_and_scale(12, 4)?))
        }
        fn ints(mut builder: Int32Builder) -> ArrayRef {
            Arc::new(builder.finish())
        }
        fn longs(mut builder: Int64Builder) -> ArrayRef {
            Arc::new(builder.finish())
        }
        fn strings(mut builder: StringBuilder) -> ArrayRef {
            Arc::new(builder.finish())
        }
        fn times(mut builder: TimestampMicrosecondBuilder) -> ArrayRef {
            Arc::new(builder.finish().with_timezone("UTC"))
        }
        let [bid, ask] = self.bid_ask;
        let [bid_size, ask_size] = self.sizes;
        let [open, high, low, close] = self.prices;
        let raw: BinaryArray = batch.rows().map(RowRef::raw).collect();
        RecordBatch::try_new(
            flat_schema(),
            vec![
                longs(self.seq),
                times(self.envelope_timestamp),
                ints(self.schema_version),
                texts(self.event_type),
                texts(self.source),
                texts(self.symbol),
                times(self.timestamp),
                texts(self.exchange),
                strings(self.trade_id),
                texts(self.trade_type),
                texts(self.order_type),
                prices(self.price)?,
                ints(self.quantity),
                texts(self.trader_id),
                texts(self.account_id),
                texts(self.status),
                strings(self.correlation_id),
                prices(bid)?,
                prices(ask)?,
                ints(bid_size),
                ints(ask_size),
                prices(self.spread)?,
                prices(self.mid_price)?,
                texts(self.interval),
                prices(open)?,
                prices(high)?,
                prices(low)?,
                prices(close)?,
                longs(self.volume),
                prices(self.vwap)?,
                Arc::new(raw),
                times(self.received),
                ints(self.opcode),
            ],
        )
    }
}

fn units(price: Price) -> i128 {
    i128::from(price.units())
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        Array,
        cast::AsArray,
        types::{Decimal128Type, TimestampMicrosecondType},
    };

    use super::*;
    use crate::tests::any_rows;

    #[test]
    fn every_field_has_its_column() {
        let mut batch = Batch::default();
        any_rows(1, 500).into_iter().for_each(|row| batch.push(row));
        let flat = flat_batch(&batch).unwrap();
        let text = |name: &str, row: usize| {
            let column = flat.column_by_name(name).unwrap();
            let (texts, row) = match column.as_dictionary_opt::<Int32Type>() {
                Some(coded) => (coded.values().as_string::<i32>(), coded.key(row)),
                None => (column.as_string(), column.is_valid(row).then_some(row)),
            };
            row.map(|row| texts.value(row).to_owned())
        };
        let price = |name: &str, row: usize| {
            flat.column_by_name(name).unwrap().as_primitive::<Decimal128Type>().value(row)
        };
        let mut kinds = [0; 4];
        let time = |name: &str, row: usize| {
            let column = flat.column_by_name(name).unwrap().as_primitive::<TimestampMicrosecondType>();
            column.is_valid(row).then(|| Timestamp::from_micros(column.value(row)).unwrap())
        };
        for (at, row) in batch.rows().enumerate() {
            assert_eq!(time("envelope_timestamp", at), row.stated_timestamp());
            assert_eq!(time("received", at), row.received());
            assert_eq!(text("event_type", at), row.event().map(|e| e.event_type().to_string()));
            match row.event() {
                Some(Event::Trade(trade)) => {
                    kinds[0] += 1;
                    assert_eq!(text("trade_id", at), Some(trade.trade_id.to_string()));
                    assert_eq!(text("correlation_id", at), trade.correlation_id.map(|id| id.to_string()));
                    assert_eq!(text("account_id", at), Some(trade.account_id.to_string()));
                    assert_eq!(price("price", at), units(trade.price));
                }
                Some(Event::OrderBook(book)) => {
                    kinds[1] += 1;
                    assert_eq!(price("spread", at), units(book.spread));
                    assert_eq!(price("mid_price", at), units(book.mid_price));
                    assert_eq!(text("trade_id", at), None);
                }
                Some(Event::MarketData(candle)) => {
                    kinds[2] += 1;
                    assert_eq!(text("interval", at), Some(candle.interval.to_string()));
                    assert_eq!(price("vwap", at), units(candle.vwap));
                }
                None => kinds[3] += 1,
            }
        }
        assert!(kinds.iter().all(|&count| count > 10), "{kinds:?}");
    }
}
