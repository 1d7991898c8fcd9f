//! `serve`: received messages and recordings of the live simulator. The client is `tail`.

use std::process::Stdio;

use crate::support::{
    Folder, Run, day_text, digest, digest_of_lines, listening::Listening, send_signal, wait_until,
};

/// Arguments for a market that is open at any time: about 3,500 messages per second.
const OPEN: &[&str] = &["--day", "2026-02-18", "--clock", "09:30", "--seed", "3", "--rate", "500"];

/// Arguments for the day of [`day_text`], at once.
const HISTORY: &[&str] = &["--mode", "historical", "--day", "2026-02-18", "--seed", "7", "--rate", "1"];

fn start(folder: &Folder, args: &[&str]) -> Listening {
    Listening::start(folder, &[&["serve"], args].concat())
}

/// Returns the value of a line on the standard error of a server.
fn printed<'a>(server: &'a Run, name: &str) -> &'a str {
    let found = server.stderr.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {name:?} in {}", server.stderr))
}

/// Stops a server and returns its output.
#[track_caller]
fn stop(server: Listening) -> Run {
    send_signal("TERM", &server.child);
    let run = server.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    run
}

#[test]
fn a_historical_day_is_the_one_that_is_recorded() {
    let folder = Folder::new();
    let expected = digest(&folder, day_text());
    let args = [HISTORY, &["--json", "--record", "served.parquet"]].concat();
    let server = start(&folder, &args);
    // playback has waited for its client, and a recording cannot contain jumps
    folder.run(&["control", &server.url, "seek", "10:00"]).fails(1, "cannot seek while recording");
    assert_eq!(folder.ok(&["tail", &server.url, "--digest"]).trim_end(), expected);
    let run = server.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!((&report["digest"], &report["complete"]), (&expected.as_str().into(), &true.into()));
    assert_eq!((&report["mode"], &report["seed"]), (&"historical".into(), &7.into()));
    assert_eq!(report["recording"]["digest"], expected);
    assert_eq!(report["recording"]["events"]["total"], report["sent"]);
    // the whole day, which is checked against all rules
    assert_eq!(report["recording"]["cuts"], serde_json::json!([]));
    folder.ok(&["diff", "served.parquet", day_text()]);
    let verified = folder.ok(&["verify", "served.parquet"]);
    assert!(verified.contains("candles     ok") && !verified.contains("skipped"), "{verified}");
}

#[test]
fn filters_cut_a_live_stream_as_they_cut_a_recording() {
    let folder = Folder::new();
    let cut = ["--symbols", "AAPL,MSFT", "--events", "trade"];
    let server = start(&folder, &[HISTORY, &cut, &["--record", "served.parquet"]].concat());
    let lines = folder.ok(&["tail", &server.url]);
    assert_eq!(lines, folder.ok(&[&["cat", day_text()][..], &cut].concat()));
    assert_eq!(server.end().code, 0);
    folder.ok(&["verify", "served.parquet"]);
    assert_eq!(digest(&folder, "served.parquet"), digest_of_lines(lines.as_bytes()).to_string());
}

#[test]
fn a_stream_can_start_at_any_time_and_its_recording_is_what_was_sent() {
    let folder = Folder::new();
    let args = [OPEN, &["--record", "live.parquet", "--json"]].concat();
    let server = start(&folder, &args);
    let first = folder.ok(&["tail", &server.url, "--from-seq", "0", "--count", "2000"]);
    // the first messages are the candles of the previous minute
    assert!(first.starts_with(
        r#"{"schema_version":1,"event_type":"marketdata","timestamp":"2026-02-18T14:30:00.000000Z""#
    ));
    let run = stop(server);
    let report = run.json();
    let sent = report["sent"].as_u64().unwrap();
    assert!(sent >= 2_000);
    assert_eq!((&report["complete"], &report["recording"]["events"]["total"]), (&false.into(), &sent.into()));
    assert_eq!(report["recording"]["digest"], report["digest"]);
    assert_eq!(report["recording"]["cuts"][0]["from"], "2026-02-18T14:30:00.000000Z");
    assert_eq!(report["recording"]["cuts"][0]["limit"], sent);
    let recorded = folder.ok(&["cat", "live.parquet"]);
    assert!(recorded.starts_with(&first));
    assert_eq!(report["digest"], digest_of_lines(recorded.as_bytes()).to_string());
    folder.ok(&["verify", "live.parquet"]);
    // it is a cut of the day of `record`
    let limit = sent.to_string();
    let mut cut =
        vec!["record", "--date", "2026-02-18", "--from", "09:30", "--limit", &limit, "-o", "cut.parquet"];
    cut.extend(["--seed", "3", "--rate", "500"]);
    folder.ok(&cut);
    folder.ok(&["diff", "live.parquet", "cut.parquet"]);
    let replay = Listening::start(&folder, &["replay", "live.parquet", "--speed", "max"]);
    assert_eq!(report["digest"], folder.ok(&["tail", &replay.url, "--digest"]).trim_end());
    assert_eq!(replay.end().code, 0);
}

