//! The handover of messages to the producer, one batch after the other, as the state machine admits them.

use tradesim_bridge_core::{Admission, DeadLetter, Topic, Verdict};
use tradesim_schemas::{EventType, StreamSeq, Timestamp};

use super::{Context, Driver};
use crate::{
    batch::{Batch, Entry, MessageState, Record},
    kafka::{KafkaFailure, Outgoing, Producer, RecordHeaders, SendError},
};

/// The number of messages between two checks of the clock and of reports.
const MESSAGES_BETWEEN_LOOKS: usize = 64;

/// A batch whose messages are handed over.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) batch: Batch,
    /// The index of the next message.
    next: usize,
    /// The decision about it, while there is no room.
    admitted: Option<Admission>,
}

impl Work {
    fn new(batch: Batch) -> Work {
        Work { batch, next: 0, admitted: None }
    }

    /// Returns true if a message was taken and not handed over.
    pub(super) fn holds_record(&self) -> bool {
        self.admitted.is_some()
    }

    /// Forgets the decision about the message: its producer is gone, and it will be handed over again.
    pub(super) fn drop_record(&mut self) {
        self.admitted = None;
    }
}

/// The result of handing over a message.
enum Step {
    /// It was handed over, or skipped.
    Done,
    /// There is no room.
    Full,
    /// The state machine has an action to carry out first, or takes no messages.
    Wait,
    /// The producer failed; the state machine was informed.
    Failed,
}

/// The numbers of a record: of its message, and for its report.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    pub(super) seq: StreamSeq,
    pub(super) record: u64,
}

/// The sink of records.
pub(super) struct RecordSink<'a> {
    producer: &'a Producer,
    context: &'a Context<'a>,
    run: &'a str,
}

impl RecordSink<'_> {
    #[inline]
    pub(super) fn send(&self, entry: Entry<'_>, numbers: Numbers) -> Result<(), SendError> {
        match entry {
            Entry::Record(record) => self.send_record(&record, numbers),
            Entry::Invalid { refusal, .. } => self.dead_letter(entry, numbers, &Verdict::of_refusal(refusal)),
        }
    }

    #[inline]
    fn headers(&self, numbers: Numbers, emitted: Option<Timestamp>) -> RecordHeaders<'_> {
        RecordHeaders { run: self.run, seq: numbers.seq, emitted, retry: 0 }
    }

    #[inline]
    fn send_record(&self, record: &Record<'_>, numbers: Numbers) -> Result<(), SendError> {
        self.producer.send(Outgoing {
            topic: Topic::Data(record.event_type),
            key: Some(record.key),
            value: record.value,
            headers: Some(self.headers(numbers, Some(record.emitted))),
            number: numbers.record,
        })
    }

    /// Sends a message to the dead-letter topic. If the topic does not accept it as a whole, its beginning is sent.
    #[cold]
    pub(super) fn dead_letter(
        &self,
        entry: Entry<'_>,
        numbers: Numbers,
        verdict: &Verdict,
    ) -> Result<(), SendError> {
        let (frame, whole, event_type, key) = match entry {
            Entry::Record(record) => {
                let key = String::from_utf8_lossy(record.key).into_owned();
                (record.frame, None, Some(record.event_type), Some(key))
            }
            Entry::Invalid { frame, refusal, whole } => {
                (frame, whole, refusal.event_type, DeadLetter::key_of(frame))
            }
        };
        let topics = &self.context.options.topics;
        let topic = event_type.map(|event_type: EventType| topics.name(Topic::Data(event_type)));
        let failed_at = self.context.clock.timestamp();
        let letter = DeadLetter { original: frame, whole, topic, key: key.as_deref(), failed_at };
        let send = |value: &[u8]| {
            self.producer.send(Outgoing {
                topic: Topic::DeadLetters,
                key: key.as_deref().map(str::as_bytes),
                value,
                headers: Some(self.headers(numbers, entry.emitted())),
                number: numbers.record,
            })
        };
        let is_refused_already = verdict.reason == Verdict::REFUSED && matches!(entry, Entry::Invalid { .. });
        let result = if is_refused_already {
            Err(SendError::Refused(String::new()))
        } else {
            send(&letter.to_json(verdict))
        };
        let result = match result {
            Err(SendError::Refused(_)) => send(&letter.to_json_brief(verdict)),
            result => result,
        };
        if result.is_ok() {
            self.context.metrics.dead_lettered(event_type);
        }
        result
    }
}

