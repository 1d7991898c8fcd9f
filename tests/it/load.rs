//! `load` as a process: thresholds, exit codes, and reports, even of runs that are killed. These tests use embedded brokers; the
//! bundled scenarios run on a real cluster in CI (`.ci/kafka`).

mod compare;
mod watch;

use std::{fs, process::Stdio};

use crate::support::{Folder, Run, day_text, digest, send_signal, wait_until};

/// Writes a scenario with the recording [`day_text`].
fn scenario(folder: &Folder, name: &str, load: &str, target: &str, thresholds: &[&str]) -> String {
    let text = format!(
        "name = \"{name}\"\nthresholds = {thresholds:?}\n[recording]\nfile = {:?}\n[load]\n{load}\n[target]\n{target}\n",
        day_text()
    );
    folder.write(&format!("{name}.toml"), text);
    format!("{name}.toml")
}

fn run(folder: &Folder, file: &str, more: &[&str]) -> Run {
    folder.run(&[&["load", "run", file, "--json"], more].concat())
}

/// The whole is in `tests/cloud`; these are answers that need no server.
#[test]
fn a_recording_on_object_storage_is_opened_and_never_made() {
    let folder = Folder::new();
    let with = |recording: &str| {
        let text = format!(
            "name = \"object\"\n[recording]\n{recording}\n[load]\nstages = [\"1s:10\"]\n[target]\nkind = \"websocket\"\n"
        );
        folder.write("object.toml", text);
        run(&folder, "object.toml", &[])
    };
    // an empty bucket is refused with or without the feature `cloud`
    with("file = \"s3://\"").fails(2, "s3://");
    with("file = \"s3://tape/day.parquet\"\nrecord = \"--date 2026-02-18 --seed 1\"")
        .fails(78, "load makes no archive on object storage");
    assert!(!folder.path("s3:").exists(), "no file was made under the name of the URL");
}

