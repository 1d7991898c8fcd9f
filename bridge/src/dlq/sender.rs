//! Sends dead letters again, in transactions that contain the results and the position.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tradesim_bridge_core::{DeadLetter, Original, Topic, Verdict};
use tradesim_schemas::read;

use super::{DeadLetterRecord, DlqError, DlqOptions, Retried, Retry, failed, position::RetryPosition};
use crate::{
    avro::write_confluent,
    clock::Clock,
    kafka::{KafkaFailure, Outgoing, Producer, RecordHeaders, SendError, Shared},
};

/// The time in which the report of a refusal must arrive after the error of a call that it caused.
const REPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// The result of sending a letter again.
#[derive(Clone, Copy, Debug)]
enum Attempt<'a> {
    /// It is sent again, as a record or as a dead letter.
    Resend,
    /// The broker refused its record: it becomes a dead letter, with this text.
    DeadLetter(&'a str),
    /// The broker refused that as well: less of the message is kept.
    DeadLetterBriefly(&'a str),
    /// The broker refuses every form of it: it stays where it is, and is skipped.
    Skip,
}

/// The reason for which a transaction was not committed.
enum Uncommitted {
    /// The broker refused a record because of its content.
    Refused(String),
    /// Any other failure.
    Failed(DlqError),
}

impl From<DlqError> for Uncommitted {
    fn from(error: DlqError) -> Uncommitted {
        Uncommitted::Failed(error)
    }
}

/// Creates a producer whose transactions can begin, and ends those of every earlier one.
pub(super) type Connect<'a> = dyn Fn() -> Result<(Producer, Arc<Shared>), DlqError> + 'a;

/// Sends dead letters again.
pub(super) struct Sender<'a> {
    retry: &'a Retry,
    connect: &'a Connect<'a>,
    /// `None` only if no other one could be created, which ends everything.
    producer: Option<Producer>,
    shared: Arc<Shared>,
    clock: Clock,
    is_stopping: &'a dyn Fn() -> bool,
    position: RetryPosition,
    retried: Retried,
}

