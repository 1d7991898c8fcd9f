//! The columns of the flat table.

use std::{borrow::Cow, sync::Arc};

use arrow::{
    array::{
        ArrayRef, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
        StringDictionaryBuilder, TimestampMicrosecondArray,
    },
    datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit},
    error::ArrowError,
};
use tradesim_archive::{Batch, RowRef};
use tradesim_schemas::{
    Event, MarketData, OrderBook, Price, SCHEMA_VERSION, Timestamp, Trade, contract::AVRO_SOURCE,
};

use crate::cli::ExportPrices;

/// Digits of a price, and those of them after the point.
const PRECISION: u8 = 12;
const SCALE: i8 = 4;
/// Units of a price in one currency unit.
const UNITS_PER_ONE: f64 = 10_000.0;

/// How the table states what can be stated in more than one way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) prices: ExportPrices,
    /// The name of UTC in the type of times.
    pub(super) utc: &'static str,
}

/// A row and the event that it states.
type Line<'a> = (RowRef<'a>, &'a Event);
type Word = Option<Cow<'static, str>>;

/// How a column's values are had from a row.
#[derive(Clone, Copy)]
enum Values {
    Long(fn(&Line<'_>) -> Option<i64>),
    Int(fn(&Line<'_>) -> Option<u32>),
    Time(fn(&Line<'_>) -> Option<Timestamp>),
    Price(fn(&Line<'_>) -> Option<Price>),
    /// A text with few values.
    Word(fn(&Line<'_>) -> Word),
    /// A text of its own for each row, or nearly.
    Id(fn(&Line<'_>) -> Word),
}

use Values::{Id, Int, Long, Price as PriceOf, Time, Word as WordOf};

/// Name and values of each column, in order.
const COLUMNS: &[(&str, Values)] = &[
    ("seq", Long(|(row, _)| i64::try_from(row.seq()).ok())),
    ("envelope_timestamp", Time(|(row, _)| Some(row.timestamp()))),
    ("event_type", WordOf(|(_, event)| Some(event.event_type().as_str().into()))),
    ("schema_version", Int(|_| Some(SCHEMA_VERSION))),
    ("symbol", WordOf(|(_, event)| Some(event.symbol().to_string().into()))),
    ("timestamp", Time(|line| Some(payload_timestamp(line.1)))),
    ("exchange", WordOf(|line| Some(exchange(line.1).into()))),
    ("trade_id", Id(|line| Some(trade(line)?.trade_id.to_string().into()))),
    ("trade_type", WordOf(|line| Some(trade(line)?.trade_type.as_str().into()))),
    ("order_type", WordOf(|line| Some(trade(line)?.order_type.as_str().into()))),
    ("price", PriceOf(|line| Some(trade(line)?.price))),
    ("quantity", Int(|line| Some(trade(line)?.quantity.get()))),
    ("trader_id", WordOf(|line| Some(trade(line)?.trader_id.to_string().into()))),
    ("account_id", WordOf(|line| Some(trade(line)?.account_id.to_string().into()))),
    ("status", WordOf(|line| Some(trade(line)?.status.as_str().into()))),
    ("correlation_id", Id(|line| Some(trade(line)?.correlation_id?.to_string().into()))),
    ("bid_price", PriceOf(|line| Some(book(line)?.bid_price))),
    ("ask_price", PriceOf(|line| Some(book(line)?.ask_price))),
    ("bid_size", Int(|line| Some(book(line)?.bid_size.get()))),
    ("ask_size", Int(|line| Some(book(line)?.ask_size.get()))),
    ("spread", PriceOf(|line| Some(book(line)?.spread))),
    ("mid_price", PriceOf(|line| Some(book(line)?.mid_price))),
    ("interval", WordOf(|line| Some(candle(line)?.interval.as_str().into()))),
    ("open", PriceOf(|line| Some(candle(line)?.open))),
    ("high", PriceOf(|line| Some(candle(line)?.high))),
    ("low", PriceOf(|line| Some(candle(line)?.low))),
    ("close", PriceOf(|line| Some(candle(line)?.close))),
    ("volume", Long(|line| i64::try_from(candle(line)?.volume).ok())),
    ("vwap", PriceOf(|line| Some(candle(line)?.vwap))),
    ("source", WordOf(|_| Some(AVRO_SOURCE.into()))),
];

fn trade<'a>(line: &Line<'a>) -> Option<&'a Trade> {
    if let Event::Trade(trade) = line.1 { Some(trade) } else { None }
}

fn book<'a>(line: &Line<'a>) -> Option<&'a OrderBook> {
    if let Event::OrderBook(book) = line.1 { Some(book) } else { None }
}

fn candle<'a>(line: &Line<'a>) -> Option<&'a MarketData> {
    if let Event::MarketData(candle) = line.1 { Some(candle) } else { None }
}

fn payload_timestamp(event: &Event) -> Timestamp {
    match event {
        Event::Trade(trade) => trade.timestamp,
        Event::OrderBook(book) => book.timestamp,
        Event::MarketData(candle) => candle.timestamp,
    }
}

fn exchange(event: &Event) -> &'static str {
    let exchange = match event {
        Event::Trade(trade) => trade.exchange,
        Event::OrderBook(book) => book.exchange,
        Event::MarketData(candle) => candle.exchange,
    };
    exchange.as_str()
}

/// The table's schema. Every column may be absent in some row, but for those that all messages have.
pub(super) fn schema(style: Style) -> SchemaRef {
    const EVERYWHERE: [&str; 8] = [
        "seq",
        "envelope_timestamp",
        "event_type",
        "schema_version",
        "symbol",
        "timestamp",
        "exchange",
        "source",
    ];
    let fields = COLUMNS.iter().map(|(name, values)| {
        let data_type = match values {
            Long(_) => DataType::Int64,
            Int(_) => DataType::Int32,
            Time(_) => DataType::Timestamp(TimeUnit::Microsecond, Some(style.utc.into())),
            PriceOf(_) => match style.prices {
                ExportPrices::Decimal => DataType::Decimal128(PRECISION, SCALE),
                ExportPrices::Float64 => DataType::Float64,
            },
            WordOf(_) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
            Id(_) => DataType::Utf8,
        };
        Field::new(*name, data_type, !EVERYWHERE.contains(name))
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows that state an event, as columns.
pub(super) fn record_batch(batch: &Batch, style: Style) -> Result<RecordBatch, ArrowError> {
    let lines: Vec<Line<'_>> = batch.rows().filter_map(|row| Some((row, row.event()?))).collect();
    let arrays = COLUMNS.iter().map(|(_, values)| array(*values, &lines, style));
    RecordBatch::try_new(schema(style), arrays.collect::<Result<_, _>>()?)
}

fn array(values: Values, lines: &[Line<'_>], style: Style) -> Result<ArrayRef, ArrowError> {
    Ok(match values {
        Long(value) => Arc::new(lines.iter().map(value).collect::<Int64Array>()),
        Int(value) => {
            // quantities are at most 2³¹−1
            let signed = |line| value(line).map(|value| value as i32);
            Arc::new(lines.iter().map(signed).collect::<Int32Array>())
        }
        Time(value) => {
            let micros = |line| value(line).map(Timestamp::micros);
            let array: TimestampMicrosecondArray = lines.iter().map(micros).collect();
            Arc::new(array.with_timezone(style.utc))
        }
        PriceOf(value) => match style.prices {
            ExportPrices::Decimal => {
                let units = |line| value(line).map(|price| i128::from(price.units()));
                let array: Decimal128Array = lines.iter().map(units).collect();
                Arc::new(array.with_precision_and_scale(PRECISION, SCALE)?)
            }
            ExportPrices::Float64 => {
                // the quotient of two exact numbers is rounded once: the float nearest to the price
                let float = |line| value(line).map(|price| price.units() as f64 / UNITS_PER_ONE);
                Arc::new(lines.iter().map(float).collect::<Float64Array>())
            }
        },
        WordOf(value) => {
            let mut words = StringDictionaryBuilder::<Int32Type>::new();
            lines.iter().for_each(|line| words.append_option(value(line)));
            Arc::new(words.finish())
        }
        Id(value) => Arc::new(lines.iter().map(value).collect::<StringArray>()),
    })
}
