use tradesim_protocol::EventPhase;
use tradesim_schemas::{StreamSeq, Timestamp};

use super::*;

fn greeting(run: &str, start_seq: StreamSeq) -> HandshakeHeaders {
    HandshakeHeaders {
        stream: Some("s".to_owned()),
        run: Some(run.to_owned()),
        start_seq: Some(start_seq),
        digest: Some(announced()),
        state: None,
        notices: true,
    }
}

/// Returns the digest that the server announces.
fn announced() -> ContentDigest {
    ContentDigest::of([b"whole"])
}

/// Returns the state of a connection that started at message 0 and received so many messages.
fn state(messages: u64) -> ResumeState {
    let mut state = ResumeState::new(None);
    state.connected(&greeting("r", StreamSeq(0))).unwrap();
    (0..messages).for_each(|_| state.message());
    state
}

fn closed(code: u16) -> DisconnectReason {
    DisconnectReason::Closed { code, reason: String::new() }
}

fn lost() -> DisconnectReason {
    DisconnectReason::Lost("reset".to_owned())
}

#[test]
fn a_lost_connection_resumes_with_the_next_message() {
    for reason in [lost(), closed(1013), closed(1001), closed(1005)] {
        let mut state = state(7);
        assert_eq!(state.ended(&reason), Next::Again);
        assert_eq!(state.query().to_string(), format!("from_seq=7&digest={}", announced()));
        state.connected(&greeting("r", StreamSeq(7))).unwrap();
    }
}

#[test]
fn a_jump_of_the_player_is_followed() {
    let mut state = state(7);
    assert_eq!(state.ended(&closed(1012)), Next::Again);
    assert_eq!(state.query(), FeedQuery::default());
    state.connected(&greeting("r", StreamSeq(500))).unwrap();
    state.message();
    assert_eq!(state.next_seq(), Some(StreamSeq(501)));
    state.notice(Notice::End { seq: StreamSeq(501), sent: 1, digest: None }).unwrap();
    assert_eq!(state.ended(&closed(1000)), Next::Done);
    // a requested jump is not a loss, and the digest is not compared
    assert_eq!(state.differences(ContentDigest::of([b"part"]), false), [""; 0]);
}

#[test]
fn a_refusal_or_a_protocol_error_is_final() {
    for code in [1002, 1003, 1007, 1008, 1009, 1011, 4000] {
        assert!(matches!(state(7).ended(&closed(code)), Next::Failed(_)), "{code}");
    }
}

#[test]
fn a_server_without_numbers_cannot_resume() {
    let plain = |messages| {
        let mut state = ResumeState::new(None);
        state.connected(&HandshakeHeaders::default()).unwrap();
        (0..messages).for_each(|_| state.message());
        state
    };
    let Next::Failed(text) = plain(2).ended(&lost()) else { panic!("it must not continue") };
    assert!(text.contains("after 2 messages") && text.contains("cannot resume"), "{text}");
    assert_eq!(plain(2).ended(&closed(1000)), Next::Done);
    assert_eq!(plain(2).ended(&closed(1005)), Next::Done);
    assert_eq!(
        ResumeState::new(Some(StreamSeq(3))).connected(&HandshakeHeaders::default()),
        Err(Fault::Unnumbered)
    );
}

#[test]
fn another_start_run_or_stream_is_refused() {
    let mut resumed = state(7);
    resumed.ended(&lost());
    for found in [6, 8] {
        let fault = resumed.clone().connected(&greeting("r", StreamSeq(found)));
        assert_eq!(fault, Err(Fault::Start { wanted: StreamSeq(7), found: StreamSeq(found) }));
    }
    let fault = resumed.clone().connected(&greeting("other", StreamSeq(7))).unwrap_err();
    assert_eq!(fault.to_string(), "the server now has another run: other instead of r");
    let fault =
        resumed.connected(&HandshakeHeaders { stream: None, ..greeting("r", StreamSeq(7)) }).unwrap_err();
    assert_eq!(fault.to_string(), "the server now has another stream: none instead of s");
}

#[test]
fn a_ping_shows_messages_that_did_not_arrive() {
    let state = state(7);
    assert_eq!(state.ping(StreamSeq(7)), Ok(()));
    assert_eq!(state.ping(StreamSeq(8)), Err(Fault::Lost { next: StreamSeq(7), sent: StreamSeq(8) }));
}

