//! `diff` and `verify`: what they find, and how they report it.

use crate::support::{Folder, day_text};

#[test]
fn the_same_messages_are_the_same_whatever_the_files() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "trades", "--events", "trade"]);
    folder.ok(&["merge", "trades", "-o", "renumbered"]);
    let run = folder.run(&["diff", "trades", "renumbered", "--json"]);
    assert_eq!(run.code, 0);
    assert_eq!(run.json()["same"], true);
    assert!(folder.read("trades") != folder.read("renumbered"));
}

#[test]
fn the_first_difference_is_shown_field_by_field_with_context() {
    let folder = Folder::new();
    // both are equal up to the first message of GOOGL
    folder.ok(&["filter", day_text(), "-o", "a", "--symbols", "AAPL,GOOGL", "--events", "trade"]);
    folder.ok(&["filter", day_text(), "-o", "b", "--symbols", "AAPL", "--events", "trade"]);
    let lines = folder.ok(&["cat", "a"]);
    let lines: Vec<&str> = lines.lines().collect();
    let first = lines.iter().position(|line| line.contains(r#""symbol":"GOOGL""#)).unwrap();
    let run = folder.run(&["diff", "a", "b", "--json"]);
    assert_eq!(run.code, 3);
    let report = run.json();
    let difference = &report["difference"];
    assert_eq!(report["equal"], first);
    assert_eq!(difference["position"], first);
    assert_eq!(difference["a"]["message"], lines[first]);
    let context = &lines[first.saturating_sub(3)..first];
    assert_eq!(difference["context"], serde_json::json!(context));
    let fields = difference["fields"].as_array().unwrap();
    let symbol = fields.iter().find(|field| field["field"] == "payload.symbol").unwrap();
    assert_eq!((&symbol["a"], &symbol["b"]), (&"GOOGL".into(), &"AAPL".into()));
    let names: Vec<&str> = fields.iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert!(names.contains(&"timestamp") && names.contains(&"payload.trade_id"), "{names:?}");
    assert!(!names.contains(&"event_type"), "{names:?}");
    let text = folder.run(&["diff", "a", "b"]);
    assert!(text.stdout.contains("payload.symbol: a has GOOGL, b has AAPL"), "{}", text.stdout);
}

#[test]
fn a_stream_that_ends_earlier_is_a_difference() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "short", "--limit", "1000"]);
    let run = folder.run(&["diff", "short", day_text(), "--json"]);
    assert_eq!(run.code, 3);
    let report = run.json();
    assert_eq!(report["equal"], 1000);
    assert_eq!(report["difference"]["a"], serde_json::Value::Null);
    assert_eq!(report["difference"]["context"].as_array().unwrap().len(), 3);
    assert!(folder.run(&["diff", "short", day_text()]).stdout.contains("a has ended"));
}

#[test]
fn every_rule_is_checked_on_a_whole_day() {
    let folder = Folder::new();
    let run = folder.run(&["verify", "--json", day_text()]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let report = run.json();
    assert_eq!(report["skipped"], serde_json::json!([]));
    for rule in report["rules"].as_array().unwrap() {
        assert!(rule["checked"].as_u64().unwrap() > 0, "{rule}");
    }
}

#[test]
fn rules_that_do_not_apply_to_a_cut_are_listed() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "cut", "--events", "trade"]);
    let run = folder.run(&["verify", "--json", "cut"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let skipped = run.json()["skipped"].to_string();
    assert!(skipped.contains("no candles") && skipped.contains("no order book snapshots"), "{skipped}");
}

#[test]
fn broken_market_rules_exit_with_3() {
    let folder = Folder::new();
    // the same day twice in one archive: every order occurs twice
    folder.ok(&["merge", day_text(), day_text(), "-o", "twice"]);
    let run = folder.run(&["verify", "--json", "twice"]);
    assert_eq!(run.code, 3);
    let report = run.json();
    assert_eq!(report["ok"], false);
    let lifecycle =
        report["rules"].as_array().unwrap().iter().find(|rule| rule["rule"] == "lifecycle").unwrap();
    assert!(lifecycle["violations"].as_u64().unwrap() > 0, "{lifecycle}");
    assert!(!lifecycle["examples"].as_array().unwrap().is_empty());
    assert!(folder.run(&["verify", "twice"]).stdout.contains("BROKEN"));
}
