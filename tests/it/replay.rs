//! `replay`: received messages, exit codes and reports. The client is `tail`.

use crate::support::{Folder, day_text, digest, listening::Listening, send_signal};

/// Returns the lines that a client receives from a replay with these arguments.
#[track_caller]
fn received(folder: &Folder, args: &[&str], tail: &[&str]) -> String {
    let replay = Listening::replay(folder, args);
    let lines = folder.ok(&[&["tail", replay.url.as_str()], tail].concat());
    let run = replay.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    lines
}

#[test]
fn a_client_receives_exactly_the_archive_and_the_report_has_the_keys_of_the_contract() {
    let folder = Folder::new();
    let expected = digest(&folder, day_text());
    let replay = Listening::replay(&folder, &[day_text(), "--json", "--run", "of-a-test"]);
    assert_eq!(folder.ok(&["tail", &replay.url, "--digest"]).trim_end(), expected);
    let run = replay.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["digest"], expected);
    assert_eq!(report["run"], "of-a-test");
    assert_eq!(report["schema_version"], 1);
    assert!(report["speed_wanted"].is_null());
    assert!(report["seconds"].as_f64().unwrap() > 0.0 && report["speed_achieved"].as_f64().unwrap() > 1.0);
    assert!(["p50", "p99", "max"].iter().all(|name| report["late_ms"].get(name).is_some()));
    let clients = report["clients"].as_array().unwrap();
    assert_eq!(clients.len(), 1);
    assert_eq!(clients[0]["sent"], report["sent"]);
    assert_eq!(report["sent"], report["messages"]);
}

#[test]
fn a_replay_sends_what_cat_prints_with_any_filter() {
    let folder = Folder::new();
    for filter in [
        &["--symbols", "MSFT,AAPL"][..],
        &["--events", "orderbook", "--from", "10:00", "--to", "11:00"],
        &["--limit", "1234", "--events", "trade"],
    ] {
        let cat = folder.ok(&[&["cat", day_text()], filter].concat());
        assert!(!cat.is_empty());
        assert_eq!(received(&folder, &[&[day_text()], filter].concat(), &[]), cat, "{filter:?}");
    }
}

#[test]
fn a_client_can_start_in_the_middle() {
    let folder = Folder::new();
    let lines = folder.ok(&["cat", day_text()]);
    let from = |count: usize, text: &str| text.split_inclusive('\n').skip(count).collect::<String>();
    assert_eq!(received(&folder, &[day_text()], &["--from-seq", "50001"]), from(50_001, &lines));
    let trades = ["--events", "trade"];
    let cut = folder.ok(&[&["cat", day_text()][..], &trades].concat());
    let args = [&[day_text()][..], &trades].concat();
    assert_eq!(received(&folder, &args, &["--from-seq", "20001"]), from(20_001, &cut));
}

#[test]
fn several_files_and_rounds_follow_one_another() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "a.parquet", "--limit", "1500"]);
    folder.ok(&["filter", day_text(), "-o", "b.parquet", "--from", "12:00", "--to", "12:02"]);
    let (a, b) = (folder.ok(&["cat", "a.parquet"]), folder.ok(&["cat", "b.parquet"]));
    let round = format!("{a}{b}");
    assert_eq!(received(&folder, &["a.parquet", "b.parquet"], &[]), round);
    let three = ["a.parquet", "b.parquet", "--loop=3"];
    assert_eq!(received(&folder, &three, &[]), round.repeat(3));
    // into the second round, and exactly to the start of a file
    let lines = round.repeat(3);
    for seq in [1_500, 2_000] {
        let rest: String = lines.split_inclusive('\n').skip(seq).collect();
        assert_eq!(received(&folder, &three, &["--from-seq", &seq.to_string()]), rest, "{seq}");
    }
    // a limit counts over both files
    let limited: String = round.split_inclusive('\n').take(1_600).collect();
    assert_eq!(received(&folder, &["a.parquet", "b.parquet", "--limit", "1600"], &[]), limited);
    // filtered lengths are determined while playing
    let filtered = ["a.parquet", "b.parquet", "--events", "trade", "--loop=2"];
    let trades: String =
        round.split_inclusive('\n').filter(|line| line.contains(r#"_type":"trade""#)).collect();
    let twice = trades.repeat(2);
    let rest: String = twice.split_inclusive('\n').skip(trades.lines().count() + 7).collect();
    let from = (trades.lines().count() + 7).to_string();
    assert_eq!(received(&folder, &filtered, &["--from-seq", &from]), rest);
}

#[test]
fn an_endless_loop_runs_until_a_signal() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "a.parquet", "--limit", "100"]);
    let replay = Listening::replay(&folder, &["a.parquet", "--loop"]);
    let lines = folder.ok(&["tail", &replay.url, "--from-seq", "0", "--count", "1000"]);
    assert_eq!(lines, folder.ok(&["cat", "a.parquet"]).repeat(10));
    send_signal("INT", &replay.child);
    replay.end().fails(130, "stopped by SIGINT");
}

