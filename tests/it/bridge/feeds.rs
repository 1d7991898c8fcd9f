//! Foreign feeds: handshake headers and subscriptions, large messages, and invalid sequence numbers.

use std::{fs, sync::mpsc};

use super::{Working, bridged};
use crate::support::{
    Run, day_text,
    feed::{Server, Socket},
    stage::Stage,
    wait_until,
};

#[test]
fn a_feed_gets_headers_subscriptions_and_answers_and_its_heartbeats_are_skipped() {
    let stage = Stage::new();
    let good = stage.folder.ok(&["cat", day_text(), "--limit", "20"]);
    let (heard, all) = mpsc::channel();
    let feed = Server::start(move |number, stream| {
        assert_eq!(number, 0, "the bridge connects once");
        let mut socket = Socket::accept(stream, |_| Vec::new());
        heard.send(socket.header("authorization").unwrap_or_default()).unwrap();
        let hear = |socket: &mut Socket| {
            heard.send(socket.socket.read().unwrap().into_text().unwrap().to_string()).unwrap();
        };
        hear(&mut socket);
        for line in good.lines() {
            socket.send(line);
            socket.send("heartbeat 17");
        }
        socket.send("{\"ping\":42}");
        hear(&mut socket);
        socket.close(1000, "");
    });
    stage.folder.write("key", "Bearer hush\n");
    let args = ["--until-end", "--json", "--delivery", "at-least-once", "--log-level", "TRACE"];
    let talk = [
        ["--header", "Authorization: @key"],
        ["--send", "{\"op\":\"subscribe\"}"],
        ["--answer", "{\"ping\":*}={\"pong\":*}"],
        ["--ignore", "heartbeat *"],
    ]
    .concat();
    let run = bridged(&stage, &feed.url(), &[&args[..], &talk].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    for (name, value) in
        [("received", 20), ("produced", 20), ("dead_lettered", 0), ("heartbeats", 21), ("reconnects", 0)]
    {
        assert_eq!(report[name], value, "{name}: {}", run.stderr);
    }
    assert!(!run.stderr.contains("hush"), "{}", run.stderr);
    drop(feed);
    let heard: Vec<String> = all.iter().collect();
    assert_eq!(heard, ["Bearer hush", "{\"op\":\"subscribe\"}", "{\"pong\":42}"]);
}

#[test]
fn headers_that_cannot_be_sent_are_refused_and_not_repeated() {
    let stage = Stage::new();
    for (header, code, text) in [
        ("hush", 2, "header 1 is not of the form"),
        ("Host: hush", 2, "the header host belongs to the handshake itself"),
        ("Sec-WebSocket-Key: hush", 2, "the header sec-websocket-key belongs"),
        ("Key: hush\nHost: x", 2, "the value of the header key contains a line break"),
        ("Key: @missing", 78, "cannot read the file missing"),
        ("Key: env:TRADESIM_NO_SUCH_VARIABLE", 78, "TRADESIM_NO_SUCH_VARIABLE"),
    ] {
        let fails = |run: Run| {
            run.fails(code, text);
            assert!(!run.stderr.contains("hush"), "{}", run.stderr);
        };
        fails(bridged(&stage, "ws://127.0.0.1:1", &["--header", header]));
        fails(stage.folder.run(&["tail", "ws://127.0.0.1:1", "--header", header]));
        fails(stage.folder.run(&["capture", "ws://127.0.0.1:1", "-o", "a.parquet", "--header", header]));
    }
    let run = bridged(&stage, "ws://127.0.0.1:1", &["--ping", "x"]);
    assert!(run.code == 2 && run.stderr.contains("--ping-every"), "{}", run.stderr);
    bridged(&stage, "ws://127.0.0.1:1", &["--answer", "ping"]).fails(2, "PATTERN=REPLY");
    assert!(stage.folder.names().is_empty());
}

#[test]
fn an_invalid_sequence_number_is_bad_data_and_the_position_stays_correct() {
    let stage = Stage::new();
    let good = stage.folder.ok(&["cat", day_text(), "--limit", "10"]);
    let feed = Server::start(move |_, stream| {
        let headers = [
            ("tradesim-stream", "s"),
            ("tradesim-run", "r"),
            ("tradesim-start-seq", "0"),
            ("sec-websocket-protocol", "tradesim.v1"),
        ];
        let mut socket =
            Socket::accept(stream, |_| headers.map(|(name, value)| (name, value.to_owned())).to_vec());
        good.lines().for_each(|line| socket.send(line));
        socket.send(r#"{"notice":"gap","from":10,"to":18446744073709551615}"#);
        good.lines().for_each(|line| socket.send(line));
        socket.until_closed();
    });
    let run = bridged(&stage, &feed.url(), &["--until-end", "--json"]);
    run.fails(65, "the feed violated its protocol: it jumped to message 18446744073709551615");
    assert_eq!((&run.json()["received"], &run.json()["next_seq"]), (&10.into(), &10.into()));
}

/// Returns the peak memory of a process, in MiB.
#[cfg(target_os = "linux")]
fn peak_mib(bridge: &Working) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", bridge.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_length_of_messages() {
    for (size, count) in [(60 << 20, 12), (16 << 20, 12)] {
        let stage = Stage::new();
        let good = stage.folder.ok(&["cat", day_text(), "--events", "trade", "--limit", "1"]);
        let feed = Server::start(move |_, stream| {
            let mut socket = Socket::accept(stream, |_| Vec::new());
            // one invalid message, and one that is valid except for its length
            let broken = vec![b'x'; size];
            let text = good.trim_end().replacen("\"correlation_id\":\"", "\"correlation_id\":\"@", 1);
            let room = size - text.len();
            let whole = text.replace('@', &"y".repeat(room + 1)).into_bytes();
            assert_eq!(whole.len(), size);
            for _ in 0..count / 2 {
                socket.send_text_bytes(&broken);
                socket.send_text_bytes(&whole);
            }
            socket.until_closed();
        });
        let args = ["--json", "--delivery", "at-least-once"];
        let bridge = Working::start(&stage, &feed.url(), &args);
        wait_until("everything is delivered", || bridge.delivered() == count);
        let peak = peak_mib(&bridge);
        let run = bridge.end("TERM");
        assert_eq!(run.code, 0, "{}", run.stderr);
        let report = run.json();
        assert_eq!(
            (&report["received"], &report["dead_lettered"], &report["reconnects"]),
            (&count.into(), &count.into(), &0.into())
        );
        assert!(peak < 256, "{count} messages of {} MiB: {peak} MiB", size >> 20);
    }
}
