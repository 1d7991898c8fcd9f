//! Exports: each format is read back by an independent reader, and the messages are rebuilt from it.

mod captured;

use std::{collections::BTreeMap, fs::File};

use apache_avro::{Reader, types::Value};
use arrow_array::{Array, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tradesim_schemas::{
    AccountId, CorrelationId, Envelope, Event, EventType, MarketData, OrderBook, Price, Quantity, Symbol,
    Timestamp, Trade, TradeId, TraderId,
};

use crate::support::{Folder, day_text};

/// The fields of a message as texts, without absent fields.
type Fields = BTreeMap<String, String>;

const WINDOW: [&str; 4] = ["--from", "09:29", "--to", "09:40"];

fn expected(folder: &Folder) -> Vec<String> {
    folder.ok(&[&["cat", day_text()], &WINDOW[..]].concat()).lines().map(str::to_owned).collect()
}

fn export(folder: &Folder, name: &str, more: &[&str]) -> Vec<u8> {
    folder.ok(&[&["export", day_text(), "-o", name], &WINDOW[..], more].concat());
    folder.read(name)
}

/// Returns the message of a row.
fn message(fields: &Fields) -> String {
    let text =
        |name: &str| fields.get(name).unwrap_or_else(|| panic!("{name} is missing: {fields:?}")).as_str();
    let price = |name| Price::parse(text(name).as_bytes()).unwrap();
    let count = |name| Quantity::new(text(name).parse().unwrap()).unwrap();
    let time = |name| Timestamp::parse(text(name).as_bytes()).unwrap();
    let symbol = Symbol::new(text("symbol")).unwrap();
    let event = match text("event_type").parse().unwrap() {
        EventType::Trade => Event::Trade(Trade {
            trade_id: TradeId::parse(text("trade_id").as_bytes()).unwrap(),
            symbol,
            trade_type: text("trade_type").parse().unwrap(),
            order_type: text("order_type").parse().unwrap(),
            price: price("price"),
            quantity: count("quantity"),
            timestamp: time("timestamp"),
            exchange: text("exchange").parse().unwrap(),
            trader_id: TraderId::parse(text("trader_id").as_bytes()).unwrap(),
            account_id: AccountId::parse(text("account_id").as_bytes()).unwrap(),
            status: text("status").parse().unwrap(),
            correlation_id: fields
                .get("correlation_id")
                .map(|text| CorrelationId::parse(text.as_bytes()).unwrap()),
        }),
        EventType::OrderBook => Event::OrderBook(OrderBook {
            symbol,
            bid_price: price("bid_price"),
            ask_price: price("ask_price"),
            bid_size: count("bid_size"),
            ask_size: count("ask_size"),
            spread: price("spread"),
            mid_price: price("mid_price"),
            timestamp: time("timestamp"),
            exchange: text("exchange").parse().unwrap(),
        }),
        EventType::MarketData => Event::MarketData(MarketData {
            symbol,
            open: price("open"),
            high: price("high"),
            low: price("low"),
            close: price("close"),
            volume: text("volume").parse().unwrap(),
            vwap: price("vwap"),
            timestamp: time("timestamp"),
            interval: text("interval").parse().unwrap(),
            exchange: text("exchange").parse().unwrap(),
        }),
    };
    Envelope { timestamp: time("envelope_timestamp"), event }.to_json()
}

/// Compares message by message, so that a failure shows only the first difference.
#[track_caller]
fn same(found: impl ExactSizeIterator<Item = String>, expected: &[String]) {
    assert!(expected.len() > 3_000);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.zip(expected) {
        assert_eq!(found, *expected);
    }
}

/// Parses a CSV file. None of the values contains a comma or a quote.
fn csv_rows(text: &str) -> Vec<Fields> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let values: Vec<&str> = line.split(',').collect();
            assert_eq!(values.len(), header.len(), "{line}");
            let pairs = header.iter().zip(values).filter(|(_, value)| !value.is_empty());
            pairs.map(|(name, value)| ((*name).to_owned(), value.to_owned())).collect()
        })
        .collect()
}

fn batches(folder: &Folder, name: &str) -> Vec<RecordBatch> {
    let file = File::open(folder.path(name)).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect()
}

/// Returns the rows of a Parquet file. Times are formatted here, because arrow's formatter needs a time zone database for them.
fn parquet_rows(folder: &Folder, name: &str) -> Vec<Fields> {
    let mut rows = Vec::new();
    for batch in batches(folder, name) {
        let first = rows.len();
        rows.resize_with(first + batch.num_rows(), Fields::new);
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let column = match field.data_type() {
                DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                    arrow_cast::cast(column, &DataType::Int64).unwrap()
                }
                _ => column.clone(),
            };
            let formatter = ArrayFormatter::try_new(&column, &FormatOptions::default()).unwrap();
            for (index, row) in
                rows[first..].iter_mut().enumerate().filter(|(index, _)| !column.is_null(*index))
            {
                let mut text = formatter.value(index).to_string();
                if matches!(field.data_type(), DataType::Timestamp(..)) {
                    text = Timestamp::from_micros(text.parse().unwrap()).unwrap().to_string();
                }
                row.insert(field.name().clone(), text);
            }
        }
    }
    rows
}

