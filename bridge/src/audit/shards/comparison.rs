//! Compares the records of some partitions with the messages of many runs, as a value that receives what was read.
//!
//! A partition keeps the order of a key, so the next record of a run with a key must be the next message of its symbol and type.
//! Partitions are read so that none falls behind the others. Memory holds the messages between the partition that is read
//! furthest and the others, and bounded stores for what is missing.

use std::{collections::BTreeMap, num::NonZeroU32};

use tradesim_schemas::{Envelope, EventType, StreamSeq, Symbol};

use super::{
    Cause, OpenRun, ShardKeys, ShardReport, ShardRun,
    lanes::{GivenUp, Letter, Pending, Run},
};
use crate::audit::{
    canonical_text,
    error::AuditError,
    examine::{Examiner, add, content_hash, short_hash},
    findings::{Example, Fault, Finding, Place},
    merge::{Candidate, Content},
    murmur2,
    record::{Stream, TopicKind, TopicRecord},
    retries::{Outcome, SentAgain},
};

/// The limits of what is remembered of each run: messages without a record, for records that come far too late, and dead letters.
/// Records beyond that count as faults.
const REMEMBERED_MAX: usize = 262_144;

/// A comparison in progress.
#[derive(Debug)]
pub(super) struct ShardComparison {
    streams: Vec<Stream>,
    keys: ShardKeys,
    /// The stream of each type and partition.
    places: BTreeMap<(EventType, i32), usize>,
    runs: Vec<Run>,
    names: BTreeMap<Box<[u8]>, usize>,
    /// The run of the last record, which is often that of the next one.
    last_run: usize,
    examiner: Examiner,
    candidate: Candidate,
    /// The number of messages that wait for a record of each stream.
    waiting: Vec<u64>,
    has_ended: Vec<bool>,
    /// The stream that is read next if none is behind.
    turn: usize,
    findings: [Finding; 5],
    examples_of_lost: usize,
    present: u64,
    dead_lettered: u64,
    sent_again: u64,
    records: u64,
    other_runs: u64,
}

impl ShardComparison {
    pub(super) fn new(streams: Vec<Stream>, runs: &[ShardRun], keys: ShardKeys) -> ShardComparison {
        let place = |(index, stream): (usize, &Stream)| match stream.kind {
            TopicKind::Data(kind) => Some(((kind, stream.partition), index)),
            TopicKind::DeadLetters => None,
        };
        let name = |(index, run): (usize, &ShardRun)| (run.run.as_bytes().into(), index);
        ShardComparison {
            keys,
            places: streams.iter().enumerate().filter_map(place).collect(),
            runs: runs.iter().map(Run::new).collect(),
            names: runs.iter().enumerate().map(name).collect(),
            last_run: 0,
            examiner: Examiner::default(),
            candidate: Candidate::default(),
            waiting: vec![0; streams.len()],
            has_ended: vec![false; streams.len()],
            turn: 0,
            findings: Default::default(),
            examples_of_lost: 0,
            present: 0,
            dead_lettered: 0,
            sent_again: 0,
            records: 0,
            other_runs: 0,
            streams,
        }
    }

    /// Returns the stream whose records are needed most; `None` if all have ended.
    pub(super) fn next_stream(&mut self) -> Option<usize> {
        let open = || (0..self.streams.len()).filter(|&stream| !self.has_ended[stream]);
        let behind = open().max_by_key(|&stream| self.waiting[stream])?;
        if self.waiting[behind] > 0 {
            return Some(behind);
        }
        let next = open().find(|&stream| stream >= self.turn).or_else(|| open().next())?;
        self.turn = next + 1;
        Some(next)
    }

    /// Records that a stream has no more records.
    pub(super) fn ended(&mut self, stream: usize) {
        self.has_ended[stream] = true;
    }

    pub(super) fn present(&self) -> u64 {
        self.present
    }

    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Returns the id of the schema that must be learned before this record can be decoded.
    pub(super) fn unknown_schema(&mut self, stream: usize, record: &TopicRecord<'_>) -> Option<u32> {
        let TopicKind::Data(kind) = self.streams[stream].kind else { return None };
        self.run(record)?;
        self.examiner.unknown_schema(kind, record.value?)
    }

    /// Stores the registry's answer about an id.
    pub(super) fn learn_schema(&mut self, id: u32, text: Option<&str>) {
        self.examiner.learn_schema(id, text);
    }

