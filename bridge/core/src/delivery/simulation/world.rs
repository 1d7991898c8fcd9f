//! Bridges, a feed and a broker, and a seed that decides what happens to them.

use std::{collections::BTreeSet, time::Duration};

use tradesim_schemas::StreamSeq;

use super::broker::{Broker, Record};
use crate::{
    Action, Admission, Backoff, Delivery, DisconnectReason, Finish, Guarantee, HandshakeInfo, Identity,
    Input, Now, Options, Position,
};

/// A bug that is planted on purpose, to verify that the checks find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    None,
    /// The position is written as soon as it is known.
    PositionOutside,
    /// Producers of older epochs continue to write.
    NoFencing,
    /// A failed commit is taken for one that did not happen, and the producer continues.
    GoesOn,
}

/// The faults of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    kills: u64,
    zombies: u64,
    taken_over: u64,
    disconnects: u64,
    failed_reports: u64,
    failed_calls: u64,
    lost_commits: u64,
    lost_acknowledgements: u64,
    late_commits: u64,
    refusals: u64,
    dead_lettered: u64,
}

impl Faults {
    fn all(&mut self) -> [&mut u64; 11] {
        [
            &mut self.kills,
            &mut self.zombies,
            &mut self.taken_over,
            &mut self.disconnects,
            &mut self.failed_reports,
            &mut self.failed_calls,
            &mut self.lost_commits,
            &mut self.lost_acknowledgements,
            &mut self.late_commits,
            &mut self.refusals,
            &mut self.dead_lettered,
        ]
    }

    pub(super) fn add(&mut self, other: &Faults) {
        let mut other = other.clone();
        for (count, more) in self.all().into_iter().zip(other.all()) {
            *count += *more;
        }
    }

    pub(super) fn assert_every_kind_happened(&mut self) {
        assert!(self.all().iter().all(|count| **count > 0), "{self:?}");
    }
}

/// Random numbers (splitmix64, Steele and others, 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.roll() % count
    }

    fn fraction(&mut self) -> f64 {
        self.below(1_000) as f64 / 1_000.0
    }
}

/// The number of steps after which nothing fails any more, so that a run ends.
const STORMY_STEPS: u64 = 600;
/// The number of steps after which a run that has not ended is an error.
const STEPS_MAX: u64 = 30_000;
/// The number of keys, each with an order to preserve.
const KEYS: u64 = 3;

/// A bridge with its driver.
struct Bridge {
    name: String,
    delivery: Delivery,
    now: Duration,
    epoch: Option<u64>,
    /// Records that were handed over and may not have been written yet.
    queue: Vec<Record>,
    connection: Option<Connection>,
    /// A report of a failure, which the driver receives with the next step.
    failure: Option<(String, Vec<u64>)>,
}

struct Connection {
    number: u64,
    next: u64,
    greeted: bool,
}

pub(super) struct World {
    dice: Dice,
    control: Control,
    loud: bool,
    broker: Broker,
    /// Messages of the feed.
    messages: u64,
    /// The messages that are invalid.
    invalid: BTreeSet<u64>,
    /// The messages that the broker refuses.
    refused: BTreeSet<u64>,
    refusals_max: u32,
    bridges: Vec<Bridge>,
    names: u64,
    steps: u64,
    /// One in so many chances fails.
    severity: u64,
    faults: Faults,
}

