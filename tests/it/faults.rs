//! Faults in a replay, compared with the counts of a bridge.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Folder, day_text, digest_of_lines, listening::Listening, stage::Stage};

/// Replays 5,000 messages with a plan, and bridges them. Returns both reports.
#[track_caller]
fn bridge(stage: &Stage, plan: &str, run: &str, delivery: &str) -> (Value, Value) {
    stage.folder.write("plan.toml", plan);
    let args =
        [day_text(), "--limit", "5000", "--faults", "plan.toml", "--json", "--run", run, "--linger", "30s"];
    let replay = Listening::replay(&stage.folder, &args);
    let bridge = stage.run(&[
        "bridge",
        "--ws-uri",
        &replay.url,
        "--until-end",
        "--register-schemas",
        "--metrics-port",
        "0",
        "--json",
        "--delivery",
        delivery,
    ]);
    // missing messages are a loss, which the exit code shows
    assert_eq!(bridge.code, 3, "{}", bridge.stderr);
    let served = replay.end();
    assert_eq!(served.code, 0, "{}", served.stderr);
    (served.json(), bridge.json())
}

/// Counts the dead letters of a run by reason.
pub(crate) fn dead_letters(stage: &Stage, run: &str) -> BTreeMap<String, u64> {
    let shown = stage.folder.run(&["dlq", "show", "--json", "--bootstrap-servers", &stage.brokers.line]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let mut counts = BTreeMap::new();
    for line in shown.stdout.lines() {
        let letter: Value = serde_json::from_str(line).unwrap();
        if letter["run"] == run {
            *counts.entry(letter["letter"]["reason"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Counts planted faults by kind and by reason.
pub(crate) fn listed(report: &Value) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let (mut kinds, mut reasons) = (BTreeMap::new(), BTreeMap::new());
    for entry in report["faults"]["planted"].as_array().unwrap() {
        let count = entry["count"].as_u64().unwrap();
        assert_eq!(entry["seqs"].as_array().unwrap().len() as u64, count);
        *kinds.entry(entry["kind"].as_str().unwrap().to_owned()).or_default() += count;
        if let Some(reason) = entry["reason"].as_str() {
            *reasons.entry(reason.to_owned()).or_default() += count;
        }
    }
    (kinds, reasons)
}

const PLAN: &str = "
    seed = 7
    [[fault]]
    kind = 'drop'
    at = [0, 17, 18, 4999]
    [[fault]]
    kind = 'drop'
    count = 40
    [[fault]]
    kind = 'duplicate'
    count = 30
    [[fault]]
    kind = 'corrupt'
    rate = 0.01
    [[fault]]
    kind = 'schema-version'
    count = 5
    [[fault]]
    kind = 'event-type'
    count = 6
    [[fault]]
    kind = 'price'
    count = 7
    [[fault]]
    kind = 'oversize'
    at = 2500
    [[fault]]
    kind = 'disconnect'
    at = [1000, 3000]
    [[fault]]
    kind = 'stall'
    at = 2000
    for = '300ms'
    [[fault]]
    kind = 'drip'
    at = 4990
    for = '200ms'
    bytes_per_second = 1000
";

#[test]
fn a_bridge_counts_exactly_the_faults_that_are_listed() {
    let stage = Stage::new();
    for delivery in ["exactly-once", "at-least-once"] {
        let (served, bridged) = bridge(&stage, PLAN, delivery, delivery);
        let (kinds, reasons) = listed(&served);
        assert_eq!((kinds["drop"], kinds["duplicate"], kinds["disconnect"], kinds["stall"]), (44, 30, 2, 1));
        assert_eq!(bridged["missing"], kinds["drop"], "{delivery}: {bridged}");
        assert_eq!(bridged["repeated"], kinds["duplicate"], "{delivery}: {bridged}");
        assert_eq!(bridged["reconnects"], kinds["disconnect"], "{delivery}: {bridged}");
        assert_eq!(bridged["dead_lettered"], reasons.values().sum::<u64>(), "{delivery}: {bridged}");
        assert_eq!(bridged["received"], 5_000 - kinds["drop"], "{delivery}: {bridged}");
        // only a transaction moves the position over a message that is missing at the end
        let next_seq = if delivery == "exactly-once" { 5_000 } else { 4_999 };
        assert_eq!(bridged["next_seq"], next_seq, "{delivery}");
        assert_eq!(dead_letters(&stage, delivery), reasons, "{delivery}");
        assert_eq!(served["sent"], 5_000 - 44 + 30);
        assert!(served["seconds"].as_f64().unwrap() >= 0.3, "{served}");
    }
    // the audit reports dropped messages as lost, and nothing else
    let args =
        ["verify-topic", "--json", "--archive", day_text(), "--limit", "5000", "--run", "exactly-once"];
    let run = stage.run(&args);
    let audit = run.json();
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!((&audit["lost"], &audit["duplicated"]), (&44.into(), &0.into()), "{audit}");
}

#[test]
fn the_same_plan_produces_the_same_stream_with_its_digest() {
    let folder = Folder::new();
    folder.write("plan.toml", PLAN.replace("'disconnect'", "'swap'").replace("'oversize'", "'price'"));
    let replay = || {
        let args = [day_text(), "--limit", "5000", "--faults", "plan.toml", "--json"];
        let replay = Listening::replay(&folder, &args);
        let tail = folder.run(&["tail", &replay.url, "--digest"]);
        // missing messages are a loss, which the exit code shows
        assert_eq!(tail.code, 3, "{}", tail.stderr);
        (replay.end().json(), tail.stdout)
    };
    let (first, digest) = replay();
    let (second, again) = replay();
    assert_eq!((&first["digest"], &first["faults"]), (&second["digest"], &second["faults"]));
    assert_eq!(first["stream"], second["stream"]);
    assert_eq!(digest.trim(), first["digest"].as_str().unwrap());
    assert_eq!(digest, again);
    // without a plan it is another stream
    let whole = digest_of_lines(folder.ok(&["cat", day_text(), "--limit", "5000"]).as_bytes());
    assert_ne!(first["digest"], whole.to_string());
}

#[test]
fn an_invalid_plan_is_a_bad_configuration() {
    let folder = Folder::new();
    let replay = |plan: &str, more: &[&str]| {
        folder.write("plan.toml", plan);
        folder.run(&[&["replay", day_text(), "--port", "0", "--faults", "plan.toml"], more].concat())
    };
    replay("[[fault]]\nkind = 'drop'\nat = 5\nevery = 3", &[]).fails(78, "unknown field `every`");
    replay("[[fault]]\nkind = 'drop'\nat = 5", &["--limit", "5"]).fails(78, "the stream has 5 messages");
    replay("[[fault]]\nkind = 'drop'\nat = 5", &["--loop"]).fails(2, "a stream with an end");
    folder
        .run(&["replay", day_text(), "--faults", "no.toml"])
        .fails(78, "cannot read the fault plan no.toml");
}
