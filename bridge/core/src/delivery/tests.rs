mod claims;

use super::*;
use tradesim_protocol::SEQ_END;

use crate::{Backoff, Flaw, Position};

fn options(guarantee: Guarantee) -> Options {
    Options {
        guarantee,
        until_end: true,
        run: None,
        bridge: "me".to_owned(),
        batch_events: 3,
        batch_time: Duration::from_millis(100),
        feed_tries: 2,
        feed_backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
        kafka_tries: None,
        kafka_backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(10)),
        refusals_max: 2,
    }
}

/// A state machine with a clock that a test moves.
struct Stage {
    delivery: Delivery,
    at: Duration,
}

impl Stage {
    fn new(options: Options) -> Stage {
        Stage { delivery: Delivery::new(options), at: Duration::ZERO }
    }

    fn tell(&mut self, input: Input) {
        self.delivery.handle(input, Now { at: self.at, random: 0.5 });
    }

    /// Returns the requested actions, without notes.
    fn actions(&mut self) -> Vec<Action> {
        let actions = std::iter::from_fn(|| self.delivery.poll_action());
        actions.filter(|action| !matches!(action, Action::Note(_))).collect()
    }

    fn notes(&mut self) -> Vec<Note> {
        let actions = std::iter::from_fn(|| self.delivery.poll_action());
        actions
            .filter_map(|action| match action {
                Action::Note(note) => Some(note),
                _ => None,
            })
            .collect()
    }

    #[track_caller]
    fn expect(&mut self, expected: &[Action]) {
        assert_eq!(self.actions(), expected);
    }

    fn connected(&mut self, start_seq: u64) {
        let connection = self.delivery.connection();
        self.tell(Input::Connected { connection, handshake: handshake("s", "r", start_seq) });
    }

    fn lost(&mut self) {
        let connection = self.delivery.connection();
        self.tell(Input::Disconnected {
            connection,
            reason: DisconnectReason::Lost,
            cause: "lost".to_owned(),
        });
    }

    fn failed(&mut self, refused: &[u64]) {
        self.tell(Input::Failed {
            cause: "failed".to_owned(),
            refused: refused.iter().copied().map(StreamSeq).collect(),
            is_fatal: false,
        });
    }

    fn wait(&mut self) {
        self.at = self.delivery.poll_timeout().expect("a timeout is pending");
        self.tell(Input::Timeout);
    }

    /// Takes a message, and leaves the resulting actions.
    fn message(&mut self) -> Admission {
        let at = self.at;
        self.delivery.prepare(|| at);
        assert!(matches!(self.actions().as_slice(), [] | [Action::Begin]));
        self.delivery.message(None, true)
    }

    /// Returns a bridge that has begun a new run.
    fn reading() -> Stage {
        let mut stage = Stage::new(options(Guarantee::ExactlyOnce));
        stage.connected(0);
        stage.tell(Input::Initialised);
        stage.tell(Input::PositionRead(None));
        stage.tell(Input::Committed);
        assert!(stage.delivery.is_reading());
        stage.actions();
        stage
    }

    /// Returns one without transactions.
    fn reading_at_least_once() -> Stage {
        let mut stage = Stage::new(options(Guarantee::AtLeastOnce));
        stage.connected(0);
        stage.tell(Input::Initialised);
        stage.tell(Input::PositionRead(None));
        assert!(stage.delivery.is_reading());
        stage.actions();
        stage
    }
}

fn handshake(stream: &str, run: &str, start_seq: u64) -> HandshakeInfo {
    HandshakeInfo {
        stream: Some(stream.to_owned()),
        run: Some(run.to_owned()),
        start_seq: Some(StreamSeq(start_seq)),
    }
}

fn identity() -> Identity {
    Identity { stream: "s".to_owned(), run: "r".to_owned() }
}

fn position(next_seq: u64) -> Position {
    Position { identity: identity(), next_seq: StreamSeq(next_seq), bridge: "me".to_owned() }
}