impl World {
    pub(super) fn new(seed: u64, control: Control, loud: bool) -> World {
        let mut dice = Dice(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let messages = 5 + dice.below(40);
        let mut some =
            |one_in: u64| -> BTreeSet<u64> { (0..messages).filter(|_| dice.below(one_in) == 0).collect() };
        let (invalid, refused) = (some(10), some(60));
        let severity = 6 + dice.below(60);
        let refusals_max = dice.below(3) as u32;
        let mut world = World {
            refusals_max,
            dice,
            control,
            loud,
            broker: Broker::new(control != Control::NoFencing),
            messages,
            invalid,
            refused,
            bridges: Vec::new(),
            names: 0,
            steps: 0,
            severity,
            faults: Faults::default(),
        };
        world.start_bridge();
        world
    }

    fn start_bridge(&mut self) {
        self.names += 1;
        let name = format!("bridge {}", self.names);
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let delivery = Delivery::new(Options {
            guarantee: Guarantee::ExactlyOnce,
            until_end: true,
            run: None,
            bridge: name.clone(),
            batch_events: 1 + self.dice.below(12),
            batch_time: Duration::from_millis(100),
            feed_tries: u32::MAX,
            feed_backoff: backoff,
            kafka_tries: None,
            kafka_backoff: backoff,
            refusals_max: self.refusals_max,
        });
        self.bridges.push(Bridge {
            name,
            delivery,
            now: Duration::ZERO,
            epoch: None,
            queue: Vec::new(),
            connection: None,
            failure: None,
        });
    }

    /// Runs until a bridge has finished. Returns what is wrong, if anything is.
    pub(super) fn run(mut self) -> Result<Faults, String> {
        loop {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                return Err(format!("no end after {STEPS_MAX} steps"));
            }
            self.fate();
            let chosen = self.dice.below(self.bridges.len() as u64) as usize;
            match self.step(chosen) {
                None => {}
                Some(Finish::Complete) => {
                    // other bridges may do anything
                    self.let_others_finish();
                    self.check()?;
                    return self.check_whole().map(|()| self.faults);
                }
                Some(Finish::TakenOver { .. }) => {
                    self.faults.taken_over += 1;
                    self.bridges.remove(chosen);
                    if self.bridges.is_empty() {
                        return Err("every bridge reports that another has taken over".to_owned());
                    }
                }
                Some(other) => return Err(format!("a bridge ended with {other:?}")),
            }
            self.check()?;
        }
    }

    fn let_others_finish(&mut self) {
        self.steps = STEPS_MAX;
        for index in 0..self.bridges.len() {
            for _ in 0..500 {
                if self.step(index).is_some() {
                    break;
                }
            }
        }
    }

    fn is_stormy(&self) -> bool {
        self.steps < STORMY_STEPS
    }

    /// Returns true if something fails here.
    fn strikes(&mut self) -> bool {
        self.is_stormy() && self.dice.below(self.severity) == 0
    }

    /// Decides faults of whole processes and of requests in flight.
    fn fate(&mut self) {
        if self.is_stormy() && self.dice.below(self.severity * 6) == 0 {
            let chosen = self.dice.below(self.bridges.len() as u64) as usize;
            if self.dice.below(2) == 0 {
                self.faults.kills += 1;
                self.say(|world| format!("{} is killed", world.bridges[chosen].name));
                self.abandon_queue(chosen);
                self.bridges.remove(chosen);
            } else {
                self.faults.zombies += 1;
            }
            if self.bridges.len() < 3 {
                self.start_bridge();
                self.say(|world| format!("{} is started", world.bridges.last().expect("it is").name));
            }
        }
        if self.dice.below(20) == 0 {
            let pick = self.dice.below(8) as usize;
            if self.broker.arrive(pick) {
                self.say(|_| "a late commit arrives".to_owned());
            }
        }
    }

    fn say(&self, text: impl FnOnce(&World) -> String) {
        if self.loud {
            println!("{:5} {}", self.steps, text(self));
        }
    }

    /// Runs one step of a bridge: an action, a message, or some time.
    fn step(&mut self, index: usize) -> Option<Finish> {
        let bridge = &mut self.bridges[index];
        if let Some((cause, refused)) = bridge.failure.take() {
            self.tell(
                index,
                Input::Failed {
                    cause,
                    refused: refused.into_iter().map(StreamSeq).collect(),
                    is_fatal: false,
                },
            );
            return None;
        }
        if let Some(action) = self.bridges[index].delivery.poll_action() {
            self.say(|world| format!("{}: {action:?}", world.bridges[index].name));
            return self.act(index, action);
        }
        let bridge = &self.bridges[index];
        let due = bridge.delivery.poll_timeout();
        let is_waiting = !bridge.delivery.wants_events() || bridge.connection.is_none();
        if let Some(due) = due
            && (is_waiting || self.dice.below(8) == 0)
        {
            self.bridges[index].now = due.max(self.bridges[index].now);
            self.tell(index, Input::Timeout);
        } else if self.bridges[index].delivery.wants_events() {
            self.feed(index);
        }
        None
    }

    fn tell(&mut self, index: usize, input: Input) {
        self.say(|world| format!("{} receives {input:?}", world.bridges[index].name));
        let random = self.dice.fraction();
        let bridge = &mut self.bridges[index];
        bridge.delivery.handle(input, Now { at: bridge.now, random });
    }

