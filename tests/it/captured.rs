//! Captures that are written by the library, so that every row is known: foreign frames pass through every command unchanged.

use std::collections::BTreeMap;

use tradesim_archive::{ArchiveWriter, Captured, Columns, Content, Provenance, Row, WriterOptions};
use tradesim_schemas::{Envelope, Event, Exchange, OrderBook, Price, Quantity, RecordSeq, Symbol, Timestamp};

use crate::support::{Folder, day_text, digest, digest_of_lines};

fn book(symbol: &str, second: i64) -> (Timestamp, Event) {
    let price = |units| Price::from_units(units).unwrap();
    let (bid_price, ask_price) = (price(1_000_000), price(1_000_300));
    let timestamp = Timestamp::from_micros(1_771_425_000_000_000 + second * 1_000_000).unwrap();
    let event = Event::OrderBook(OrderBook {
        symbol: Symbol::new(symbol).unwrap(),
        bid_price,
        ask_price,
        bid_size: Quantity::new(100).unwrap(),
        ask_size: Quantity::new(200).unwrap(),
        spread: ask_price.checked_sub(bid_price).unwrap(),
        mid_price: Price::mid(bid_price, ask_price),
        timestamp,
        exchange: Exchange::Arca,
    });
    (timestamp, event)
}

/// Returns the texts of a capture: a message of tradesim, one in a foreign layout, and one that is not JSON.
fn texts() -> [String; 3] {
    let text = |(timestamp, event)| Envelope { timestamp, event }.to_json();
    [text(book("AAPL", 0)), text(book("MSFT", 1)).replace(',', ", "), "{broken".to_owned()]
}

/// Writes a capture of [`texts`].
pub(crate) fn capture(folder: &Folder, name: &str) {
    let columns = Columns { captured: true, stored_ids: true, ..Columns::default() };
    let provenance = Provenance {
        options: BTreeMap::from([("url".to_owned(), "test".to_owned())]),
        ..Provenance::default()
    };
    let options = WriterOptions { columns, ..WriterOptions::default() };
    let mut writer = ArchiveWriter::create(folder.path(name), provenance, options).unwrap();
    let [_, foreign, broken] = texts();
    let contents = [
        Content::Event(book("AAPL", 0).1),
        Content::Raw { bytes: foreign.into_bytes(), event: Some(book("MSFT", 1).1) },
        Content::Raw { bytes: broken.into_bytes(), event: None },
    ];
    for (seq, content) in contents.into_iter().enumerate() {
        let (timestamp, _) = book("AAPL", seq as i64);
        let captured = Captured {
            seq: RecordSeq(seq as u64),
            timestamp,
            received: Some(timestamp),
            opcode: Some(1),
            content,
        };
        writer.write_row(Row::Captured(Box::new(captured))).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn raw_frames_are_printed_byte_by_byte() {
    let folder = Folder::new();
    capture(&folder, "feed");
    let lines = folder.ok(&["cat", "feed"]);
    assert_eq!(lines, texts().join("\n") + "\n");
    assert_eq!(digest_of_lines(lines.as_bytes()).to_string(), digest(&folder, "feed"));
    let events = &folder.run(&["info", "--json", "feed"]).json()["events"];
    assert_eq!((&events["orderbook"], &events["raw"], &events["total"]), (&1.into(), &2.into(), &3.into()));
}

#[test]
fn a_capture_is_verified_by_its_digests_and_not_by_market_rules() {
    let folder = Folder::new();
    capture(&folder, "feed");
    let run = folder.run(&["verify", "--json", "feed"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.json()["skipped"][0]["reason"].as_str().unwrap().contains("does not contain a simulated market")
    );
}

#[test]
fn filters_see_the_event_of_a_raw_frame() {
    let folder = Folder::new();
    capture(&folder, "feed");
    let [own, foreign, broken] = texts();
    let cat = |args: &[&str]| folder.ok(&[&["cat", "feed"], args].concat());
    assert_eq!(cat(&["--symbols", "MSFT"]), format!("{foreign}\n"));
    assert_eq!(cat(&["--events", "orderbook"]), format!("{own}\n{foreign}\n"));
    assert_eq!(cat(&["--from", "2026-02-18T14:30:02Z"]), format!("{broken}\n"));
    // a capture has no symbol table and no trading date
    assert_eq!(cat(&["--symbols", "NOPE"]), "");
    folder.run(&["cat", "feed", "--from", "09:30"]).fails(2, "exchange time needs a date");
    folder.ok(&["filter", "feed", "-o", "cut", "--limit", "2"]);
    assert_eq!(folder.ok(&["cat", "cut"]), format!("{own}\n{foreign}\n"));
}

#[test]
fn messages_that_a_format_cannot_express_are_counted_and_listed() {
    let folder = Folder::new();
    capture(&folder, "feed");
    folder.ok(&["export", "feed", "-o", "out.parquet"]);
    for (name, count) in [("out.jsonl", 1), ("out.csv", 1), ("out.avro", 1)] {
        let run = folder.run(&["export", "feed", "-o", name]);
        run.fails(1, &format!("{count} captured messages cannot be written as"));
        assert!(run.stderr.contains("seq 2"), "{}", run.stderr);
        assert!(!folder.path(name).exists());
        let run = folder.run(&["export", "feed", "-o", name, "--skip-raw", "--json"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!((&run.json()["messages"], &run.json()["skipped"]), (&2.into(), &count.into()));
        assert!(run.stderr.contains("warning: "), "{}", run.stderr);
    }
}

#[test]
fn a_capture_merges_with_a_recording() {
    let folder = Folder::new();
    capture(&folder, "feed");
    folder.ok(&["filter", day_text(), "-o", "minute", "--from", "09:30", "--to", "09:31"]);
    folder.ok(&["merge", "feed", "minute", "-o", "both"]);
    let lines = folder.ok(&["cat", "both"]);
    for text in texts() {
        assert!(lines.lines().any(|line| line == text), "{text}");
    }
    assert_eq!(lines.lines().count(), folder.ok(&["cat", "minute"]).lines().count() + 3);
}

#[test]
fn differing_frames_are_compared_field_by_field() {
    let folder = Folder::new();
    capture(&folder, "feed");
    folder.ok(&["filter", "feed", "-o", "a", "--symbols", "AAPL"]);
    folder.ok(&["filter", "feed", "-o", "b", "--symbols", "MSFT"]);
    let report = folder.run(&["diff", "a", "b", "--json"]).json();
    let fields = report["difference"]["fields"].as_array().unwrap().clone();
    let names: Vec<&str> = fields.iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(names, ["timestamp", "payload.symbol", "payload.timestamp"]);
}