#[test]
fn a_producer_fences_before_the_position_is_read_and_claims_it_before_messages_flow() {
    let mut stage = Stage::new(options(Guarantee::ExactlyOnce));
    stage.expect(&[Action::Connect { connection: 1, from_seq: Some(StreamSeq(0)) }]);
    stage.connected(0);
    assert!(!stage.delivery.wants_events(), "nothing is read before the start is known");
    stage.expect(&[Action::Initialise { identity: Some(identity()) }]);
    stage.tell(Input::Initialised);
    stage.expect(&[Action::ReadPosition { identity: identity() }]);
    stage.tell(Input::PositionRead(Some(Position { bridge: "before".to_owned(), ..position(7) })));
    stage.expect(&[Action::Begin, Action::Commit { position: position(7) }]);
    stage.tell(Input::Committed);
    // the first connection began at another message
    stage.expect(&[Action::Disconnect, Action::Connect { connection: 2, from_seq: Some(StreamSeq(7)) }]);
    stage.connected(7);
    assert!(stage.delivery.is_reading());
    assert_eq!(stage.message(), Admission::Produce { seq: StreamSeq(7) });
}

#[test]
fn a_transaction_is_committed_after_its_time_or_its_messages() {
    let mut stage = Stage::reading();
    for seq in 0..3 {
        assert_eq!(stage.message(), Admission::Produce { seq: StreamSeq(seq) });
    }
    stage.expect(&[Action::Commit { position: position(3) }]);
    assert!(!stage.delivery.is_reading());
    stage.tell(Input::Committed);
    stage.message();
    stage.wait();
    stage.expect(&[Action::Commit { position: position(4) }]);
    stage.tell(Input::Committed);
    let counts = stage.delivery.counts();
    assert_eq!((counts.received, counts.produced, counts.transactions), (4, 4, 3));
    assert_eq!(stage.delivery.poll_timeout(), None, "nothing is open");
}

#[test]
fn whatever_fails_everything_starts_again_from_the_committed_position() {
    let mut stage = Stage::reading();
    stage.message();
    stage.message();
    stage.failed(&[]);
    stage.expect(&[Action::DropProducer, Action::Disconnect]);
    stage.wait();
    // this bridge's name first, so that a bridge that was fenced does not fence others in turn
    stage.expect(&[Action::ReadPosition { identity: identity() }]);
    stage.tell(Input::PositionRead(Some(position(0))));
    stage.expect(&[Action::Initialise { identity: Some(identity()) }]);
    stage.tell(Input::Initialised);
    stage.expect(&[Action::ReadPosition { identity: identity() }]);
    // the commit had succeeded after all
    stage.tell(Input::PositionRead(Some(position(2))));
    stage.expect(&[Action::Connect { connection: 2, from_seq: Some(StreamSeq(2)) }]);
    assert_eq!(stage.delivery.counts().received, 0, "only confirmed commits are counted");
}

#[test]
fn what_was_to_be_committed_is_void_when_the_producer_fails() {
    let mut stage = Stage::reading();
    for _ in 0..3 {
        stage.message();
    }
    stage.failed(&[]);
    stage.expect(&[Action::DropProducer, Action::Disconnect]);
}

#[test]
fn a_bridge_that_was_taken_over_ends() {
    let mut stage = Stage::reading();
    stage.message();
    stage.failed(&[]);
    stage.wait();
    stage.actions();
    stage.tell(Input::PositionRead(Some(Position { bridge: "other".to_owned(), ..position(5) })));
    stage.expect(&[Action::Finish(Finish::TakenOver { bridge: "other".to_owned() })]);
}

#[test]
fn a_lost_feed_goes_on_behind_what_was_taken() {
    let mut stage = Stage::reading();
    stage.message();
    stage.lost();
    stage.expect(&[Action::Commit { position: position(1) }]);
    stage.tell(Input::Committed);
    stage.wait();
    stage.expect(&[Action::Connect { connection: 2, from_seq: Some(StreamSeq(1)) }]);
    // late events of the first connection are ignored
    stage.tell(Input::Ended { connection: 1, seq: StreamSeq(9) });
    assert_eq!(stage.actions(), []);
    stage.connected(1);
    assert_eq!(stage.message(), Admission::Produce { seq: StreamSeq(1) });
}

