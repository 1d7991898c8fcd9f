//! Exports of captures: emission times, receive times, messages that a format cannot express, and streams.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use apache_avro::{Reader, types::Value};
use tradesim_schemas::Timestamp;

use super::{Fields, parquet_rows};
use crate::support::{Folder, day_text, feed::plain_feed, listening::Listening};

/// The emission time of the first message.
const STATED: &str = "2026-02-18T14:30:00.000000Z";

fn book(symbol: &str, time: &str) -> String {
    format!(
        r#"{{"schema_version":1,"event_type":"orderbook","timestamp":"{time}","payload":{{"symbol":"{symbol}","bid_price":"100.00","ask_price":"100.02","bid_size":100,"ask_size":200,"spread":"0.02","mid_price":"100.01","timestamp":"{time}","exchange":"ARCA"}}}}"#
    )
}

/// Returns a message of tradesim, one in another layout, one that is out of order, JSON over several lines, JSON that is not
/// UTF-8, and a text that is not JSON.
fn messages() -> Vec<Vec<u8>> {
    let other = book("MSFT", "2026-02-18T14:31:00Z").replace(',', ", ");
    let late = book("GOOGL", "2026-02-18T14:29:00.5+00:00");
    let pretty = "{\n  \"timestamp\": \"2026-02-18T14:32:00Z\",\n  \"text\": \"a b\\n\"\n}".to_owned();
    let texts = [book("AAPL", STATED), other, late, pretty].map(String::into_bytes);
    let mut messages = texts.to_vec();
    messages.push(b"{\"text\":\"\xff\"}".to_vec());
    messages.push(b"hello".to_vec());
    messages
}

/// Captures these messages as `feed.parquet`.
fn captured(folder: &Folder, messages: Vec<Vec<u8>>) {
    let server = plain_feed(messages);
    folder.ok(&["capture", &server.url(), "-o", "feed.parquet"]);
}

fn stated(rows: &[Fields]) -> Vec<Option<&str>> {
    rows.iter().map(|row| row.get("envelope_timestamp").map(String::as_str)).collect()
}