#[test]
fn json_lines_are_what_cat_prints() {
    let folder = Folder::new();
    let lines = export(&folder, "out.jsonl", &[]);
    assert!(lines == (expected(&folder).join("\n") + "\n").as_bytes(), "the lines differ");
    let compressed = export(&folder, "out.jsonl.zst", &[]);
    assert!(zstd::decode_all(&compressed[..]).unwrap() == lines, "the lines differ");
}

#[test]
fn csv_states_every_message() {
    let folder = Folder::new();
    let text = export(&folder, "out.csv", &[]);
    let rows = csv_rows(std::str::from_utf8(&text).unwrap());
    same(rows.iter().map(message), &expected(&folder));
    assert!(rows.iter().all(|row| row["schema_version"] == "1" && row["source"] == "trade-generator"));
    let compressed = export(&folder, "out.csv.zst", &[]);
    assert!(zstd::decode_all(&compressed[..]).unwrap() == text, "the texts differ");
}

#[test]
fn plain_parquet_states_every_message() {
    let folder = Folder::new();
    let first = export(&folder, "out.parquet", &[]);
    let rows = parquet_rows(&folder, "out.parquet");
    same(rows.iter().map(message), &expected(&folder));
    assert!(export(&folder, "again.parquet", &[]) == first, "another export has other bytes");
    let schema = batches(&folder, "out.parquet")[0].schema();
    let kind = |name: &str| schema.field_with_name(name).unwrap().data_type().clone();
    assert_eq!(kind("price"), DataType::Decimal128(12, 4));
    assert_eq!(kind("timestamp"), DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(kind("quantity"), DataType::Int32);
}

#[test]
fn prices_can_be_floats() {
    let folder = Folder::new();
    export(&folder, "out.parquet", &["--prices", "float64"]);
    export(&folder, "exact.parquet", &[]);
    let (floats, exact) = (parquet_rows(&folder, "out.parquet"), parquet_rows(&folder, "exact.parquet"));
    let mut compared = 0;
    for (float, exact) in floats.iter().zip(&exact) {
        for name in ["price", "bid_price", "mid_price", "open", "vwap"] {
            let parsed = |row: &Fields| row.get(name).map(|text| text.parse::<f64>().unwrap());
            assert_eq!(parsed(float), parsed(exact), "{name}");
            compared += usize::from(parsed(float).is_some());
        }
    }
    assert!(compared > 1_000);
    assert_eq!(
        batches(&folder, "out.parquet")[0].schema().field_with_name("price").unwrap().data_type(),
        &DataType::Float64
    );
}

/// Returns the fields of an Avro record, which may be in a union, as texts.
fn avro_fields(value: Value) -> Fields {
    let text = |value: Value| {
        Some(match value {
            Value::String(text) | Value::Enum(_, text) => text,
            Value::Int(number) => number.to_string(),
            Value::Long(number) => number.to_string(),
            Value::TimestampMicros(micros) => Timestamp::from_micros(micros).unwrap().to_string(),
            Value::Decimal(decimal) => {
                let bytes = Vec::<u8>::try_from(&decimal).unwrap();
                let units = bytes.iter().fold(0i64, |units, byte| units << 8 | i64::from(*byte));
                let minimal = bytes.len() == 1 || bytes[0] != 0 || bytes[1] >= 0x80;
                assert!(minimal && bytes[0] < 0x80, "{bytes:?}");
                Price::from_units(units).unwrap().to_string()
            }
            Value::Union(_, inner) => match *inner {
                Value::Null => return None,
                Value::String(text) => text,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
    };
    match value {
        Value::Union(_, inner) => avro_fields(*inner),
        Value::Record(fields) => {
            fields.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Returns the payload of a message, because Avro has no envelope.
fn payload(line: &str) -> &str {
    &line[line.find(r#""payload":"#).unwrap()..]
}

#[test]
fn an_avro_file_of_all_types_is_a_union() {
    let folder = Folder::new();
    let first = export(&folder, "out.avro", &[]);
    let types = ["trade", "orderbook", "marketdata"];
    let rows = Reader::new(&first[..]).unwrap().map(|value| {
        let Value::Union(place, record) = value.unwrap() else { panic!("not a union") };
        let mut fields = avro_fields(*record);
        fields.insert("event_type".to_owned(), types[place as usize].to_owned());
        fields.insert("envelope_timestamp".to_owned(), fields["timestamp"].clone());
        assert_eq!((fields["schema_version"].as_str(), fields["source"].as_str()), ("1", "trade-generator"));
        payload(&message(&fields)).to_owned()
    });
    let rows: Vec<String> = rows.collect();
    let expected = expected(&folder);
    let expected: Vec<String> = expected.iter().map(|line| payload(line).to_owned()).collect();
    same(rows.into_iter(), &expected);
    assert!(export(&folder, "again.avro", &[]) == first, "another export has other bytes");
}

#[test]
fn an_avro_file_of_one_type_is_that_record() {
    let folder = Folder::new();
    for (event_type, name) in [("trade", "Trade"), ("orderbook", "OrderBook"), ("marketdata", "MarketData")] {
        let file = export(&folder, &format!("{event_type}.avro"), &["--events", event_type]);
        let reader = Reader::new(&file[..]).unwrap();
        let schema = reader.writer_schema().canonical_form();
        assert!(schema.contains(&format!(r#""name":"com.tradeplatform.events.{name}""#)), "{schema}");
        let rows: Vec<Value> = reader.map(Result::unwrap).collect();
        assert!(!rows.is_empty());
        assert!(rows.iter().all(|value| matches!(value, Value::Record(_))));
    }
}
