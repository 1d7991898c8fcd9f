//! Faults in an archive: all that are listed are there, and no others.

mod handled;

use std::collections::BTreeMap;

use serde_json::Value;
use tradesim_archive::{Archive, Captured, Content, OpenOptions, Row, Start};
use tradesim_schemas::{MessageEncoder, ReadOptions, RecordSeq};

use crate::{
    captured::capture,
    faults::{dead_letters, listed},
    support::{Folder, day_text, digest, digest_of_lines, listening::Listening, stage::Stage},
};

/// A plan with all faults that an archive can contain, two of them before the first message and one after the last.
const PLAN: &str = "
    seed = 7
    [[fault]]
    kind = 'drop'
    at = [0, 1, 17, 18, 4999]
    [[fault]]
    kind = 'swap'
    at = [2, 19]
    [[fault]]
    kind = 'duplicate'
    at = 16
    [[fault]]
    kind = 'corrupt'
    rate = 0.01
    [[fault]]
    kind = 'drop'
    count = 40
    [[fault]]
    kind = 'duplicate'
    count = 30
    [[fault]]
    kind = 'swap'
    count = 50
    [[fault]]
    kind = 'schema-version'
    count = 5
    [[fault]]
    kind = 'event-type'
    count = 6
    [[fault]]
    kind = 'price'
    count = 7
";

/// Writes a cut of 5,000 messages, whose sequence numbers do not start with 0, and plants the plan into it. Returns the report.
#[track_caller]
fn plant(folder: &Folder, plan: &str) -> Value {
    folder.ok(&["filter", day_text(), "-o", "cut", "--from", "09:29", "--limit", "5000"]);
    folder.write("plan.toml", plan);
    let report = folder.ok(&["plant", "cut", "--faults", "plan.toml", "-o", "planted", "--json"]);
    serde_json::from_str(&report).unwrap()
}

/// Returns all rows of an archive.
fn rows(folder: &Folder, file: &str) -> Vec<Row> {
    let archive = Archive::open(folder.path(file), OpenOptions::default()).unwrap();
    let batches = archive.batches(Start::Beginning);
    batches.flat_map(|batch| batch.unwrap().rows().map(|row| row.to_row()).collect::<Vec<_>>()).collect()
}

fn text(row: &Row) -> Vec<u8> {
    let mut text = Vec::new();
    row.row_ref().write_message(&mut MessageEncoder::new(), &mut text);
    text
}

/// Returns the list of `info`: the faults with their reasons, by sequence number.
fn list(folder: &Folder, file: &str) -> BTreeMap<u64, Vec<(String, Option<String>)>> {
    let mut list: BTreeMap<u64, Vec<_>> = BTreeMap::new();
    let report = folder.run(&["info", "--json", file]).json();
    for entry in report["faults"]["planted"].as_array().unwrap() {
        let fault = (entry["kind"].as_str().unwrap().to_owned(), entry["reason"].as_str().map(str::to_owned));
        for seq in entry["seqs"].as_array().unwrap() {
            list.entry(seq.as_u64().unwrap()).or_default().push(fault.clone());
        }
    }
    list
}

