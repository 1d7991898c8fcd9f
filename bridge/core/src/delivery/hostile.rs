//! Feeds that send anything: any numbers, any names, in any order. Whatever they send, nothing panics, positions only
//! increase and stay valid numbers, and readers see exactly the messages before the position except for those that
//! were reported as missing.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use tradesim_protocol::SEQ_END;

use tradesim_schemas::StreamSeq;

use crate::{
    Action, Admission, Backoff, Delivery, DisconnectReason, Finish, Flaw, Guarantee, HandshakeInfo, Input,
    Note, Now, Options, Position,
};

/// The next action of a hostile feed.
#[derive(Clone, Debug)]
enum Move {
    Greet(HandshakeInfo),
    Message {
        valid: bool,
    },
    Jump(u64),
    Sent(u64),
    End(u64),
    Close(DisconnectReason),
    /// Time passes, as far as a timeout is pending.
    Wait,
}

/// Small numbers, which collide, and numbers at the limits.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => 0u64..12,
        1 => (0u64..4).prop_map(|over| SEQ_END - 2 + over),
        1 => (0u64..3).prop_map(|below| u64::MAX - below),
        1 => any::<u64>(),
    ]
}

fn name() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        8 => Just(Some("s".to_owned())),
        1 => Just(None),
        1 => Just(Some("another".to_owned())),
        1 => ".{0,80}".prop_map(Some),
    ]
}

fn action() -> impl Strategy<Value = Move> {
    let handshake =
        (name(), name(), proptest::option::weighted(0.9, number())).prop_map(|(stream, run, start_seq)| {
            Move::Greet(HandshakeInfo { stream, run, start_seq: start_seq.map(StreamSeq) })
        });
    let reason = prop_oneof![
        Just(DisconnectReason::Lost),
        Just(DisconnectReason::Delivered),
        Just(DisconnectReason::Refused),
        Just(DisconnectReason::Broken)
    ];
    prop_oneof![
        4 => handshake,
        10 => any::<bool>().prop_map(|valid| Move::Message { valid }),
        3 => number().prop_map(Move::Jump),
        2 => number().prop_map(Move::Sent),
        1 => number().prop_map(Move::End),
        1 => reason.prop_map(Move::Close),
        3 => Just(Move::Wait),
    ]
}

/// A bridge whose producer never fails.
struct Stage {
    guarantee: Guarantee,
    delivery: Delivery,
    now: Duration,
    position: Option<Position>,
    /// For the run that is read: the numbers of its messages, and the ranges that were reported as missing.
    seen: BTreeSet<u64>,
    missing: Vec<(u64, u64)>,
    /// The number after the last message that is not acknowledged, without transactions.
    open: Option<u64>,
    finish: Option<Finish>,
}

impl Stage {
    fn new(guarantee: Guarantee) -> Stage {
        let backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
        let delivery = Delivery::new(Options {
            guarantee,
            until_end: false,
            run: None,
            bridge: "me".to_owned(),
            batch_events: 4,
            batch_time: Duration::from_millis(10),
            feed_tries: 5,
            feed_backoff: backoff,
            kafka_tries: None,
            kafka_backoff: backoff,
            refusals_max: 1,
        });
        Stage {
            guarantee,
            delivery,
            now: Duration::ZERO,
            position: None,
            seen: BTreeSet::new(),
            missing: Vec::new(),
            open: None,
            finish: None,
        }
    }

    fn tell(&mut self, input: Input) {
        self.delivery.handle(input, Now { at: self.now, random: 0.5 });
    }

