use std::error::Error;

use tungstenite::Message;

use super::*;

const LINES: &str = include_str!("../../../fixtures/minute.jsonl");

fn received(url: &str) -> Vec<String> {
    let (mut socket, _) = tungstenite::connect(url).unwrap();
    let mut received = Vec::new();
    while let Ok(message) = socket.read() {
        if let Message::Text(text) = message {
            received.push(text.to_string());
        }
    }
    received
}

#[test]
fn what_is_received_is_the_lines() {
    let replay = Replay::of_lines(LINES).unwrap().start().unwrap();
    assert_eq!(received(replay.url()), LINES.lines().collect::<Vec<_>>());
    let report = replay.finish().unwrap();
    assert!(report.complete);
    assert_eq!(report.status.sent, 1000);
    assert_eq!(report.digest.unwrap().to_string(), report.status.digest.unwrap());
}

#[test]
fn filters_and_places_work_as_with_an_archive() {
    let replay = Replay::of_lines(LINES).unwrap().speed("1000x".parse().unwrap()).start().unwrap();
    let books = received(&format!("{}/?symbols=AAPL&events=orderbook", replay.url()));
    let of_aapl = |line: &&str| line.contains(r#""symbol":"AAPL","bid_price""#);
    assert_eq!(books, LINES.lines().filter(of_aapl).collect::<Vec<_>>());
    assert!(!books.is_empty());
    let lines = Lines::read(LINES).unwrap();
    let find = |time: &str| lines.find(time.parse().unwrap());
    assert_eq!(find("2026-02-18T15:00:00Z").unwrap(), StreamSeq(0));
    assert_eq!(find("2026-02-19T00:00:00Z").unwrap(), StreamSeq(1000));
    assert!(find("12:00").is_err());
    assert!(lines.open(StreamSeq(1000)).is_ok());
    assert!(lines.open(StreamSeq(1001)).is_err());
}

#[test]
fn a_line_that_is_no_message_is_named() {
    let first = LINES.lines().next().unwrap();
    for (text, line, reason) in [
        ("{}".to_owned(), 1, "missing_field"),
        (format!("{first}\n\n{first}"), 2, "not_json"),
        (format!("{first}\r\n{first}\nno"), 3, "not_json"),
    ] {
        let error = Replay::of_lines(&text).unwrap_err();
        assert_eq!(error.to_string(), format!("line {line} is not a valid message"));
        assert!(error.source().is_some());
        let ReplayError::Line { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.reason.code(), reason);
    }
}

#[test]
fn dropping_it_ends_it_with_and_without_a_client() {
    let replay = Replay::of_lines(LINES).unwrap().speed(Speed::REAL_TIME).start().unwrap();
    let url = replay.url().to_owned();
    drop(replay);
    assert!(tungstenite::connect(&url).is_err());

    let replay = Replay::of_lines(LINES).unwrap().speed(Speed::REAL_TIME).start().unwrap();
    let url = replay.url().to_owned();
    let (mut socket, _) = tungstenite::connect(&url).unwrap();
    assert!(socket.read().unwrap().is_text());
    drop(replay);
    assert!(tungstenite::connect(&url).is_err());
}
