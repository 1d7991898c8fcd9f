//! Avro object container files, written with the `apache-avro` crate. Speed does not matter here, and an independent
//! implementation makes the files a check of the schemas.
//!
//! The schema of the file is the record of the exported event type, or a union if there are several types. Records of captures
//! have two more optional fields: the receive time and the opcode.

use std::io::Write;

use anyhow::Context;
use apache_avro::{Codec, DeflateSettings, Schema, Writer, types::Value};
use serde_json::json;
use tradesim_archive::Batch;
use tradesim_schemas::{
    ContentDigest, Event, EventType, MarketData, OrderBook, Price, SCHEMA_VERSION, Timestamp, Trade,
    contract::AVRO_SOURCE,
};

use super::sink::Sink;

/// The names of the additional fields of captured messages.
const RECEIVED: &str = "received";
const OPCODE: &str = "opcode";

/// An Avro object container file.
pub(super) struct AvroExport {
    writer: Writer<'static, Sink>,
    /// The types of the union in order; a single type is not a union.
    types: Vec<EventType>,
    /// True if there may be captured messages.
    captured: bool,
}

impl AvroExport {
    /// Starts a file with these event types. `captured` is true if there may be captured messages. The first bytes of `digest`,
    /// the digest of the archive, are the sync marker, which is otherwise random, so that each export has the same bytes.
    pub(super) fn new(
        mut sink: Sink,
        types: &[EventType],
        captured: bool,
        digest: ContentDigest,
    ) -> anyhow::Result<AvroExport> {
        let schemas = types.iter().map(|event_type| match event_type.avro_schema() {
            schema if captured => with_receipt(schema),
            schema => Ok(schema.to_owned()),
        });
        let schemas = schemas.collect::<Result<Vec<String>, _>>()?;
        let text = match &schemas[..] {
            [schema] => schema.clone(),
            _ => format!("[{}]", schemas.join(",")),
        };
        // leaked because the writer borrows it, and a process exports only once
        let schema: &'static Schema = Box::leak(Box::new(Schema::parse_str(&text)?));
        let mut marker = [0; 16];
        marker.copy_from_slice(&digest.as_bytes()[..16]);
        sink.write_all(&header(&text, &marker))?;
        let writer = Writer::builder()
            .schema(schema)
            .writer(sink)
            .codec(Codec::Deflate(DeflateSettings::default()))
            .marker(marker)
            .has_header(true)
            .build()?;
        Ok(AvroExport { writer, types: types.to_vec(), captured })
    }

