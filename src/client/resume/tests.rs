use super::*;

fn greeting(run: &str, start_seq: u64) -> Greeting {
    Greeting {
        stream: Some("s".to_owned()),
        run: Some(run.to_owned()),
        start_seq: Some(start_seq),
        digest: Some(announced()),
        notices: true,
    }
}

/// The digest of the whole stream, as far as the server knows.
fn announced() -> Digest {
    Digest::of(b"whole")
}

/// A follower that is connected from message 0 on and has got so many messages.
fn follower(messages: u64) -> Follower {
    let mut follower = Follower::new(None, 3);
    follower.connected(&greeting("r", 0)).unwrap();
    (0..messages).for_each(|_| follower.message());
    follower
}

fn closed(code: u16) -> Ending {
    Ending::Closed { code, reason: String::new() }
}

fn lost() -> Ending {
    Ending::Lost("reset".to_owned())
}

#[test]
fn a_lost_connection_goes_on_with_the_next_message() {
    for ending in [lost(), closed(1013), closed(1001), closed(1005)] {
        let mut follower = follower(7);
        assert_eq!(follower.ended(&ending), Next::Again);
        assert_eq!(follower.query(), ["from_seq=7".to_owned(), format!("digest={}", announced())]);
        follower.connected(&greeting("r", 7)).unwrap();
    }
}

#[test]
fn a_jump_of_the_player_is_followed_to_wherever_it_is() {
    let mut follower = follower(7);
    assert_eq!(follower.ended(&closed(1012)), Next::Again);
    assert_eq!(follower.query(), [""; 0]);
    follower.connected(&greeting("r", 500)).unwrap();
    follower.message();
    assert_eq!(follower.next_seq(), Some(501));
    follower.notice(Notice::End { seq: 501, sent: 1, digest: None }).unwrap();
    assert_eq!(follower.ended(&closed(1000)), Next::Done);
    // what was skipped on request is no loss, and the digest is not that of the whole
    assert_eq!(follower.differences(Digest::of(b"part"), false), [""; 0]);
}

#[test]
fn a_refusal_or_a_broken_rule_is_the_end() {
    for code in [1002, 1003, 1007, 1008, 1009, 1011, 4000] {
        assert!(matches!(follower(7).ended(&closed(code)), Next::Failed(_)), "{code}");
    }
}

#[test]
fn a_server_without_numbers_cannot_resume() {
    let plain = |messages| {
        let mut follower = Follower::new(None, 3);
        follower.connected(&Greeting::default()).unwrap();
        (0..messages).for_each(|_| follower.message());
        follower
    };
    let Next::Failed(text) = plain(2).ended(&lost()) else { panic!("it may not go on") };
    assert!(text.contains("after 2 messages") && text.contains("cannot resume"), "{text}");
    assert_eq!(plain(2).ended(&closed(1000)), Next::Done);
    assert_eq!(plain(2).ended(&closed(1005)), Next::Done);
    assert_eq!(Follower::new(Some(3), 3).connected(&Greeting::default()), Err(Fault::Unnumbered));
}

#[test]
fn another_start_run_or_stream_is_refused() {
    let mut resumed = follower(7);
    resumed.ended(&lost());
    for found in [6, 8] {
        let fault = resumed.clone().connected(&greeting("r", found));
        assert_eq!(fault, Err(Fault::Start { wanted: 7, found }));
    }
    let fault = resumed.clone().connected(&greeting("other", 7)).unwrap_err();
    assert_eq!(fault.to_string(), "the server has another run now: other instead of r");
    let fault = resumed.connected(&Greeting { stream: None, ..greeting("r", 7) }).unwrap_err();
    assert_eq!(fault.to_string(), "the server has another stream now: none instead of s");
}

#[test]
fn a_ping_shows_messages_that_did_not_arrive() {
    let follower = follower(7);
    assert_eq!(follower.ping(7), Ok(()));
    assert_eq!(follower.ping(8), Err(Fault::Lost { next: 7, sent: 8 }));
}