#[test]
fn a_client_can_resume_even_with_a_restarted_server() {
    let folder = Folder::new();
    let args = [OPEN, &["--mode", "burst", "--run", "a"]].concat();
    let server = start(&folder, &args);
    let all = folder.ok(&["tail", &server.url, "--from-seq", "0", "--count", "3000"]);
    let from = |count: usize, len: usize| all.split_inclusive('\n').skip(count).take(len).collect::<String>();
    // earlier messages are sent at once
    let again = folder.ok(&["tail", &server.url, "--from-seq", "1234", "--count", "500"]);
    assert_eq!(again, from(1_234, 500));
    let first = stop(server);
    let server = start(&folder, &args);
    // later messages are sent when they are due
    let rest = folder.ok(&["tail", &server.url, "--from-seq", "2500", "--count", "500"]);
    assert_eq!(rest, from(2_500, 500));
    let second = stop(server);
    assert_eq!(printed(&first, "stream"), printed(&second, "stream"));
    let other = stop(start(&folder, &OPEN.iter().copied().chain(["--run", "a"]).collect::<Vec<_>>()));
    assert_ne!(printed(&first, "stream"), printed(&other, "stream"));
}

#[test]
fn a_live_clock_can_be_stopped_but_not_moved() {
    let folder = Folder::new();
    let server = start(&folder, OPEN);
    let control = |args: &[&str]| folder.run(&[&["control", &server.url, "--json"], args].concat());
    for refused in [&["seek", "10"][..], &["seek", "10:00"], &["speed", "2x"], &["speed", "max"]] {
        control(refused).fails(1, "the server refused: a live stream can be paused, but not moved");
    }
    assert_eq!(control(&["pause"]).json()["state"], "paused");
    let paused = control(&["status"]).json();
    let stepped = control(&["step", "7"]).json();
    assert_eq!(stepped["state"], "paused");
    let wanted = paused["seq"].as_u64().unwrap() + 7;
    wait_until("seven messages", || control(&["status"]).json()["seq"] == wanted);
    assert_eq!(control(&["resume"]).json()["state"], "playing");
    wait_until("more messages", || control(&["status"]).json()["seq"].as_u64().unwrap() > wanted + 100);
    stop(server);
}

#[test]
fn a_clock_that_is_set_waits_for_clients_on_request() {
    let folder = Folder::new();
    let server = start(&folder, &[OPEN, &["--wait-clients", "1", "--json"]].concat());
    let status = folder.ok(&["control", &server.url, "status"]);
    assert!(status.starts_with("waiting at seq 0"), "{status}");
    // every live stream starts with its first message, whatever the client requests, because a recording must do so
    assert_eq!(folder.ok(&["tail", &server.url, "--from-seq", "100", "--count", "1"]).lines().count(), 1);
    assert_eq!(stop(server).json()["first_seq"], 0);
}

#[test]
fn there_is_a_server_at_any_time() {
    let folder = Folder::new();
    let server = start(&folder, &["--record", "now.parquet"]);
    // the server reports whether the market is open
    let is_open = server.printed.contains("with the wall clock");
    assert_ne!(is_open, server.printed.contains("the market is closed: "), "{}", server.printed);
    assert_ne!(is_open, server.printed.contains("to start now, use --day "), "{}", server.printed);
    assert!(server.printed.contains("seed "));
    let status = folder.ok(&["control", &server.url, "status"]);
    assert!(status.starts_with("playing at seq "), "{status}");
    stop(server);
    folder.ok(&["verify", "now.parquet"]);
    let server = start(&folder, &["--market-hours", "false"]);
    assert_eq!(folder.ok(&["tail", &server.url, "--count", "20"]).lines().count(), 20);
    stop(server);
}