    pub(super) fn write(&mut self, batch: &Batch) -> anyhow::Result<()> {
        for row in batch.rows() {
            let Some(event) = row.event() else { continue };
            let mut fields = match event {
                Event::Trade(trade) => trade_fields(trade),
                Event::OrderBook(book) => book_fields(book),
                Event::MarketData(candle) => candle_fields(candle),
            };
            if self.captured {
                let opcode = row.opcode().map(|opcode| Value::Int(opcode.into()));
                fields.push((RECEIVED.to_owned(), optional(row.received().map(time))));
                fields.push((OPCODE.to_owned(), optional(opcode)));
            }
            let record = Value::Record(fields);
            let place = self.types.iter().position(|kind| *kind == event.event_type());
            let place = place.expect("only the types of the filter pass") as u32;
            let value = if self.types.len() == 1 { record } else { Value::Union(place, Box::new(record)) };
            self.writer.append_value(value)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> anyhow::Result<()> {
        Ok(self.writer.into_inner()?.finish()?)
    }
}

/// Appends the fields of captured messages to the schema of a record, so that a reader with the schema of the contract can still
/// read it.
fn with_receipt(schema: &str) -> anyhow::Result<String> {
    let mut schema: serde_json::Value = serde_json::from_str(schema)?;
    let fields = schema["fields"].as_array_mut().context("the schema of an event is a record")?;
    fields.push(json!({
        "name": RECEIVED,
        "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}],
        "default": null,
        "doc": "When the message was received",
    }));
    fields.push(json!({
        "name": OPCODE,
        "type": ["null", "int"],
        "default": null,
        "doc": "The opcode of its WebSocket message: 1 text, 2 binary",
    }));
    Ok(schema.to_string())
}

/// Returns the header of an object container file (Avro 1.12, "Object Container Files"): magic, a map of two entries, marker.
///
/// The crate writes the map in an order that differs between processes.
fn header(schema: &str, marker: &[u8; 16]) -> Vec<u8> {
    let mut header = b"Obj\x01".to_vec();
    let entries = [("avro.codec", "deflate"), ("avro.schema", schema)];
    put_long(entries.len(), &mut header);
    for (name, value) in entries {
        for text in [name, value] {
            put_long(text.len(), &mut header);
            header.extend_from_slice(text.as_bytes());
        }
    }
    put_long(0, &mut header);
    header.extend_from_slice(marker);
    header
}

/// Appends a length or count as an Avro long: zigzag, seven bits per byte, lowest first.
fn put_long(value: usize, out: &mut Vec<u8>) {
    let mut rest = value << 1;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

type Fields = Vec<(String, Value)>;

/// Returns a value of a union of null and one other type.
fn optional(value: Option<Value>) -> Value {
    match value {
        Some(value) => Value::Union(1, Box::new(value)),
        None => Value::Union(0, Box::new(Value::Null)),
    }
}

fn trade_fields(trade: &Trade) -> Fields {
    let correlation_id = optional(trade.correlation_id.map(text));
    fields([
        ("trade_id", text(trade.trade_id)),
        ("symbol", text(trade.symbol)),
        ("trade_type", symbol(trade.trade_type as u32, trade.trade_type.as_str())),
        ("order_type", symbol(trade.order_type as u32, trade.order_type.as_str())),
        ("price", decimal(trade.price)),
        ("quantity", int(trade.quantity.get())),
        ("timestamp", time(trade.timestamp)),
        ("exchange", symbol(trade.exchange as u32, trade.exchange.as_str())),
        ("trader_id", text(trade.trader_id)),
        ("account_id", text(trade.account_id)),
        ("status", symbol(trade.status as u32, trade.status.as_str())),
        ("correlation_id", correlation_id),
    ])
}

fn book_fields(book: &OrderBook) -> Fields {
    fields([
        ("symbol", text(book.symbol)),
        ("bid_price", decimal(book.bid_price)),
        ("ask_price", decimal(book.ask_price)),
        ("bid_size", int(book.bid_size.get())),
        ("ask_size", int(book.ask_size.get())),
        ("spread", decimal(book.spread)),
        ("mid_price", decimal(book.mid_price)),
        ("timestamp", time(book.timestamp)),
        ("exchange", text(book.exchange)),
    ])
}

fn candle_fields(candle: &MarketData) -> Fields {
    fields([
        ("symbol", text(candle.symbol)),
        ("open", decimal(candle.open)),
        ("high", decimal(candle.high)),
        ("low", decimal(candle.low)),
        ("close", decimal(candle.close)),
        ("volume", Value::Long(i64::try_from(candle.volume).expect("a volume is below 2⁶³"))),
        ("vwap", decimal(candle.vwap)),
        ("timestamp", time(candle.timestamp)),
        ("interval", text(candle.interval)),
        ("exchange", text(candle.exchange)),
    ])
}

/// Returns the fields of the payload and the two that only Avro has.
fn fields<const N: usize>(payload: [(&str, Value); N]) -> Fields {
    let added = [("schema_version", int(SCHEMA_VERSION)), ("source", Value::String(AVRO_SOURCE.to_owned()))];
    payload.into_iter().chain(added).map(|(name, value)| (name.to_owned(), value)).collect()
}

fn text(value: impl std::fmt::Display) -> Value {
    Value::String(value.to_string())
}

fn symbol(place: u32, text: &str) -> Value {
    Value::Enum(place, text.to_owned())
}

fn int(value: u32) -> Value {
    Value::Int(i32::try_from(value).expect("quantities and versions are below 2³¹"))
}

fn time(at: Timestamp) -> Value {
    Value::TimestampMicros(at.micros())
}

/// Returns a price as minimal two's complement bytes, big-endian, like Java and fastavro.
fn decimal(price: Price) -> Value {
    let bytes = price.units().to_be_bytes();
    // a leading zero byte is redundant if the next byte is not negative
    let skip = bytes.windows(2).take_while(|pair| pair[0] == 0 && pair[1] < 0x80).count();
    Value::Decimal((&bytes[skip..]).into())
}
