//! Compares the records of topics with the messages of an archive, as a value that receives what was read.
//!
//! [`Comparison::poll`] returns what it needs next: the next record of a stream, or the next message of the archive.
//! Memory holds a record of each stream, a bit for each message, and bounded stores for what is out of order or
//! missing.

use std::{collections::BTreeMap, num::NonZeroU32};

use tradesim_schemas::StreamSeq;

use super::{
    canonical_text,
    digests::Digests,
    examine::{Examiner, add, content_hash, hashes},
    findings::{AuditReport, Example, Fault, Finding, Place},
    merge::{Candidate, Content, Merge, Next},
    message::AuditMessage,
    murmur2,
    record::{Stream, TopicKind, TopicRecord},
    retries::{Outcome, Retries, SentAgain, ShortHash},
    seen::Seen,
};

#[cfg(test)]
pub(super) mod tests;

/// The limit of given-up messages whose content is remembered, for records that arrive far too late.
const GIVEN_UP_MAX: usize = 262_144;
/// The limit of given-up messages whose descriptions are kept.
const GIVEN_UP_WORDED_MAX: usize = 64;
/// The limit of keys of a stream whose order is checked. There are a few hundred symbols at most; a topic full of
/// other keys is altered in other ways.
const KEYS_MAX: usize = 65_536;

/// The next input that a comparison needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The next record of this stream, or the information that it has ended: [`Comparison::record`],
    /// [`Comparison::ended`].
    Record(usize),
    /// The next message of the archive: [`Comparison::message`].
    Message,
    /// Nothing: [`Comparison::finish`].
    Nothing,
}

/// A message whose record was not where it was due.
#[derive(Debug)]
struct GivenUp {
    /// The first bytes of its BLAKE3, as it is and re-encoded.
    hashes: [ShortHash; 2],
    /// Kept for the first few.
    example: Option<Box<Example>>,
}

/// A comparison in progress.
#[derive(Debug)]
pub struct Comparison {
    streams: Vec<Stream>,
    run: Option<Vec<u8>>,
    /// The number of messages of the archive.
    messages: u64,
    examiner: Examiner,
    merge: Merge,
    seen: Seen,
    /// The largest sequence number of each key, for each stream.
    keys: Vec<BTreeMap<Box<[u8]>, u64>>,
    /// The sequence number that is due.
    due: u64,
    /// Its message.
    message: AuditMessage,
    /// False until it was read.
    has_message: bool,
    given_up: BTreeMap<u64, GivenUp>,
    retries: Retries,
    digests: Digests,
    findings: [Finding; 5],
    records: u64,
    other_runs: u64,
    dead_lettered: u64,
    sent_again: u64,
    reworded: u64,
}

impl Comparison {
    /// Compares what these streams hold of a run with an archive of so many messages. Without a run every message is
    /// lost.
    pub fn new(streams: Vec<Stream>, run: Option<&str>, messages: u64) -> Comparison {
        Comparison {
            run: run.map(|run| run.as_bytes().to_vec()),
            messages,
            examiner: Examiner::default(),
            merge: Merge::new(streams.len()),
            seen: Seen::default(),
            keys: streams.iter().map(|_| BTreeMap::new()).collect(),
            streams,
            due: 0,
            message: AuditMessage::default(),
            has_message: false,
            given_up: BTreeMap::new(),
            retries: Retries::default(),
            digests: Digests::default(),
            findings: Default::default(),
            records: 0,
            other_runs: 0,
            dead_lettered: 0,
            sent_again: 0,
            reworded: 0,
        }
    }

    /// Returns what is needed next. It stays the same until it is provided.
    pub fn poll(&mut self) -> Want {
        loop {
            if self.due < self.messages && !self.has_message {
                return Want::Message;
            }
            match self.merge.next(self.due) {
                Next::Unknown(stream) => return Want::Record(stream),
                Next::Record(candidate) => self.settle(candidate),
                Next::Missing if self.due < self.messages => self.give_up(),
                Next::Missing => return Want::Nothing,
            }
        }
    }

    /// Returns the number of messages compared so far.
    pub fn compared(&self) -> u64 {
        self.due
    }

    /// Returns the number of records read so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Returns the id of the schema that must be [learned](Comparison::learn_schema) before this record can be
    /// decoded.
    pub fn unknown_schema(&self, stream: usize, record: &TopicRecord<'_>) -> Option<u32> {
        let TopicKind::Data(kind) = self.streams[stream].kind else { return None };
        if record.headers.run != self.run.as_deref() {
            return None;
        }
        self.examiner.unknown_schema(kind, record.value?)
    }

    /// Stores the registry's answer about an id: the schema's text, or `None` if the registry does not have it.
    pub fn learn_schema(&mut self, id: u32, text: Option<&str>) {
        self.examiner.learn_schema(id, text);
    }