impl<R: FnMut() -> f64> Driver<'_, R> {
    /// Begins with a batch of the feed.
    pub(super) fn begin(&mut self, batch: Batch) {
        let is_current = batch.connection == self.delivery.connection() && self.delivery.is_reading();
        if !is_current || batch.is_empty() {
            return self.feed.give_back(batch);
        }
        self.work = Some(self.new_work(batch));
    }

    fn new_work(&mut self, batch: Batch) -> Work {
        if !self.exactly_once() {
            self.window.push(batch.len() as u64);
        }
        Work::new(batch)
    }

    /// Hands over as much as possible for now. Returns true if that was anything, or may be at once.
    pub(super) fn hand_over(&mut self) -> bool {
        let holds_record = self.work.as_ref().is_some_and(Work::holds_record);
        if self.producer.is_none() || !self.delivery.is_sink_ready() && !holds_record {
            return false;
        }
        if let Some((record, error)) = self.refused.pop_front() {
            self.hand_over_refused(record, error);
            return true;
        }
        let work = match self.work.take() {
            Some(work) => Some(work),
            None => self.backlog.pop_front().map(|batch| self.new_work(batch)),
        };
        let Some(mut work) = work else { return false };
        let mut busy = true;
        for _ in 0..MESSAGES_BETWEEN_LOOKS {
            if work.next == work.batch.len() {
                self.done_with(work.batch);
                return true;
            }
            match self.step(&mut work) {
                Step::Done => {
                    work.next += 1;
                    work.admitted = None;
                }
                Step::Full => {
                    self.producer().wait_for_reports();
                    break;
                }
                Step::Wait => {
                    busy = self.delivery.has_actions();
                    break;
                }
                Step::Failed => {
                    work.drop_record();
                    break;
                }
            }
            if self.delivery.has_actions() {
                break;
            }
        }
        self.work = Some(work);
        busy
    }

    fn done_with(&mut self, batch: Batch) {
        if self.exactly_once() {
            return self.feed.give_back(batch);
        }
        let seqs = (0..batch.len()).rev().map(|index| batch.state(index));
        let last = seqs.filter_map(MessageState::seq).next();
        self.window.seal(last.map_or(self.delivery.delivered_seq(), |seq| seq + 1));
        self.kept.push_back(batch);
        self.let_go();
    }

    /// Decides about a message, unless that was done before, and hands it over.
    #[inline]
    fn step(&mut self, work: &mut Work) -> Step {
        let index = work.next;
        let admission = match (work.admitted, work.batch.state(index)) {
            (Some(admission), _) => admission,
            (None, MessageState::Skipped) => Admission::Skip,
            // it was taken before, and its producer is gone
            (None, MessageState::Taken { seq }) => Admission::Produce { seq },
            (None, MessageState::Untaken) => match self.admit(&mut work.batch, index) {
                Some(admission) => admission,
                None => return Step::Wait,
            },
        };
        work.admitted = Some(admission);
        let record = self.window.newest_first().unwrap_or(0) + index as u64;
        let entry = work.batch.entry(index);
        match admission {
            Admission::Produce { seq } => self.send(entry, Numbers { seq, record }),
            Admission::Skip => {
                self.window.acknowledge(record);
                Step::Done
            }
            Admission::ProduceAlone { seq } => {
                if let Err(failed) = self.flush_step() {
                    return failed;
                }
                match self.send(entry, Numbers { seq, record }) {
                    Step::Done => self.flush_step().err().unwrap_or(Step::Done),
                    other => other,
                }
            }
            Admission::DeadLetter { seq, retries } => {
                let verdict = Verdict::of_broker("the broker refused the record", retries);
                self.dead_letter(entry, Numbers { seq, record }, &verdict)
            }
        }
    }

    /// Lets the state machine decide about a message, if it takes any.
    #[inline]
    fn admit(&mut self, batch: &mut Batch, index: usize) -> Option<Admission> {
        if !self.delivery.is_reading() {
            return None;
        }
        let clock = self.context.clock;
        self.delivery.prepare(|| clock.now());
        if self.delivery.has_actions() {
            return None;
        }
        let entry = batch.entry(index);
        let admission = self.delivery.message(entry.emitted(), matches!(entry, Entry::Record(_)));
        batch.set_state(index, MessageState::of(admission));
        Some(admission)
    }

    pub(super) fn sink(&self) -> RecordSink<'_> {
        RecordSink { producer: self.producer(), context: self.context, run: &self.run }
    }

    #[inline]
    fn send(&mut self, entry: Entry<'_>, numbers: Numbers) -> Step {
        match self.sink().send(entry, numbers) {
            Ok(()) => Step::Done,
            Err(SendError::Full) => Step::Full,
            Err(SendError::Failed(failure)) => self.step_failed(&failure, Vec::new()),
            Err(SendError::Refused(error)) => {
                // refused by the library, before any broker: a retry would fail as well
                self.context.metrics.records_refused.inc();
                if matches!(entry, Entry::Record(_)) {
                    self.delivery.dead_lettered();
                }
                let retries = self.context.options.delivery.refusals_max;
                self.dead_letter(entry, numbers, &Verdict::of_broker(error, retries))
            }
        }
    }

    fn dead_letter(&mut self, entry: Entry<'_>, numbers: Numbers, verdict: &Verdict) -> Step {
        match self.sink().dead_letter(entry, numbers, verdict) {
            Ok(()) => Step::Done,
            Err(SendError::Full) => Step::Full,
            Err(SendError::Refused(error)) => self.step_failed(&KafkaFailure::Refused(error), Vec::new()),
            Err(SendError::Failed(failure)) => self.step_failed(&failure, Vec::new()),
        }
    }

    fn flush_step(&mut self) -> Result<(), Step> {
        self.flush().map_err(|(failure, refused)| self.step_failed(&failure, refused))
    }

    fn step_failed(&mut self, failure: &KafkaFailure, refused: Vec<StreamSeq>) -> Step {
        self.fails_for(failure, refused);
        Step::Failed
    }
}