/// Returns the last two fields of an Avro record: receive time and opcode.
fn receipt(record: Value) -> (String, i32) {
    let Value::Record(fields) = record else { panic!("{record:?}") };
    let [.., (received, Value::Union(1, at)), (opcode, Value::Union(1, code))] = &fields[..] else {
        panic!("{fields:?}")
    };
    assert_eq!((received.as_str(), opcode.as_str()), ("received", "opcode"));
    match (&**at, &**code) {
        (Value::TimestampMicros(micros), Value::Int(code)) => {
            (Timestamp::from_micros(*micros).unwrap().to_string(), *code)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_table_of_a_capture_has_emission_times_and_receive_times() {
    let folder = Folder::new();
    captured(&folder, messages());
    folder.ok(&["export", "feed.parquet", "-o", "out.parquet"]);
    let rows = parquet_rows(&folder, "out.parquet");
    let expected = [
        Some(STATED),
        Some("2026-02-18T14:31:00.000000Z"),
        Some("2026-02-18T14:29:00.500000Z"),
        Some("2026-02-18T14:32:00.000000Z"),
        None,
        None,
    ];
    assert_eq!(stated(&rows), expected);
    let opcodes: Vec<&str> = rows.iter().map(|row| row["opcode"].as_str()).collect();
    assert_eq!(opcodes, ["1", "1", "1", "1", "2", "1"]);
    let received: Vec<&String> = rows.iter().map(|row| &row["received"]).collect();
    assert!(received.is_sorted() && received[0].as_str() > "2026-03", "{received:?}");

    folder.ok(&["export", "feed.parquet", "-o", "out.csv", "--skip-raw"]);
    let text = String::from_utf8(folder.read("out.csv")).unwrap();
    let rows = super::csv_rows(&text);
    assert_eq!(stated(&rows), expected[..3]);
    for (row, received) in rows.iter().zip(&received) {
        assert_eq!((&row["received"], row["opcode"].as_str()), (*received, "1"));
    }

    folder.ok(&["export", "feed.parquet", "-o", "out.avro", "--skip-raw", "--events", "orderbook"]);
    let avro = folder.read("out.avro");
    let avro: Vec<_> = Reader::new(&avro[..]).unwrap().map(|value| receipt(value.unwrap())).collect();
    let expected: Vec<_> = received[..3].iter().map(|received| ((*received).clone(), 1)).collect();
    assert_eq!(avro, expected);

    // a recording has neither column
    folder.ok(&["export", day_text(), "-o", "day.csv", "--limit", "1"]);
    let header = String::from_utf8(folder.read("day.csv")).unwrap();
    assert!(header.lines().next().unwrap().ends_with(",volume,vwap"), "{header}");
}

#[test]
fn cuts_and_pace_use_emission_times_and_report_that() {
    let folder = Folder::new();
    captured(&folder, messages());
    let window = ["--from", "2026-02-18T14:29:00Z", "--to", "2026-02-18T14:31:00Z"];
    let run = folder.run(&[&["cat", "feed.parquet"], &window[..]].concat());
    let expected = [&messages()[0], &messages()[2]].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert_eq!(run.stdout, expected.join("\n") + "\n");
    let note = "--from and --to refer to the emission times in captured messages";
    assert!(run.stderr.contains(note), "{}", run.stderr);
    assert!(!folder.run(&["cat", "feed.parquet", "--limit", "1"]).stderr.contains(note));
    let run = folder.run(&[&["filter", "feed.parquet", "-o", "cut"], &window[..]].concat());
    assert!(run.code == 0 && run.stderr.contains(note), "{}", run.stderr);
    assert_eq!(folder.ok(&["cat", "cut"]), expected.join("\n") + "\n");

    let args = ["feed.parquet", "--pace", "recorded", "--speed", "60x", "--json"];
    let server = Listening::replay(&folder, &args);
    folder.ok(&["tail", &server.url, "--digest"]);
    let run = server.end();
    assert!(run.stderr.contains("pace: the emission times in captured messages"), "{}", run.stderr);
    // the emission times span two minutes; messages without one follow at once, because all were received at once, months later
    let seconds = run.json()["seconds"].as_f64().unwrap();
    assert!((1.9..100.0).contains(&seconds), "{seconds}");
}

#[test]
fn lines_are_utf8_and_each_message_is_one() {
    let folder = Folder::new();
    captured(&folder, messages());
    let run = folder.run(&["export", "feed.parquet", "-o", "out.jsonl"]);
    run.fails(1, "2 captured messages cannot be written as JSON lines: seq 4, 5");
    assert_eq!(folder.names(), ["feed.parquet"]);
    let run = folder.run(&["export", "feed.parquet", "-o", "out.jsonl", "--skip-raw", "--json"]);
    assert_eq!((run.code, &run.json()["skipped"], &run.json()["messages"]), (0, &2.into(), &4.into()));
    let lines = String::from_utf8(folder.read("out.jsonl")).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0].as_bytes(), messages()[0]);
    assert_eq!(lines[1].as_bytes(), messages()[1], "white space on one line stays");
    assert_eq!(lines[3], r#"{"timestamp":"2026-02-18T14:32:00Z","text":"a b\n"}"#);
}

#[test]
fn cells_that_a_spreadsheet_would_evaluate_are_marked_on_request() {
    let folder = Folder::new();
    let symbols = ["=1+1", "+A", "-A", "@A", "AAPL", "A=B"];
    captured(&folder, symbols.iter().map(|symbol| book(symbol, STATED).into_bytes()).collect());
    let found = |more: &[&str]| {
        let text = folder.ok(&[&["export", "feed.parquet", "-o", "-", "--format", "csv"], more].concat());
        let rows = super::csv_rows(&text);
        rows.iter().map(|row| row["symbol"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(&[]), symbols);
    assert_eq!(found(&["--csv-safe"]), ["'=1+1", "'+A", "'-A", "'@A", "AAPL", "A=B"]);
    let run = folder.run(&["export", "feed.parquet", "-o", "out.jsonl", "--csv-safe"]);
    run.fails(2, "--csv-safe is only for CSV");
}

#[test]
fn a_stream_has_the_content_of_the_file() {
    let folder = Folder::new();
    let window = ["--from", "09:29", "--to", "09:40"];
    let export = |args: &[&str]| folder.run(&[&["export", day_text()], &window[..], args].concat());
    for format in ["jsonl", "csv"] {
        let name = format!("out.{format}");
        assert_eq!(export(&["-o", &name]).code, 0);
        let run = export(&["-o", "-", "--format", format]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stdout.as_bytes() == folder.read(&name), "the texts differ");
        assert!(run.stderr.contains("standard output"), "{}", run.stderr);
    }
    export(&["-o", "-"]).fails(2, "-o - needs a format");
    export(&["-o", "a.csv", "--format", "csv"]).fails(2, "--format is only for standard output");
    export(&["-o", "-", "--format", "csv", "--json"]).fails(2, "--json cannot be used with -o -");
    assert_eq!(folder.names(), ["out.csv", "out.jsonl"]);
}

#[test]
fn a_stream_stops_before_a_message_that_it_cannot_express() {
    let folder = Folder::new();
    captured(&folder, messages());
    let run = folder.run(&["export", "feed.parquet", "-o", "-", "--format", "jsonl"]);
    run.fails(1, "cannot write standard output without loss");
    assert_eq!(run.stdout, "");
    let run = folder.run(&["export", "feed.parquet", "-o", "-", "--format", "jsonl", "--skip-raw"]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 4));
}

#[test]
fn a_reader_that_goes_away_ends_a_stream_quietly() {
    let folder = Folder::new();
    for format in ["jsonl", "csv"] {
        let mut command = folder.command(&["export", day_text(), "-o", "-", "--format", format]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        drop(stdout);
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn cat_warns_once_about_messages_that_span_several_lines() {
    let folder = Folder::new();
    captured(&folder, (0..7).flat_map(|_| [b"a\nb".to_vec(), b"c".to_vec()]).collect());
    let run = folder.run(&["cat", "feed.parquet"]);
    assert_eq!((run.code, run.stdout.lines().count()), (0, 21));
    assert_eq!(
        run.stderr,
        "warning: 7 messages contain line breaks and span several lines: seq 0, 2, 4, 6, 8, …\n"
    );
    let run = folder.run(&["cat", "feed.parquet", "--limit", "1"]);
    assert_eq!(run.stderr, "warning: 1 message contains line breaks and spans several lines: seq 0\n");
    assert_eq!(folder.run(&["cat", day_text(), "--limit", "1"]).stderr, "");
}
