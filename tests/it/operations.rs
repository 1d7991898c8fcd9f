//! Operating `replay` and `control`: invalid arguments, kills, pipes and control commands.

use std::{collections::BTreeSet, process::Stdio};

use serde_json::Value;
use tradesim_schemas::Timestamp;

use crate::support::{Folder, Run, day_text, digest, listening::Listening, send_signal, wait_until};

/// Returns the status of a replay.
#[track_caller]
fn status(folder: &Folder, replay: &Listening) -> Value {
    control(folder, replay, &["status"])
}

/// Runs a command of `control`, and returns the status after it.
#[track_caller]
fn control(folder: &Folder, replay: &Listening, args: &[&str]) -> Value {
    let text = folder.ok(&[&["control", replay.url.as_str(), "--json"], args].concat());
    serde_json::from_str(&text).unwrap()
}

#[test]
fn failures_have_their_exit_code() {
    let folder = Folder::new();
    folder.write("text.parquet", "no archive");
    folder.write("empty.parquet", "");
    folder.write("cut.parquet", &std::fs::read(day_text()).unwrap()[..50_000]);
    for (args, code, text) in [
        (&["nowhere.parquet"][..], 1, "cannot open nowhere.parquet"),
        (&["."], 1, "is a folder"),
        (&["text.parquet"], 65, "is not a Parquet file"),
        (&["empty.parquet"], 65, "is not a Parquet file"),
        (&["cut.parquet"], 65, "does not end like an archive"),
        (&[day_text(), "nowhere.parquet"], 1, "cannot open nowhere.parquet"),
        (&[day_text(), "--symbols", "APPL"], 2, "APPL is not a symbol of the archive"),
        (&[day_text(), "--from", "12:00", "--to", "11:00"], 2, "empty time range"),
        (&[day_text(), "--wait-clients", "3", "--max-clients", "2"], 2, "would wait forever"),
        (&[day_text(), "--wait-clients", "65"], 2, "one address may have only 64 connections"),
        (&[day_text(), "--host", "192.0.2.1"], 1, "cannot listen on 192.0.2.1"),
        (&[day_text(), "--host", "192.0.2.1", "--control", "loopback"], 2, "needs a loopback address"),
        (&[day_text(), "--host", "192.0.2.1", "--control", "token"], 2, "needs a token"),
        (
            &[day_text(), "--control", "off", "--control-token-file", "text.parquet"],
            2,
            "cannot be used with --control off",
        ),
        (&[day_text(), "--control-token-file", "nowhere"], 78, "cannot read the control token from nowhere"),
        (&[day_text(), "--control-token-file", "text.parquet"], 78, "does not contain a valid control token"),
    ] {
        let run = folder.run(&[&["replay", "--port", "0"], args].concat());
        run.fails(code, text);
        assert_eq!(run.stdout, "", "{args:?}");
    }
}

#[test]
fn invalid_flags_are_usage_errors() {
    for flags in [
        &["--speed", "0x"][..],
        &["--speed", "fast"],
        &["--speed", "1e9x"],
        &["--port", "70000"],
        &["--port", "-1"],
        &["--run", "a/b"],
        &["--run", ""],
        &["--run", "é"],
        &["--loop=0"],
        &["--wait-clients", "-1"],
        &["--max-clients", "0"],
        &["--max-connections-per-address", "0"],
        &["--allow-host", "http://replay"],
        &["--control", "everyone"],
        &["--buffer", "1"],
        &["--stall", "soon"],
        &["--on-slow", "never"],
        &["--timestamps", "moved"],
    ] {
        let run = Folder::new().run(&[&["replay", day_text()], flags].concat());
        assert_eq!(run.code, 2, "{flags:?}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: ") && run.stdout.is_empty(), "{flags:?}: {}", run.stderr);
    }
}

