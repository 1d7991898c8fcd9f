//! `realism`: the table, the page, the verdicts, and recordings of other origins.

use std::{fs, path::Path};

use serde_json::Value;
use tradesim_realism::ROWS;

use crate::support::Folder;

fn record(folder: &Folder, args: &[&str]) {
    folder.ok(&[&["record", "--date", "2026-02-18", "--no-env"], args].concat());
}

fn row<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["rows"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

#[test]
fn two_days_are_pooled_and_the_page_refers_to_nothing_outside() {
    let folder = Folder::new();
    for (seed, name) in [("1", "a.parquet"), ("2", "b.parquet")] {
        record(&folder, &["--seed", seed, "--symbols", "12", "--rate", "2", "-o", name]);
    }
    let run = folder.run(&["realism", "a.parquet", "b.parquet", "--json", "--report", "page.html"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["files"], serde_json::json!(["a.parquet", "b.parquet"]));
    for (key, expected) in [("files", 2), ("days", 2), ("symbols", 12), ("symbol_days", 24)] {
        assert_eq!(report["input"][key], expected, "{key}");
    }
    assert_eq!(report["rows"].as_array().unwrap().len(), ROWS.len());
    // what gbm/1 has, and what it lacks
    for (id, verdict) in
        [("B1", "inside"), ("A14", "inside"), ("C4", "outside"), ("E11", "outside"), ("A3", "not_judged")]
    {
        assert_eq!(row(&report, id)["verdict"], verdict, "{}", row(&report, id));
    }
    let page = String::from_utf8(folder.read("page.html")).unwrap();
    assert!(page.contains("a.parquet, b.parquet") && page.matches("<svg").count() > 5);
    for word in ["http", "src=", "<script", "NaN"] {
        assert!(!page.contains(word), "{word}");
    }
    // the same files give the same report
    assert_eq!(folder.run(&["realism", "a.parquet", "b.parquet", "--json"]).json(), report);
    let text = folder.ok(&["realism", "a.parquet", "b.parquet"]);
    assert!(text.contains("2 files, 2 days, 12 symbols") && text.contains("judged rows inside"), "{text}");
    // a report is not a test, unless it is asked to be one
    assert_eq!(folder.run(&["realism", "a.parquet", "--check"]).code, 3);
}

#[test]
fn a_part_of_a_recording_is_measured_in_the_session_that_it_covers() {
    let folder = Folder::new();
    record(
        &folder,
        &["--seed", "1", "--rate", "5", "--from", "10:02", "--to", "11:08", "-o", "part.parquet"],
    );
    let report = folder.run(&["realism", "part.parquet", "--symbols", "AAPL,MSFT", "--json"]).json();
    assert_eq!(report["input"]["symbols"], 50, "those of the table");
    assert_eq!(report["input"]["symbol_days"], 2);
    assert_eq!(row(&report, "B1")["verdict"], "not_judged");
    let variation = row(&report, "C4")["value"].as_f64().unwrap();
    assert!((variation - 1.0).abs() < 0.1, "no gap before 10:05 or after 11:05 counts: {variation}");
}

#[test]
fn recordings_without_some_events_are_measured_as_far_as_possible() {
    let folder = Folder::new();
    record(
        &folder,
        &["--seed", "1", "--symbols", "12", "--rate", "2", "--events", "trade", "-o", "trades.parquet"],
    );
    let report = folder.run(&["realism", "trades.parquet", "--json"]).json();
    for id in ["E3", "E5", "E8", "E10"] {
        assert_eq!(row(&report, id)["verdict"], "not_judged", "{id}");
        assert!(row(&report, id)["reason"].as_str().unwrap().contains("no quotes"), "{id}");
    }
    // prices are those of trades
    assert!(row(&report, "A1")["value"].is_f64());
    assert!(row(&report, "D2")["value"].is_f64());
    record(&folder, &["--seed", "1", "--limit", "0", "-o", "empty.parquet"]);
    let run = folder.run(&["realism", "empty.parquet", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("empty"), "{}", run.stderr);
    assert!(run.json()["summary"]["inside"] == 0);
}

#[test]
fn invalid_arguments_are_refused() {
    let folder = Folder::new();
    record(&folder, &["--seed", "1", "--limit", "100", "-o", "day.parquet"]);
    folder.run(&["realism", "missing.parquet"]).fails(1, "missing.parquet");
    folder.run(&["realism", "day.parquet", "--symbols", "APPL"]).fails(2, "APPL is not a symbol");
    assert_eq!(folder.run(&["realism"]).code, 2);
    assert_eq!(folder.run(&["realism", "day.parquet", "--report", "page.txt"]).code, 2);
    folder.run(&["realism", "day.parquet", "--report", "missing/page.html"]).fails(73, "missing");
    folder.write("text.parquet", "text");
    folder.run(&["realism", "text.parquet"]).fails(65, "text.parquet");
}

#[test]
fn the_table_of_rows_is_documented() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/REALISM.md");
    let page = fs::read_to_string(page).unwrap();
    for row in ROWS {
        let short = |value: f64| format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned();
        let line = format!("| {} | {} | {} to {} |", row.id, row.name, short(row.low), short(row.high));
        assert!(page.contains(&line) && page.contains(row.source), "{line}");
    }
}
