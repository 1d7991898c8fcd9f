//! `record`: file names, reports, determinism across processes.

use crate::support::{Folder, digest};

const SMALL: &[&str] = &["record", "--date", "2026-02-18", "--seed", "42", "--rate", "2"];

#[test]
fn the_report_has_the_names_of_the_contract() {
    let folder = Folder::new();
    let run = folder.run(&[SMALL, &["--json"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(folder.names(), ["2026-02-18.seed42.parquet"]);
    let events = &report["events"];
    let count = |name: &str| events[name].as_u64().unwrap();
    assert_eq!(count("total"), count("trade") + count("orderbook") + count("marketdata") + count("raw"));
    assert!(count("trade") > 100_000, "{events}");
    assert_eq!(report["bytes"], folder.read("2026-02-18.seed42.parquet").len());
    assert_eq!(report["date"], "2026-02-18");
    assert_eq!(report["seed"], 42);
    assert_eq!(report["model"], "gbm/1");
    for (key, start) in [
        ("first", "2026-02-18T09:00:"),
        ("last", "2026-02-19T01:00:00.000000Z"),
        ("digest", "blake3:"),
        ("state_digest", "blake3:"),
        ("format_version", "1."),
        ("generator_version", ""),
    ] {
        assert!(report[key].as_str().unwrap().starts_with(start), "{key}: {}", report[key]);
    }
    let info = folder.run(&["info", "--json", "2026-02-18.seed42.parquet"]).json();
    for key in [
        "schema_version",
        "events",
        "bytes",
        "date",
        "seed",
        "first",
        "last",
        "digest",
        "format_version",
        "generator_version",
        "model",
    ] {
        assert_eq!(info[key], report[key], "{key}");
    }
}

/// `--model` and the setting choose the model; metadata and identity name it, and `verify` knows its rules.
#[test]
fn a_day_of_the_other_model_is_named_and_verified() {
    let folder = Folder::new();
    let model = ["--model", "stylized", "--json"];
    let report = folder.run(&[SMALL, &["-o", "flag"], &model].concat());
    assert_eq!(report.code, 0, "{}", report.stderr);
    assert_eq!(report.json()["model"], "stylized/1");
    let set =
        folder.command(&[SMALL, &["-o", "setting"]].concat()).env("TRADE_GEN_MODEL", "stylized").status();
    assert!(set.unwrap().success());
    assert_eq!(folder.read("flag"), folder.read("setting"));
    let info = folder.run(&["info", "--json", "flag"]).json();
    assert_eq!(info["model"], "stylized/1");

    folder.ok(&["filter", "flag", "-o", "cut", "--symbols", "KO,LLY", "--from", "09:25", "--to", "16:30"]);
    folder.ok(&[SMALL, &["-o", "direct", "--model", "stylized", "--symbols", "KO,LLY"]].concat());
    folder.ok(&["filter", "flag", "-o", "symbols", "--symbols", "KO,LLY"]);
    assert_eq!(digest(&folder, "direct"), digest(&folder, "symbols"));
    folder.ok(&[SMALL, &["-o", "other"]].concat());
    folder.ok(&["merge", "flag", "other", "-o", "both"]);
    for name in ["flag", "cut", "both"] {
        let run = folder.run(&["verify", name]);
        assert_eq!(run.code, 0, "{name}: {}{}", run.stdout, run.stderr);
    }

    let refused = folder.run(&[SMALL, &["-o", "none", "--model", "tides"]].concat());
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("gbm or stylized"), "{}", refused.stderr);
}

#[test]
fn separate_processes_in_other_environments_write_the_same_file() {
    let reference = Folder::new();
    reference.ok(&[SMALL, &["-o", "day"]].concat());
    for (threads, zone, language) in
        [("1", "UTC", "C"), ("2", "Asia/Tokyo", "tr_TR.UTF-8"), ("8", "US/Eastern", "")]
    {
        let folder = Folder::new();
        let status = folder
            .command(&[SMALL, &["-o", "day", "--threads", threads]].concat())
            .envs([("TZ", zone), ("LANG", language), ("LC_ALL", language), ("HOME", "/nowhere")])
            .output()
            .unwrap()
            .status;
        assert!(status.success());
        assert!(folder.read("day") == reference.read("day"), "{threads} threads");
    }
}

#[test]
fn another_seed_and_other_options_are_another_day() {
    let folder = Folder::new();
    let variants = [
        &[][..],
        &["--seed", "43"],
        &["--rate", "3"],
        &["--symbols", "10"],
        &["--market-hours", "false"],
        &["--burst"],
        &["--burst-at", "10:00", "--burst-for", "30s", "--burst-symbol", "AAPL"],
        &["--date", "2026-02-19"],
    ];
    let mut digests: Vec<String> = variants
        .iter()
        .map(|variant| {
            // the flag of the variant replaces the common one
            let common: Vec<&str> =
                SMALL[1..].chunks(2).filter(|pair| !variant.contains(&pair[0])).flatten().copied().collect();
            let cut = ["--force", "-o", "day", "--from", "09:59", "--to", "10:01"];
            folder.ok(&[&["record"], &common[..], variant, &cut].concat())
        })
        .collect();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), variants.len());
}