    /// Handles the next event of the feed.
    fn feed(&mut self, index: usize) {
        let strikes = self.strikes();
        let messages = self.messages;
        let bridge = &mut self.bridges[index];
        let Some(connection) = &mut bridge.connection else { return };
        let number = connection.number;
        if strikes {
            self.faults.disconnects += 1;
            self.bridges[index].connection = None;
            let cause = "the feed was lost".to_owned();
            return self.tell(
                index,
                Input::Disconnected { connection: number, reason: DisconnectReason::Lost, cause },
            );
        }
        if !connection.greeted {
            connection.greeted = true;
            let handshake = HandshakeInfo {
                stream: Some("s".to_owned()),
                run: Some("r".to_owned()),
                start_seq: Some(StreamSeq(connection.next)),
            };
            return self.tell(index, Input::Connected { connection: number, handshake });
        }
        if connection.next == messages {
            return self.tell(index, Input::Ended { connection: number, seq: StreamSeq(messages) });
        }
        let now = bridge.now;
        bridge.delivery.prepare(|| now);
        if !bridge.delivery.has_actions() {
            let seq = connection.next;
            connection.next += 1;
            self.message(index, seq);
        }
    }

    fn message(&mut self, index: usize, seq: u64) {
        let valid = !self.invalid.contains(&seq);
        let admission = self.bridges[index].delivery.message(None, valid);
        self.say(|world| format!("{}: message {seq}: {admission:?}", world.bridges[index].name));
        let record = if valid { Record::Data(seq) } else { Record::Dead(seq) };
        let sent = match admission {
            Admission::Skip => return,
            Admission::Produce { seq: sent } => {
                self.bridges[index].queue.push(record);
                if self.strikes() {
                    self.faults.failed_reports += 1;
                    self.bridges[index].failure = Some(("a report failed".to_owned(), Vec::new()));
                }
                sent
            }
            Admission::ProduceAlone { seq: sent } => {
                self.flush(index);
                self.bridges[index].queue.push(record);
                self.flush(index);
                sent
            }
            Admission::DeadLetter { seq: sent, .. } => {
                self.faults.dead_lettered += 1;
                self.bridges[index].queue.push(Record::Dead(seq));
                self.flush(index);
                sent
            }
        };
        assert_eq!(sent, StreamSeq(seq), "a bridge has the numbers of its feed");
        if self.dice.below(3) == 0 {
            self.flush(index);
        }
    }

    /// Delivers everything that was handed over, or lets it fail.
    fn flush(&mut self, index: usize) {
        let Some(epoch) = self.bridges[index].epoch else { return };
        let queue = std::mem::take(&mut self.bridges[index].queue);
        let poison = |record: &Record| matches!(record, Record::Data(seq) if self.refused.contains(seq));
        if queue.iter().any(poison) {
            self.faults.refusals += 1;
            // the batch is refused as a whole
            let batch = queue.iter().filter_map(|record| match record {
                Record::Data(seq) | Record::Dead(seq) => Some(*seq),
                Record::Position(_) => None,
            });
            self.bridges[index].failure = Some(("refused".to_owned(), batch.collect()));
            return;
        }
        for record in queue {
            if self.broker.produce(epoch, record).is_err() {
                self.bridges[index].failure = Some(("fenced".to_owned(), Vec::new()));
                return;
            }
        }
    }

    /// Drops a producer: a part of what it holds may arrive.
    fn abandon_queue(&mut self, index: usize) {
        let Some(epoch) = self.bridges[index].epoch.take() else { return };
        let queue = std::mem::take(&mut self.bridges[index].queue);
        let sent = self.dice.below(queue.len() as u64 + 1) as usize;
        for record in queue.into_iter().take(sent) {
            let _ = self.broker.produce(epoch, record);
        }
    }