    /// Adds a dead letter. All of them come before the first record.
    pub(super) fn letter(&mut self, stream: usize, record: &TopicRecord<'_>) {
        let mut candidate = self.examined(stream, record);
        // a letter without a key may still contain a message with a symbol
        let is_mine = match record.key {
            Some(key) => self.keys.has(key),
            None => match canonical_text::kind_and_symbol(candidate.message.text()) {
                Some((_, symbol)) => self.keys.has(symbol.as_bytes()),
                None => self.keys.index == 0,
            },
        };
        if !is_mine {
            self.candidate = candidate;
            return;
        }
        self.records += 1;
        let Some((run, seq)) = self.numbered(stream, record) else { return };
        let offset = record.offset;
        let hash = content_hash(&mut candidate);
        if let Some(retry) = record.headers.retry_number() {
            self.again(run, seq, retry, SentAgain { stream, offset, hash });
        } else if self.runs[run].letters.contains_key(&seq) {
            self.found(Fault::Duplicated, run, Some(seq), stream, offset, || {
                "a dead letter of this message was read before".to_owned()
            });
        } else if self.runs[run].letters.len() < REMEMBERED_MAX {
            let letter = Letter { stream, offset, hash, used: false };
            self.runs[run].letters.insert(seq, letter);
            if let (Some(hash), Content::Message) = (hash, &candidate.content) {
                self.runs[run].retries.letter(seq, || [hash, hash]);
            }
        }
        self.report_faults(run, seq, stream, offset, &mut candidate);
        self.candidate = candidate;
    }

    /// Adds the next record of a stream.
    pub(super) fn record(
        &mut self,
        stream: usize,
        record: &TopicRecord<'_>,
        open: &mut OpenRun<'_>,
    ) -> Result<(), AuditError> {
        self.records += 1;
        let Some((run, seq)) = self.numbered(stream, record) else { return Ok(()) };
        let mut candidate = self.examined(stream, record);
        let offset = record.offset;
        if let Some(retry) = record.headers.retry_number() {
            let hash = content_hash(&mut candidate);
            self.again(run, seq, retry, SentAgain { stream, offset, hash });
        } else {
            let unavailable = |source| AuditError::Messages { source };
            self.expect(run, seq, open).map_err(unavailable)?;
            self.place(run, seq, stream, record, &mut candidate);
        }
        self.report_faults(run, seq, stream, offset, &mut candidate);
        self.candidate = candidate;
        Ok(())
    }

    /// Returns the findings, once all streams have ended.
    pub(super) fn finish(mut self, open: &mut OpenRun<'_>) -> Result<ShardReport, AuditError> {
        let mut keys = Vec::new();
        let mut lost = Vec::new();
        let mut messages = 0;
        for index in 0..self.runs.len() {
            self.finish_run(index, open).map_err(|source| AuditError::Messages { source })?;
            let run = &mut self.runs[index];
            for given_up in std::mem::take(&mut run.given_up).into_values() {
                run.keys[given_up.key].clean = false;
                lost.extend(given_up.example);
            }
            messages += run.expected;
            keys.extend(run.audited_keys(index));
            self.settle_letters(index);
        }
        let finding = &mut self.findings[Fault::Lost as usize];
        finding.count = messages - self.present;
        finding.examples = lost.into_iter().map(|example| *example).take(Finding::EXAMPLES_MAX).collect();
        Ok(ShardReport {
            messages,
            present: self.present,
            dead_lettered: self.dead_lettered,
            sent_again: self.sent_again,
            records: self.records,
            other_runs: self.other_runs,
            findings: self.findings,
            keys,
        })
    }

    /// Returns the run of a record, if it is one of those that are audited.
    fn run(&mut self, record: &TopicRecord<'_>) -> Option<usize> {
        let name = record.headers.run?;
        let is_last = self.runs.get(self.last_run).is_some_and(|run| run.name.as_bytes() == name);
        if !is_last {
            self.last_run = *self.names.get(name)?;
        }
        Some(self.last_run)
    }

    /// Returns the run and the number of a record that belongs to the audit.
    fn numbered(&mut self, stream: usize, record: &TopicRecord<'_>) -> Option<(usize, u64)> {
        let offset = record.offset;
        if record.headers.run.is_none() {
            self.foreign(None, stream, offset, || "it has no run".to_owned());
            return None;
        }
        let Some(run) = self.run(record) else {
            self.other_runs += 1;
            return None;
        };
        let Some(seq) = record.headers.seq_number() else {
            self.foreign(None, stream, offset, || "it has no valid seq".to_owned());
            return None;
        };
        let Run { name, messages, .. } = &self.runs[run];
        if seq >= *messages {
            let what = format!("run {name} has {messages} messages");
            self.foreign(Some(seq), stream, offset, || what);
            return None;
        }
        Some((run, seq))
    }

    fn examined(&mut self, stream: usize, record: &TopicRecord<'_>) -> Candidate {
        let mut candidate = std::mem::take(&mut self.candidate);
        candidate.clear();
        self.examiner.examine(&self.streams[stream], &mut candidate, record);
        candidate
    }

