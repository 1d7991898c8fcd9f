//! `publish` and `verify-topic --dataset` as processes, on the brokers of `dev broker`. What a crash does on a real cluster is in
//! tests/kafka/shards.py.

use std::{
    process::Stdio,
    time::{Duration, SystemTime},
};

use tradesim_schemas::Timestamp;

use crate::support::{Clock, Folder, Run, send_signal, stage::Stage, wait_until};

/// Two days of six symbols in three parts.
const LAKE: &[&str] = &[
    "dataset",
    "record",
    "lake",
    "--dates",
    "2026-11-25..2026-11-27",
    "--seeds",
    "1",
    "--parts",
    "3",
    "--rate",
    "1",
    "--symbols",
    "6",
    "--threads",
    "1",
];

/// Returns the time that it is after `wait`, as `--start-at` takes it.
#[expect(clippy::disallowed_methods, reason = "a common start is an instant of the wall clock")]
fn start_after(wait: Duration) -> String {
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + wait;
    Timestamp::from_micros(at.as_micros() as i64).unwrap().to_string()
}

/// Records and seals the dataset. Returns its digest.
fn lake(folder: &Folder) -> String {
    folder.ok(LAKE);
    let report = folder.run(&["dataset", "seal", "lake", "--json"]).json();
    report["dataset_digest"].as_str().unwrap().to_owned()
}

/// Runs `publish` with these arguments.
fn publish(stage: &Stage, args: &[&str]) -> Run {
    stage.run(&[&["publish", "lake", "--run", "n", "--register-schemas", "--json"], args].concat())
}

/// Verifies the dataset with these arguments.
fn verify(stage: &Stage, args: &[&str]) -> Run {
    stage.run(&[&["verify-topic", "--dataset", "lake", "--run", "n", "--json"], args].concat())
}

/// Returns the counts of lost, duplicated, reordered, altered and foreign.
fn counts(report: &serde_json::Value) -> [u64; 5] {
    ["lost", "duplicated", "reordered", "altered", "foreign"].map(|name| report[name].as_u64().unwrap())
}

/// The server of a part has sent all of it into the buffers of the first connection when the bridge learns that there is nothing to do.
#[test]
fn a_small_part_that_was_delivered_is_complete_when_it_is_published_again() {
    let stage = Stage::new();
    let minute =
        ["record", "--date", "2026-02-18", "--seed", "1", "--rate", "1", "--from", "09:30", "--to", "09:31"];
    stage.folder.ok(&[&minute[..], &["-o", "minute.parquet"]].concat());
    let publish = || stage.run(&["publish", "minute.parquet", "--run", "n", "--register-schemas", "--json"]);
    let first = publish();
    assert_eq!(first.code, 0, "{}", first.stderr);
    let report = first.json();
    assert!(report["produced"].as_u64().unwrap() > 100, "{report}");
    let again = publish();
    assert_eq!(again.code, 0, "{}", again.stderr);
    let report = again.json();
    assert_eq!((&report["ok"], &report["produced"]), (&true.into(), &0.into()), "{report}");
    assert!(!again.stderr.contains("reconnecting"), "{}", again.stderr);
}

