//! Numbers, names and runs that a feed states, and the bridge validates.

use super::*;

#[track_caller]
fn broken(stage: &mut Stage, expected: &[Action], types: &str) {
    let mut actions = stage.actions();
    let Some(Action::Finish(Finish::FeedBroken { cause })) = actions.pop() else { panic!("{actions:?}") };
    assert!(cause.contains(types), "{cause}");
    assert_eq!(actions, expected);
}

#[test]
fn a_number_that_no_message_can_have_ends_the_bridge_behind_what_came_before_it() {
    let jumped = |seq| Input::Jumped { connection: 1, seq };
    let sent = |seq| Input::Sent { connection: 1, seq };
    let ended = |seq| Input::Ended { connection: 1, seq };
    for input in [
        jumped(StreamSeq(SEQ_END)),
        jumped(StreamSeq(u64::MAX)),
        sent(StreamSeq(SEQ_END)),
        sent(StreamSeq(u64::MAX)),
        ended(StreamSeq(u64::MAX)),
    ] {
        let mut stage = Stage::reading();
        stage.message();
        stage.message();
        stage.tell(input.clone());
        stage.expect(&[Action::Disconnect, Action::Commit { position: position(2) }]);
        stage.tell(Input::Committed);
        broken(&mut stage, &[], "below 2^53");
        let counts = stage.delivery.counts();
        assert_eq!((counts.received, counts.missing), (2, 0), "{input:?}");
    }
}

#[test]
fn numbers_do_not_wrap() {
    let mut stage = Stage::reading();
    stage.message();
    stage.tell(Input::Jumped { connection: 1, seq: StreamSeq(SEQ_END - 1) });
    assert_eq!(
        stage.notes(),
        [Note::Flaw(Flaw::Gap { from: StreamSeq(1), to: StreamSeq(9_007_199_254_740_991) })]
    );
    assert_eq!(stage.message(), Admission::Produce { seq: StreamSeq(9_007_199_254_740_991) });
    assert_eq!(stage.message(), Admission::Skip);
    stage.expect(&[Action::Disconnect, Action::Commit { position: position(9_007_199_254_740_992) }]);
    stage.tell(Input::Committed);
    broken(&mut stage, &[], "it sent message 9007199254740992");
}

#[test]
fn what_lies_behind_the_end_that_the_feed_said_is_no_part_of_its_stream() {
    let reading = || {
        let mut stage = Stage::new(Options { until_end: false, ..options(Guarantee::AtLeastOnce) });
        stage.connected(0);
        stage.tell(Input::Initialised);
        stage.tell(Input::PositionRead(None));
        for _ in 0..3 {
            stage.delivery.message(None, true);
        }
        stage.tell(Input::Ended { connection: 1, seq: StreamSeq(3) });
        stage.actions();
        stage
    };
    let end = |stage: &mut Stage, types: &str| {
        stage.expect(&[Action::Disconnect, Action::Drain]);
        stage.tell(Input::Acknowledged { next_seq: StreamSeq(3) });
        stage.tell(Input::Drained);
        broken(stage, &[Action::Checkpoint { position: position(3) }], types);
    };
    let mut stage = reading();
    assert_eq!(stage.delivery.message(None, true), Admission::Skip);
    end(&mut stage, "it sent message 3, but numbers must be below 3");
    let mut stage = reading();
    stage.tell(Input::Jumped { connection: 1, seq: StreamSeq(4) });
    end(&mut stage, "it jumped to message 4, after the announced end of its stream, 3");
    // a jump back is valid, and another connection may announce another end
    let mut stage = reading();
    stage.tell(Input::Jumped { connection: 1, seq: StreamSeq(1) });
    assert_eq!(stage.delivery.message(None, true), Admission::Skip);
    stage.lost();
    stage.wait();
    stage.connected(3);
    assert_eq!(stage.delivery.message(None, true), Admission::Produce { seq: StreamSeq(3) });
}