    fn act(&mut self, index: usize, action: Action) -> Option<Finish> {
        match action {
            Action::Connect { connection, from_seq } => {
                let next = from_seq.map_or(0, StreamSeq::get);
                self.bridges[index].connection =
                    Some(Connection { number: connection, next, greeted: false });
            }
            Action::Disconnect => self.bridges[index].connection = None,
            Action::Initialise { .. } => self.initialise(index),
            Action::ReadPosition { .. } => {
                if self.strikes() {
                    return self.fail(index, "the position cannot be read");
                }
                let position = self.broker.position();
                self.tell(index, Input::PositionRead(position));
            }
            Action::Begin => {
                if self.strikes() {
                    self.fail(index, "cannot begin a transaction");
                }
            }
            Action::Commit { position } => self.commit(index, position),
            Action::DropProducer => self.abandon_queue(index),
            Action::Note(_) => {}
            Action::Finish(finish) => return Some(finish),
            Action::Checkpoint { .. } | Action::Drain => panic!("only for at least once: {action:?}"),
        }
        None
    }

    fn fail(&mut self, index: usize, cause: &str) -> Option<Finish> {
        self.faults.failed_calls += 1;
        self.tell(index, Input::Failed { cause: cause.to_owned(), refused: Vec::new(), is_fatal: false });
        None
    }

    fn initialise(&mut self, index: usize) {
        let strikes = self.strikes();
        if strikes && self.dice.below(2) == 0 {
            self.fail(index, "no producer");
            return;
        }
        let epoch = self.broker.initialise();
        if strikes {
            self.fail(index, "no answer to the producer's request");
            return;
        }
        self.bridges[index].epoch = Some(epoch);
        self.tell(index, Input::Initialised);
    }

    fn commit(&mut self, index: usize, position: Position) {
        if self.control == Control::PositionOutside {
            self.broker.produce_at_once(Record::Position(position));
        } else {
            self.bridges[index].queue.push(Record::Position(position));
        }
        self.flush(index);
        if let Some((cause, refused)) = self.bridges[index].failure.take() {
            return self.tell(
                index,
                Input::Failed {
                    cause,
                    refused: refused.into_iter().map(StreamSeq).collect(),
                    is_fatal: false,
                },
            );
        }
        let epoch = self.bridges[index].epoch.expect("there is a producer");
        let fault = if self.strikes() { 1 + self.dice.below(3) } else { 0 };
        let committed = match fault {
            0 => self.broker.commit(epoch).is_ok(),
            1 => {
                self.faults.lost_commits += 1;
                false
            }
            2 => {
                self.faults.lost_acknowledgements += 1;
                let _ = self.broker.commit(epoch);
                false
            }
            _ => {
                self.faults.late_commits += 1;
                self.broker.commit_later(epoch);
                false
            }
        };
        if committed || self.control == Control::GoesOn {
            self.tell(index, Input::Committed);
        } else {
            let cause = "the commit failed".to_owned();
            self.tell(index, Input::Failed { cause, refused: Vec::new(), is_fatal: false });
        }
    }

    /// Checks the invariant: committed readers see exactly the messages before the position, each once, in order for
    /// each key.
    fn check(&self) -> Result<(), String> {
        let position = self.broker.position().map_or(0, |position| position.next_seq.get());
        let seen = self.broker.messages();
        let mut numbers: Vec<u64> = seen.iter().map(|(seq, _)| *seq).collect();
        for key in 0..KEYS {
            let of_key = numbers.iter().filter(|seq| *seq % KEYS == key);
            if !of_key.is_sorted() {
                return Err(format!("out of order: {numbers:?}"));
            }
        }
        numbers.sort_unstable();
        if !numbers.iter().copied().eq(0..position) {
            return Err(format!("the position is {position}, but readers see {numbers:?}"));
        }
        for (seq, dead) in seen {
            let expected = self.invalid.contains(&seq) || self.refused.contains(&seq);
            if dead && !expected && !self.may_dead_letter_others() || !dead && expected {
                return Err(format!("message {seq} is a dead letter: {dead}"));
            }
        }
        Ok(())
    }

    /// Returns true if records cannot be retried, so that a record is given up together with a refused one in its
    /// batch.
    fn may_dead_letter_others(&self) -> bool {
        self.refusals_max == 0
    }

    fn check_whole(&self) -> Result<(), String> {
        let position = self.broker.position();
        let expected = Identity { stream: "s".to_owned(), run: "r".to_owned() };
        match position {
            Some(position)
                if position.next_seq == StreamSeq(self.messages) && position.identity == expected =>
            {
                Ok(())
            }
            other => Err(format!("{} messages, but the final position is {other:?}", self.messages)),
        }
    }
}
