use std::path::Path;

use serde_json::{Value, json};

use super::{
    testing::{json, stored},
    *,
};

/// Compares the report of [`json`] with one that has other values, with these tolerances.
fn against(changes: &[(&str, Value)], tolerances: &[&str]) -> Comparison {
    let mut other = json("load");
    for (pointer, value) in changes {
        *other.pointer_mut(pointer).unwrap() = value.clone();
    }
    let tolerances = Tolerances::new(tolerances.iter().map(|text| text.parse().unwrap()).collect());
    compare(&[stored(&json("load")), stored(&other)], &tolerances)
}

#[track_caller]
fn check(changes: &[(&str, Value)], tolerances: &[&str], expected: &[&str]) {
    let found = against(changes, tolerances);
    let worse: Vec<_> = found.regressions.iter().map(|regression| regression.what.as_str()).collect();
    assert_eq!(worse, expected, "{changes:?} {tolerances:?}");
    assert_eq!(found.ok, expected.is_empty());
}

#[test]
fn a_change_beyond_the_tolerance_is_a_regression() {
    check(&[], &["0%"], &[]);
    let p99 = |value: f64| ("/latency_ms/p99", json!(value));
    check(&[p99(4.39)], &[], &[]);
    check(&[p99(4.41)], &[], &["latency.p99"]);
    check(&[p99(4.41)], &["11%"], &[]);
    check(&[p99(4.41)], &["11%", "latency.p99=5%"], &["latency.p99"]);
    check(&[p99(400.0)], &["latency.p99=off"], &[]);
    check(&[p99(0.4)], &["0%"], &[]);
    check(&[("/throughput", json!(899.0))], &[], &["throughput"]);
    check(&[("/throughput", json!(901.0))], &[], &[]);
    check(&[("/throughput", json!(2000.0))], &["0%"], &[]);
    check(&[("/memory/max_bytes", json!(56_000_000))], &[], &["rss_max"]);
    // from 0, any more is beyond every share
    check(&[("/lost", json!(1))], &["1000%"], &["lost"]);
    // points, because a growth of 1 % may become one of 3 %
    check(&[("/memory/growth_percent", json!(3.0))], &["rss_growth=2%"], &[]);
    check(&[("/memory/growth_percent", json!(3.1))], &["rss_growth=2%"], &["rss_growth"]);
}

#[test]
fn what_varies_by_chance_is_not_judged() {
    // a single message, unless it is named
    check(&[("/latency_ms/max", json!(3200.0))], &[], &[]);
    check(&[("/latency_ms/max", json!(3200.0))], &["latency.max=50%"], &["latency.max"]);
    // less than a scheduler varies
    check(&[("/late_ms/p99", json!(0.29))], &[], &[]);
    check(&[("/late_ms/p99", json!(0.31))], &[], &["late.p99"]);
    // with 900 messages, 9 lie above p99
    let few = [
        ("/latency_ms/count", json!(900)),
        ("/latency_ms/p99", json!(40.0)),
        ("/latency_ms/p90", json!(20.0)),
    ];
    check(&few, &[], &["latency.p90"]);
    check(&few, &["latency.p99=10%"], &["latency.p90", "latency.p99"]);
}

#[test]
fn thresholds_and_completeness_count_without_a_tolerance() {
    let failed = [("/thresholds/0/ok", json!(false)), ("/thresholds/0/shown", json!("5.10 ms"))];
    check(&failed, &["1000%"], &["latency.p99 < 5ms"]);
    assert_eq!(against(&failed, &[]).regressions[0].to, "5.10 ms");
    check(&[("/complete", json!(false))], &[], &["complete"]);
    check(
        &[("/latency_ms", Value::Null)],
        &["latency.p99.9=off"],
        &["latency.p50", "latency.p90", "latency.p99"],
    );
    // a threshold that failed before is no regression, nor is one that is new
    let mut before = json("load");
    before["thresholds"][0]["ok"] = json!(false);
    let mut after = before.clone();
    let new = json!({ "threshold": "lost == 0", "value": 1.0, "shown": "1", "ok": false });
    after["thresholds"].as_array_mut().unwrap().push(new);
    let found = compare(&[stored(&before), stored(&after)], &Tolerances::default());
    assert!(found.ok, "{:?}", found.regressions);
    assert_eq!(found.thresholds[1].ok, [None, Some(false)]);
}

#[test]
fn every_report_is_compared_with_the_first() {
    let mut slower = json("load");
    slower["latency_ms"]["p99"] = json!(6.0);
    let found = compare(&[stored(&json("load")), stored(&slower), stored(&slower)], &Tolerances::default());
    let row = found.metrics.iter().find(|row| row.metric == "latency.p99").unwrap();
    assert_eq!(row.changes, [None, Some(50.0), Some(50.0)]);
    assert_eq!((row.regressed.as_slice(), row.tolerance), (&[false, true, true][..], Some(10.0)));
    assert_eq!(row.shown, ["4.00 ms", "6.00 ms", "6.00 ms"]);
    assert_eq!(found.regressions.iter().map(|it| it.report).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(found.headline(), "3 reports: 2 regressions");
    // the topics were not read in any of them
    assert!(found.metrics.iter().all(|row| row.metric != "duplicated"));
}

#[test]
fn differences_of_the_scenarios_are_listed() {
    assert_eq!(against(&[], &[]).differences, []);
    let changes = [("/load/stages", json!(["20s:1000->2000"])), ("/version", json!("1.2.4"))];
    let values =
        |what, from: &str, to: &str| Difference { what, values: vec![from.to_owned(), to.to_owned()] };
    assert_eq!(
        against(&changes, &[]).differences,
        [values("stages", "20s:1000", "20s:1000->2000"), values("tradesim", "1.2.3", "1.2.4")]
    );
}

#[test]
fn reports_of_older_versions_are_read_and_of_other_layouts_refused() {
    let mut old = json("load");
    for key in ["about", "missing", "faults", "distribution", "topics", "dead_lettered", "recovery_ms"] {
        old.as_object_mut().unwrap().remove(key);
    }
    old["digests"].as_object_mut().unwrap().remove("expected");
    old["something new"] = json!(1);
    assert_eq!(stored(&old).report.recovery_ms, 0.0);
    let error = |text: &str| {
        let found = StoredReport::parse(Path::new("a.json"), text.as_bytes()).unwrap_err();
        let source = std::error::Error::source(&found).map(|source| format!(": {source}"));
        format!("{found}{}", source.unwrap_or_default())
    };
    let mut other = json("load");
    other["schema_version"] = json!(2);
    assert_eq!(error(&other.to_string()), "a.json is a report with schema_version 2, expected 1");
    assert!(error("{}").starts_with("a.json is not a report of a load test: missing field `schema_version`"));
    assert!(error("[1]").contains("is not a report of a load test"));
    assert!(error(r#"{"schema_version":1,"sent":3}"#).contains("missing field `name`"));
    assert!(error("<html>").contains("expected value at line 1"));
}

#[test]
fn a_report_is_written_as_it_was_read() {
    let json = json("load");
    assert_eq!(serde_json::to_value(&stored(&json).report).unwrap(), json);
}