#[test]
fn tries_are_counted_in_a_row_and_a_message_makes_up_for_all() {
    let mut stage = Stage::reading();
    for _ in 0..2 {
        stage.lost();
        stage.wait();
    }
    stage.connected(0);
    stage.actions();
    stage.message();
    stage.lost();
    stage.tell(Input::Committed);
    for _ in 0..2 {
        stage.wait();
        stage.lost();
    }
    let last = stage.actions().pop();
    let expected = Finish::FeedUnreachable { tries: 3, cause: "lost".to_owned() };
    assert_eq!(last, Some(Action::Finish(expected)));
}

#[test]
fn pauses_grow_and_a_timeout_ends_them() {
    let mut stage = Stage::new(Options { feed_tries: 10, ..options(Guarantee::ExactlyOnce) });
    let mut pauses = Vec::new();
    for _ in 0..4 {
        stage.lost();
        pauses.push((stage.delivery.poll_timeout().unwrap() - stage.at).as_secs());
        stage.wait();
    }
    assert_eq!(pauses, [1, 2, 4, 8]);
}

#[test]
fn the_end_is_committed_before_it_is_over() {
    let mut stage = Stage::reading();
    stage.message();
    stage.tell(Input::Ended { connection: 1, seq: StreamSeq(1) });
    stage.expect(&[Action::Commit { position: position(1) }]);
    stage.tell(Input::Committed);
    stage.expect(&[Action::Disconnect, Action::Finish(Finish::Complete)]);
}

#[test]
fn an_end_that_comes_too_early_is_a_lost_feed() {
    let mut stage = Stage::reading();
    stage.message();
    stage.tell(Input::Ended { connection: 1, seq: StreamSeq(2) });
    let actions = stage.actions();
    assert_eq!(actions[0], Action::Disconnect);
    assert!(!actions.iter().any(|action| matches!(action, Action::Finish(_))));
}

#[test]
fn messages_that_were_sent_and_have_not_come_are_a_lost_feed() {
    let mut stage = Stage::reading();
    stage.message();
    stage.tell(Input::Sent { connection: 1, seq: StreamSeq(1) });
    assert_eq!(stage.actions(), []);
    stage.tell(Input::Sent { connection: 1, seq: StreamSeq(2) });
    assert_eq!(stage.actions()[0], Action::Disconnect);
    assert_eq!(stage.delivery.head_seq(), StreamSeq(2));
}

#[test]
fn a_feed_that_cannot_resume_is_none_for_exactly_once() {
    let mut stage = Stage::new(options(Guarantee::ExactlyOnce));
    stage.actions();
    stage.tell(Input::Connected { connection: 1, handshake: HandshakeInfo::default() });
    stage.expect(&[Action::Disconnect, Action::Finish(Finish::CannotResume)]);
}

#[test]
fn another_run_than_the_one_that_is_wanted_is_refused() {
    let wanted = Some("nightly".to_owned());
    let mut stage = Stage::new(Options { run: wanted, ..options(Guarantee::ExactlyOnce) });
    stage.actions();
    stage.connected(0);
    let found = Finish::OtherRun { wanted: "nightly".to_owned(), found: "r".to_owned() };
    stage.expect(&[Action::Disconnect, Action::Finish(found)]);
}

#[test]
fn a_new_run_has_a_position_of_its_own() {
    let mut stage = Stage::reading();
    stage.message();
    stage.lost();
    stage.tell(Input::Committed);
    stage.wait();
    stage.actions();
    stage.tell(Input::Connected { connection: 2, handshake: handshake("s", "another", 1) });
    let other = Identity { run: "another".to_owned(), ..identity() };
    stage.expect(&[Action::DropProducer, Action::Initialise { identity: Some(other.clone()) }]);
    stage.tell(Input::Initialised);
    stage.tell(Input::PositionRead(None));
    stage.tell(Input::Committed);
    let first = Position { identity: other, ..position(0) };
    assert_eq!(
        stage.actions()[1..],
        [
            Action::Begin,
            Action::Commit { position: first },
            Action::Disconnect,
            Action::Connect { connection: 3, from_seq: Some(StreamSeq(0)) },
        ]
    );
}

