//! `verify-topic` and `demo` as processes: results and exit codes. The brokers are those of `dev broker`; the tests of the bridge
//! crate plant faults, also on a real cluster.

use crate::{
    captured::capture,
    support::{Folder, day_text, digest, digest_of_lines, listening::Listening, stage::Stage},
};

/// Bridges a replay with these arguments.
#[track_caller]
fn bridge(stage: &Stage, replay: &[&str]) {
    let replay = Listening::replay(&stage.folder, replay);
    let args =
        ["bridge", "--ws-uri", &replay.url, "--until-end", "--register-schemas", "--metrics-port", "0"];
    let run = stage.run(&args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(replay.end().code, 0);
}

/// Verifies with these arguments. Returns the exit code and the report.
fn audit(stage: &Stage, args: &[&str]) -> (i32, serde_json::Value) {
    let run = stage.run(&[&["verify-topic", "--json", "--archive"], args].concat());
    let json = run.json();
    (run.code, json)
}

/// Returns the counts of lost, duplicated, reordered, altered and foreign.
fn counts(report: &serde_json::Value) -> [u64; 5] {
    ["lost", "duplicated", "reordered", "altered", "foreign"].map(|name| report[name].as_u64().unwrap())
}

#[test]
fn delivered_messages_are_verified_in_the_topics() {
    let stage = Stage::new();
    bridge(&stage, &[day_text(), "--limit", "20000", "--run", "first"]);
    let (code, report) = audit(&stage, &[day_text(), "--limit", "20000"]);
    assert_eq!((code, counts(&report)), (0, [0; 5]), "{report}");
    let expected = digest_of_lines(stage.folder.ok(&["cat", day_text(), "--limit", "20000"]).as_bytes());
    assert_eq!(report["digest"], expected.to_string());
    assert_eq!((&report["run"], &report["schema_version"]), (&"first".into(), &1.into()));

    // a filtered replay, in the same topics
    let filters = ["--symbols", "AAPL,MSFT", "--events", "trade,marketdata", "--to", "10:00"];
    bridge(&stage, &[&[day_text(), "--run", "second"], &filters[..]].concat());
    let (code, report) = audit(&stage, &[&[day_text()], &filters[..]].concat());
    assert_eq!((code, counts(&report)), (0, [0; 5]), "{report}");
    assert_eq!((&report["run"], &report["other_runs"]), (&"second".into(), &20_000.into()));
    let expected =
        digest_of_lines(stage.folder.ok(&[&["cat", day_text()], &filters[..]].concat()).as_bytes());
    assert_eq!(report["digest"], expected.to_string());

    // the older run is still there, and further messages of the archive are lost
    let (code, report) = audit(&stage, &[day_text(), "--run", "first", "--limit", "20007"]);
    assert_eq!((code, counts(&report)), (3, [7, 0, 0, 0, 0]), "{report}");
    assert_eq!(report["examples"][0]["fault"], "lost");
    assert_eq!(report["examples"][0]["seq"], 20_000);
    let (code, report) = audit(&stage, &[day_text(), "--run", "first", "--limit", "19999"]);
    assert_eq!((code, counts(&report)), (3, [0, 0, 0, 0, 1]), "{report}");

    let run = stage.run(&["verify-topic", "--run", "first", "--limit", "19999", "--archive", day_text()]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stdout.contains("foreign     1\n            seq 19999: raw."), "{}", run.stdout);
}

#[test]
fn a_recording_with_malformed_messages_is_verified() {
    let stage = Stage::new();
    capture(&stage.folder, "feed.parquet");
    bridge(&stage, &["feed.parquet"]);
    let (code, report) = audit(&stage, &["feed.parquet"]);
    assert_eq!((code, counts(&report)), (0, [0; 5]), "{report}");
    let name = |name: &str| report[name].as_u64().unwrap();
    assert_eq!((name("messages"), name("present"), name("dead_lettered"), name("reworded")), (3, 3, 1, 1));
    assert_eq!(name("sent_again"), 0);

    // its dead letter becomes a dead letter again
    stage.run(&["dlq", "retry"]).fails(2, "tradesim.positions has no position for dlq.raw.failed");
    let run = stage.run(&["dlq", "retry", "--from-beginning", "--json"]);
    assert_eq!((run.code, &run.json()["invalid"]), (3, &1.into()), "{}", run.stderr);
    let (code, report) = audit(&stage, &["feed.parquet"]);
    assert_eq!((code, counts(&report)), (0, [0; 5]), "{report}");
    let name = |name: &str| report[name].as_u64().unwrap();
    assert_eq!((name("records"), name("dead_lettered"), name("sent_again")), (4, 1, 1));
}

#[test]
fn failures_have_their_exit_code() {
    let stage = Stage::new();
    let folder = &stage.folder;
    // the port of a closed socket
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("127.0.0.1:{port}");
    let args = ["verify-topic", "--timeout", "1s", "--archive", day_text(), "--bootstrap-servers", &nobody];
    folder.run(&args).fails(69, "cannot reach the brokers at");
    folder.write("text.parquet", "no archive");
    stage.run(&["verify-topic", "--archive", "text.parquet"]).fails(65, "is not a Parquet file");
    let args = ["verify-topic", "--archive", day_text(), "--topic-prefix", "other."];
    stage.run(&args).fails(78, "these topics do not exist: other.raw.trades, other.raw.orderbook");
    let args = ["verify-topic", "--archive", day_text(), "--kafka-property", "no.such=1"];
    stage.run(&args).fails(78, "no.such");
}

#[test]
fn the_demo_ends_with_the_same_digest_three_times() {
    let folder = Folder::new();
    folder.ok(&[
        "record",
        "--date",
        "2026-02-18",
        "--seed",
        "7",
        "--from",
        "09:30",
        "--to",
        "10:30",
        "-o",
        "hour.parquet",
    ]);
    let hour = digest(&folder, "hour.parquet");
    let run = folder.run(&["demo", "--seed", "7"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, format!("recorded  {hour}\nreplayed  {hour}\ntopics    {hour}\n"));
    assert!(run.stderr.contains("embedded brokers"), "{}", run.stderr);
    assert_eq!(folder.names(), ["hour.parquet"]);
}