#[test]
fn a_client_resumes_after_its_replay_was_killed() {
    let folder = Folder::new();
    let args = [day_text(), "--speed", "20000x", "--run", "killed"];
    let mut first = Listening::replay(&folder, &args);
    let port = first.url.rsplit(':').next().unwrap().to_owned();
    let tail = ["tail", first.url.as_str(), "--digest", "--json", "--retries", "50"];
    let client = folder.command(&tail).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("some messages", || {
        let sent = status(&folder, &first)["sent"].as_u64().unwrap();
        assert!(sent < 100_000, "it must not end before it is killed");
        sent > 2_000
    });
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    let second = Listening::replay(&folder, &[&args[..], &["--port", &port]].concat());
    let run = Run::of(client.wait_with_output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let received = run.json();
    assert_eq!(received["digest"], digest(&folder, day_text()));
    assert_eq!(received["complete"], true);
    let run = second.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn a_closed_reader_of_the_report_is_not_an_error() {
    let folder = Folder::new();
    let mut replay = Listening::replay(&folder, &[day_text(), "--limit", "10", "--json"]);
    drop(replay.child.stdout.take());
    folder.ok(&["tail", &replay.url, "--digest"]);
    assert_eq!(replay.end().code, 0);
}

#[test]
fn shifted_timestamps_move_envelope_and_payload_by_the_same_whole_minutes() {
    let folder = Folder::new();
    let cut = ["--from", "10:00", "--limit", "2000"];
    let replay = Listening::replay(&folder, &[&[day_text(), "--timestamps", "shifted"], &cut[..]].concat());
    let shifted = folder.ok(&["tail", &replay.url]);
    assert_eq!(replay.end().code, 0);
    let recorded = folder.ok(&[&["cat", day_text()], &cut[..]].concat());
    assert_eq!(shifted.lines().count(), 2_000);
    let mut offsets = BTreeSet::new();
    for (shifted, recorded) in shifted.lines().zip(recorded.lines()) {
        let [mut shifted, mut recorded]: [Value; 2] =
            [shifted, recorded].map(|line| serde_json::from_str(line).unwrap());
        for pointer in ["/timestamp", "/payload/timestamp"] {
            let [to, from] = [&mut shifted, &mut recorded].map(|message| {
                let stamp = message.pointer_mut(pointer).unwrap().take();
                Timestamp::parse(stamp.as_str().unwrap().as_bytes()).unwrap().micros()
            });
            offsets.insert(to - from);
        }
        assert_eq!(shifted, recorded, "nothing else changes");
    }
    let offsets = Vec::from_iter(offsets);
    assert_eq!(offsets.len(), 1, "{offsets:?}");
    assert!(offsets[0] > 0 && offsets[0] % 60_000_000 == 0, "{offsets:?}");
}

#[test]
fn playback_starts_with_the_last_of_the_awaited_clients() {
    let folder = Folder::new();
    let replay = Listening::replay(&folder, &[day_text(), "--wait-clients", "2"]);
    let tail = ["tail", replay.url.as_str(), "--digest"];
    let first = folder.command(&tail).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the first client", || {
        status(&folder, &replay)["clients"].as_array().is_some_and(|clients| clients.len() == 1)
    });
    assert_eq!(status(&folder, &replay)["state"], "waiting");
    assert_eq!(status(&folder, &replay)["sent"], 0);
    let expected = digest(&folder, day_text());
    assert_eq!(folder.ok(&tail).trim_end(), expected);
    assert_eq!(Run::of(first.wait_with_output().unwrap()).stdout.trim_end(), expected);
    assert_eq!(replay.end().code, 0);
}

#[test]
fn every_control_command_works() {
    let folder = Folder::new();
    let paused = ["--start-paused", "--wait-clients", "0", "--stay", "--speed", "1x", "--json"];
    let replay = Listening::replay(&folder, &[&[day_text()], &paused[..]].concat());
    let messages = folder.ok(&["cat", day_text()]).lines().count() as u64;
    let before = |time: &str| folder.ok(&["cat", day_text(), "--to", time]).lines().count() as u64;
    for (args, seq, state) in [
        (&["status"][..], 0, "paused"),
        (&["step"], 1, "paused"),
        (&["step", "5"], 6, "paused"),
        (&["seek", "10:00"], before("10:00"), "paused"),
        (&["seek", "2026-02-18T15:30:00Z"], before("10:30"), "paused"),
        (&["seek", "77"], 77, "paused"),
        (&["speed", "max"], 77, "paused"),
        (&["pause"], 77, "paused"),
        (&["seek", &messages.to_string()], messages, "paused"),
    ] {
        control(&folder, &replay, args);
        wait_until("the requested state", || {
            let status = status(&folder, &replay);
            (&status["seq"], &status["state"]) == (&seq.into(), &state.into())
        });
    }
    let beyond = (messages + 1).to_string();
    for args in [&["seek", beyond.as_str()], &["seek", "23:59"]] {
        folder.run(&[&["control", replay.url.as_str()], &args[..]].concat()).fails(1, "the server refused");
    }
    assert_eq!(control(&folder, &replay, &["seek", "0"])["seq"], 0);
    control(&folder, &replay, &["resume"]);
    wait_until("the end", || status(&folder, &replay)["state"] == "ended");
    send_signal("TERM", &replay.child);
    let run = replay.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.json()["digest"].is_null(), "playback jumped");
}

#[test]
fn idle_time_can_be_shortened() {
    let folder = Folder::new();
    // a thin pre-market of a few minutes, played at a pace
    let args = [day_text(), "--to", "04:05", "--speed", "10x", "--max-gap", "100ms", "--json"];
    let replay = Listening::replay(&folder, &args);
    let lines = folder.ok(&["tail", &replay.url]);
    assert_eq!(lines, folder.ok(&["cat", day_text(), "--to", "04:05"]));
    let report = replay.end().json();
    assert!(report["shortened"]["count"].as_u64().unwrap() > 0, "{report}");
    assert!(report["shortened"]["seconds"].as_f64().unwrap() > 200.0, "{report}");
}
