//! The producer's side: a producer, its transactions, and the position.

use tradesim_schemas::StreamSeq;

use super::{Action, Delivery, Feed, Finish, Note, Now, Open, SUSPECTS_MAX, Sink};
use crate::Position;

impl Delivery {
    pub(super) fn start_sink(&mut self) {
        match &self.identity {
            Some(identity) if self.owner && self.exactly_once() => {
                self.sink = Sink::Checking;
                self.actions.push_back(Action::ReadPosition { identity: identity.clone() });
            }
            identity => {
                self.sink = Sink::Initialising;
                self.actions.push_back(Action::Initialise { identity: identity.clone() });
            }
        }
    }

    pub(super) fn initialised(&mut self, now: Now) {
        match &self.identity {
            // what was received stays in this process, whatever the producer did
            Some(identity) if self.exactly_once() || !self.owner => {
                self.sink = Sink::Reading;
                self.actions.push_back(Action::ReadPosition { identity: identity.clone() });
            }
            _ => self.sink_ready(now),
        }
    }

    pub(super) fn position_read(&mut self, position: Option<Position>, now: Now) {
        let other = position.as_ref().filter(|position| self.owner && position.bridge != self.options.bridge);
        if let Some(position) = other
            && self.exactly_once()
        {
            return self.finish_with(Finish::TakenOver { bridge: position.bridge.clone() });
        }
        if self.sink == Sink::Checking {
            self.sink = Sink::Initialising;
            return self.actions.push_back(Action::Initialise { identity: self.identity.clone() });
        }
        self.next = position.map_or(StreamSeq(0), |position| position.next_seq);
        self.delivered = self.next;
        self.written = self.next;
        self.suspects = self.suspects.split_off(&self.next);
        if self.exactly_once() && !self.owner {
            self.open = Some(Open { since: now.at, ..Open::default() });
            self.actions.push_back(Action::Begin);
            self.commit_as(true);
        } else {
            self.owner = true;
            self.sink_ready(now);
        }
    }

    fn sink_ready(&mut self, now: Now) {
        self.sink = Sink::Ready;
        self.write_at = now.at + self.options.batch_time;
        if !self.exactly_once() {
            self.options.kafka_backoff.reset();
        }
        match self.finish.take() {
            Some(finish) => self.end(finish),
            None if self.successor.is_some() => self.drain(),
            None => self.align(now),
        }
    }

    pub(super) fn commit(&mut self) {
        self.commit_as(false);
    }

    fn commit_as(&mut self, claim: bool) {
        self.sink = Sink::Committing { claim };
        let position = self.position(self.next);
        self.actions.push_back(Action::Commit { position });
    }

    fn position(&self, next_seq: StreamSeq) -> Position {
        let identity = self.identity.clone().expect("positions belong to a run");
        Position { identity, next_seq, bridge: self.options.bridge.clone() }
    }

    pub(super) fn committed(&mut self, now: Now) {
        let Sink::Committing { claim } = self.sink else { return };
        let open = self.open.take().unwrap_or_default();
        self.owner = true;
        self.counts.transactions += 1;
        self.counts.received += open.events;
        self.counts.produced += open.produced;
        self.counts.dead_lettered += open.dead_lettered;
        self.delivered = self.next;
        self.written = self.next;
        if !self.suspects.is_empty() {
            self.suspects = self.suspects.split_off(&self.next);
        }
        self.options.kafka_backoff.reset();
        if claim {
            return self.sink_ready(now);
        }
        self.sink = Sink::Ready;
        match self.finish.take() {
            Some(finish) => self.finish_with(finish),
            None if self.feed == Feed::Idle => self.connect(),
            None => {}
        }
    }

    pub(super) fn failed(&mut self, cause: String, refused: &[StreamSeq], is_fatal: bool, now: Now) {
        self.counts.restarts += 1;
        for seq in refused {
            if self.suspects.len() < SUSPECTS_MAX {
                *self.suspects.entry(*seq).or_default() += 1;
            }
        }
        // all actions for the producer are void
        self.actions.retain(|action| {
            !matches!(
                action,
                Action::Begin | Action::Commit { .. } | Action::Checkpoint { .. } | Action::Drain
            )
        });
        self.actions.push_back(Action::DropProducer);
        self.open = None;
        if self.exactly_once() {
            self.disconnect();
        }
        if is_fatal {
            return self.finish_with(Finish::KafkaFailed { cause });
        }
        match self.finish.take() {
            Some(Finish::Complete) if self.exactly_once() => {}
            Some(Finish::Complete) => self.finish = Some(Finish::Complete),
            Some(finish) => return self.finish_with(finish),
            None => {}
        }
        let tries = self.options.kafka_backoff.tries();
        if self.options.kafka_tries.is_some_and(|max| tries >= max) {
            return self.finish_with(Finish::KafkaFailed { cause });
        }
        let after = self.options.kafka_backoff.pause(now.random);
        self.sink = Sink::Waiting { until: now.at + after };
        self.actions.push_back(Action::Note(Note::Restarting { after, tries: tries + 1, cause }));
    }

    pub(super) fn drained(&mut self) {
        if self.sink != Sink::Draining {
            return;
        }
        if self.identity.is_some() && self.delivered > self.written {
            self.checkpoint();
        }
        match self.finish.take() {
            Some(finish) => self.finish_with(finish),
            None => {
                if let Some(identity) = self.successor.take() {
                    self.change_to(identity);
                }
                self.start_sink();
            }
        }
    }

    pub(super) fn checkpoint(&mut self) {
        self.written = self.delivered;
        let position = self.position(self.delivered);
        self.actions.push_back(Action::Checkpoint { position });
    }
}
