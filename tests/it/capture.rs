//! `capture` and `recover`: any feed is stored in an archive, however the capture ends.

mod feeds;
mod journals;

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, Stdio},
};

use tradesim_archive::{Archive, OpenOptions, Start};

use crate::support::{
    Folder, Run, day_text, digest,
    feed::{Server, Socket},
    listening::Listening,
    send_signal,
    tls::tls_feed,
    wait_until,
};

/// Writes a minute of [`day_text`] to `minute`, and returns its messages.
fn minute(folder: &Folder) -> Vec<String> {
    folder.ok(&["filter", day_text(), "-o", "minute", "--from", "09:30", "--to", "09:31"]);
    folder.ok(&["cat", "minute"]).lines().map(str::to_owned).collect()
}

/// Returns foreign messages, each with true if it is binary.
fn foreign() -> Vec<(bool, Vec<u8>)> {
    vec![
        (false, b"hello".to_vec()),
        (true, vec![0, 255, 10, 13, 128]),
        (false, b"".to_vec()),
        (true, b"{\"not\":\"ours\"}".to_vec()),
        (false, "{\"e\":\"\u{fc}\u{1f600}\",\n \"p\":1e9}".as_bytes().to_vec()),
        (true, vec![b'x'; 70_000]),
    ]
}

fn send_all(socket: &mut Socket, messages: &[(bool, Vec<u8>)]) {
    for (binary, bytes) in messages {
        match binary {
            true => socket.send_binary(bytes),
            false => socket.send(std::str::from_utf8(bytes).unwrap()),
        }
    }
}

/// Starts a server that sends these messages to each connection and closes with 1000.
fn feed(messages: Vec<(bool, Vec<u8>)>) -> Server {
    Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        send_all(&mut socket, &messages);
        socket.close(1000, "");
    })
}

fn capture(folder: &Folder, url: &str, args: &[&str]) -> Run {
    folder.run(&[&["capture", url, "-o", "feed.parquet", "--log-format", "text"], args].concat())
}

/// Starts a capture of a feed without an end.
fn start(folder: &Folder, url: &str, args: &[&str]) -> Child {
    let all = [&["capture", url, "-o", "feed.parquet", "--log-format", "text"], args].concat();
    folder.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Starts a server that sends these messages to each connection and then waits until the client closes it.
fn endless(messages: Vec<(bool, Vec<u8>)>) -> Server {
    Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        send_all(&mut socket, &messages);
        socket.until_closed();
    })
}

/// Waits until the journal has so many bytes.
fn wait_for_journal(folder: &Folder, bytes: usize) {
    let journal = folder.path("feed.parquet.journal");
    wait_until("the journal", || journal.metadata().is_ok_and(|found| found.len() >= bytes as u64));
}

fn bytes_of(messages: &[(bool, Vec<u8>)]) -> usize {
    // each record has 29 additional bytes
    messages.iter().map(|(_, bytes)| bytes.len() + 29).sum()
}

/// Returns the messages that a replay of a file sends, each with true if it is binary.
fn replayed(folder: &Folder, file: &str, speed: &str) -> Vec<(bool, Vec<u8>)> {
    Listening::received(folder, &[file, "--speed", speed])
}

