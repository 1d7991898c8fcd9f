//! Cuts and merges: the relations between `record`, `filter`, `merge`, `cat` and the digest.

use crate::support::{Folder, day_text, digest};

#[test]
fn cuts_by_time_merged_in_any_order_are_the_archive_again() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "early.parquet", "--to", "10:00"]);
    folder.ok(&["filter", day_text(), "-o", "middle.parquet", "--from", "10:00", "--to", "12:30:15.250"]);
    folder.ok(&["filter", day_text(), "-o", "late.parquet", "--from", "12:30:15.250"]);
    // a cut of a cut is a cut of the whole
    folder.ok(&["filter", "middle.parquet", "-o", "middle-1.parquet", "--to", "2026-02-18T11:00:00-05:00"]);
    folder.ok(&["filter", "middle.parquet", "-o", "middle-2.parquet", "--from", "2026-02-18T16:00:00Z"]);
    let merged = folder.ok(&[
        "merge",
        "late.parquet",
        "middle-2.parquet",
        "early.parquet",
        "middle-1.parquet",
        "-o",
        "m",
    ]);
    assert_eq!(merged.trim_end(), digest(&folder, day_text()));
    assert!(folder.read("m") == std::fs::read(day_text()).unwrap(), "the files differ");
    let report = folder.ok(&["info", "--json", "m"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["cuts"], serde_json::json!([]));
    assert_eq!(report["sources"], serde_json::json!([]));
}

#[test]
fn cuts_by_symbol_and_by_type_merge_as_well() {
    let folder = Folder::new();
    let rest = "AAPL,MSFT";
    folder.ok(&["filter", day_text(), "-o", "trades", "--events", "trade"]);
    folder.ok(&["filter", day_text(), "-o", "others", "--events", "orderbook,marketdata"]);
    assert_eq!(folder.ok(&["merge", "others", "trades", "-o", "m"]).trim_end(), digest(&folder, day_text()));
    // a part does not become the whole, and lists its sources
    folder.ok(&["filter", day_text(), "-o", "two", "--symbols", rest]);
    folder.ok(&["filter", day_text(), "-o", "one", "--symbols", "GOOGL"]);
    folder.ok(&["merge", "one", "two", "-o", "three"]);
    folder.ok(&["filter", day_text(), "-o", "same", "--symbols", "AAPL,MSFT,GOOGL"]);
    assert_eq!(digest(&folder, "three"), digest(&folder, "same"));
    let report: serde_json::Value = serde_json::from_str(&folder.ok(&["info", "--json", "three"])).unwrap();
    assert_eq!(report["sources"].as_array().unwrap().len(), 2);
    assert_eq!(report["first_seq"], 0);
}

#[test]
fn a_recorded_cut_is_the_cut_of_the_recording() {
    let folder = Folder::new();
    for cut in [
        &["--from", "09:30", "--to", "10:15"][..],
        &["--symbols", "AAPL,MSFT"],
        &["--events", "trade,marketdata", "--from", "15:00"],
        &["--limit", "1234"],
        &["--symbols", "XOM", "--events", "orderbook", "--to", "11:00", "--limit", "50"],
    ] {
        let record =
            ["record", "--date", "2026-02-18", "--seed", "7", "--rate", "1", "--force", "-o", "recorded"];
        let recorded = folder.ok(&[&record[..], cut].concat());
        let filtered = folder.ok(&[&["filter", day_text(), "--force", "-o", "filtered"], cut].concat());
        assert_eq!(recorded, filtered, "{cut:?}");
        assert_eq!(folder.ok(&["cat", "recorded"]), folder.ok(&[&["cat", day_text()], cut].concat()));
        let range = |file| {
            let report: serde_json::Value =
                serde_json::from_str(&folder.ok(&["info", "--json", file])).unwrap();
            (report["first_seq"].clone(), report["last_seq"].clone(), report["cuts"].clone())
        };
        assert_eq!(range("recorded"), range("filtered"), "{cut:?}");
        for file in ["recorded", "filtered"] {
            folder.ok(&["verify", file]);
        }
    }
}

#[test]
fn a_cut_keeps_its_sequence_numbers() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "first", "--limit", "500"]);
    folder.ok(&["filter", day_text(), "-o", "late", "--from", "15:59", "--to", "16:00"]);
    let seqs = |file| {
        let report: serde_json::Value = serde_json::from_str(&folder.ok(&["info", "--json", file])).unwrap();
        (report["first_seq"].as_u64().unwrap(), report["last_seq"].as_u64().unwrap())
    };
    assert_eq!(seqs("first"), (0, 499));
    assert!(seqs("late").0 > 10_000, "{:?}", seqs("late"));
}

#[test]
fn an_empty_cut_works_everywhere() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "none", "--from", "20:00:01"]);
    assert_eq!(folder.ok(&["cat", "none"]), "");
    folder.ok(&["verify", "none"]);
    assert_eq!(folder.ok(&["cat", day_text(), "--limit", "0"]), "");
    for name in ["none.jsonl", "none.csv", "none.avro", "none.parquet"] {
        folder.ok(&["export", "none", "-o", name]);
    }
    folder.ok(&["merge", "none", day_text(), "-o", "m"]);
    assert_eq!(digest(&folder, "m"), digest(&folder, day_text()));
}

#[test]
fn messages_in_two_inputs_are_counted_and_named() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "a", "--limit", "100"]);
    folder.ok(&["filter", day_text(), "-o", "b", "--limit", "40"]);
    let run = folder.run(&["merge", "a", "b", "-o", "m", "--json"]);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("warning: 40 messages are in more than one input"), "{}", run.stderr);
    assert_eq!(run.json()["events"]["total"], 140);
}

#[test]
fn two_recordings_merge_with_both_origins() {
    let folder = Folder::new();
    folder.ok(&["record", "--date", "2026-02-18", "--seed", "8", "--rate", "1", "-o", "other"]);
    folder.ok(&["merge", day_text(), "other", "-o", "m"]);
    folder.ok(&["verify", "m"]);
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let both = folder.ok(&["cat", day_text()]) + &folder.ok(&["cat", "other"]);
    assert_eq!(sorted(folder.ok(&["cat", "m"])), sorted(both));
    let report: serde_json::Value = serde_json::from_str(&folder.ok(&["info", "--json", "m"])).unwrap();
    assert_eq!((&report["seed"], &report["date"]), (&serde_json::Value::Null, &"2026-02-18".into()));
}
