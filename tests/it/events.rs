//! Planned events: recipes with golden digests, labels, cuts and errors.
//!
//! `UPDATE_GOLDEN=1 cargo test events` writes the digests of the recipes again.

use std::{env, fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Folder, digest, listening::Listening};

/// The options of all recipes.
const DAY: &[&str] = &[
    "record",
    "--date",
    "2026-02-18",
    "--seed",
    "42",
    "--model",
    "stylized",
    "--symbols",
    "6",
    "--rate",
    "5",
];

/// The recipes: each kind by its name alone, and some with parameters.
const RECIPES: &[&str] = &[
    "luld",
    "circuit-breaker",
    "news",
    "fat-finger",
    "flash-crash",
    "rebalance",
    "luld:AAPL@10:31:12,direction=down,extensions=1",
    "circuit-breaker@10:00,level=3",
    "split",
    "ipo",
    "venue-outage",
    "short-sale",
];

fn record(folder: &Folder, name: &str, arguments: &[&str]) -> Value {
    let run = folder.run(&[DAY, arguments, &["-o", name, "--no-env", "--json"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.json()
}

#[test]
fn recipes_have_their_digests_and_follow_their_rules() {
    let folder = Folder::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events.json");
    let mut recorded = Vec::new();
    for (number, recipe) in RECIPES.iter().enumerate() {
        let name = format!("{number}.parquet");
        let report = record(&folder, &name, &["--scenario", recipe]);
        let run = folder.run(&["verify", &name]);
        assert_eq!(run.code, 0, "{recipe}: {}", run.stdout);
        assert!(run.stdout.contains("planned     ok"), "{recipe}: {}", run.stdout);
        let labels = folder.run(&["labels", &name, "--json"]).json();
        let phases = labels["labels"][0]["phases"].as_array().unwrap().iter();
        let phases: Vec<String> = phases.map(|phase| format!("{} {}", phase["name"], phase["at"])).collect();
        recorded.push(json!({
            "command": format!("tradesim {} --scenario {recipe}", DAY.join(" ")),
            "digest": report["digest"],
            "events": report["events"]["total"],
            "id": labels["labels"][0]["id"],
            "phases": phases,
        }));
    }
    let text = serde_json::to_string_pretty(&recorded).unwrap() + "\n";
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "the generator changed: see docs/adr/0001-determinism.md");
}

#[test]
fn labels_have_the_keys_of_the_contract_and_cuts_keep_those_they_touch() {
    let folder = Folder::new();
    let scenarios = ["--scenario", "luld:AAPL@10:31:12", "--scenario", "rebalance"];
    record(&folder, "whole", &scenarios);
    let ids = |name: &str| -> Vec<String> {
        let report = folder.run(&["labels", name, "--json"]).json();
        assert_eq!(report["schema_version"], 1);
        let labels = report["labels"].as_array().unwrap().iter();
        labels.map(|label| label["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("whole"), ["luld-AAPL-103112", "rebalance-155000"]);
    let label = folder.run(&["labels", "whole", "--json"]).json()["labels"][0].clone();
    let mut keys: Vec<&str> = label.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["from", "id", "kind", "parameters", "phases", "rule", "symbol", "to"]);
    assert_eq!(label["symbol"], "AAPL");
    assert_eq!(label["from"], "2026-02-18T15:31:12.000000Z");
    assert_eq!(label["to"], "2026-02-18T15:41:47.000000Z");
    assert_eq!(label["phases"][1], json!({"name": "limit", "at": "2026-02-18T15:31:32.000000Z"}));
    assert_eq!((&label["parameters"]["band"], &label["parameters"]["tier"]), (&json!("0.05"), &json!("1")));

    let info = folder.ok(&["info", "whole"]);
    let phases = "run 10:31:12, limit 10:31:32, halt 10:31:47, reopen 10:36:47, end 10:41:47";
    assert!(info.contains(&format!("label       luld AAPL on 2026-02-18: {phases}")), "{info}");
    assert!(folder.ok(&["labels", "whole"]).contains("  phase       2026-02-18T15:31:47.000000Z halt"));

    for (name, arguments, expected) in [
        ("morning", &["--to", "12:00"][..], &["luld-AAPL-103112"][..]),
        ("evening", &["--from", "12:00"], &["rebalance-155000"]),
        ("other", &["--symbols", "MSFT"], &["rebalance-155000"]),
        ("halted", &["--from", "10:33", "--to", "10:35"], &["luld-AAPL-103112"]),
        ("noon", &["--from", "12:00", "--to", "13:00"], &[]),
        ("no-trades", &["--events", "orderbook"], &["luld-AAPL-103112", "rebalance-155000"]),
        ("trades", &["--events", "trade"], &["luld-AAPL-103112", "rebalance-155000"]),
        ("candles", &["--events", "marketdata"], &["luld-AAPL-103112", "rebalance-155000"]),
    ] {
        folder.ok(&[&["filter", "whole", "-o", name], arguments].concat());
        assert_eq!(ids(name), expected, "{name}");
        let run = folder.run(&["verify", name]);
        assert_eq!(run.code, 0, "{name}: {}{}", run.stdout, run.stderr);
    }
    assert!(folder.run(&["labels", "noon"]).stderr.contains("noon has no planned events"));
    // a recording that is cut at once is the same file as a later cut
    record(&folder, "direct", &[&scenarios[..], &["--to", "12:00"]].concat());
    assert_eq!((digest(&folder, "direct"), ids("direct")), (digest(&folder, "morning"), ids("morning")));
    // the parts of a whole have all its labels together
    folder.ok(&["merge", "morning", "evening", "-o", "again"]);
    assert_eq!(ids("again"), ids("whole"));
    assert!(folder.ok(&["verify", "again"]).contains("planned     ok"));
    // a merge of two plans has both, and each origin is checked against its own
    record(&folder, "second", &["--scenario", "flash-crash"]);
    folder.ok(&["merge", "whole", "second", "-o", "both"]);
    assert_eq!(ids("both").len(), 3);
    let run = folder.run(&["verify", "both"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
}

#[test]
fn an_archive_without_a_plan_has_no_labels_and_the_old_format() {
    let folder = Folder::new();
    let report = record(&folder, "plain", &[]);
    assert_eq!(report["format_version"], "1.0");
    assert_eq!(folder.run(&["labels", "plain", "--json"]).json()["labels"], json!([]));
    assert!(!folder.ok(&["verify", "plain"]).contains("planned"));
    let planned = record(&folder, "planned", &["--scenario", "news"]);
    assert_eq!(planned["format_version"], "1.1");
    assert_ne!(planned["digest"], report["digest"]);
}

#[test]
fn a_file_of_events_equals_the_flags() {
    let folder = Folder::new();
    folder.write(
        "plan.toml",
        "[[event]]\nkind = \"luld\"\nsymbol = \"AAPL\"\nat = 10:31:12\ndirection = \"down\"\n\n\
         [[event]]\nkind = \"rebalance\"\n",
    );
    record(&folder, "file", &["--scenario-file", "plan.toml"]);
    let flags = ["--scenario", "luld:AAPL@10:31:12,direction=down", "--scenario", "rebalance"];
    record(&folder, "flags", &flags);
    assert_eq!(folder.read("file"), folder.read("flags"));
    for (text, expected) in [
        (
            "[[event]]\nkind = \"lulld\"",
            "plan.toml, line 2, column 8: unknown planned event \"lulld\": expected luld",
        ),
        ("[[event]]\nkind = \"luld\"\nrun = 99", "line 3, column 7: invalid run=99"),
        ("[[event]]\nkind = \"luld\"\nat = 17:00:00\nsymbol = \"AAPL\"", "line 3, column 6"),
        ("[[event]\n", "plan.toml, line 1"),
    ] {
        folder.write("plan.toml", text);
        folder.run(&[DAY, &["--scenario-file", "plan.toml", "-o", "none"]].concat()).fails(78, expected);
    }
    folder.run(&[DAY, &["--scenario-file", "missing.toml"]].concat()).fails(78, "missing.toml");
    folder.write("plan.toml", "# nothing yet\n");
    let run = folder.run(&[DAY, &["--scenario-file", "plan.toml", "--dry-run"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning: the scenario file plan.toml has no [[event]]"), "{}", run.stderr);
    assert!(!folder.names().contains(&"none".to_owned()));
}

#[test]
fn impossible_events_are_refused_with_the_nearest_valid_form() {
    let folder = Folder::new();
    for (scenario, expected) in [
        ("lulld", "unknown planned event \"lulld\": expected luld"),
        ("luld:APPL", "expected AAPL"),
        ("luld:AAPL@17:00", "the nearest valid form is luld:AAPL@15:44:25"),
        ("circuit-breaker,levl=2", "unknown parameter \"levl\" of circuit-breaker: expected level"),
    ] {
        folder.run(&[DAY, &["--scenario", scenario]].concat()).fails(2, expected);
    }
    let overlap = ["--scenario", "luld:AAPL@10:00", "--scenario", "luld:AAPL@10:04"];
    folder.run(&[DAY, &overlap].concat()).fails(2, "the nearest valid form is luld:AAPL@10:10:35");
    let plain = ["record", "--date", "2026-02-18", "--seed", "1", "--scenario", "luld"];
    folder.run(&plain).fails(2, "luld is not possible with the model gbm");
    // a form that is none is an error of the command line
    let run = folder.run(&[DAY, &["--scenario", "luld@noon"]].concat());
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("expected a time after @"), "{}", run.stderr);
    let dry = folder.ok(&[DAY, &["--scenario", "luld:AAPL@10:00", "--dry-run"]].concat());
    assert!(dry.contains("event     luld-AAPL-100000: run 2026-02-18T15:00:00.000000Z"), "{dry}");
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn some_kinds_have_both_models() {
    let folder = Folder::new();
    let plain =
        ["record", "--date", "2026-02-18", "--seed", "1", "--rate", "2", "--symbols", "6", "--no-env"];
    for kind in ["split", "venue-outage", "news"] {
        folder.ok(&[&plain[..], &["--scenario", kind, "-o", kind]].concat());
        assert!(folder.ok(&["verify", kind]).contains("planned     ok"), "{kind}");
    }
    for kind in ["ipo", "short-sale"] {
        folder
            .run(&[&plain[..], &["--scenario", kind]].concat())
            .fails(2, &format!("{kind} is not possible with the model gbm"));
    }
}

/// The phases of the recipe `luld:AAPL@10:31:12` as `tail` prints the notices of them.
const ANNOUNCED: [&str; 5] = [
    "planned event luld-AAPL-103112: run from 2026-02-18T15:31:12.000000Z",
    "planned event luld-AAPL-103112: limit from 2026-02-18T15:31:32.000000Z",
    "planned event luld-AAPL-103112: halt from 2026-02-18T15:31:47.000000Z",
    "planned event luld-AAPL-103112: reopen from 2026-02-18T15:36:47.000000Z",
    "planned event luld-AAPL-103112: end from 2026-02-18T15:41:47.000000Z",
];

#[track_caller]
fn check_announced(stderr: &str) {
    let found: Vec<&str> =
        stderr.lines().filter_map(|line| line.find("planned event ").map(|at| &line[at..])).collect();
    assert_eq!(found, ANNOUNCED, "{stderr}");
}

#[test]
fn replay_and_serve_announce_each_phase() {
    let folder = Folder::new();
    let report = record(&folder, "planned", &["--scenario", "luld:AAPL@10:31:12"]);
    let replay = Listening::start(&folder, &["replay", "planned", "--speed", "max"]);
    let tail = folder.run(&["tail", &replay.url, "--digest"]);
    assert_eq!(
        (tail.code, tail.stdout.trim_end()),
        (0, report["digest"].as_str().unwrap()),
        "{}",
        tail.stderr
    );
    check_announced(&tail.stderr);
    assert_eq!(replay.end().code, 0);
    // a live stream has the messages of the recording, and the same phases
    let day = &DAY[3..];
    let serve = [&["serve", "--mode", "historical", "--day", "2026-02-18"], day].concat();
    let serve = [&serve[..], &["--scenario", "luld:AAPL@10:31:12", "--record", "live"]].concat();
    let server = Listening::start(&folder, &serve);
    let tail = folder.run(&["tail", &server.url, "--digest"]);
    assert_eq!(
        (tail.code, tail.stdout.trim_end()),
        (0, report["digest"].as_str().unwrap()),
        "{}",
        tail.stderr
    );
    check_announced(&tail.stderr);
    let run = server.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("planned event luld-AAPL-103112 from 10:31:12 exchange time"),
        "{}",
        run.stderr
    );
    let labels = |name: &str| folder.run(&["labels", name, "--json"]).json()["labels"].clone();
    assert_eq!(labels("live"), labels("planned"));
    folder.ok(&["diff", "live", "planned"]);
    folder
        .run(
            &[&["serve", "--mode", "historical", "--day", "2026-02-18"], day, &["--scenario", "luld:APPL"]]
                .concat(),
        )
        .fails(2, "expected AAPL");
}

#[test]
fn a_dataset_has_the_plan_and_its_parts_are_the_recording() {
    let folder = Folder::new();
    let scenarios = [
        "--scenario",
        "luld:AAPL@10:31:12",
        "--scenario",
        "ipo:MSFT",
        "--scenario",
        "split",
        "--scenario",
        "rebalance",
    ];
    let report = record(&folder, "day.parquet", &scenarios);
    let options = &DAY[5..];
    let dates = ["dataset", "record", "lake", "--dates", "2026-02-18", "--seeds", "42", "--parts", "3"];
    folder.ok(&[&dates[..], options, &scenarios].concat());
    folder.ok(&["dataset", "seal", "lake"]);
    let verified = folder.run(&["dataset", "verify", "lake"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    let of_day = ["dataset", "digest", "lake", "--date", "2026-02-18", "--seed", "42"];
    assert_eq!(folder.ok(&of_day).trim(), report["digest"].as_str().unwrap());
    let parts: Vec<String> =
        (0..3).map(|part| format!("lake/date=2026-02-18/seed=42/part-00{part}-of-003.parquet")).collect();
    folder.ok(&["merge", &parts[2], &parts[0], &parts[1], "-o", "merged.parquet"]);
    assert!(folder.read("merged.parquet") == folder.read("day.parquet"));
    folder
        .run(
            &[&dates[..4], &["2026-11-27", "--seeds", "1"], options, &["--scenario", "luld:AAPL@15:00"]]
                .concat(),
        )
        .fails(2, "invalid --scenario on 2026-11-27 with seed 1: luld:AAPL@15:00:00 begins outside");
}