#[test]
fn the_end_has_to_fit_what_came() {
    let check = |seq, sent, digest, filtered, expected: &[&str]| {
        let mut follower = follower(7);
        follower.notice(Notice::End { seq, sent, digest }).unwrap();
        // after the notice it does not matter how the connection ends
        assert_eq!(follower.ended(&lost()), Next::Done);
        let found = follower.differences(announced(), filtered);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{expected} is not in {found}");
        }
    };
    check(7, 7, Some(announced()), false, &[]);
    check(7, 7, None, false, &[]);
    check(8, 7, None, false, &["ends before message 8, and message 7"]);
    check(7, 8, None, false, &["sent 8 messages"]);
    let other = Digest::of(b"other");
    check(7, 7, Some(other), false, &[&format!("the server said {other} at the end")]);
    check(7, 7, Some(other), true, &[]);
}

#[test]
fn a_gap_is_told_and_is_a_difference() {
    let mut follower = follower(7);
    let sentence = follower.notice(Notice::Gap { from: 7, to: 10 }).unwrap();
    assert_eq!(sentence.as_deref(), Some("the messages 7 to 9 cannot be had any more"));
    assert_eq!(follower.next_seq(), Some(10));
    assert_eq!(follower.differences(announced(), false), ["3 messages could not be had any more"]);
}

#[test]
fn tries_are_used_up_unless_messages_come() {
    let mut waiting = Follower::new(None, 3);
    let mut delays = Vec::new();
    waiting.ended(&lost());
    while let Some(delay) = waiting.another_try(0.5) {
        delays.push(delay.as_millis());
        assert_eq!(waiting.ended(&lost()), Next::Again);
    }
    assert_eq!(delays, [200, 400, 800]);
    let mut follower = follower(1);
    for seq in 1..100 {
        assert_eq!(follower.ended(&lost()), Next::Again);
        assert_eq!(follower.another_try(0.5), Some(DELAY_AFTER_PROGRESS));
        follower.connected(&greeting("r", seq)).unwrap();
        follower.message();
    }
}

#[test]
fn delays_stay_within_their_bound() {
    let mut follower = Follower::new(None, 1_000);
    let longest = std::iter::from_fn(|| follower.another_try(1.0)).max();
    assert_eq!(longest, Some(DELAY_MAX.mul_f64(1.1)));
}

#[test]
fn texts_of_a_server_cannot_steer_the_terminal() {
    let ending = Ending::Closed { code: 1008, reason: "a\x1b[2Jb".to_owned() };
    let Next::Failed(text) = follower(0).ended(&ending) else { panic!("1008 is the end") };
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn a_number_that_no_message_can_have_is_a_fault() {
    for notice in [
        Notice::Seek { seq: SEQ_END },
        Notice::Gap { from: 0, to: u64::MAX },
        Notice::End { seq: u64::MAX, sent: 0, digest: None },
    ] {
        assert!(matches!(follower(1).notice(notice), Err(Fault::Number { found }) if found >= SEQ_END));
    }
}

#[test]
fn a_message_above_the_limit_keeps_its_number_and_is_told() {
    let mut follower = follower(2);
    let hash = blake3::hash(b"all of it");
    let oversize = Oversize { beginning: Default::default(), length: 20 << 20, hash };
    let sentence = follower.oversize(&oversize);
    assert!(sentence.contains("20971520 bytes (blake3:"), "{sentence}");
    follower.message();
    assert_eq!((follower.received(), follower.next_seq()), (3, Some(4)));
    follower.notice(Notice::End { seq: 4, sent: 4, digest: Some(announced()) }).unwrap();
    assert_eq!(follower.ended(&closed(1000)), Next::Done);
    let (count, named) = follower.too_large();
    assert_eq!((count, named[0].seq, named[0].bytes), (1, 2, 20 << 20));
    let differences = follower.differences(Digest::of(b"what came"), false);
    assert_eq!(differences.len(), 1, "{differences:?}");
    assert!(differences[0].starts_with("1 messages were above the limit of 16 MiB"), "{differences:?}");
}