#[test]
fn shards_are_published_and_verified_by_partition_number() {
    let stage = Stage::new();
    let folder = &stage.folder;
    let digest = lake(folder);
    let mut messages = 0;
    for shard in ["0/2", "1/2"] {
        let run = publish(&stage, &["--shard", shard]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let report = run.json();
        assert_eq!(
            (&report["ok"], &report["shard"], &report["speed"]),
            (&true.into(), &shard.into(), &().into())
        );
        assert_eq!(report["parts"].as_array().unwrap().len(), 3, "{report}");
        assert_eq!(report["received"], report["produced"]);
        messages += report["produced"].as_u64().unwrap();
        for part in report["parts"].as_array().unwrap() {
            assert_eq!((&part["complete"], &part["messages"]), (&true.into(), &part["produced"]), "{part}");
            let (file, run) = (part["file"].as_str().unwrap(), part["run"].as_str().unwrap());
            let date = &file["date=".len()..][..10];
            let number = &file[file.len() - "000-of-003.parquet".len()..][..10];
            assert_eq!(run, format!("n.{date}.1.{number}"));
        }
    }
    // started again it delivers nothing twice
    let again = publish(&stage, &["--shard", "1/2"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!((&again.json()["ok"], &again.json()["produced"]), (&true.into(), &0.into()));

    // one worker
    let whole = verify(&stage, &[]);
    assert_eq!(whole.code, 0, "{}{}", whole.stdout, whole.stderr);
    let report = whole.json();
    assert_eq!((counts(&report), &report["digest"]), ([0; 5], &digest.clone().into()));
    assert_eq!((&report["present"], &report["records"]), (&messages.into(), &messages.into()));

    // several, each of which reads its own partitions
    let mut records = 0;
    for index in 0..4 {
        let (shard, file) = (format!("{index}/4"), format!("{index}.keys"));
        let worker = verify(&stage, &["--shard", &shard, "-o", &file]);
        assert_eq!(worker.code, 0, "{}{}", worker.stdout, worker.stderr);
        let report = worker.json();
        assert_eq!((counts(&report), &report["digest"]), ([0; 5], &().into()));
        records += report["records"].as_u64().unwrap();
    }
    assert_eq!(records, messages, "each record is read once in all");
    let union = verify(&stage, &["--combine", "3.keys", "0.keys", "2.keys", "1.keys"]);
    assert_eq!(union.code, 0, "{}{}", union.stdout, union.stderr);
    let report = union.json();
    assert_eq!((&report["digest"], &report["keys"]), (&digest.into(), &12.into()));
    let text = folder.run(&[
        "verify-topic",
        "--dataset",
        "lake",
        "--run",
        "n",
        "--combine",
        "0.keys",
        "1.keys",
        "2.keys",
        "3.keys",
    ]);
    assert!(
        text.stdout.contains("ok, 12 symbols as in the manifest\ndigest      ok, dataset:blake3:"),
        "{}",
        text.stdout
    );
    verify(&stage, &["--combine", "0.keys", "1.keys", "2.keys"])
        .fails(3, "the file of worker 3/4 is missing");
    verify(&stage, &["--shard", "0/4", "-o", "0.keys"]).fails(73, "0.keys");

    // a part can also be verified as the archive that it is
    let part = "lake/date=2026-11-27/seed=1/part-001-of-003.parquet";
    let audit =
        stage.run(&["verify-topic", "--archive", part, "--run", "n.2026-11-27.1.001-of-003", "--json"]);
    assert_eq!((audit.code, counts(&audit.json())), (0, [0; 5]), "{}", audit.stdout);
    std::fs::remove_file(folder.path(part)).unwrap();
    verify(&stage, &[]).fails(3, "part-001-of-003.parquet: it is missing");
}

#[test]
fn what_is_missing_in_the_topics_is_a_difference() {
    let stage = Stage::new();
    let digest = lake(&stage.folder);
    // a third of the parts was never delivered, and a foreign record is in between
    for shard in ["0/3", "2/3"] {
        assert_eq!(publish(&stage, &["--shard", shard]).code, 0);
    }
    let run = verify(&stage, &[]);
    let report = run.json();
    assert_eq!((run.code, &report["ok"]), (3, &false.into()), "{report}");
    assert!(report["lost"].as_u64().unwrap() > 0 && counts(&report)[1..] == [0; 4], "{report}");
    assert_ne!(report["digest"], digest);
    let recipe: serde_json::Value =
        serde_json::from_slice(&stage.folder.read("lake/_tradesim/recipe.json")).unwrap();
    let symbols = 2 * recipe["ranges"][1].as_array().unwrap().len();
    assert_eq!(report["differences"], symbols, "the symbols of a part on two days: {report}");
    assert!(report["examples"][0]["what"].as_str().unwrap().starts_with("run n.2026-11-"), "{report}");

    // a share with a fault does not unite to the dataset
    for index in 0..2 {
        let (shard, file) = (format!("{index}/2"), format!("{index}.keys"));
        verify(&stage, &["--shard", &shard, "-o", &file]);
    }
    let union = verify(&stage, &["--combine", "0.keys", "1.keys"]);
    assert_eq!((union.code, &union.json()["differences"]), (3, &symbols.into()), "{}", union.stdout);
}

#[test]
fn a_shard_that_starts_late_is_where_it_should_be() {
    let stage = Stage::new();
    let folder = &stage.folder;
    folder.ok(&[
        "record",
        "--date",
        "2026-02-18",
        "--seed",
        "42",
        "--rate",
        "1",
        "--to",
        "10:00",
        "-o",
        "day.parquet",
    ]);
    // the day begins with the first message, some minutes after 04:00; at 360x its six hours take a minute, and the
    // start was long ago
    let late = stage.run(&[
        "publish",
        "day.parquet",
        "--run",
        "late",
        "--register-schemas",
        "--speed",
        "360x",
        "--start-at",
        "2026-01-01T00:00:00Z",
        "--json",
    ]);
    assert_eq!(late.code, 0, "{}", late.stderr);
    let report = late.json();
    assert!(report["seconds"].as_f64().unwrap() < 40.0, "what is overdue is sent at once: {report}");
    assert!(report["started_late_seconds"].as_f64().unwrap() > 60.0, "{report}");

    // a start in the future is waited for, and then the schedule holds
    let (at, begun) = (start_after(Duration::from_secs(3)), Clock::start());
    let soon = stage.run(&[
        "publish",
        "day.parquet",
        "--run",
        "soon",
        "--speed",
        "7200x",
        "--start-at",
        &at,
        "--json",
    ]);
    assert_eq!(soon.code, 0, "{}", soon.stderr);
    assert!(
        begun.elapsed() >= Duration::from_secs(5),
        "3 s until the start, and 3 s of schedule: {:?}",
        begun.elapsed()
    );
    let report = soon.json();
    assert!(report["parts"][0]["late_ms"]["p50"].as_f64().unwrap() < 5_000.0, "{report}");
    assert_eq!(report["started_late_seconds"], 0.0);
    for run in ["late", "soon"] {
        let audit = stage.run(&["verify-topic", "--archive", "day.parquet", "--run", run, "--json"]);
        assert_eq!((audit.code, counts(&audit.json())), (0, [0; 5]), "{}", audit.stdout);
    }
}

#[test]
fn a_signal_stops_in_order_and_the_next_process_continues() {
    let stage = Stage::new();
    let folder = &stage.folder;
    let digest = lake(folder);
    // two sessions of 16 and 13 hours take 15 seconds
    let at = start_after(Duration::ZERO);
    let paced =
        ["publish", "lake", "--run", "n", "--speed", "7200x", "--start-at", &at, "--register-schemas"];
    let peers = ["--bootstrap-servers", &stage.brokers.line, "--schema-registry-url", &stage.registry.line];
    let mut command = folder.wrapped(env!("CARGO_BIN_EXE_tradesim"), &[&paced[..], &peers].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let part = "lake/date=2026-11-25/seed=1/part-000-of-003.parquet";
    let of_part = ["verify-topic", "--archive", part, "--run", "n.2026-11-25.1.000-of-003", "--json"];
    wait_until("messages are delivered", || stage.run(&of_part).json()["present"].as_u64().unwrap() > 0);
    send_signal("TERM", &child);
    Run::of(child.wait_with_output().unwrap()).fails(143, "stopped by SIGTERM");
    let report = stage.run(&of_part).json();
    assert!(report["lost"].as_u64().unwrap() > 0, "the first day was not over: {report}");
    let run = publish(&stage, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let run = verify(&stage, &[]);
    assert_eq!((run.code, &run.json()["digest"]), (0, &digest.into()), "{}", run.stdout);
}

#[test]
fn bad_input_has_its_exit_code() {
    let stage = Stage::new();
    let folder = &stage.folder;
    folder.ok(LAKE);
    folder
        .run(&["publish", "lake", "--shard", "2/2"])
        .fails(2, "expected a worker from 0 and the number of workers");
    folder.run(&["publish", "lake", "--shard", "1/2"]).fails(2, "--shard needs --run");
    folder.run(&["publish", "lake", "--speed", "1x"]).fails(2, "a dataset needs --start-at");
    folder.run(&["publish", "lake", "--start-at", "14:25"]).fails(2, "an instant in RFC 3339");
    let long = "x".repeat(60);
    folder.run(&["publish", "lake", "--run", &long]).fails(2, "of a part is too long");
    let part = "lake/date=2026-11-27/seed=1/part-001-of-003.parquet";
    folder
        .run(&["publish", "lake", "--transactional-id", "one"])
        .fails(2, "each part has a transactional id of its own");
    folder.run(&["publish", part, "--shard", "0/2"]).fails(2, "an archive has none");
    folder.run(&["publish", "no.such"]).fails(1, "no.such");
    std::fs::create_dir(folder.path("empty")).unwrap();
    folder.run(&["publish", "empty"]).fails(65, "is not a dataset");
    folder.write("text.parquet", "no archive");
    folder.run(&["publish", "text.parquet"]).fails(65, "is not a Parquet file");
    folder.run(&["verify-topic", "--dataset", "lake"]).fails(2, "required arguments were not provided");
    folder.run(&["verify-topic", "--run", "n"]).fails(2, "required arguments were not provided");
    folder
        .run(&["verify-topic", "--dataset", "lake", "--run", "n", "--limit", "3"])
        .fails(2, "filters do not apply");
    stage.run(&["verify-topic", "--dataset", "lake", "--run", "n"]).fails(65, "has no manifest");
    // a part that is missing or another one
    std::fs::copy(folder.path("lake/date=2026-11-27/seed=1/part-000-of-003.parquet"), folder.path(part))
        .unwrap();
    stage
        .run(&["publish", "lake", "--run", "n", "--register-schemas"])
        .fails(3, "part-001-of-003.parquet: it is part 0 of 3");
    std::fs::remove_file(folder.path(part)).unwrap();
    stage.run(&["publish", "lake", "--run", "n"]).fails(3, "part-001-of-003.parquet: it is missing");
}