#[test]
fn the_heaviest_symbols_are_a_market_of_their_own() {
    let folder = Folder::new();
    folder.ok(&[SMALL, &["--symbols", "3", "-o", "three"]].concat());
    folder.ok(&["verify", "three"]);
    let info = folder.run(&["info", "--json", "three"]).json();
    let symbols = info["symbols"].as_array().unwrap();
    assert_eq!(symbols.len(), 3);
    assert_eq!((&symbols[0], &symbols[1]), (&"AAPL".into(), &"MSFT".into()));
    assert_eq!(info["cuts"], serde_json::json!([]));
    folder.run(&["cat", "three", "--symbols", "XOM"]).fails(2, "XOM is not a symbol of the archive");
}

#[test]
fn a_planned_burst_is_in_the_metadata_and_multiplies_the_rate() {
    let folder = Folder::new();
    let window = ["--from", "11:00", "--to", "11:01", "--events", "trade"];
    let burst = ["--burst-at", "11:00", "--burst-for", "1m", "--burst-multiplier", "30"];
    folder.ok(&[SMALL, &["-o", "calm"], &window].concat());
    folder.ok(&[SMALL, &["-o", "burst"], &window, &burst].concat());
    let count = |file| folder.run(&["info", "--json", file]).json()["events"]["total"].as_u64().unwrap();
    assert!(count("burst") > 15 * count("calm"), "{} and {}", count("burst"), count("calm"));
    assert_eq!(folder.run(&["info", "--json", "burst"]).json()["bursts"], 1);
}

#[test]
fn without_a_seed_one_is_drawn_printed_and_recorded() {
    let folder = Folder::new();
    let run = folder.run(&["record", "--date", "2026-02-18", "--limit", "100", "-o", "day", "--json"]);
    let seed = run.json()["seed"].as_u64().unwrap();
    assert!(run.stderr.contains(&format!("seed {seed} (drawn)")), "{}", run.stderr);
    let again =
        ["record", "--date", "2026-02-18", "--limit", "100", "-o", "again", "--seed", &seed.to_string()];
    folder.ok(&again);
    assert_eq!(digest(&folder, "day"), digest(&folder, "again"));
    assert_eq!(folder.run(&["info", "--json", "day"]).json()["seed"], seed);
}

#[test]
fn a_dry_run_plans_and_writes_nothing() {
    let folder = Folder::new();
    let plan = folder.run(&[SMALL, &["--dry-run", "--json"]].concat());
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert_eq!(folder.names(), [""; 0]);
    let expected = plan.json()["expected"]["messages"].as_f64().unwrap();
    let found = folder.run(&[SMALL, &["--json"]].concat()).json()["events"]["total"].as_f64().unwrap();
    assert!((expected / found - 1.0).abs() < 0.1, "{expected} expected, {found} recorded");
    assert!(folder.ok(&[SMALL, &["--dry-run"]].concat()).contains("nothing (dry run)"));
}