#[test]
fn signals_end_a_replay_in_order() {
    for (signal, stay, code) in [
        ("INT", false, 130),
        ("TERM", false, 143),
        ("HUP", false, 129),
        ("TERM", true, 0),
        ("INT", true, 130),
    ] {
        let folder = Folder::new();
        let mut args = vec![day_text(), "--speed", "1x", "--json"];
        args.extend(stay.then_some("--stay"));
        let replay = Listening::replay(&folder, &args);
        send_signal(signal, &replay.child);
        let run = replay.end();
        assert_eq!(run.code, code, "{signal} {stay}: {}", run.stderr);
        assert_eq!(run.json()["complete"], false);
    }
}

#[test]
fn a_port_in_use_is_an_error_with_a_hint() {
    let folder = Folder::new();
    let first = Listening::replay(&folder, &[day_text()]);
    let port = first.url.rsplit(':').next().unwrap().to_owned();
    let run = folder.run(&["replay", day_text(), "--port", &port]);
    run.fails(1, "cannot listen on");
    assert!(run.stderr.contains("--port 0"), "{}", run.stderr);
    send_signal("TERM", &first.child);
    assert_eq!(first.end().code, 143);
}

#[test]
fn a_damaged_row_group_ends_the_replay_as_it_ends_cat() {
    let folder = Folder::new();
    let mut bytes = std::fs::read(day_text()).unwrap();
    // the first row group; state frames come before it
    bytes[100_000] ^= 1;
    folder.write("damaged.parquet", bytes);
    let cat = folder.run(&["cat", "damaged.parquet"]);
    cat.fails(65, "row group");
    let replay = Listening::replay(&folder, &["damaged.parquet"]);
    let client = folder.run(&["tail", &replay.url, "--retries", "0"]);
    assert_ne!(client.code, 0);
    replay.end().fails(65, "row group");
}

#[test]
fn control_commands_need_the_configured_access() {
    let folder = Folder::new();
    folder.write("token", "correct-horse-battery\n");
    folder.write("other", "incorrect-horse-battery\n");
    let pause = |url: &str, more: &[&str]| folder.run(&[&["control", url, "pause"], more].concat());
    for (control, alone, with_token, with_other) in [
        (&[][..], 0, 0, 0),
        (&["--control", "loopback"], 0, 0, 0),
        (&["--control", "off"], 1, 1, 1),
        (&["--control", "token", "--control-token-file", "token"], 1, 0, 1),
        (&["--control-token-file", "token"], 1, 0, 1),
    ] {
        let replay = Listening::replay(&folder, &[&[day_text(), "--stay"], control].concat());
        for (more, code) in [
            (&[][..], alone),
            (&["--token-file", "token"], with_token),
            (&["--token-file", "other"], with_other),
        ] {
            let run = pause(&replay.url, more);
            assert_eq!(run.code, code, "{control:?} {more:?}: {}", run.stderr);
            assert!(code == 0 || run.stderr.contains("the server refused: "), "{}", run.stderr);
        }
        send_signal("TERM", &replay.child);
        let run = replay.end();
        assert_eq!(run.code, 0);
        assert!(!run.stderr.contains("correct-horse-battery"), "{}", run.stderr);
    }
}

#[test]
fn the_report_counts_messages_where_faults_are_planted() {
    let folder = Folder::new();
    folder.write(
        "plan.toml",
        "seed = 1\n[[fault]]\nkind = \"drop\"\ncount = 40\n[[fault]]\nkind = \"duplicate\"\ncount = 15\n",
    );
    let args = [day_text(), "--limit", "5000", "--faults", "plan.toml", "--json"];
    let replay = Listening::replay(&folder, &args);
    let (mut socket, _) = tungstenite::connect(&replay.url).unwrap();
    let mut received = 0;
    while let Ok(message) = socket.read() {
        received += u64::from(message.is_text());
    }
    let run = replay.end();
    assert_eq!(received, 5_000 - 40 + 15);
    let report = run.json();
    assert_eq!((&report["sent"], &report["next_seq"]), (&received.into(), &5_000.into()));
    assert_eq!(report["clients"][0]["sent"], received);
    assert!(run.stderr.contains("delivered 4,975 messages in "), "{}", run.stderr);
}