#[test]
fn the_capture_of_a_replay_is_its_source() {
    let folder = Folder::new();
    let lines = minute(&folder);
    let server = Listening::replay(&folder, &["minute"]);
    let run = capture(&folder, &server.url, &["--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(server.end().code, 0);
    let report = run.json();
    assert_eq!(report["digest"], digest(&folder, "minute"));
    assert_eq!(report["events"]["total"], lines.len());
    assert_eq!(
        (&report["events"]["raw"], &report["gap_count"], &report["torn_bytes"]),
        (&0.into(), &0.into(), &0.into())
    );
    assert_eq!(
        (&report["date"], &report["seed"], &report["schema_version"]),
        (&().into(), &().into(), &1.into())
    );
    for field in ["bytes", "first", "last", "format_version", "connections", "seconds"] {
        assert!(!report[field].is_null(), "{field}");
    }
    for field in ["model", "generator_version"] {
        assert!(report.as_object().unwrap().contains_key(field), "{field}");
    }
    assert_eq!(folder.ok(&["diff", "minute", "feed.parquet"]), format!("equal: {} messages\n", lines.len()));
    folder.ok(&["verify", "feed.parquet", "--against", "minute"]);
    assert_eq!(folder.names(), ["feed.parquet", "minute"]);
}

#[test]
fn a_foreign_feed_comes_back_byte_by_byte_and_as_text_or_binary() {
    let folder = Folder::new();
    let mut messages = foreign();
    for (index, line) in minute(&folder).iter().enumerate().take(300) {
        messages
            .push((false, if index % 3 == 0 { line.replace(',', ", ") } else { line.clone() }.into_bytes()));
        if index % 50 == 0 {
            messages.extend(foreign());
        }
    }
    let server = feed(messages.clone());
    let run = capture(&folder, &server.url(), &["--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["events"]["total"], messages.len());
    // valid messages are stored by columns, even among foreign ones with times that are months later
    assert_eq!(report["events"]["raw"], 7 * foreign().len() + 100);
    // at the pace of the capture, although the messages span a minute
    assert_eq!(replayed(&folder, "feed.parquet", "1x"), messages);
    assert_eq!(replayed(&folder, "feed.parquet", "max"), messages);
    let mut lines = Vec::new();
    for (_, bytes) in &messages {
        lines.extend_from_slice(bytes);
        lines.push(b'\n');
    }
    assert_eq!(folder.command(&["cat", "feed.parquet"]).output().unwrap().stdout, lines);
    folder.ok(&["verify", "feed.parquet"]);
}

#[test]
fn a_text_that_is_not_utf8_is_stored_as_a_binary_message() {
    let folder = Folder::new();
    let server = Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        socket.send("before");
        socket.send_text_bytes(b"\xff\xfe");
        socket.send("after");
        socket.close(1000, "");
    });
    let run = capture(&folder, &server.url(), &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let expected = [(false, &b"before"[..]), (true, b"\xff\xfe"), (false, b"after")];
    assert_eq!(
        replayed(&folder, "feed.parquet", "1x"),
        expected.map(|(binary, bytes)| (binary, bytes.to_vec()))
    );
}

#[test]
fn feeds_over_tls_are_captured_if_their_authority_is_trusted() {
    let folder = Folder::new();
    let lines = minute(&folder);
    let feed = tls_feed(&folder, lines.clone());
    let url = feed.url().replace("ws://", "wss://");
    let args = ["capture", &url, "-o", "feed.parquet"];
    let run = folder.run(&args);
    run.fails(1, "TLS: invalid peer certificate: UnknownIssuer (SSL_CERT_FILE may name");
    let trusting = folder.command(&args).env("SSL_CERT_FILE", "authority.pem").output().unwrap();
    let run = Run::of(trusting);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout.trim_end(), digest(&folder, "minute"));
}

#[test]
fn every_command_that_reads_archives_reads_captures() {
    let folder = Folder::new();
    let lines = minute(&folder);
    let mut messages = foreign();
    messages.extend(lines.iter().take(100).map(|line| (false, line.replace(',', ", ").into_bytes())));
    messages.extend(foreign());
    capture(&folder, &feed(messages.clone()).url(), &[]);
    assert!(folder.ok(&["info", "feed.parquet"]).contains("pace=received"));
    let symbol = |file: &str| folder.ok(&["cat", file, "--symbols", "AAPL"]);
    folder.ok(&["filter", "feed.parquet", "-o", "cut", "--symbols", "AAPL"]);
    assert_eq!(symbol("cut"), symbol("feed.parquet"));
    assert!(!symbol("cut").is_empty());
    folder.ok(&["merge", "feed.parquet", "minute", "-o", "both"]);
    let events = &folder.run(&["info", "--json", "both"]).json()["events"];
    assert_eq!(events["total"], messages.len() + lines.len());
    assert!(!folder.ok(&["info", "both"]).contains("pace=received"));
    folder.ok(&["merge", "feed.parquet", "-o", "again"]);
    assert!(folder.ok(&["diff", "feed.parquet", "again"]).starts_with("equal: "));
    folder.ok(&["export", "feed.parquet", "-o", "out.parquet"]);
    folder.ok(&["export", "feed.parquet", "-o", "out.jsonl", "--skip-raw"]);
    // any JSON, even if it spans several lines
    assert_eq!(folder.read("out.jsonl").iter().filter(|byte| **byte == b'\n').count(), 104);
    assert_eq!(replayed(&folder, "cut", "max").len(), symbol("cut").lines().count());
}

#[test]
fn receive_times_are_stored_and_a_replay_can_use_emission_times() {
    let folder = Folder::new();
    let lines = minute(&folder);
    let server = feed(lines.iter().map(|line| (false, line.clone().into_bytes())).collect());
    capture(&folder, &server.url(), &[]);
    let archive = Archive::open(folder.path("feed.parquet"), OpenOptions::default()).unwrap();
    let mut last = None;
    for batch in archive.batches(Start::Beginning) {
        for row in batch.unwrap().rows() {
            let tradesim_archive::RowRef::Captured(captured) = row else { panic!("{row:?}") };
            assert!(captured.received > Some(captured.timestamp) && captured.received >= last);
            last = captured.received;
        }
    }
    let info = folder.run(&["info", "--json", "feed.parquet"]).json();
    assert!(info["last"].as_str().unwrap().starts_with("2026-02-18T14:30:"));
    assert_eq!(info["options"]["feed"], format!("{}/", server.url()));
    let seconds = |pace: &[&str]| {
        let args = [&["feed.parquet", "--speed", "60x", "--json"], pace].concat();
        let server = Listening::replay(&folder, &args);
        folder.ok(&["tail", &server.url, "--digest"]);
        server.end().json()["seconds"].as_f64().unwrap()
    };
    // the messages span a minute, and were received at once
    let (received, recorded) = (seconds(&[]), seconds(&["--pace", "recorded"]));
    assert!(received < recorded && recorded > 0.9, "{received} {recorded}");
}

#[test]
fn kill_9_leaves_a_journal_that_becomes_the_archive() {
    let folder = Folder::new();
    let mut messages = foreign();
    messages.extend(minute(&folder).iter().map(|line| (false, line.clone().into_bytes())));
    let server = endless(messages.clone());
    let mut child = start(&folder, &server.url(), &[]);
    wait_for_journal(&folder, bytes_of(&messages));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path("feed.parquet").exists());

    // the journal that is left blocks the next capture, which prints what to do
    let again = capture(&folder, &server.url(), &["--count", "1"]);
    again.fails(73, "feed.parquet.journal already exists");
    assert!(again.stderr.contains("tradesim recover"), "{}", again.stderr);

    let run = folder.run(&["recover", "feed.parquet.journal", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!((&report["events"]["total"], &report["torn_bytes"]), (&messages.len().into(), &0.into()));
    assert!(run.stderr.contains("recovered"), "{}", run.stderr);
    assert_eq!(folder.names(), ["feed.parquet", "minute"]);
    folder.ok(&["verify", "feed.parquet"]);
    assert_eq!(replayed(&folder, "feed.parquet", "max"), messages);
}

#[test]
fn a_truncated_journal_is_reported_and_kept() {
    let folder = Folder::new();
    let messages = foreign();
    let server = endless(messages.clone());
    let mut child = start(&folder, &server.url(), &[]);
    wait_for_journal(&folder, bytes_of(&messages));
    child.kill().unwrap();
    child.wait().unwrap();
    let journal = folder.read("feed.parquet.journal");
    folder.write("feed.parquet.journal", &journal[..journal.len() - 10]);
    let run = folder.run(&["recover", "feed.parquet.journal", "-o", "saved.parquet", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(report["events"]["total"], messages.len() - 1);
    assert_eq!(report["torn_bytes"], 70_000 + 29 - 10);
    assert!(
        run.stderr.contains("the last 70,019 bytes of the journal are not a complete message"),
        "{}",
        run.stderr
    );
    assert_eq!(folder.names(), ["feed.parquet.journal.torn", "saved.parquet"]);
}

#[test]
fn signals_end_a_capture_in_order() {
    for (signal, args, code) in [
        ("TERM", &[][..], 0),
        ("INT", &[], 0),
        ("TERM", &["--count", "1000"], 143),
        ("INT", &["--for", "1h"], 130),
    ] {
        let folder = Folder::new();
        let messages = foreign();
        let server = endless(messages.clone());
        let child = start(&folder, &server.url(), args);
        wait_for_journal(&folder, bytes_of(&messages));
        send_signal(signal, &child);
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!(run.code, code, "{signal} {args:?}: {}", run.stderr);
        assert_eq!(run.stdout.trim_end(), digest(&folder, "feed.parquet"));
        assert_eq!(folder.names(), ["feed.parquet"]);
        assert_eq!(folder.run(&["info", "--json", "feed.parquet"]).json()["events"]["raw"], messages.len());
    }
}

#[test]
fn a_capture_ends_after_so_many_messages_or_so_long() {
    let folder = Folder::new();
    let server = endless(foreign());
    let run = capture(&folder, &server.url(), &["--count", "2", "--json"]);
    assert_eq!((run.code, &run.json()["events"]["total"]), (0, &2.into()), "{}", run.stderr);
    capture(&folder, &server.url(), &[]).fails(73, "already exists");
    let run = capture(&folder, &server.url(), &["--for", "300ms", "--force"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(replayed(&folder, "feed.parquet", "max"), foreign());
}

#[test]
fn failures_are_reported_and_leave_nothing() {
    let folder = Folder::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let run = capture(&folder, &format!("ws://{closed}"), &["--no-reconnect"]);
    run.fails(69, &format!("cannot reach {closed}"));
    assert_eq!(folder.names(), [""; 0]);
    let run = folder.run(&["capture", "ws://127.0.0.1:1", "-o", "missing/feed.parquet"]);
    run.fails(73, "cannot create missing/feed.parquet");
    folder.run(&["capture", "ws://127.0.0.1:1", "-o", "a.jsonl"]).fails(2, "Parquet");
    folder.write("text", "this is not a journal");
    folder.run(&["recover", "text"]).fails(2, "cannot derive the name of the archive");
    folder.run(&["recover", "text", "-o", "out"]).fails(65, "text is not the journal of a capture");
    folder.run(&["recover", "missing.journal"]).fails(1, "cannot read missing.journal");
    assert_eq!(folder.names(), ["text"]);
}

#[test]
fn the_journal_of_a_running_capture_is_locked() {
    let folder = Folder::new();
    let server = endless(foreign());
    let child = start(&folder, &server.url(), &[]);
    wait_for_journal(&folder, bytes_of(&foreign()));
    folder.run(&["recover", "feed.parquet.journal"]).fails(73, "is in use by a running capture");
    capture(&folder, &server.url(), &[]).fails(73, "is in use by a running capture");
    send_signal("TERM", &child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    folder.ok(&["verify", "feed.parquet"]);
}

#[test]
fn a_full_disk_leaves_the_journal_and_a_hint() {
    let folder = Folder::new();
    let big = (0..64).map(|index| (true, vec![index; 10_000])).collect();
    let server = endless(big);
    let script = "ulimit -f 200 && exec \"$0\" \"$@\"";
    let args = ["-c", script, env!("CARGO_BIN_EXE_tradesim"), "capture", &server.url(), "-o", "feed.parquet"];
    let mut child =
        folder.wrapped("sh", &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    while stderr.read_line(&mut text).unwrap() > 0 {}
    child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{text}");
    assert!(text.contains("no space left to write feed.parquet.journal"), "{text}");
    assert!(text.contains("`tradesim recover feed.parquet.journal` converts them into an archive"), "{text}");
    let run = folder.run(&["recover", "feed.parquet.journal", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let total = run.json()["events"]["total"].as_u64().unwrap();
    assert!((1..64).contains(&total), "{total}");
}