    /// Reads the messages of a run up to a number.
    fn expect(&mut self, run: usize, seq: u64, open: &mut OpenRun<'_>) -> Result<(), Cause> {
        let ShardComparison { keys, places, runs, waiting, .. } = self;
        let of_run = &mut runs[run];
        of_run.open(|| open(run, *keys))?;
        while let Some(pending) =
            of_run.next_until(seq, |kind, symbol| stream_of(places, *keys, kind, symbol))?
        {
            let lane = of_run.lane(pending.key, pending.envelope.event_type());
            if let Some(stream) = lane.stream {
                waiting[stream] += 1;
            }
            lane.pending.push_back(pending);
        }
        Ok(())
    }

    /// Compares a record with the message that is due.
    fn place(
        &mut self,
        run: usize,
        seq: u64,
        stream: usize,
        record: &TopicRecord<'_>,
        candidate: &mut Candidate,
    ) {
        const ELSEWHERE: &str = "the message with its seq has another key or topic";
        let TopicKind::Data(kind) = self.streams[stream].kind else { return };
        let Some(key) = self.runs[run].place(record.key.unwrap_or_default()) else {
            return add(&mut candidate.faults, ELSEWHERE);
        };
        if self.runs[run].lane(key, kind).last.is_some_and(|last| seq <= last) {
            self.late(run, seq, stream, key, record.offset, candidate);
            return self.blame(run, key, candidate);
        }
        let lane = self.runs[run].lane(key, kind);
        let is_first = lane.pending.front().is_some_and(|due| due.seq == seq);
        if !is_first && lane.pending.binary_search_by_key(&seq, |due| due.seq).is_err() {
            // nothing is given up because of a number that is not one of this symbol and type
            add(&mut candidate.faults, ELSEWHERE);
            return self.blame(run, key, candidate);
        }
        lane.last = Some(seq);
        loop {
            let lane = self.runs[run].lane(key, kind);
            let of_lane = lane.stream;
            let Some(due) = lane.pending.pop_front() else { break };
            if let Some(stream) = of_lane {
                self.waiting[stream] -= 1;
            }
            if due.seq < seq {
                self.give_up(run, of_lane, due);
                continue;
            }
            self.present += 1;
            if candidate.content == Content::Message && candidate.message.envelope() != Some(&due.envelope) {
                compare_texts(candidate, &due.envelope);
            }
            break;
        }
        self.blame(run, key, candidate);
    }

    /// Remembers that a symbol has a record with a fault.
    fn blame(&mut self, run: usize, key: usize, candidate: &Candidate) {
        if !candidate.faults.is_empty() {
            self.runs[run].keys[key].clean = false;
        }
    }

    /// Compares a record that follows one of its key with a larger number: its message was given up, or has a record already.
    fn late(
        &mut self,
        run: usize,
        seq: u64,
        stream: usize,
        key: usize,
        offset: i64,
        candidate: &mut Candidate,
    ) {
        self.runs[run].keys[key].clean = false;
        let is_given_up = self.runs[run].given_up.get(&seq).is_some_and(|given_up| given_up.key == key);
        if !is_given_up {
            return self.found(Fault::Duplicated, run, Some(seq), stream, offset, || {
                "a record of this message was read before".to_owned()
            });
        }
        let given_up = self.runs[run].given_up.remove(&seq);
        self.present += 1;
        self.found(Fault::Reordered, run, Some(seq), stream, offset, || {
            "it follows a record of its key with a larger seq".to_owned()
        });
        if content_hash(candidate) != given_up.map(|given_up| given_up.hash) {
            add(&mut candidate.faults, "it differs from its message");
        }
    }

    /// Records that a message has no record where it is due. It may be a dead letter, or come later.
    fn give_up(&mut self, run: usize, stream: Option<usize>, pending: Pending) {
        let Pending { seq, key, envelope } = pending;
        let text = envelope.to_json().into_bytes();
        let hash = short_hash(&text);
        if let Some(letter) = self.runs[run].letters.get_mut(&seq) {
            letter.used = true;
            let (stream, offset) = (letter.stream, letter.offset);
            let is_equal = letter.hash == Some(hash);
            self.present += 1;
            self.dead_lettered += 1;
            if !is_equal {
                self.runs[run].keys[key].clean = false;
                self.found(Fault::Altered, run, Some(seq), stream, offset, || {
                    "the dead letter contains another message".to_owned()
                });
            }
        } else if self.runs[run].given_up.len() < REMEMBERED_MAX {
            let example = (self.examples_of_lost < Finding::EXAMPLES_MAX * 8).then(|| {
                self.examples_of_lost += 1;
                let place = stream.map(|stream| {
                    let Stream { topic, partition, .. } = &self.streams[stream];
                    Place { topic: topic.clone(), partition: *partition, offset: None }
                });
                let what = format!("run {}: {}", self.runs[run].name, canonical_text::described(&text));
                Box::new(Example { seq: Some(StreamSeq(seq)), place, what })
            });
            self.runs[run].given_up.insert(seq, GivenUp { key, hash, example });
        } else {
            self.runs[run].keys[key].clean = false;
        }
    }