#[test]
fn a_stop_commits_what_was_taken() {
    let mut stage = Stage::reading();
    stage.message();
    stage.tell(Input::Stop);
    stage.expect(&[Action::Commit { position: position(1) }]);
    stage.tell(Input::Committed);
    stage.expect(&[Action::Disconnect, Action::Finish(Finish::Stopped)]);
}

#[test]
fn a_stop_does_not_wait_for_brokers_that_are_away() {
    let mut stage = Stage::reading();
    stage.message();
    stage.failed(&[]);
    stage.actions();
    stage.tell(Input::Stop);
    stage.expect(&[Action::Finish(Finish::Stopped)]);
}

#[test]
fn a_record_that_is_refused_goes_alone_and_then_to_the_dead_letters() {
    let mut stage = Stage::reading();
    let admissions = |stage: &mut Stage| {
        let mut admissions = Vec::new();
        for _ in 0..2 {
            admissions.push(stage.message());
        }
        admissions
    };
    let restart = |stage: &mut Stage, refused: &[u64]| {
        stage.failed(refused);
        stage.wait();
        stage.tell(Input::PositionRead(Some(position(0))));
        stage.tell(Input::Initialised);
        stage.tell(Input::PositionRead(Some(position(0))));
        stage.connected(0);
        stage.actions();
    };
    admissions(&mut stage);
    restart(&mut stage, &[0, 1]);
    let alone = |seq| Admission::ProduceAlone { seq };
    assert_eq!(admissions(&mut stage), [alone(StreamSeq(0)), alone(StreamSeq(1))]);
    restart(&mut stage, &[1]);
    assert_eq!(admissions(&mut stage), [alone(StreamSeq(0)), alone(StreamSeq(1))]);
    restart(&mut stage, &[1]);
    assert_eq!(
        admissions(&mut stage),
        [alone(StreamSeq(0)), Admission::DeadLetter { seq: StreamSeq(1), retries: 2 }]
    );
    stage.wait();
    stage.tell(Input::Committed);
    let counts = stage.delivery.counts();
    assert_eq!((counts.received, counts.produced, counts.dead_lettered), (2, 1, 1));
    assert!(stage.delivery.suspects.is_empty());
}

#[test]
fn where_even_the_dead_letter_is_refused_somebody_has_to_look() {
    let mut stage = Stage::reading();
    stage.message();
    stage.delivery.suspects.insert(StreamSeq(1), 6);
    stage.message();
    let last = stage.actions().pop();
    assert!(matches!(last, Some(Action::Finish(Finish::KafkaFailed { .. }))), "{last:?}");
}

#[test]
fn messages_that_cannot_be_had_any_more_are_said_with_their_range() {
    let mut stage = Stage::reading();
    stage.message();
    stage.tell(Input::Jumped { connection: 1, seq: StreamSeq(10) });
    assert_eq!(stage.notes(), [Note::Flaw(Flaw::Gap { from: StreamSeq(1), to: StreamSeq(10) })]);
    assert_eq!(stage.message(), Admission::Produce { seq: StreamSeq(10) });
    assert_eq!(stage.delivery.counts().missing, 9);
    stage.tell(Input::Jumped { connection: 1, seq: StreamSeq(9) });
    assert_eq!(stage.notes(), [Note::Flaw(Flaw::Repeated { from: StreamSeq(9), to: StreamSeq(11) })]);
    assert_eq!((stage.message(), stage.message()), (Admission::Skip, Admission::Skip));
    assert_eq!(stage.message(), Admission::Produce { seq: StreamSeq(11) });
    assert_eq!(stage.delivery.counts().repeated, 2);
}