impl<'a> Sender<'a> {
    pub(super) fn new(
        options: &'a DlqOptions,
        retry: &'a Retry,
        (producer, shared): (Producer, Arc<Shared>),
        connect: &'a Connect<'a>,
        next_offsets: BTreeMap<i32, i64>,
        is_stopping: &'a dyn Fn() -> bool,
    ) -> Sender<'a> {
        let position = RetryPosition { topic: options.topic().to_owned(), next_offsets };
        let (clock, retried) = (Clock::start(), Retried::default());
        Sender { retry, connect, producer: Some(producer), shared, clock, is_stopping, position, retried }
    }

    /// Returns the result.
    pub(super) fn finish(self) -> Retried {
        self.retried
    }

    /// Settles dead letters, in order. If the broker refuses one of them, the others are sent without it.
    pub(super) fn settle(&mut self, letters: &[DeadLetterRecord]) -> Result<(), DlqError> {
        let Err(error) = self.transact(letters, Attempt::Resend)? else { return Ok(()) };
        match letters {
            [] => Err(DlqError::Failed { what: format!("the broker refused the position: {error}") }),
            [letter] => self.settle_refused(letter, &error),
            letters => {
                let (first, second) = letters.split_at(letters.len() / 2);
                self.settle(first)?;
                self.settle(second)
            }
        }
    }

    fn settle_refused(&mut self, letter: &DeadLetterRecord, error: &str) -> Result<(), DlqError> {
        tracing::warn!(letter.partition, letter.offset, error, "the broker refused a dead letter");
        for attempt in [Attempt::DeadLetter(error), Attempt::DeadLetterBriefly(error), Attempt::Skip] {
            if self.transact(std::slice::from_ref(letter), attempt)?.is_ok() {
                return Ok(());
            }
        }
        Err(DlqError::Failed { what: format!("the broker refused the position: {error}") })
    }

    /// Carries out an attempt for dead letters in one transaction, and counts the results once it is committed.
    /// Returns the broker's error if it refused a record: then nothing was done.
    fn transact(
        &mut self,
        letters: &[DeadLetterRecord],
        attempt: Attempt<'_>,
    ) -> Result<Result<(), String>, DlqError> {
        let mut position = self.position.clone();
        for letter in letters {
            position.next_offsets.insert(letter.partition, letter.offset + 1);
        }
        match self.try_to_commit(letters, attempt, &position) {
            Ok(retried) => {
                self.position = position;
                self.retried.add(&retried);
                self.shared.reset();
                Ok(Ok(()))
            }
            Err(Uncommitted::Refused(error)) => {
                // its records must not be sent any more; the next producer ends its transaction
                drop(self.producer.take());
                let (producer, shared) = (self.connect)()?;
                (self.producer, self.shared) = (Some(producer), shared);
                Ok(Err(error))
            }
            Err(Uncommitted::Failed(error)) => Err(error),
        }
    }

    fn try_to_commit(
        &self,
        letters: &[DeadLetterRecord],
        attempt: Attempt<'_>,
        position: &RetryPosition,
    ) -> Result<Retried, Uncommitted> {
        self.producer().begin().map_err(|failure| self.failed(&failure))?;
        let mut retried = Retried::default();
        for letter in letters {
            self.send_letter(letter, attempt, &mut retried)?;
        }
        let key = RetryPosition::key(&position.topic);
        let record = Outgoing {
            topic: Topic::Positions,
            key: Some(key.as_bytes()),
            value: &position.value(),
            headers: None,
            number: 0,
        };
        self.hand_over(record)?.map_err(|what| DlqError::Failed { what })?;
        while self.producer().in_flight() > 0 {
            self.check_reports()?;
            self.wait()?;
        }
        self.check_reports()?;
        self.producer().commit().map_err(|failure| self.refused_or(failure))?;
        Ok(retried)
    }

    fn send_letter(
        &self,
        letter: &DeadLetterRecord,
        attempt: Attempt<'_>,
        retried: &mut Retried,
    ) -> Result<(), Uncommitted> {
        retried.read += 1;
        let Ok(original) = letter.original() else {
            retried.foreign += 1;
            return Ok(());
        };
        if original.cut_from.is_some() {
            retried.cut += 1;
            return Ok(());
        }
        if letter.tries(&original) >= self.retry.max_tries {
            retried.exhausted += 1;
            return Ok(());
        }
        let verdict = match attempt {
            Attempt::Resend => match self.send_message(letter, &original)? {
                Ok(()) => {
                    retried.produced += 1;
                    return Ok(());
                }
                Err(verdict) => verdict,
            },
            Attempt::DeadLetter(error) | Attempt::DeadLetterBriefly(error) => Verdict::of_broker(error, 0),
            Attempt::Skip => {
                retried.invalid += 1;
                return Ok(());
            }
        };
        retried.invalid += 1;
        let retry_count = original.verdict.retry_count.saturating_add(1);
        let verdict = Verdict { retry_count, ..verdict };
        self.send_dead_letter(letter, &original, &verdict, matches!(attempt, Attempt::DeadLetterBriefly(_)))
    }

    /// Sends the message of a dead letter as a record. Returns why it cannot be one.
    fn send_message(
        &self,
        letter: &DeadLetterRecord,
        original: &Original,
    ) -> Result<Result<(), Verdict>, Uncommitted> {
        let message = match read(&original.value, self.retry.rules) {
            Ok(message) => message,
            Err(refusal) => return Ok(Err(Verdict::of_refusal(&refusal))),
        };
        let event_type = message.event_type();
        let mut value = Vec::new();
        write_confluent(&message, self.retry.schema_ids.of(event_type), &mut value);
        let emitted = Some(message.timestamp);
        let outgoing = Outgoing {
            topic: Topic::Data(event_type),
            key: Some(message.symbol().as_bytes()),
            value: &value,
            headers: letter.headers().map(|headers| RecordHeaders { emitted, ..headers }),
            number: 0,
        };
        Ok(self.hand_over(outgoing)?.map_err(|error| Verdict::of_broker(error, 0)))
    }

    /// Sends a dead letter as a dead letter again, and only its beginning if the whole is too large.
    fn send_dead_letter(
        &self,
        letter: &DeadLetterRecord,
        original: &Original,
        verdict: &Verdict,
        briefly: bool,
    ) -> Result<(), Uncommitted> {
        let dead = DeadLetter {
            original: &original.value,
            whole: original.whole.as_ref(),
            topic: original.topic.as_deref(),
            key: original.key.as_deref(),
            failed_at: self.clock.timestamp(),
        };
        let send = |value: &[u8]| {
            self.hand_over(Outgoing {
                topic: Topic::DeadLetters,
                key: original.key.as_deref().map(str::as_bytes),
                value,
                headers: letter.headers(),
                number: 0,
            })
        };
        if !briefly && send(&dead.to_json(verdict))?.is_ok() {
            return Ok(());
        }
        // a dead letter that is refused even so stays where it is
        if let Err(error) = send(&dead.to_json_brief(verdict))? {
            tracing::warn!(letter.partition, letter.offset, error, "a dead letter cannot be sent again");
        }
        Ok(())
    }

    /// Hands a record over once there is room. Returns librdkafka's error if it can never be sent.
    fn hand_over(&self, outgoing: Outgoing<'_>) -> Result<Result<(), String>, Uncommitted> {
        loop {
            match self.producer().send(outgoing) {
                Ok(()) => return Ok(Ok(())),
                Err(SendError::Full) => {
                    self.check_reports()?;
                    self.wait()?;
                }
                Err(SendError::Refused(error)) => return Ok(Err(error)),
                Err(SendError::Failed(failure)) => return Err(self.refused_or(failure)),
            }
        }
    }

    fn producer(&self) -> &Producer {
        self.producer.as_ref().expect("without a producer nothing is sent")
    }

    fn wait(&self) -> Result<(), DlqError> {
        if (self.is_stopping)() {
            return Err(DlqError::Stopped);
        }
        self.producer().flush_for_a_moment();
        Ok(())
    }

    /// Checks if a record was refused, or the producer failed.
    fn check_reports(&self) -> Result<(), Uncommitted> {
        if !self.shared.has_failed() {
            return Ok(());
        }
        let failure = self.shared.take_failure();
        if let Some((_, error)) = failure.refused_records.into_iter().next() {
            return Err(Uncommitted::Refused(error));
        }
        match failure.cause {
            Some(cause) => Err(self.failed(&cause).into()),
            None => Ok(()),
        }
    }

    /// Prefers the report of a refused record, which makes every further call of its transaction fail, over the error
    /// of the call.
    fn refused_or(&self, failure: KafkaFailure) -> Uncommitted {
        let until = self.clock.now() + REPORT_TIMEOUT;
        while self.producer().in_flight() > 0 && !self.shared.has_failed() && self.clock.now() < until {
            self.producer().wait_for_reports();
        }
        match self.check_reports() {
            Err(refused @ Uncommitted::Refused(_)) => refused,
            _ => self.failed(&failure).into(),
        }
    }

    fn failed(&self, failure: &KafkaFailure) -> DlqError {
        failed(failure, self.shared.explain(failure))
    }
}