    /// Carries out all actions, like a broker without faults.
    fn act(&mut self) -> Result<(), TestCaseError> {
        while let Some(action) = self.delivery.poll_action() {
            match action {
                Action::Initialise { .. } => self.tell(Input::Initialised),
                Action::ReadPosition { identity } => {
                    let known = self.position.clone().filter(|position| position.identity == identity);
                    if known.is_none() {
                        self.seen.clear();
                        self.missing.clear();
                    }
                    self.tell(Input::PositionRead(known));
                }
                Action::Commit { position } => {
                    self.written(position)?;
                    self.tell(Input::Committed);
                }
                Action::Checkpoint { position } => self.written(position)?,
                Action::Drain => {
                    if let Some(next_seq) = self.open.take() {
                        self.tell(Input::Acknowledged { next_seq: StreamSeq(next_seq) });
                    }
                    self.tell(Input::Drained);
                }
                Action::Note(Note::Flaw(Flaw::Gap { from, to })) => {
                    prop_assert!(from < to && to < StreamSeq(SEQ_END), "{from} {to}");
                    self.missing.push((from.get(), to.get()));
                }
                Action::Finish(finish) => self.finish = Some(finish),
                Action::Connect { .. }
                | Action::Disconnect
                | Action::Begin
                | Action::DropProducer
                | Action::Note(_) => {}
            }
        }
        Ok(())
    }

    /// Checks the invariant.
    fn written(&mut self, position: Position) -> Result<(), TestCaseError> {
        prop_assert!(position.next_seq <= StreamSeq(SEQ_END), "{:?}", position);
        let before = self.position.as_ref().filter(|before| before.identity == position.identity);
        prop_assert!(before.is_none_or(|before| before.next_seq <= position.next_seq), "{:?}", position);
        if self.guarantee == Guarantee::ExactlyOnce {
            let missing: u64 = self.missing.iter().map(|(from, to)| to - from).sum();
            let twice = self.missing.iter().any(|(from, to)| self.seen.range(from..to).next().is_some());
            let behind = self.seen.range(position.next_seq.get()..).next();
            prop_assert!(!twice && behind.is_none(), "{:?} {:?}", self.seen, self.missing);
            prop_assert_eq!(self.seen.len() as u64 + missing, position.next_seq.get());
        }
        self.position = Some(position);
        Ok(())
    }

    fn step(&mut self, action: Move) -> Result<(), TestCaseError> {
        let connection = self.delivery.connection();
        match action {
            Move::Greet(handshake) => self.tell(Input::Connected { connection, handshake }),
            Move::Message { valid } if self.delivery.is_reading() => {
                let now = self.now;
                self.delivery.prepare(|| now);
                self.act()?;
                if self.delivery.is_reading()
                    && let Admission::Produce { seq } = self.delivery.message(None, valid)
                {
                    let is_new = self.seen.insert(seq.get());
                    prop_assert!(is_new || self.guarantee == Guarantee::AtLeastOnce, "{seq} comes twice");
                    self.open = Some(seq.get() + 1);
                }
            }
            Move::Message { .. } => {}
            Move::Jump(seq) if self.delivery.is_reading() => {
                self.tell(Input::Jumped { connection, seq: StreamSeq(seq) })
            }
            Move::Sent(seq) if self.delivery.is_reading() => {
                self.tell(Input::Sent { connection, seq: StreamSeq(seq) })
            }
            Move::End(seq) if self.delivery.is_reading() => {
                self.tell(Input::Ended { connection, seq: StreamSeq(seq) })
            }
            Move::Jump(_) | Move::Sent(_) | Move::End(_) => {}
            Move::Close(reason) => {
                self.tell(Input::Disconnected { connection, reason, cause: String::new() });
            }
            Move::Wait => {
                if let Some(due) = self.delivery.poll_timeout() {
                    self.now = self.now.max(due);
                    self.tell(Input::Timeout);
                }
            }
        }
        self.act()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_hostile_feed_moves_no_position_where_it_should_not_be(
        guarantee in prop_oneof![Just(Guarantee::ExactlyOnce), Just(Guarantee::AtLeastOnce)],
        moves in proptest::collection::vec(action(), 0..60),
    ) {
        let mut stage = Stage::new(guarantee);
        stage.act()?;
        for action in moves {
            if stage.finish.is_some() {
                break;
            }
            stage.step(action)?;
        }
    }
}