#[test]
fn tries_with_brokers_have_an_end_only_where_one_is_wanted() {
    let mut stage = Stage::new(Options { kafka_tries: Some(1), ..options(Guarantee::ExactlyOnce) });
    stage.connected(0);
    stage.failed(&[]);
    stage.wait();
    stage.actions();
    stage.failed(&[]);
    let last = stage.actions().pop();
    assert_eq!(last, Some(Action::Finish(Finish::KafkaFailed { cause: "failed".to_owned() })));
}

#[test]
fn at_least_once_writes_the_position_behind_the_acknowledgements() {
    let mut stage = Stage::reading_at_least_once();
    for seq in 0..5 {
        assert_eq!(stage.delivery.message(None, true), Admission::Produce { seq: StreamSeq(seq) });
    }
    assert_eq!(stage.delivery.poll_timeout(), None);
    stage.tell(Input::Acknowledged { next_seq: StreamSeq(4) });
    stage.wait();
    stage.expect(&[Action::Checkpoint { position: position(4) }]);
    stage.tell(Input::Ended { connection: 1, seq: StreamSeq(5) });
    stage.expect(&[Action::Drain]);
    stage.tell(Input::Acknowledged { next_seq: StreamSeq(5) });
    stage.tell(Input::Drained);
    let end =
        [Action::Checkpoint { position: position(5) }, Action::Disconnect, Action::Finish(Finish::Complete)];
    stage.expect(&end);
}

#[test]
fn at_least_once_keeps_its_connection_while_a_producer_is_made_anew() {
    let mut stage = Stage::reading_at_least_once();
    stage.delivery.message(None, true);
    stage.failed(&[]);
    stage.expect(&[Action::DropProducer]);
    assert!(!stage.delivery.wants_events(), "received messages are not delivered yet");
    stage.wait();
    stage.expect(&[Action::Initialise { identity: Some(identity()) }]);
    stage.tell(Input::Initialised);
    assert!(stage.delivery.is_reading());
    assert_eq!(stage.delivery.message(None, true), Admission::Produce { seq: StreamSeq(1) });
}

#[test]
fn at_least_once_takes_a_feed_that_numbers_nothing() {
    let mut stage = Stage::new(options(Guarantee::AtLeastOnce));
    stage.expect(&[Action::Connect { connection: 1, from_seq: None }]);
    stage.tell(Input::Connected { connection: 1, handshake: HandshakeInfo::default() });
    stage.expect(&[Action::Initialise { identity: None }]);
    stage.tell(Input::Initialised);
    let at = |micros| Timestamp::from_micros(micros);
    assert_eq!(stage.delivery.message(at(5), true), Admission::Produce { seq: StreamSeq(0) });
    stage.lost();
    stage.wait();
    stage.tell(Input::Connected { connection: 2, handshake: HandshakeInfo::default() });
    stage.notes();
    assert_eq!(stage.delivery.message(at(9), true), Admission::Produce { seq: StreamSeq(1) });
    let flaw = Flaw::Interruption { last: at(5).unwrap(), first: at(9).unwrap() };
    assert_eq!(stage.notes(), [Note::Flaw(flaw)]);
    stage.tell(Input::Disconnected {
        connection: 2,
        reason: DisconnectReason::Delivered,
        cause: String::new(),
    });
    stage.expect(&[Action::Drain]);
}

#[test]
fn at_least_once_says_which_messages_of_a_numbered_feed_are_missing() {
    let mut stage = Stage::reading_at_least_once();
    stage.delivery.message(None, true);
    stage.lost();
    stage.wait();
    stage.expect(&[Action::Connect { connection: 2, from_seq: Some(StreamSeq(1)) }]);
    stage.connected(4);
    assert!(stage.notes().contains(&Note::Flaw(Flaw::Gap { from: StreamSeq(1), to: StreamSeq(4) })));
    assert_eq!(stage.delivery.message(None, true), Admission::Produce { seq: StreamSeq(4) });
}
