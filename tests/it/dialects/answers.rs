//! Subscriptions whose answers are larger than what a client may leave unread.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use super::{gateway, replay, speaker::Speaker};
use crate::support::{Folder, send_signal};

/// Symbols of one subscription, none of which is in the recording.
const SYMBOLS: usize = 5_000;

fn symbols(prefix: &str) -> Vec<String> {
    (0..SYMBOLS).map(|n| format!("{prefix}Z{n}")).collect()
}

#[test]
fn a_client_receives_the_answers_to_each_of_thousands_of_symbols() {
    let folder = Folder::new();
    let (server, gateway) = gateway::start(&folder, &["--stay", "--at-end", "hold"]);

    // an answer for each symbol, to messages that do not wait for each other
    let mut speaker = Speaker::connect(&format!("{}/stocks", server.url));
    speaker.next();
    speaker.send(r#"{"action":"auth","params":"k"}"#);
    speaker.next();
    for prefix in ["T.", "Q.", "AM."] {
        let params = symbols(prefix).join(",");
        speaker.send(&format!(r#"{{"action":"subscribe","params":"{params}"}}"#));
    }
    for symbol in ["T.", "Q.", "AM."].into_iter().flat_map(symbols) {
        let expected =
            format!(r#"[{{"ev":"status","status":"success","message":"subscribed to: {symbol}"}}]"#);
        assert_eq!(speaker.next(), expected);
    }
    speaker.close();

    // one answer with all of them
    let mut speaker = Speaker::connect(&format!("{}/v2/sip", server.url));
    speaker.next();
    speaker.send(r#"{"action":"auth","key":"k","secret":"s"}"#);
    speaker.next();
    for channel in ["trades", "quotes", "bars"] {
        speaker.send(&serde_json::json!({ "action": "subscribe", channel: symbols("") }).to_string());
    }
    let answers = [speaker.next(), speaker.next(), speaker.next()];
    assert!(answers[2].len() > 3 * SYMBOLS * 6 && answers[2].contains(&format!("Z{}", SYMBOLS - 1)));
    speaker.close();

    // a record for each of them
    assert_eq!(gateway::mapped(&gateway, &symbols("")), SYMBOLS);

    send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
}

#[test]
fn a_client_that_reads_no_answers_is_not_read_from() {
    let folder = Folder::new();
    let server = replay(&folder, &["--stay", "--stall", "1s"]);
    let mut speaker = Speaker::connect(&format!("{}/stocks", server.url));
    speaker.send(r#"{"action":"auth","params":"k"}"#);
    let message = format!(r#"{{"action":"subscribe","params":"{}"}}"#, "X,".repeat(30_000));
    // 24 MB, more than the kernel holds, with answers of 1 GB
    assert!(speaker.send_until_refused(&message, 400) < 400);
    send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
}

#[test]
fn the_subprotocol_of_our_own_messages_is_declined() {
    let folder = Folder::new();
    let server = replay(&folder, &["--stay"]);
    for (path, chosen) in [("/", true), ("/stocks", false), ("/v2/iex", false), ("/finnhub?token=k", false)] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: tradesim.v1\r\n\r\n"
        );
        let mut socket = TcpStream::connect(server.url.trim_start_matches("ws://")).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(socket).lines().map(Result::unwrap);
        let head = lines.by_ref().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        assert!(head.starts_with("HTTP/1.1 101"), "{path}: {head}");
        assert_eq!(head.contains("tradesim.v1"), chosen, "{path}: {head}");
    }
    send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
}