#[test]
fn names_and_numbers_of_a_handshake_are_checked() {
    let long = "x".repeat(65);
    for (stream, run, start_seq, types) in [
        ("a/b", "r", 0, "invalid name of the stream"),
        ("s", "", 0, "invalid name of the run"),
        ("s", "r\u{1b}[2J", 0, "invalid name of the run"),
        (long.as_str(), "r", 0, "invalid name of the stream"),
        ("s", "r", SEQ_END, "begins with message 9007199254740992"),
        ("s", "r", u64::MAX, "below 2^53"),
    ] {
        for guarantee in [Guarantee::ExactlyOnce, Guarantee::AtLeastOnce] {
            let mut stage = Stage::new(options(guarantee));
            stage.actions();
            stage.tell(Input::Connected { connection: 1, handshake: handshake(stream, run, start_seq) });
            broken(&mut stage, &[Action::Disconnect], types);
        }
    }
}

#[test]
fn a_feed_whose_notices_cannot_be_read_ends_the_bridge_behind_what_came_before() {
    let mut stage = Stage::reading();
    stage.message();
    let cause = "an invalid notice".to_owned();
    stage.tell(Input::Disconnected { connection: 1, reason: DisconnectReason::Broken, cause });
    stage.expect(&[Action::Commit { position: position(1) }]);
    stage.tell(Input::Committed);
    broken(&mut stage, &[], "invalid notice");
}

#[test]
fn acknowledgements_of_the_run_before_do_not_move_the_position_of_the_next() {
    let mut stage = Stage::reading_at_least_once();
    for _ in 0..5 {
        stage.delivery.message(None, true);
    }
    stage.lost();
    stage.wait();
    stage.actions();
    let other = || Identity { run: "other".to_owned(), ..identity() };
    stage.tell(Input::Connected { connection: 2, handshake: handshake("s", "other", 0) });
    stage.expect(&[Action::Drain]);
    // the run of open messages is kept when a producer fails meanwhile
    stage.failed(&[]);
    stage.expect(&[Action::DropProducer]);
    stage.wait();
    stage.expect(&[Action::Initialise { identity: Some(identity()) }]);
    stage.tell(Input::Initialised);
    stage.expect(&[Action::Drain]);
    stage.tell(Input::Acknowledged { next_seq: StreamSeq(5) });
    stage.tell(Input::Drained);
    stage.expect(&[
        Action::Checkpoint { position: position(5) },
        Action::Initialise { identity: Some(other()) },
    ]);
    stage.tell(Input::Initialised);
    stage.expect(&[Action::ReadPosition { identity: other() }]);
    stage.tell(Input::PositionRead(None));
    assert_eq!(stage.delivery.message(None, true), Admission::Produce { seq: StreamSeq(0) });
}

#[test]
fn a_feed_that_does_not_number_its_messages_moves_no_number() {
    let mut stage = Stage::new(options(Guarantee::AtLeastOnce));
    stage.tell(Input::Connected { connection: 1, handshake: HandshakeInfo::default() });
    stage.tell(Input::Initialised);
    stage.actions();
    stage.tell(Input::Jumped { connection: 1, seq: StreamSeq(70) });
    stage.tell(Input::Sent { connection: 1, seq: StreamSeq(u64::MAX) });
    assert_eq!(stage.delivery.message(None, true), Admission::Produce { seq: StreamSeq(0) });
    stage.tell(Input::Ended { connection: 1, seq: StreamSeq(u64::MAX) });
    stage.expect(&[Action::Drain]);
}

#[test]
fn a_run_that_begins_while_a_producer_is_made_anew_waits_for_what_is_open() {
    let mut stage = Stage::reading_at_least_once();
    stage.delivery.message(None, true);
    stage.failed(&[]);
    stage.lost();
    stage.actions();
    stage.at += Duration::from_secs(1);
    stage.delivery.connect();
    stage.tell(Input::Connected { connection: 2, handshake: handshake("s", "other", 0) });
    stage.wait();
    stage.tell(Input::Initialised);
    stage.tell(Input::Acknowledged { next_seq: StreamSeq(1) });
    stage.actions();
    stage.tell(Input::Drained);
    let checkpoint = stage.actions().remove(0);
    assert_eq!(checkpoint, Action::Checkpoint { position: position(1) });
    assert_eq!((stage.delivery.delivered_seq(), stage.delivery.next_seq()), (StreamSeq(0), StreamSeq(0)));
}
