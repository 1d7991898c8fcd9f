//! The entry point of the fuzz target `delivery`, and of the tests that run its corpus (fuzz/README.md). Not a stable
//! API.
//!
//! The feed is any peer: the bytes decide its handshakes, jumps and ends. The driver follows the rules of
//! [`Delivery`], and the bytes decide whether its requests to Kafka succeed or fail.

use std::{collections::BTreeMap, time::Duration};

use tradesim_schemas::{StreamSeq, Timestamp};

use tradesim_protocol::SEQ_END;

use crate::{
    Action, Admission, Backoff, Delivery, DisconnectReason, Finish, Guarantee, HandshakeInfo, Identity,
    Input, Now, Options, Position,
};

/// The longest time between two inputs.
const STEP_MAX: Duration = Duration::from_secs(5);

/// Runs a delivery whose environment the bytes decide.
///
/// # Panics
/// If an invariant is violated: a committed position goes back, a message is committed twice, out of order or after
/// the position, or a number is counted that no message had.
pub fn delivery(bytes: &[u8]) {
    let mut world = World::new(bytes);
    while !world.is_over && !world.bytes.is_empty() {
        world.act();
        world.step();
    }
    world.act();
    world.check_counts();
}

struct World<'a> {
    bytes: &'a [u8],
    delivery: Delivery,
    exactly_once: bool,
    now: Duration,
    connection: u64,
    /// The messages that were handed over and are neither committed nor given up.
    open: Vec<StreamSeq>,
    /// The messages that readers of committed records see.
    committed: BTreeMap<Identity, Vec<StreamSeq>>,
    positions: BTreeMap<Identity, Position>,
    messages: u64,
    is_over: bool,
}

