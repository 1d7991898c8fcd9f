//! `dataset`: workers as processes, kills, exit codes, and what other commands make of the files.

use std::{collections::BTreeMap, fs, path::Path, process::Stdio, time::Duration};

use crate::support::{Folder, Run, digest};

/// A short day of six symbols in two parts of one date and two seeds: four units.
const SMALL: &[&str] = &[
    "dataset",
    "record",
    "lake",
    "--dates",
    "2026-11-27",
    "--seeds",
    "1..2",
    "--parts",
    "2",
    "--rate",
    "1",
    "--symbols",
    "6",
    "--threads",
    "1",
];
const PART: &str = "lake/date=2026-11-27/seed=1/part-001-of-002.parquet";

/// Returns the visible files below a folder, in order.
fn contents(folder: &Folder, root: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.path(root)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.insert(
                    path.to_str().unwrap().rsplit("/lake").next().unwrap().to_owned(),
                    fs::read(path).unwrap(),
                );
            }
        }
    }
    found
}

fn sealed(folder: &Folder) -> Run {
    folder.run(&["dataset", "seal", "lake", "--json"])
}

#[test]
fn a_dataset_is_recorded_sealed_verified_and_merged() {
    let folder = Folder::new();
    let run = folder.run(&[SMALL, &["--json"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines: Vec<serde_json::Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5, "{}", run.stdout);
    assert_eq!(lines[0]["file"], "date=2026-11-27/seed=1/part-000-of-002.parquet");
    for line in &lines[..4] {
        let file = format!("lake/{}", line["file"].as_str().unwrap());
        assert_eq!(line["bytes"], folder.read(&file).len());
        assert_eq!(line["digest"], digest(&folder, &file));
        assert_eq!(line["made"], true);
    }
    assert_eq!((&lines[4]["units"], &lines[4]["made"]), (&4.into(), &4.into()));
    let again = folder.run(&[SMALL, &["--json"]].concat());
    let last: serde_json::Value = serde_json::from_str(again.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["units"], &last["made"]), (&4.into(), &0.into()));

    let report = sealed(&folder).json();
    assert_eq!(report["ok"], true, "{report}");
    assert!(report["dataset_digest"].as_str().unwrap().starts_with("dataset:blake3:"));
    let verified = folder.run(&["dataset", "verify", "lake", "--recompute", "50%", "--json"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    let verified = verified.json();
    assert_eq!(
        (&verified["units"], &verified["recomputed"], &verified["keys"]),
        (&4.into(), &2.into(), &12.into())
    );
    assert_eq!(verified["messages"], report["messages"]);

    // the parts are the day that `record` makes, to the last byte
    let day = [
        "record",
        "--date",
        "2026-11-27",
        "--seed",
        "1",
        "--rate",
        "1",
        "--symbols",
        "6",
        "-o",
        "day.parquet",
    ];
    folder.ok(&day);
    let parts = ["lake/date=2026-11-27/seed=1/part-000-of-002.parquet", PART];
    let merged = folder.run(&["merge", parts[1], parts[0], "-o", "merged.parquet"]);
    assert_eq!(merged.code, 0, "{}", merged.stderr);
    assert!(merged.stderr.contains("the result is whole"), "{}", merged.stderr);
    assert!(folder.read("merged.parquet") == folder.read("day.parquet"));
    let of_day = digest(&folder, "day.parquet");
    let asked = ["dataset", "digest", "lake", "--date", "2026-11-27", "--seed", "1"];
    assert_eq!(folder.ok(&asked).trim(), of_day);
    for index in 0..3 {
        let shard = format!("{index}/3");
        folder.ok(&[&asked[..], &["--shard", &shard, "-o", &format!("{index}.json")]].concat());
    }
    let combined = ["dataset", "digest", "lake", "--combine", "2.json", "0.json", "1.json"];
    assert_eq!(folder.ok(&combined).trim(), of_day);
    let of_asked = [&asked[..], &["--combine", "1.json", "2.json", "0.json"]].concat();
    assert_eq!(folder.ok(&of_asked).trim(), of_day);
    let of_other = ["dataset", "digest", "lake", "--seed", "2", "--combine", "1.json", "2.json", "0.json"];
    folder.run(&of_other).fails(3, "1.json");
    folder
        .run(&["dataset", "digest", "nowhere", "--combine", "1.json", "2.json", "0.json"])
        .fails(1, "nowhere");
    folder.run(&combined[..5]).fails(3, "pieces");
    let again = folder.run(&[&asked[..], &["--shard", "0/3", "-o", "0.json"]].concat());
    again.fails(73, "0.json");
    assert!(!again.stderr.contains("hashed"), "refused before the work: {}", again.stderr);
    assert!(!folder.names().iter().any(|name| name.contains("partial")), "{:?}", folder.names());

    // the digest of a symbol is that of the archive with only this symbol
    let manifest: serde_json::Value =
        serde_json::from_slice(&folder.read("lake/_tradesim/manifest.json")).unwrap();
    let keys: Vec<&serde_json::Value> =
        manifest["keys"].as_array().unwrap().iter().filter(|key| key["seed"] == 1).collect();
    assert_eq!(keys.len(), 6);
    for key in keys {
        let symbol = key["symbol"].as_str().unwrap();
        folder.ok(&["filter", "day.parquet", "--symbols", symbol, "-o", "one.parquet", "--force"]);
        assert_eq!(key["digest"], digest(&folder, "one.parquet"), "{symbol}");
    }

    // a part is an archive like any other
    let run = folder.run(&["verify", PART]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("keys"), "{}", run.stdout);
    folder.ok(&["filter", PART, "-o", "copy.parquet"]);
    assert_eq!(digest(&folder, "copy.parquet"), digest(&folder, PART));
    let one = folder.run(&["merge", PART, "-o", "lonely.parquet"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert!(one.stderr.contains("the parts 0 of 2 are missing"), "{}", one.stderr);
}

/// Acceptance A3: workers that are killed at any time, and started again with other numbers.
#[test]
fn killed_workers_leave_nothing_that_counts_as_whole() {
    let reference = Folder::new();
    reference.ok(SMALL);
    let expected = contents(&reference, "lake");
    let folder = Folder::new();
    let mut seed = 1_u64;
    for round in 0..50 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let workers = 1 + seed % 3;
        let mut children: Vec<_> = (0..workers)
            .map(|index| {
                let shard = format!("{index}/{workers}");
                let mut command = folder.command(&[SMALL, &["--shard", &shard]].concat());
                command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
            })
            .collect();
        // the kill comes at a random moment: no condition is waited for
        std::thread::sleep(Duration::from_millis(seed >> 32 & 63));
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // whatever has its final name is whole
        for (name, bytes) in contents(&folder, "lake") {
            if !name.rsplit('/').next().unwrap().starts_with('.') {
                assert!(expected.get(&name) == Some(&bytes), "round {round}: {name}");
            }
        }
    }
    fs::remove_file(folder.path(PART)).unwrap_or_default();
    let refused = sealed(&folder);
    assert_ne!(refused.code, 0, "{}", refused.stdout);
    assert!(!folder.path("lake/_tradesim/manifest.json").exists());
    folder.ok(SMALL);
    let report = sealed(&folder);
    assert_eq!(report.code, 0, "{}", report.stderr);
    let mut found = contents(&folder, "lake");
    assert!(found.remove("/_tradesim/manifest.json").is_some());
    assert!(found == expected, "{:?}", found.keys());
}

#[test]
fn a_signal_ends_a_worker_without_a_part() {
    let folder = Folder::new();
    let slow = ["dataset", "record", "lake", "--dates", "2026-02-18", "--seeds", "1", "--rate", "2000"];
    let mut child = folder.command(&slow).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    crate::support::wait_until("the recipe exists", || folder.path("lake/_tradesim/recipe.json").exists());
    crate::support::wait_until("a part has begun", || folder.path("lake/date=2026-02-18/seed=1").exists());
    crate::support::send_signal("TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert_eq!(contents(&folder, "lake").into_keys().collect::<Vec<_>>(), ["/_tradesim/recipe.json"]);
}

/// Exit code 0 tells a scheduler that the worker has nothing left to do.
#[test]
fn a_reader_that_closes_the_pipe_ends_the_lines_and_not_the_work() {
    let folder = Folder::new();
    for json in [&[][..], &["--json"]] {
        let args = [SMALL, json].concat();
        let mut child = folder.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(sealed(&folder).code, 0);
    }
}

#[test]
fn damage_and_differences_have_their_exit_codes() {
    let folder = Folder::new();
    folder.ok(SMALL);
    let path = folder.path(PART);
    let good = folder.read(PART);

    fs::remove_file(&path).unwrap();
    let missing = sealed(&folder);
    assert_eq!(missing.code, 3, "{}", missing.stderr);
    let report = missing.json();
    assert_eq!(report["findings"][0]["kind"], "missing");
    assert_eq!(report["findings"][0]["file"], PART.strip_prefix("lake/").unwrap());
    assert_eq!(report["dataset_digest"], serde_json::Value::Null);

    let other = PART.replace("seed=1", "seed=2");
    folder.write(PART, folder.read(&other));
    let foreign = folder.run(&["dataset", "verify", "lake"]);
    assert_eq!(foreign.code, 3, "{}", foreign.stderr);
    assert!(foreign.stderr.contains("seed=1/part-001-of-002.parquet"), "{}", foreign.stderr);

    let mut bad = good.clone();
    bad[500] ^= 1;
    folder.write(PART, &bad);
    let damaged = folder.run(&["dataset", "verify", "lake"]);
    damaged.fails(65, "part-001-of-002.parquet");
    assert_eq!(damaged.stderr.matches("damaged").count(), 2, "said once: {}", damaged.stderr);
    folder.write(PART, &good[..good.len() - 1]);
    sealed(&folder).fails(65, "part-001-of-002.parquet");

    folder.write(PART, &good);
    folder.write("lake/date=2026-11-27/seed=1/again.parquet", &good);
    let doubled = sealed(&folder);
    assert_eq!(doubled.code, 3, "{}", doubled.stderr);
    assert!(doubled.stderr.contains("again.parquet"), "{}", doubled.stderr);
    fs::remove_file(folder.path("lake/date=2026-11-27/seed=1/again.parquet")).unwrap();
    assert_eq!(sealed(&folder).code, 0);
}

#[test]
fn invalid_requests_are_refused_before_anything_is_written() {
    let folder = Folder::new();
    let base: BTreeMap<&str, &str> =
        [("--dates", "2026-11-27"), ("--seeds", "1"), ("--parts", "2"), ("--rate", "1"), ("--symbols", "6")]
            .into();
    let run = |changed: &[&str]| -> Run {
        let mut args = vec!["dataset", "record", "lake"];
        for (name, value) in &base {
            if !changed.contains(name) {
                args.extend([name, value]);
            }
        }
        args.extend(changed);
        folder.run(&args)
    };
    for (changed, text) in [
        (&["--shard", "2/2"][..], "0/16"),
        (&["--shard", "-1/2"], "0/16"),
        (&["--shard", "x"], "0/16"),
        (&["--seeds", "3..1"], "ranges such as 1..3"),
        (&["--seeds", ""], "ranges such as 1..3"),
        (&["--dates", "2026-11-28..2026-11-27"], "ranges such as"),
        (&["--dates", "2026-11-26"], "2026-11-26"),
        (&["--dates", "2026-11-28..2026-11-29"], "no trading day"),
        (&["--dates", "1999-01-01"], "1999"),
        (&["--parts", "0"], "number of parts"),
        (&["--parts", "7"], "invalid number of parts 7"),
        (&["--symbols", "AAPL"], "number of symbols"),
        (&["--burst-at", "03:00", "--burst-for", "5s"], "outside the day"),
    ] {
        let refused = run(changed);
        assert_eq!(refused.code, 2, "{changed:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(text), "{changed:?}: {}", refused.stderr);
        assert!(folder.names().is_empty(), "{changed:?}");
    }
    folder.run(&["dataset", "seal", "."]).fails(65, "not a dataset");
    folder.run(&["dataset", "seal", "nowhere"]).fails(1, "nowhere");

    let made = run(&["--dates", "2026-11-26..2026-11-27", "--shard", "1/2"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stderr.contains("skipped 1 dates without trading: 2026-11-26"), "{}", made.stderr);
    assert_eq!(made.stdout.lines().count(), 1);
    run(&["--rate", "2"]).fails(73, "options.rate is 1, asked for 2");
    run(&["--model", "stylized"]).fails(73, "model");
    let digest = ["dataset", "digest", "lake", "--date", "2026-11-27", "--seed"];
    folder.run(&[&digest[..], &["9"]].concat()).fails(2, "seed 9");
    folder.run(&[&digest[..], &["1"]].concat()).fails(3, "part-000-of-002.parquet");

    let recipe = folder.path("lake/_tradesim/recipe.json");
    let text = fs::read_to_string(&recipe).unwrap();
    fs::write(&recipe, text.replace(r#""generator_version":"1""#, r#""generator_version":"9""#)).unwrap();
    sealed(&folder).fails(65, "generator_version");
    run(&[]).fails(73, "generator_version");
    assert!(Path::new(&recipe).exists());
}