    /// Adds the next message of the archive. `set` sets it, or returns false if there is none.
    ///
    /// # Errors
    /// The error of `set`.
    pub fn message<E>(&mut self, set: impl FnOnce(&mut AuditMessage) -> Result<bool, E>) -> Result<bool, E> {
        self.message.clear();
        self.has_message = set(&mut self.message)?;
        Ok(self.has_message)
    }

    /// Records that a requested stream has no more records.
    pub fn ended(&mut self, stream: usize) {
        self.merge.end(stream);
    }

    /// Adds the next record of a requested stream.
    pub fn record(&mut self, stream: usize, record: &TopicRecord<'_>) {
        self.records += 1;
        let offset = record.offset;
        match record.headers.run {
            None => return self.found(Fault::Foreign, None, stream, offset, || "it has no run".to_owned()),
            run if run != self.run.as_deref() => {
                self.other_runs += 1;
                return;
            }
            Some(_) => {}
        }
        let Some(seq) = record.headers.seq_number() else {
            let stated = record.headers.seq.map(String::from_utf8_lossy);
            return self.found(Fault::Foreign, None, stream, offset, || match stated {
                Some(text) => format!("its seq is {text:?}"),
                None => "it has no seq".to_owned(),
            });
        };
        let messages = self.messages;
        if seq >= messages {
            return self.found(Fault::Foreign, Some(seq), stream, offset, || {
                format!("the archive has {messages} messages")
            });
        }
        if let Some(retry) = record.headers.retry_number() {
            return self.record_sent_again(stream, seq, retry, record);
        }
        if !self.seen.insert(seq) {
            return self.found(Fault::Duplicated, Some(seq), stream, offset, || {
                "a record of this message was read before".to_owned()
            });
        }
        let mut candidate = self.merge.spare();
        (candidate.seq, candidate.stream, candidate.offset) = (seq, stream, offset);
        if let Some(later) = record.key.and_then(|key| self.later_of_key(stream, key, seq)) {
            candidate.is_reordered = true;
            let key = String::from_utf8_lossy(record.key.unwrap_or_default()).into_owned();
            self.found(Fault::Reordered, Some(seq), stream, offset, || {
                format!("it follows seq {later} of {key}")
            });
        }
        self.examiner.examine(&self.streams[stream], &mut candidate, record);
        if self.streams[stream].kind == TopicKind::DeadLetters {
            self.dead_lettered += 1;
            // a message that was cut is not sent again
            if candidate.content == Content::Message {
                self.retries.letter(seq, || hashes(candidate.message.text()));
            }
        }
        self.merge.put(candidate);
    }

    /// Adds a record that was made by sending a dead letter again. It has no place in the run's order.
    fn record_sent_again(&mut self, stream: usize, seq: u64, retry: NonZeroU32, record: &TopicRecord<'_>) {
        let offset = record.offset;
        let mut candidate = self.merge.spare();
        (candidate.seq, candidate.stream, candidate.offset) = (seq, stream, offset);
        self.examiner.examine(&self.streams[stream], &mut candidate, record);
        let hash = content_hash(&mut candidate);
        self.report_faults(&mut candidate);
        self.merge.recycle(candidate);
        if !self.retries.sent(seq, retry, SentAgain { stream, offset, hash }) {
            self.found(Fault::Duplicated, Some(seq), stream, offset, || {
                format!("it was sent again ({retry}), but this retry was read before, or too many were read")
            });
        }
    }

    /// Returns the report, once nothing more is needed.
    pub fn finish(mut self) -> AuditReport {
        self.settle_sent_again();
        let present = self.seen.count();
        let lost = &mut self.findings[Fault::Lost as usize];
        lost.count = self.messages - present;
        let examples = std::mem::take(&mut self.given_up).into_values().filter_map(|missing| missing.example);
        lost.examples = examples.map(|example| *example).take(Finding::EXAMPLES_MAX).collect();
        let (digest, expected_digest) = self.digests.finish();
        AuditReport {
            messages: self.messages,
            present,
            dead_lettered: self.dead_lettered,
            sent_again: self.sent_again,
            reworded: self.reworded,
            records: self.records,
            other_runs: self.other_runs,
            findings: self.findings,
            digest,
            expected_digest,
        }
    }

    /// Returns the largest sequence number of a key in a stream, if it is larger than this one.
    fn later_of_key(&mut self, stream: usize, key: &[u8], seq: u64) -> Option<u64> {
        let keys = &mut self.keys[stream];
        match keys.get_mut(key) {
            Some(largest) if *largest > seq => Some(*largest),
            Some(largest) => {
                *largest = seq;
                None
            }
            None => {
                if keys.len() < KEYS_MAX {
                    keys.insert(key.into(), seq);
                }
                None
            }
        }
    }

    /// Compares a record with its message.
    fn settle(&mut self, mut candidate: Candidate) {
        if candidate.seq < self.due {
            self.settle_late(&mut candidate);
        } else if std::mem::take(&mut self.has_message) {
            self.due += 1;
            self.settle_due(&mut candidate);
        }
        self.report_faults(&mut candidate);
        self.merge.recycle(candidate);
    }

