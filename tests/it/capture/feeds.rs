//! Feeds that are lost, refuse the client, send large messages or expect a subscription.

use std::sync::mpsc;

use super::capture;
use crate::support::{
    Folder, Run, digest, digest_of_lines,
    feed::{Server, Socket, parameter},
};

#[test]
fn a_lost_feed_is_reconnected_and_the_gap_is_reported() {
    let server = Server::start(|number, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        match number {
            // the connection is lost, without a close frame
            0 => socket.send("before"),
            _ => {
                socket.send("after");
                socket.close(1000, "");
            }
        }
    });
    let folder = Folder::new();
    let run = capture(&folder, &server.url(), &["--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!((&report["connections"], &report["gap_count"]), (&2.into(), &1.into()));
    assert_eq!(report["gaps"][0]["seq"], 1);
    assert!(report["gaps"][0]["reason"].as_str().unwrap().contains("after 1 message"));
    assert!(run.stderr.contains("gaps: 1; messages may be missing before seq 1"), "{}", run.stderr);
    assert_eq!(folder.ok(&["cat", "feed.parquet"]), "before\nafter\n");
    let gaps = |file: &str| folder.run(&["info", "--json", file]).json()["options"]["gaps"].clone();
    assert_eq!(gaps("feed.parquet"), "1");
    // a plan renumbers the gap, and a merge drops it
    folder.write("plan.toml", "fault = [{ kind = 'duplicate', at = 0 }]");
    folder.ok(&["plant", "feed.parquet", "--faults", "plan.toml", "-o", "planted"]);
    folder.ok(&["merge", "feed.parquet", "-o", "merged"]);
    assert_eq!((gaps("planted"), gaps("merged")), ("2".into(), ().into()));
}

#[test]
fn a_lost_feed_of_tradesim_resumes_without_a_gap() {
    let server = Server::start(|number, stream| {
        let headers = |query: &str| {
            let start = parameter(query, "from_seq").unwrap_or(0);
            vec![("tradesim-run", "r".to_owned()), ("tradesim-start-seq", start.to_string())]
        };
        let mut socket = Socket::accept(stream, headers);
        let start = parameter(&socket.query, "from_seq").unwrap_or(0);
        assert_eq!(start, [0, 3][number]);
        let end = [3, 5][number];
        (start..end).for_each(|seq| socket.send(&format!("message {seq}")));
        if number == 1 {
            socket.close(1000, "");
        }
    });
    let folder = Folder::new();
    let run = capture(&folder, &server.url(), &["--json"]);
    assert_eq!((run.code, &run.json()["gap_count"]), (0, &0.into()), "{}", run.stderr);
    let lines: String = (0..5).map(|seq| format!("message {seq}\n")).collect();
    assert_eq!(folder.ok(&["cat", "feed.parquet"]), lines);
    assert_eq!(run.json()["digest"], digest_of_lines(lines.as_bytes()).to_string());
}

#[test]
fn a_feed_that_does_not_come_back_leaves_its_messages() {
    let server = Server::start(|_, stream| Socket::accept(stream, |_| Vec::new()).send("all there is"));
    let folder = Folder::new();
    let run = capture(&folder, &server.url(), &["--no-reconnect"]);
    run.fails(69, &format!("cannot reach {} again: ", server.url().trim_start_matches("ws://")));
    assert_eq!(run.stdout.trim_end(), digest(&folder, "feed.parquet"));
    assert_eq!(folder.ok(&["cat", "feed.parquet"]), "all there is\n");

    let refusing = Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        socket.send("a");
        socket.close(1008, "who are you");
    });
    capture(&folder, &refusing.url(), &["--force"]).fails(1, "1008 (who are you)");
    assert_eq!(folder.ok(&["cat", "feed.parquet"]), "a\n");
}

