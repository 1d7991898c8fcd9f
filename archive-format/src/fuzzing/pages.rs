//! Pages: arbitrary bytes as the pages of a column.

use std::sync::LazyLock;

use tradesim_schemas::{ReadOptions, RecordSeq, Timestamp, read};

use super::{Folder, read_to_the_end};
use crate::{
    ArchiveWriter, Captured, Columns, Content, Provenance, Row, WriterOptions,
    layout::Column,
    testing::{Parts, data_page, dictionary_page},
};

/// The encodings of page headers: plain, both dictionaries, RLE, the three deltas, and one that does not exist.
const ENCODINGS: [i32; 8] = [0, 2, 8, 3, 5, 6, 7, 99];
/// The time of all rows.
const MICROS: i64 = 1_771_425_000_000_000;

/// The messages of the archive whose pages are replaced.
const MESSAGES: [&str; 4] = [
    concat!(
        r#"{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.000000Z","payload":{"#,
        r#""trade_id":"bd38d1ee-b913-4d5b-8acb-8aa8d38bcc4e","symbol":"AAPL","trade_type":"BUY","order_type":"LIMIT","#,
        r#""price":"178.50","quantity":100,"timestamp":"2026-02-18T14:30:00.000000Z","exchange":"NASDAQ","#,
        r#""trader_id":"TRD-00042","account_id":"ACC-0008","status":"NEW","correlation_id":"corr-c07880dd056584f0"}}"#
    ),
    concat!(
        r#"{"schema_version":1,"event_type":"orderbook","timestamp":"2026-02-18T14:30:00.000000Z","payload":{"#,
        r#""symbol":"AAPL","bid_price":"178.49","ask_price":"178.50","bid_size":100,"ask_size":300,"spread":"0.01","#,
        r#""mid_price":"178.495","timestamp":"2026-02-18T14:30:00.000000Z","exchange":"NASDAQ"}}"#
    ),
    concat!(
        r#"{"schema_version":1,"event_type":"marketdata","timestamp":"2026-02-18T14:30:00.000000Z","payload":{"#,
        r#""symbol":"AAPL","open":"178.50","high":"178.60","low":"178.40","close":"178.55","volume":1200,"#,
        r#""vwap":"178.5125","timestamp":"2026-02-18T14:29:00.000000Z","interval":"1m","exchange":"NASDAQ"}}"#
    ),
    "a raw frame",
];

/// Returns the parts of the archive of [`MESSAGES`].
static ARCHIVE: LazyLock<Parts> = LazyLock::new(|| Parts::take_apart(&capture()));

/// Reads an archive of one row group after replacing the pages of a column. The bytes are: the column; the encoding of its
/// values, and flags; the number of rows in the page's header; the length of a dictionary; the dictionary; the values.
///
/// # Panics
/// Panics if it can be read in one way but not in another.
pub fn pages(bytes: &[u8]) {
    let [column, flags, rows, dictionary_len, rest @ ..] = bytes else { return };
    let (dictionary, values) = rest.split_at(rest.len().min(usize::from(*dictionary_len)));
    let column = Column::ALL[usize::from(*column) % Column::ALL.len()].name();
    let encoding = ENCODINGS[usize::from(flags & 7)];
    let is_compressed = flags & 8 != 0;
    // a header with a wrong length of the page
    let longer = if flags & 16 != 0 { 1 << (flags >> 5) } else { 0 };
    let stated = |body: &[u8]| body.len() as i32 + longer;
    let stored = |body: &[u8]| match is_compressed {
        true => zstd::bulk::compress(body, 1).expect("bytes in memory can be compressed"),
        false => body.to_vec(),
    };
    let dictionary = match dictionary.is_empty() {
        true => Vec::new(),
        false => dictionary_page(i32::from(*rows), stated(dictionary), &stored(dictionary)),
    };
    let page = data_page(i32::from(*rows), encoding, stated(values), &stored(values));
    let mut parts = ARCHIVE.clone();
    parts.set_column(column, is_compressed, &dictionary, &page);
    read_to_the_end(&parts.seal());
}

fn capture() -> Vec<u8> {
    let folder = Folder::new();
    let path = folder.path().join("capture.parquet");
    let columns = Columns { captured: true, stored_ids: true, origin: true };
    let options = WriterOptions { columns, ..WriterOptions::default() };
    let mut writer = ArchiveWriter::create(&path, Provenance::default(), options).expect("a new file");
    let timestamp = Timestamp::from_micros(MICROS).expect("a time of 2026");
    for (seq, text) in (0..).zip(MESSAGES) {
        let event = read(text.as_bytes(), ReadOptions::default())
            .ok()
            .and_then(|message| message.to_envelope())
            .map(|envelope| envelope.event);
        let content = match event {
            Some(event) => Content::Event(event),
            None => Content::Raw { bytes: text.into(), event: None },
        };
        let row =
            Captured { seq: RecordSeq(seq), timestamp, received: Some(timestamp), opcode: Some(1), content };
        writer.write_row(Row::Captured(Box::new(row))).expect("a row in order");
    }
    writer.finish().expect("the archive can be written");
    std::fs::read(&path).expect("the archive can be read")
}