    /// Counts the messages without a record as lost, when all streams have ended.
    fn finish_run(&mut self, run: usize, open: &mut OpenRun<'_>) -> Result<(), Cause> {
        let keys = self.keys;
        self.runs[run].open(|| open(run, keys))?;
        for key in 0..self.runs[run].keys.len() {
            for &kind in EventType::ALL {
                while let Some(pending) = self.runs[run].lane(key, kind).pending.pop_front() {
                    let stream = self.runs[run].lane(key, kind).stream;
                    self.give_up(run, stream, pending);
                }
            }
        }
        loop {
            let ShardComparison { places, runs, .. } = self;
            let next =
                runs[run].next_until(u64::MAX, |kind, symbol| stream_of(places, keys, kind, symbol))?;
            let Some(pending) = next else { return Ok(()) };
            let stream = self.runs[run].lane(pending.key, pending.envelope.event_type()).stream;
            self.give_up(run, stream, pending);
        }
    }

    /// Reports dead letters of messages that have a record too, and what was sent again without being a dead letter.
    fn settle_letters(&mut self, run: usize) {
        for (seq, letter) in std::mem::take(&mut self.runs[run].letters) {
            if !letter.used {
                self.found(Fault::Duplicated, run, Some(seq), letter.stream, letter.offset, || {
                    "its message is in a data topic too, or belongs to another key".to_owned()
                });
            }
        }
        for (seq, retry, sent, outcome) in std::mem::take(&mut self.runs[run].retries).settle() {
            let SentAgain { stream, offset, .. } = sent;
            match outcome {
                Outcome::Good => self.sent_again += u64::from(retry.get() == 1),
                Outcome::NoLetter => self.found(Fault::Duplicated, run, Some(seq), stream, offset, || {
                    format!("it was sent again ({retry}), but its dead letter is missing")
                }),
                Outcome::Altered => self.found(Fault::Altered, run, Some(seq), stream, offset, || {
                    "it was sent again, but differs from the message of its dead letter".to_owned()
                }),
            }
        }
    }

    /// Adds a record that was made by sending a dead letter again.
    fn again(&mut self, run: usize, seq: u64, retry: NonZeroU32, sent: SentAgain) {
        let (stream, offset) = (sent.stream, sent.offset);
        if !self.runs[run].retries.sent(seq, retry, sent) {
            self.found(Fault::Duplicated, run, Some(seq), stream, offset, || {
                format!("it was sent again ({retry}), but this retry was read before, or too many were read")
            });
        }
    }

    fn report_faults(&mut self, run: usize, seq: u64, stream: usize, offset: i64, candidate: &mut Candidate) {
        if !candidate.faults.is_empty() {
            let what = std::mem::take(&mut candidate.faults);
            self.found(Fault::Altered, run, Some(seq), stream, offset, || what);
        }
    }

    fn found(
        &mut self,
        fault: Fault,
        run: usize,
        seq: Option<u64>,
        stream: usize,
        offset: i64,
        what: impl FnOnce() -> String,
    ) {
        let name = &self.runs[run].name;
        let place = place(&self.streams[stream], offset);
        self.findings[fault as usize].add(|| {
            let what = format!("run {name}: {}", what());
            Example { seq: seq.map(StreamSeq), place: Some(place), what }
        });
    }

    fn foreign(&mut self, seq: Option<u64>, stream: usize, offset: i64, what: impl FnOnce() -> String) {
        let place = place(&self.streams[stream], offset);
        self.findings[Fault::Foreign as usize].add(|| Example {
            seq: seq.map(StreamSeq),
            place: Some(place),
            what: what(),
        });
    }
}

/// Adds the difference between a record's message and the expected one to its faults.
fn compare_texts(candidate: &mut Candidate, expected: &Envelope) {
    let (found, expected) = (candidate.message.text(), expected.to_json().into_bytes());
    if found != expected {
        add(&mut candidate.faults, &canonical_text::difference(found, &expected));
    }
}

/// Returns the stream in which messages of a type and symbol should be, if it is one of the worker's.
fn stream_of(
    places: &BTreeMap<(EventType, i32), usize>,
    keys: ShardKeys,
    kind: EventType,
    symbol: Symbol,
) -> Option<usize> {
    let partition = murmur2::partition(symbol.as_str().as_bytes(), keys.partitions);
    places.get(&(kind, partition)).copied()
}

fn place(stream: &Stream, offset: i64) -> Place {
    Place { topic: stream.topic.clone(), partition: stream.partition, offset: Some(offset) }
}