#[test]
fn the_announced_end_is_compared_with_the_received_messages() {
    let check = |seq, sent, digest, filtered, expected: &[&str]| {
        let mut state = state(7);
        state.notice(Notice::End { seq, sent, digest }).unwrap();
        // after the notice it does not matter how the connection ends
        assert_eq!(state.ended(&lost()), Next::Done);
        let found = state.differences(announced(), filtered);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{expected} is not in {found}");
        }
    };
    check(StreamSeq(7), 7, Some(announced()), false, &[]);
    check(StreamSeq(7), 7, None, false, &[]);
    check(StreamSeq(8), 7, None, false, &["ended before message 8, but the next message is 7"]);
    check(StreamSeq(7), 8, None, false, &["sent 8 messages"]);
    let other = ContentDigest::of([b"other"]);
    check(StreamSeq(7), 7, Some(other), false, &[&format!("the server announced {other} at the end")]);
    check(StreamSeq(7), 7, Some(other), true, &[]);
}

#[test]
fn a_gap_is_reported_and_is_a_difference() {
    let mut state = state(7);
    let sentence = state.notice(Notice::Gap { from: StreamSeq(7), to: StreamSeq(10) }).unwrap();
    assert_eq!(sentence.as_deref(), Some("messages 7 to 9 are no longer available"));
    assert_eq!(state.next_seq(), Some(StreamSeq(10)));
    assert_eq!(state.differences(announced(), false), ["3 messages were no longer available"]);
}

#[test]
fn a_phase_is_reported_once_although_a_new_connection_repeats_it() {
    let phase = |name: &str| EventPhase {
        id: "luld-KO-103112".to_owned(),
        kind: "luld".to_owned(),
        symbol: None,
        phase: name.to_owned(),
        at: Timestamp::from_micros(0).unwrap(),
    };
    let mut state = state(7);
    let mut told =
        |seq, name: &str| state.notice(Notice::Event { seq: StreamSeq(seq), phase: phase(name) }).unwrap();
    assert!(told(7, "limit").unwrap().contains("planned event luld-KO-103112: limit from"));
    assert!(told(7, "halt").is_some());
    assert_eq!((told(7, "limit"), told(7, "halt")), (None, None));
    assert!(told(9, "halt").is_some(), "another event has the same name");
    state.notice(Notice::Seek { seq: StreamSeq(9) }).unwrap();
    let again = state.notice(Notice::Event { seq: StreamSeq(9), phase: phase("halt") }).unwrap();
    assert!(again.is_some(), "it is played again");
    let long = state.notice(Notice::Event { seq: StreamSeq(9), phase: phase(&"x".repeat(1 << 20)) }).unwrap();
    assert!(long.unwrap().len() < 300, "a server cannot fill a log");
}

#[test]
fn progress_is_reported_once() {
    let mut state = state(1);
    state.ended(&lost());
    assert_eq!((state.take_progress(), state.take_progress()), (true, false));
    state.connected(&greeting("r", StreamSeq(1))).unwrap();
    assert!(!state.take_progress());
}

#[test]
fn texts_of_a_server_cannot_control_the_terminal() {
    let reason = DisconnectReason::Closed { code: 1008, reason: "a\x1b[2Jb".to_owned() };
    let Next::Failed(text) = state(0).ended(&reason) else { panic!("1008 is the end") };
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn an_invalid_sequence_number_is_a_fault() {
    for notice in [
        Notice::Seek { seq: StreamSeq(SEQ_END) },
        Notice::Gap { from: StreamSeq(0), to: StreamSeq(u64::MAX) },
        Notice::End { seq: StreamSeq::MAX, sent: 0, digest: None },
    ] {
        assert!(
            matches!(state(1).notice(notice), Err(Fault::Number { found }) if found >= StreamSeq(SEQ_END))
        );
    }
}

#[test]
fn a_message_above_the_limit_is_counted_and_reported() {
    let mut state = state(2);
    let hash = blake3::hash(b"all of it");
    let oversize = Oversize { beginning: Default::default(), length: 20 << 20, hash };
    let sentence = state.oversize(&oversize);
    assert!(sentence.contains("20971520 bytes (blake3:"), "{sentence}");
    state.message();
    assert_eq!((state.received(), state.next_seq()), (3, Some(StreamSeq(4))));
    state.notice(Notice::End { seq: StreamSeq(4), sent: 4, digest: Some(announced()) }).unwrap();
    assert_eq!(state.ended(&closed(1000)), Next::Done);
    let (count, named) = state.too_large();
    assert_eq!((count, named[0].seq, named[0].bytes), (1, 2, 20 << 20));
    let differences = state.differences(ContentDigest::of([b"what came"]), false);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].starts_with("1 messages were larger than 16 MiB"), "{differences:?}");
}