#[test]
fn a_load_to_clients_is_measured_and_reported() {
    let folder = Folder::new();
    let thresholds = ["lost == 0", "disconnects == 0", "delivered == 3000", "throughput > 1000/s"];
    let target = "kind = \"websocket\"\nclients = 3";
    let file =
        scenario(&folder, "clients", "stages = [\"1s:1000->3000\", \"0.5s:2000\"]", target, &thresholds);
    let run = run(&folder, &file, &["--report", "report.html", "--report", "report.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(
        (&report["ok"], &report["complete"], &report["sent"]),
        (&true.into(), &true.into(), &3000.into())
    );
    assert_eq!(report["latency_ms"]["count"], 9000);
    let arrived = report["digests"]["arrived"].as_array().unwrap();
    assert_eq!(arrived.len(), 3);
    assert!(arrived.iter().all(|digest| *digest == report["digests"]["sent"]));
    assert_eq!(report["recording"]["digest"], digest(&folder, day_text()).as_str());
    assert!(run.stderr.contains("✓ lost == 0"), "{}", run.stderr);
    let written: serde_json::Value = serde_json::from_slice(&folder.read("report.json")).unwrap();
    assert_eq!(written["thresholds"], report["thresholds"]);
    let page = String::from_utf8(folder.read("report.html")).unwrap();
    assert_eq!(data_of(&page)["report"], written);
    assert!(
        page.ends_with("</html>\n") && page.contains("content=\"default-src 'none'; script-src 'sha256-")
    );
    assert!(!page.contains("http:") && !page.contains("https:"), "the page needs no external resources");
}

/// Returns the data in a page.
#[track_caller]
fn data_of(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn a_stall_of_clients_counts_for_every_message_that_was_due_meanwhile() {
    let folder = Folder::new();
    let thresholds = ["lost == 0", "latency.max >= 900ms", "latency.p99 < 900ms"];
    let load = "stages = [\"3s:200\"]\n[[event]]\nat = \"500ms\"\nstall_clients = \"1s\"";
    let file = scenario(&folder, "stall", load, "kind = \"websocket\"", &thresholds);
    let run = run(&folder, &file, &[]);
    // the longest latency is the whole second, and one in three messages is late by half of it: the third threshold fails
    assert_eq!(run.code, 99, "{}", run.stderr);
    let report = run.json();
    let verdicts: Vec<_> =
        report["thresholds"].as_array().unwrap().iter().map(|verdict| verdict["ok"].clone()).collect();
    assert_eq!(verdicts, [true, true, false, true], "{}", run.stderr);
    assert!(report["latency_ms"]["p90"].as_f64().unwrap() > 500.0, "{}", report["latency_ms"]);
    assert_eq!(report["events"][0]["what"], "clients stall for 1 s");
}

#[test]
fn a_load_through_the_bridge_is_verified_in_the_topics() {
    let folder = Folder::new();
    let thresholds = ["lost == 0", "duplicated == 0", "reordered == 0", "altered == 0", "dead_lettered == 0"];
    for delivery in ["exactly-once", "at-least-once"] {
        let target = format!("kind = \"kafka\"\ndelivery = \"{delivery}\"");
        let file = scenario(&folder, delivery, "speed = \"max\"", &target, &thresholds);
        let run = run(&folder, &file, &["--embedded"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let report = run.json();
        assert_eq!(report["topics"]["ok"], true);
        assert_eq!(report["digests"]["arrived"][0].as_str(), Some(digest(&folder, day_text()).as_str()));
        assert_eq!((&report["delivered"], &report["lost"]), (&report["load"]["messages"], &0.into()));
    }
}

#[test]
fn planted_faults_are_dead_letters_and_nothing_else_is() {
    let folder = Folder::new();
    // a dropped message is lost, and the bridge reports it; all other faults become dead letters with their bytes
    let thresholds =
        ["lost == 5", "dead_lettered == 60", "altered == 60", "duplicated == 0", "reordered == 0"];
    let faults = ["corrupt", "price", "event-type"]
        .map(|kind| format!("[[faults.fault]]\nkind = \"{kind}\"\ncount = 20\n"));
    let load = format!(
        "stages = [\"1s:3000\"]\n[faults]\nseed = 3\n{}[[faults.fault]]\nkind = \"drop\"\ncount = 5\n",
        faults.concat()
    );
    let file = scenario(&folder, "planted", &load, "kind = \"kafka\"", &thresholds);
    let run = run(&folder, &file, &["--embedded"]);
    let report = run.json();
    assert_eq!(report["faults"]["total"], 65, "{}", run.stderr);
    let failed: Vec<_> =
        report["thresholds"].as_array().unwrap().iter().filter(|verdict| verdict["ok"] == false).collect();
    assert!(failed.is_empty(), "{failed:?} {}", run.stderr);
}

/// Runs a load of [`day_text`] through the bridge with 9 dropped messages and 4 duplicated ones.
fn with_gaps(folder: &Folder, name: &str, target: &str, thresholds: &[&str]) -> Run {
    let fault = |kind: &str, count| format!("[[faults.fault]]\nkind = \"{kind}\"\ncount = {count}\n");
    let load = format!(
        "stages = [\"0.5s:2000\"]\n[faults]\nseed = 5\n{}{}",
        fault("drop", 9),
        fault("duplicate", 4)
    );
    let file = scenario(folder, name, &load, &format!("kind = \"kafka\"\n{target}"), thresholds);
    run(folder, &file, &["--embedded", "--report", &format!("{name}.html")])
}

#[test]
fn thresholds_of_unmeasured_metrics_fail() {
    let folder = Folder::new();
    let run = with_gaps(&folder, "unverified", "verify = false", &["lost == 0", "delivered == 991"]);
    assert_eq!(run.code, 99, "{}", run.stderr);
    assert!(run.stderr.contains("✗ lost == 0         not measured"), "{}", run.stderr);
    assert!(run.stderr.contains("9 messages were unavailable from the feed"), "{}", run.stderr);
    let report = run.json();
    assert_eq!((&report["lost"], &report["missing"]), (&serde_json::Value::Null, &9.into()));
    assert_eq!((&report["sent"], &report["delivered"]), (&995.into(), &991.into()));
    assert_eq!(report["thresholds"].as_array().unwrap().len(), 2, "{}", report["thresholds"]);
    let page = String::from_utf8(folder.read("unverified.html")).unwrap();
    let thresholds = data_of(&page)["report"]["thresholds"].clone();
    assert_eq!((&thresholds[0]["shown"], &thresholds[0]["ok"]), (&"not measured".into(), &false.into()));
}

#[test]
fn losses_are_reported_once_and_the_digest_is_that_of_the_expected_messages() {
    let folder = Folder::new();
    let thresholds = ["lost == 9", "delivered == 991", "duplicated == 0"];
    let run = with_gaps(&folder, "verified", "", &thresholds);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(
        (&report["lost"], &report["topics"]["lost"], &report["missing"]),
        (&9.into(), &9.into(), &9.into())
    );
    assert_eq!((&report["sent"], &report["delivered"]), (&995.into(), &991.into()));
    assert_eq!(report["latency_ms"]["count"], 991);
    let digests = &report["digests"];
    assert_eq!(digests["arrived"][0], digests["expected"]);
    // duplicated messages arrived once
    assert_ne!(digests["sent"], digests["expected"]);
    assert_eq!(report["thresholds"][3]["threshold"], "digest == the recording's under the fault plan");
    assert!(run.stderr.contains("✓ digest == the recording's under the fault plan"), "{}", run.stderr);
}

#[test]
fn a_threshold_that_cannot_hold_is_99() {
    let folder = Folder::new();
    let thresholds = ["lost == 0", "latency.p50 < 0.001ms"];
    let file =
        scenario(&folder, "impossible", "stages = [\"0.2s:500\"]", "kind = \"websocket\"", &thresholds);
    let run = run(&folder, &file, &[]);
    assert_eq!(run.code, 99, "{}", run.stderr);
    assert!(run.stderr.contains("✗ latency.p50 < 0.001ms"), "{}", run.stderr);
    assert_eq!(run.json()["ok"], false);
}

#[test]
fn a_load_that_is_killed_leaves_an_incomplete_report() {
    let folder = Folder::new();
    let file = scenario(&folder, "long", "stages = [\"10m:50\"]", "kind = \"websocket\"", &["lost == 0"]);
    for (signal, code) in [("KILL", None), ("TERM", Some(143))] {
        let args = ["load", "run", &file, "--report", "part.json", "--report", "part.html"];
        let mut child = folder.command(&args).stderr(Stdio::null()).spawn().unwrap();
        wait_until("a partial report", || folder.path("part.html").exists());
        send_signal(signal, &child);
        assert_eq!(child.wait().unwrap().code(), code);
        let report: serde_json::Value = serde_json::from_slice(&folder.read("part.json")).unwrap();
        assert_eq!((&report["complete"], &report["ok"]), (&false.into(), &false.into()));
        assert!(report["delivered"].as_u64().unwrap() > 0);
        let page = String::from_utf8(folder.read("part.html")).unwrap();
        assert_eq!(data_of(&page)["report"]["complete"], false);
        assert!(page.contains(", not complete. The charts") && page.ends_with("</html>\n"));
        for name in ["part.json", "part.html"] {
            fs::remove_file(folder.path(name)).unwrap();
        }
    }
}

#[test]
fn invalid_runs_fail_before_anything_is_sent() {
    let folder = Folder::new();
    let websocket = "kind = \"websocket\"";
    let file = scenario(&folder, "much", "stages = [\"1h:5000\"]", websocket, &[]);
    run(&folder, &file, &[]).fails(78, "the stages need 18,000,000 messages, but the recording has");
    let file = scenario(&folder, "typo", "stages = [\"1h:5000\"]\nspede = 1", websocket, &[]);
    run(&folder, &file, &[]).fails(78, "line 7: unknown field `spede`");
    let file = scenario(&folder, "good", "stages = [\"1s:10\"]", websocket, &[]);
    run(&folder, &file, &["--short"]).fails(78, "does not have a [short] form");
    run(&folder, &file, &["--report", "missing/report.html"]).fails(73, "cannot create missing/report.html");
    run(&folder, &file, &["--report", "report.pdf"]).fails(2, "");
    run(&folder, "nothing.toml", &[]).fails(1, "tradesim load list");
    folder.run(&["load", "show", "stedy"]).fails(2, "stedy is not a bundled scenario");
    let failing = "stages = [\"30s:10\"]\n[[event]]\nat = \"100ms\"\nrun = \"echo no broker >&2; exit 7\"";
    let file = scenario(&folder, "event", failing, websocket, &[]);
    run(&folder, &file, &[]).fails(1, "failed: exit status: 7: no broker");
}

#[test]
fn another_recording_than_that_of_the_scenario_is_a_difference() {
    let folder = Folder::new();
    let file = scenario(&folder, "drift", "stages = [\"1s:10\"]", "kind = \"websocket\"", &[]);
    let text = String::from_utf8(folder.read(&file)).unwrap();
    let pinned = |digest: &str| text.replace("[load]", &format!("digest = \"{digest}\"\n[load]"));
    folder.write("drift.toml", pinned(&format!("blake3:{}", "0".repeat(64))));
    let run = run(&folder, "drift.toml", &[]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("the recording is not that of the scenario"), "{}", run.stderr);
    folder.write("drift.toml", pinned(&digest(&folder, day_text())));
    assert_eq!(folder.run(&["load", "run", "drift.toml"]).code, 0);
}

#[test]
fn bundled_scenarios_are_listed_and_shown_and_can_be_recorded() {
    let folder = Folder::new();
    let list: serde_json::Value = serde_json::from_str(&folder.ok(&["load", "list", "--json"])).unwrap();
    let names: Vec<&str> =
        list["scenarios"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert!(["steady", "burst", "soak", "recovery"].iter().all(|name| names.contains(name)), "{names:?}");
    for name in names {
        let shown: toml::Table = folder.ok(&["load", "show", name]).parse().unwrap();
        let recording = shown["recording"].as_table().unwrap();
        let flags = recording["record"].as_str().unwrap().split_whitespace();
        let args: Vec<&str> =
            ["record"].into_iter().chain(flags).chain(["-o", "it.parquet", "--force"]).collect();
        assert_eq!(folder.ok(&args).trim(), recording["digest"].as_str().unwrap(), "{name}");
    }
    let run = folder.run(&["load", "run", "stall", "--short"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("stall (short form)"), "{}", run.stderr);
}

#[test]
fn a_report_replaces_regular_files_and_nothing_else() {
    let folder = Folder::new();
    let file = scenario(&folder, "short", "stages = [\"0.1s:1000\"]", "kind = \"websocket\"", &["lost == 0"]);
    assert!(folder.wrapped("mkfifo", &["report.json"]).status().unwrap().success());
    run(&folder, &file, &["--report", "report.json"]).fails(73, "it is a pipe, not a regular file");
    fs::remove_file(folder.path("report.json")).unwrap();
    folder.write("report.json", "the report of before");
    // a file of another program
    folder.write("report.json.part", "a file of somebody else");
    let run = run(&folder, &file, &["--report", "report.json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report: serde_json::Value = serde_json::from_slice(&folder.read("report.json")).unwrap();
    assert_eq!(report["complete"], true);
    assert_eq!(folder.read("report.json.part"), b"a file of somebody else");
    assert_eq!(folder.names(), ["report.json", "report.json.part", "short.toml"]);
}