#[test]
fn messages_above_the_limit_are_reported_and_the_capture_continues() {
    let server = Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        socket.send_binary(&vec![1; 16 << 20]);
        socket.send_binary(&vec![2; (16 << 20) + 1]);
        socket.send("between");
        socket.send_in_frames(&vec![3; 1 << 20], 70);
        socket.send("after");
        socket.close(1000, "");
    });
    let folder = Folder::new();
    let run = capture(&folder, &server.url(), &["--json"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("2 messages were larger than 16 MiB and were skipped"), "{}", run.stderr);
    let report = run.json();
    assert_eq!((&report["events"]["total"], &report["connections"]), (&3.into(), &1.into()));
    assert_eq!((&report["too_large_count"], &report["gap_count"]), (&2.into(), &2.into()));
    let named = |seq: u64, bytes: u64, content: &[u8]| serde_json::json!({ "seq": seq, "bytes": bytes, "blake3": format!("blake3:{}", blake3::hash(content).to_hex()) });
    assert_eq!(
        report["too_large"],
        serde_json::json!([
            named(1, (16 << 20) + 1, &vec![2; (16 << 20) + 1]),
            named(2, 70 << 20, &vec![3; 70 << 20]),
        ])
    );
    assert!(report["gaps"][0]["reason"].as_str().unwrap().contains("larger than 16 MiB"), "{report}");
    let cat = folder.command(&["cat", "feed.parquet"]).output().unwrap();
    assert_eq!(cat.stdout.len(), (16 << 20) + "\nbetween\nafter\n".len());
    folder.ok(&["verify", "feed.parquet"]);
}

#[test]
fn heartbeats_are_answered_or_ignored_and_not_stored() {
    let (heard, all) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        heard.send(socket.header("x-key").unwrap_or_default()).unwrap();
        socket.send("one");
        socket.send("ping 7");
        socket.send("{\"type\":\"heartbeat\"}");
        socket.send("two");
        for _ in 0..3 {
            heard.send(socket.socket.read().unwrap().into_text().unwrap().to_string()).unwrap();
        }
        socket.close(1000, "");
    });
    let folder = Folder::new();
    let heartbeats = ["--answer", "ping *=pong *", "--ignore", "{\"type\":\"heartbeat\"}"];
    let more =
        ["--ping", "here", "--ping-every", "200ms", "--header", "X-Key: env:TRADESIM_TEST_KEY", "--json"];
    let url = server.url();
    let args = [&["capture", &url, "-o", "feed.parquet"], &heartbeats[..], &more].concat();
    let run = Run::of(folder.command(&args).env("TRADESIM_TEST_KEY", "hush").output().unwrap());
    assert_eq!((run.code, &run.json()["heartbeats"]), (0, &2.into()), "{}", run.stderr);
    assert_eq!(folder.ok(&["cat", "feed.parquet"]), "one\ntwo\n");
    drop(server);
    let all: Vec<String> = all.iter().collect();
    assert_eq!(all, ["hush", "pong 7", "here", "here"]);
}

#[test]
fn attempts_are_as_many_as_configured() {
    let folder = Folder::new();
    let run = capture(&folder, "ws://127.0.0.1:1", &["--retries", "6"]);
    run.fails(69, "cannot reach 127.0.0.1:1 after 7 attempts");
}

#[test]
fn a_subscription_is_sent_on_every_connection() {
    let (seen, subscriptions) = mpsc::channel();
    let server = Server::start(move |number, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        for _ in 0..2 {
            seen.send(socket.socket.read().unwrap().into_text().unwrap().to_string()).unwrap();
        }
        socket.send("subscribed");
        if number == 1 {
            socket.close(1000, "");
        }
    });
    let folder = Folder::new();
    let run = capture(&folder, &server.url(), &["--send", "{\"op\":\"subscribe\"}", "--send", "two"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    drop(server);
    let all: Vec<String> = subscriptions.iter().collect();
    assert_eq!(all, ["{\"op\":\"subscribe\"}", "two", "{\"op\":\"subscribe\"}", "two"]);
}