    /// Reports what is wrong with the content of a record, if anything is.
    fn report_faults(&mut self, candidate: &mut Candidate) {
        if !candidate.faults.is_empty() {
            let Candidate { seq, stream, offset, .. } = *candidate;
            let what = std::mem::take(&mut candidate.faults);
            self.found(Fault::Altered, Some(seq), stream, offset, || what);
        }
    }

    fn settle_sent_again(&mut self) {
        for (seq, retry, SentAgain { stream, offset, .. }, outcome) in
            std::mem::take(&mut self.retries).settle()
        {
            match outcome {
                // the first retry stands for the message
                Outcome::Good => self.sent_again += u64::from(retry.get() == 1),
                Outcome::NoLetter => self.found(Fault::Duplicated, Some(seq), stream, offset, || {
                    format!("it was sent again ({retry}), but its dead letter is missing")
                }),
                Outcome::Altered => self.found(Fault::Altered, Some(seq), stream, offset, || {
                    "it was sent again, but differs from the message of its dead letter".to_owned()
                }),
            }
        }
    }

    fn settle_due(&mut self, candidate: &mut Candidate) {
        let Candidate { content, message, faults, stream, .. } = candidate;
        if let (Content::Message, Some(found), Some(expected)) =
            (&*content, message.envelope(), self.message.envelope())
            && found == expected
        {
            return self.digests.push_envelope(found);
        }
        let expected = self.message.text();
        match content {
            Content::Message => {
                let found = message.text();
                let is_data = self.streams[*stream].kind != TopicKind::DeadLetters;
                if found == expected {
                    self.digests.push(found);
                } else if is_data && canonical_text::reworded(expected).is_some_and(|text| text == found) {
                    self.reworded += 1;
                    self.digests.push(found);
                } else {
                    add(faults, &canonical_text::difference(found, expected));
                    self.digests.push_different(Some(found), Some(expected));
                }
            }
            Content::Beginning(beginning) if beginning.is_of(expected) => self.digests.push(expected),
            Content::Beginning(_) => {
                add(faults, "beginning, length or hash differ from those of the archive's message");
                self.digests.push_different(None, Some(expected));
            }
            Content::Nothing => self.digests.push_different(None, Some(expected)),
        }
    }

    /// Compares a record whose message was given up. Only the hash of the message is left.
    fn settle_late(&mut self, candidate: &mut Candidate) {
        let Candidate { seq, stream, offset, .. } = *candidate;
        if !candidate.is_reordered {
            let behind = self.due - seq;
            self.found(Fault::Reordered, Some(seq), stream, offset, || {
                format!("it arrives {behind} messages too late")
            });
        }
        let given_up = self.given_up.remove(&seq);
        if let (Some(given_up), Some(hash)) = (given_up, content_hash(candidate))
            && !given_up.hashes.contains(&hash)
        {
            add(&mut candidate.faults, "it differs from the archive's message");
        }
        let has_message = candidate.content == Content::Message;
        self.digests.push_different(has_message.then(|| candidate.message.text()), None);
    }

    /// Skips the record of the message that is due.
    fn give_up(&mut self) {
        if !std::mem::take(&mut self.has_message) {
            return;
        }
        let mut message = std::mem::take(&mut self.message);
        let text = message.text();
        let seq = self.due;
        self.due += 1;
        self.digests.push_different(None, Some(text));
        if self.given_up.len() < GIVEN_UP_MAX {
            let example = (self.given_up.len() < GIVEN_UP_WORDED_MAX).then(|| {
                Box::new(Example {
                    seq: Some(StreamSeq(seq)),
                    place: self.due_place(text),
                    what: canonical_text::described(text),
                })
            });
            self.given_up.insert(seq, GivenUp { hashes: hashes(text), example });
        }
        self.message = message;
    }

    /// Returns where the record of a message would be, if the message is valid.
    fn due_place(&self, message: &[u8]) -> Option<Place> {
        let (kind, symbol) = canonical_text::kind_and_symbol(message)?;
        let of_kind = |stream: &&Stream| stream.kind == TopicKind::Data(kind);
        let stream = self.streams.iter().find(of_kind)?;
        let partition = murmur2::partition(symbol.as_bytes(), stream.partitions);
        Some(Place { topic: stream.topic.clone(), partition, offset: None })
    }

    fn found(
        &mut self,
        fault: Fault,
        seq: Option<u64>,
        stream: usize,
        offset: i64,
        what: impl FnOnce() -> String,
    ) {
        let Stream { topic, partition, .. } = &self.streams[stream];
        self.findings[fault as usize].add(|| Example {
            seq: seq.map(StreamSeq),
            place: Some(Place { topic: topic.clone(), partition: *partition, offset: Some(offset) }),
            what: what(),
        });
    }
}