/// Returns the output of `cat`, which need not be text.
fn cat(folder: &Folder, args: &[&str]) -> Vec<u8> {
    let output = folder.command(&[&["cat"], args].concat()).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn lines(messages: &[(bool, Vec<u8>)]) -> Vec<u8> {
    messages.iter().flat_map(|(_, bytes)| bytes.iter().copied().chain([b'\n'])).collect()
}

#[test]
fn the_archive_contains_what_a_replay_with_the_same_plan_sends() {
    let folder = Folder::new();
    plant(&folder, PLAN);
    let sent = Listening::received(&folder, &["cut", "--faults", "plan.toml"]);
    assert_eq!(sent.len(), 5_000 - 45 + 31);
    assert!(sent.iter().any(|(is_binary, _)| *is_binary));
    assert!(cat(&folder, &["planted"]) == lines(&sent), "the messages differ");
    // a replay of the archive sends the same frames, including text and binary
    assert!(Listening::received(&folder, &["planted"]) == sent, "the frames differ");
    assert_eq!(digest(&folder, "planted"), digest_of_lines(&lines(&sent)).to_string());

    // faults are planted into foreign frames, too
    capture(&folder, "feed");
    for plan in [
        "fault = [{ kind = 'swap', at = 1 }, { kind = 'corrupt', at = 0 }]",
        "fault = [{ kind = 'swap', at = 0 }, { kind = 'price', at = 2 }]",
        "fault = [{ kind = 'duplicate', at = [0, 2] }, { kind = 'event-type', at = 1 }]",
    ] {
        folder.write("plan.toml", plan);
        folder.ok(&["plant", "feed", "--faults", "plan.toml", "-o", "faulty", "--force"]);
        let sent = Listening::received(&folder, &["feed", "--faults", "plan.toml"]);
        assert_eq!(Listening::received(&folder, &["faulty"]), sent, "{plan}");
        assert_eq!(cat(&folder, &["faulty"]), lines(&sent), "{plan}");
    }
}

#[test]
fn the_same_plan_produces_the_same_archive_and_another_seed_another() {
    let folder = Folder::new();
    let report = plant(&folder, PLAN);
    assert_eq!(report["digest"], digest(&folder, "planted"));
    let again = |file: &str, more: &[&str]| {
        let args = ["plant", "cut", "--faults", "plan.toml", "-o", file];
        folder.ok(&[&args[..], more].concat()).trim().to_owned()
    };
    assert_eq!(report["digest"], again("again", &["--threads", "1", "--no-mmap"]));
    assert!(folder.read("planted") == folder.read("again"), "the files differ");
    folder.write("plan.toml", PLAN.replace("seed = 7", "seed = 8"));
    assert_ne!(report["digest"], again("other", &[]));
}

/// Reverts the listed faults, message by message, and compares the result with the source.
#[test]
fn listed_faults_are_there_and_all_other_messages_are_unchanged() {
    let folder = Folder::new();
    let report = plant(&folder, PLAN);
    let info = folder.run(&["info", "--json", "planted"]).json();
    assert_eq!(info["faults"], report["faults"]);
    assert_eq!(info["faults"]["plan_seed"], 7);
    assert_eq!(info["sources"][0]["digest"], digest(&folder, "cut"));
    assert_eq!(info["cuts"], Value::Array(Vec::new()));
    let (source, planted, list) = (rows(&folder, "cut"), rows(&folder, "planted"), list(&folder, "planted"));
    assert_eq!(info["faults"]["total"], list.values().map(Vec::len).sum::<usize>());
    let (kinds, reasons) = listed(&info);
    assert_eq!((kinds["drop"], kinds["duplicate"], kinds["swap"]), (45, 31, 52));
    assert_eq!((reasons["bad_value"], reasons["unknown_event_type"]), (7, 6));

    let (mut at, mut seq) = (0, 0);
    while seq < planted.len() {
        let row = &planted[seq];
        assert_eq!(row.row_ref().seq(), RecordSeq(seq as u64));
        let mut here = list.get(&(seq as u64)).cloned().unwrap_or_default();
        let all = here.len();
        here.retain(|(kind, _)| kind != "drop");
        at += all - here.len();
        assert!(here.len() <= 1, "{seq}: {here:?}");
        let here = here.pop();
        match here.as_ref().map(|(kind, reason)| (kind.as_str(), reason.as_deref())) {
            None => {
                assert_eq!(
                    row.clone().numbered(RecordSeq(0)),
                    source[at].clone().numbered(RecordSeq(0)),
                    "{seq}"
                );
                at += 1;
            }
            Some(("duplicate", None)) => {
                assert_eq!(
                    row.clone().numbered(RecordSeq(0)),
                    planted[seq - 1].clone().numbered(RecordSeq(0)),
                    "{seq}"
                );
                assert_eq!(text(row), text(&source[at - 1]), "{seq}");
            }
            Some(("swap", None)) => {
                for (place, other) in [(0, 1), (1, 0)] {
                    let row = &planted[seq + place];
                    assert_eq!(text(row), text(&source[at + other]), "{seq}");
                    assert_eq!(row.row_ref().timestamp(), source[at + place].row_ref().timestamp());
                }
                at += 2;
                seq += 1;
            }
            Some((kind, reason)) => {
                let Row::Captured(captured) = row else { panic!("{seq}: {kind} is not a frame") };
                let Captured { content: Content::Raw { bytes, event: None }, opcode, .. } = &**captured
                else {
                    panic!("{seq}: {kind} has an event")
                };
                let refusal = tradesim_schemas::read(bytes, ReadOptions::default()).unwrap_err();
                assert_eq!(Some(refusal.reason.code()), reason, "{seq}: {kind}");
                assert_eq!(*opcode, Some(if reason == Some("not_utf8") { 2 } else { 1 }), "{seq}");
                assert_eq!(captured.timestamp, source[at].row_ref().timestamp(), "{seq}");
                at += 1;
            }
        }
        seq += 1;
    }
    // after the last message
    at += list.get(&(seq as u64)).map_or(0, Vec::len);
    assert_eq!(at, source.len());
    assert!(list.keys().all(|at| *at <= seq as u64));
}

#[test]
fn a_bridge_and_an_audit_count_exactly_what_is_listed() {
    let stage = Stage::new();
    plant(&stage.folder, PLAN);
    let (kinds, reasons) = listed(&stage.folder.run(&["info", "--json", "planted"]).json());
    let (missing, repeated) = (kinds["drop"], kinds["duplicate"]);
    for delivery in ["exactly-once", "at-least-once"] {
        let replay = Listening::replay(&stage.folder, &["planted", "--run", delivery, "--linger", "30s"]);
        let args = ["--until-end", "--register-schemas", "--metrics-port", "0", "--json"];
        let run =
            stage.run(&[&["bridge", "--ws-uri", &replay.url, "--delivery", delivery], &args[..]].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(replay.end().code, 0);
        let bridged = run.json();
        assert_eq!(bridged["dead_lettered"], reasons.values().sum::<u64>(), "{delivery}: {bridged}");
        assert_eq!(dead_letters(&stage, delivery), reasons, "{delivery}");
        // here they are ordinary messages: none is missing, and none is repeated
        assert_eq!(bridged["received"], 5_000 - missing + repeated, "{delivery}: {bridged}");
        assert_eq!((&bridged["missing"], &bridged["repeated"]), (&0.into(), &0.into()), "{bridged}");
    }
    for delivery in ["exactly-once", "at-least-once"] {
        let run = stage.run(&["verify-topic", "--json", "--archive", "planted", "--run", delivery]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let audit = run.json();
        for name in ["lost", "duplicated", "reordered", "altered", "foreign"] {
            assert_eq!(audit[name], 0, "{name}: {audit}");
        }
        assert_eq!(audit["dead_lettered"], reasons.values().sum::<u64>());
        assert_eq!(audit["digest"], digest(&stage.folder, "planted"));
    }
    // the topics do not contain the source
    let run = stage.run(&["verify-topic", "--archive", "cut", "--run", "exactly-once"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
}

#[test]
fn invalid_plans_are_refused_and_leave_nothing() {
    let folder = Folder::new();
    plant(&folder, "fault = [{ kind = 'drop', at = 5 }]");
    let before = (folder.names(), folder.read("planted"));
    let plant = |file: &str, plan: &str, output: &str| {
        folder.write("plan.toml", plan);
        folder.run(&["plant", file, "--faults", "plan.toml", "-o", output])
    };
    let drop = "fault = [{ kind = 'drop', at = 5 }]";
    plant("cut", drop, "planted").fails(73, "planted");
    plant("none", drop, "new").fails(1, "none");
    plant("plan.toml", drop, "new").fails(65, "is not a Parquet file");
    plant("cut", drop, "new.jsonl").fails(2, "an archive is Parquet");
    plant("planted", drop, "new").fails(2, "already contains planted faults");
    plant("cut", "fault = [{ kind = 'drop', at = 5, every = 3 }]", "new").fails(78, "unknown field `every`");
    plant("cut", "fault = [{ kind = 'drop', at = 5000 }]", "new").fails(78, "the stream has 5000 messages");
    folder
        .run(&["plant", "cut", "--faults", "no.toml", "-o", "new"])
        .fails(78, "cannot read the fault plan no.toml");
    for (fault, why) in [
        (
            "kind = 'disconnect', at = 1",
            "fault 2 (disconnect) cannot be planted: it is a fault of the connection",
        ),
        ("kind = 'stall', at = 1, for = '1s'", "(stall) cannot be planted: it is a fault of the connection"),
        ("kind = 'drip', at = 1, for = '1s', bytes_per_second = 9", "(drip) cannot be planted"),
        (
            "kind = 'oversize', at = 1",
            "(oversize) cannot be planted: an archive contains messages of at most",
        ),
    ] {
        let run = plant("cut", &format!("fault = [{{ kind = 'drop', at = 5 }}, {{ {fault} }}]"), "new");
        run.fails(78, why);
        assert!(run.stderr.contains("hint: `tradesim replay FILE --faults PLAN`"), "{}", run.stderr);
    }
    // an error in the middle
    let mut damaged = folder.read("cut");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    folder.write("cut", damaged);
    plant("cut", drop, "new").fails(65, "damaged");
    assert_eq!((folder.names(), folder.read("planted")), before);
}