impl<'a> World<'a> {
    fn new(mut bytes: &'a [u8]) -> World<'a> {
        let first = take(&mut bytes);
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let exactly_once = first & 1 == 0;
        let options = Options {
            guarantee: if exactly_once { Guarantee::ExactlyOnce } else { Guarantee::AtLeastOnce },
            until_end: first & 2 != 0,
            run: (first & 4 != 0).then(|| "r0".to_owned()),
            bridge: "b".to_owned(),
            batch_events: u64::from(first >> 3) % 5 + 1,
            batch_time: Duration::from_millis(100),
            feed_tries: 20,
            feed_backoff: backoff,
            kafka_tries: (first & 128 != 0).then_some(5),
            kafka_backoff: backoff,
            refusals_max: u32::from(first >> 6) % 3,
        };
        World {
            bytes,
            delivery: Delivery::new(options),
            exactly_once,
            now: Duration::ZERO,
            connection: 0,
            open: Vec::new(),
            committed: BTreeMap::new(),
            positions: BTreeMap::new(),
            messages: 0,
            is_over: false,
        }
    }

    fn byte(&mut self) -> u8 {
        take(&mut self.bytes)
    }

    /// Returns a number that a feed sends: mostly one close to the message that is due.
    fn number(&mut self) -> u64 {
        let near = self.delivery.next_seq();
        match self.byte() {
            byte @ 0..200 => (near.get() + u64::from(byte % 16)).saturating_sub(4),
            200..220 => 0,
            220..230 => SEQ_END.wrapping_sub(u64::from(self.byte() % 4)),
            _ => {
                let bytes: [u8; 8] = std::array::from_fn(|_| self.byte());
                u64::from_le_bytes(bytes)
            }
        }
    }

    fn tell(&mut self, input: Input) {
        let random = f64::from(self.byte()) / 255.0;
        self.delivery.handle(input, Now { at: self.now, random });
        assert!(self.exactly_once || self.delivery.next_seq() >= self.delivery.delivered_seq());
    }

    /// Runs the next step that the bytes decide.
    fn step(&mut self) {
        let connection = self.connection.wrapping_sub(u64::from(self.byte() > 240));
        match self.byte() {
            0..110 => self.message(),
            110..150 => {
                let handshake = self.handshake();
                self.tell(Input::Connected { connection, handshake });
            }
            150..165 => {
                let seq = self.number();
                self.tell(Input::Jumped { connection, seq: StreamSeq(seq) });
            }
            165..180 => {
                let seq = self.number();
                self.tell(Input::Sent { connection, seq: StreamSeq(seq) });
            }
            180..190 => {
                let seq = self.number();
                self.tell(Input::Ended { connection, seq: StreamSeq(seq) });
            }
            190..205 => {
                let reason = match self.byte() {
                    0..20 => DisconnectReason::Refused,
                    20..60 => DisconnectReason::Delivered,
                    60..70 => DisconnectReason::Broken,
                    _ => DisconnectReason::Lost,
                };
                self.tell(Input::Disconnected { connection, reason, cause: "it ended".to_owned() });
            }
            205..235 => {
                let wait = self.byte();
                let due = self.delivery.poll_timeout().unwrap_or(self.now);
                self.now = due.max(self.now) + STEP_MAX * u32::from(wait) / 255;
                self.tell(Input::Timeout);
            }
            235..245 if self.delivery.is_sink_ready() => {
                let count = usize::from(self.byte()) % 4;
                self.fail(self.open.iter().copied().take(count).collect());
            }
            245..250 if !self.exactly_once && self.delivery.is_sink_ready() => self.acknowledge(),
            250.. => self.tell(Input::Stop),
            _ => {}
        }
    }

    fn handshake(&mut self) -> HandshakeInfo {
        let bits = self.byte();
        let start_seq = (bits & 3 != 0).then(|| self.number());
        HandshakeInfo {
            stream: (bits & 12 != 0).then(|| format!("s{}", u8::from(bits & 12 == 12))),
            run: (bits & 48 != 0).then(|| format!("r{}", u8::from(bits & 48 == 48))),
            start_seq: start_seq.map(StreamSeq),
        }
    }

    fn message(&mut self) {
        if !self.delivery.is_reading() {
            return;
        }
        let now = self.now;
        self.delivery.prepare(|| now);
        self.act();
        if self.is_over || !self.delivery.is_reading() {
            return;
        }
        let bits = self.byte();
        let emitted = (bits & 1 != 0).then(|| i64::from(self.byte())).and_then(Timestamp::from_micros);
        let admission = self.delivery.message(emitted, bits & 2 != 0);
        match admission {
            Admission::Skip => {}
            Admission::Produce { seq }
            | Admission::ProduceAlone { seq }
            | Admission::DeadLetter { seq, .. } => {
                self.messages += 1;
                self.open.push(seq);
                let is_record = !matches!(admission, Admission::DeadLetter { .. });
                if bits & 4 != 0 && bits & 2 != 0 && is_record {
                    // the producer itself refuses the record
                    self.delivery.dead_lettered();
                }
            }
        }
    }

    fn acknowledge(&mut self) {
        let delivered = self.delivery.delivered_seq();
        let span = self.delivery.next_seq() - delivered;
        let next_seq = delivered + span.min(u64::from(self.byte()));
        self.open.retain(|seq| *seq >= next_seq);
        self.tell(Input::Acknowledged { next_seq });
    }

    fn fail(&mut self, refused: Vec<StreamSeq>) {
        let is_fatal = self.byte() > 250;
        if self.exactly_once {
            self.open.clear();
        }
        self.tell(Input::Failed { cause: "it failed".to_owned(), refused, is_fatal });
    }

    /// Carries out the requested actions.
    fn act(&mut self) {
        while let Some(action) = self.delivery.poll_action() {
            match action {
                Action::Connect { connection, .. } => self.connection = connection,
                Action::Initialise { .. } => self.answer(Input::Initialised),
                Action::ReadPosition { identity } => {
                    let position = self.positions.get(&identity).cloned();
                    self.answer(Input::PositionRead(position));
                }
                Action::Commit { position } => self.commit(position),
                Action::Checkpoint { position } => self.write(position),
                Action::Drain => {
                    self.open.clear();
                    let next_seq = self.delivery.next_seq();
                    self.tell(Input::Acknowledged { next_seq });
                    self.answer(Input::Drained);
                }
                Action::DropProducer if self.exactly_once => self.open.clear(),
                Action::Finish(finish) => {
                    self.is_over = true;
                    assert!(self.exactly_once || finish != Finish::CannotResume);
                }
                Action::Begin => assert!(self.open.is_empty(), "a transaction begins within another"),
                Action::Disconnect | Action::DropProducer | Action::Note(_) => {}
            }
        }
    }

    /// Reports the success of an action, or a failure.
    fn answer(&mut self, success: Input) {
        if self.byte() > 230 { self.fail(Vec::new()) } else { self.tell(success) }
    }

    fn commit(&mut self, position: Position) {
        let fate = self.byte();
        if fate <= 240 {
            let committed = self.committed.entry(position.identity.clone()).or_default();
            for seq in std::mem::take(&mut self.open) {
                assert!(committed.last().is_none_or(|last| *last < seq), "{seq} behind {committed:?}");
                assert!(seq < position.next_seq, "{seq} is committed at position {}", position.next_seq);
                committed.push(seq);
            }
            self.write(position);
        }
        // the answer to a successful commit may be lost
        if (221..).contains(&fate) { self.fail(Vec::new()) } else { self.tell(Input::Committed) }
    }

    fn write(&mut self, position: Position) {
        assert!(position.next_seq <= StreamSeq(SEQ_END));
        let before = self.positions.insert(position.identity.clone(), position.clone());
        assert!(
            before.is_none_or(|before| before.next_seq <= position.next_seq),
            "a position goes back to {position:?}"
        );
    }

    fn check_counts(&self) {
        let counts = self.delivery.counts();
        assert!(counts.received <= self.messages);
        assert_eq!(counts.received, counts.produced + counts.dead_lettered);
    }
}

fn take(bytes: &mut &[u8]) -> u8 {
    let Some((first, rest)) = bytes.split_first() else { return 0 };
    *bytes = rest;
    *first
}