#[test]
fn signals_end_a_live_stream_in_order() {
    for (signal, code) in [("TERM", 0), ("INT", 130), ("HUP", 129)] {
        let folder = Folder::new();
        let server = start(&folder, &[OPEN, &["--json"]].concat());
        send_signal(signal, &server.child);
        let run = server.end();
        assert_eq!(run.code, code, "{signal}: {}", run.stderr);
        assert_eq!(run.json()["complete"], false);
    }
    // also on the way to the start of the stream
    let folder = Folder::new();
    let slow =
        ["serve", "--day", "2026-02-18", "--clock", "15:59", "--rate", "10000", "--record", "x.parquet"];
    let child = folder.command(&slow).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("an unfinished file", || folder.names().iter().any(|name| name.ends_with(".partial")));
    send_signal("TERM", &child);
    assert_eq!(Run::of(child.wait_with_output().unwrap()).code, 0);
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn settings_are_those_of_record_and_are_printed() {
    let folder = Folder::new();
    folder.write(
        ".env",
        "TRADE_GEN_MODE=historical\nTRADE_GEN_START_DATE=2026-02-18\nTRADE_GEN_SEED=7\nTRADE_GEN_RATE=1\n",
    );
    let server = start(&folder, &[]);
    for setting in ["MODE=historical", "START_DATE=2026-02-18", "SEED=7", "RATE=1"] {
        assert!(
            server.printed.contains(&format!("setting TRADE_GEN_{setting} (.env)")),
            "{}",
            server.printed
        );
    }
    assert_eq!(folder.ok(&["tail", &server.url, "--digest"]).trim_end(), digest(&folder, day_text()));
    assert_eq!(server.end().code, 0);
    for bad in ["TRADE_GEN_MODE=fast", "TRADE_GEN_RATE=0", "TRADE_GEN_BURST_MULTIPLIER=1"] {
        folder.write(".env", bad);
        folder.run(&["serve"]).fails(78, bad.split('=').next().unwrap());
    }
}

#[test]
fn invalid_arguments_are_refused_with_a_hint() {
    let folder = Folder::new();
    for (args, text, hint) in [
        (&["--day", "2026-02-14"][..], "2026-02-14 is a Saturday", "--allow-closed"),
        (&["--day", "2026-02-18", "--clock", "03:00"], "outside the day", ""),
        (
            &["--mode", "historical", "--clock", "09:30"],
            "--clock cannot be used with --mode historical",
            "--mode normal",
        ),
        (&["--wait-clients", "1"], "cannot stop the wall clock", "--clock"),
        (&["--day", "2026-02-18", "--symbols", "APPL"], "APPL is not a symbol", "AAPL"),
        (&["--record", "out.csv"], "an archive is Parquet", ".parquet"),
    ] {
        let run = folder.run(&[&["serve", "--port", "0"], args].concat());
        run.fails(2, text);
        assert!(run.stderr.contains(hint), "{}", run.stderr);
    }
    folder.write("out.parquet", "");
    folder.run(&["serve", "--port", "0", "--record", "out.parquet"]).fails(73, "out.parquet");
    assert_eq!(folder.run(&["serve", "--clock", "9:30"]).code, 2);
    let server = start(&folder, &[HISTORY, &["--burst-multiplier", "20"]].concat());
    assert!(
        server.printed.contains("warning: --burst-… options have no effect in mode historical"),
        "{}",
        server.printed
    );
    stop(server);
}

#[test]
fn a_full_disk_ends_the_stream_and_is_reported() {
    let folder = Folder::new();
    let script = "ulimit -f 100 && exec \"$0\" \"$@\"";
    let mut args = vec![
        "-c",
        script,
        env!("CARGO_BIN_EXE_tradesim"),
        "serve",
        "--port",
        "0",
        "--record",
        "full.parquet",
    ];
    args.extend(HISTORY);
    let child = folder.wrapped("sh", &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let server = Listening::of(child);
    // the client may have received everything, or be closed because the server stops
    folder.run(&["tail", &server.url, "--digest", "--retries", "0"]);
    server.end().fails(1, "no space left to write full.parquet");
    assert_eq!(folder.names(), [""; 0]);
}
