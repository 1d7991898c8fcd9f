//! Topics in memory, as the bridge fills them.

use std::{convert::Infallible, fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use tradesim_schemas::{ByteHash, DIGEST_PREFIX, Envelope, EventType, ReadOptions, read};

use super::super::*;
use crate::{audit::record::RecordHeaders, avro::write_confluent};

pub(in crate::audit) const MESSAGE_RUN: &str = "the run";
const TOPICS: [(TopicKind, &str, i32); 4] = [
    (TopicKind::Data(EventType::Trade), "raw.trades", 12),
    (TopicKind::Data(EventType::OrderBook), "raw.orderbook", 12),
    (TopicKind::Data(EventType::MarketData), "raw.marketdata", 12),
    (TopicKind::DeadLetters, "dlq.raw.failed", 3),
];

/// A record with its own memory.
#[derive(Clone, Debug, Default)]
pub(in crate::audit) struct Record {
    pub(in crate::audit) key: Option<Vec<u8>>,
    pub(in crate::audit) value: Option<Vec<u8>>,
    pub(in crate::audit) run: Option<String>,
    pub(in crate::audit) seq: Option<String>,
    pub(in crate::audit) emitted: Option<String>,
    pub(in crate::audit) retry: Option<String>,
}

pub(in crate::audit) struct Topics {
    pub(in crate::audit) streams: Vec<Stream>,
    pub(in crate::audit) records: Vec<Vec<Record>>,
}

/// Returns the first messages of a recorded hour, repeated as needed.
pub(in crate::audit) fn messages(count: usize) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/opening-hour.jsonl");
    let lines = fs::read(path).unwrap();
    lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .cycle()
        .take(count)
        .map(<[u8]>::to_vec)
        .collect()
}

impl Topics {
    /// Returns the topics after all messages passed through a bridge without a fault.
    pub(in crate::audit) fn bridged(messages: &[Vec<u8>]) -> Topics {
        let streams: Vec<Stream> = TOPICS
            .iter()
            .flat_map(|&(kind, topic, partitions)| {
                (0..partitions).map(move |partition| Stream {
                    kind,
                    topic: topic.to_owned(),
                    partition,
                    partitions,
                })
            })
            .collect();
        let mut topics = Topics { records: vec![Vec::new(); streams.len()], streams };
        for (seq, text) in messages.iter().enumerate() {
            let (kind, mut record) = record_of(text);
            record.run = Some(MESSAGE_RUN.to_owned());
            record.seq = Some(seq.to_string());
            let partition = record.key.as_deref().map_or(1, |key| murmur2::partition(key, partitions(kind)));
            let stream =
                topics.streams.iter().position(|stream| stream.kind == kind && stream.partition == partition);
            topics.records[stream.unwrap()].push(record);
        }
        topics
    }

    /// Returns the stream and the index of a message's record.
    pub(in crate::audit) fn find(&self, seq: u64) -> (usize, usize) {
        let text = Some(seq.to_string());
        let place = |records: &Vec<Record>| records.iter().position(|record| record.seq == text);
        self.records.iter().enumerate().find_map(|(stream, records)| Some((stream, place(records)?))).unwrap()
    }

    pub(in crate::audit) fn seq(&self, stream: usize, at: usize) -> u64 {
        self.records[stream][at].seq.as_ref().unwrap().parse().unwrap()
    }

    pub(in crate::audit) fn value_of(&self, seq: u64) -> Option<Vec<u8>> {
        let (stream, at) = self.find(seq);
        self.records[stream][at].value.clone()
    }

    pub(in crate::audit) fn remove(&mut self, seq: u64) {
        let (stream, at) = self.find(seq);
        self.records[stream].remove(at);
    }

    /// Replaces a message by a dead letter. Returns the stream and the record that it would have been.
    pub(in crate::audit) fn replace_by_dead_letter(&mut self, seq: u64, text: &[u8]) -> (usize, Record) {
        let (stream, at) = self.find(seq);
        let record = self.records[stream].remove(at);
        let letter = Record {
            key: None,
            value: Some(dead_letter(text, "a rule that only some programs have")),
            emitted: None,
            ..record.clone()
        };
        let letters = self.streams.iter().position(|stream| stream.kind == TopicKind::DeadLetters).unwrap();
        self.insert_by_seq(letters, letter);
        (stream, record)
    }

    pub(in crate::audit) fn insert_by_seq(&mut self, stream: usize, record: Record) {
        let seq = |record: &Record| record.seq.as_ref().unwrap().parse::<u64>().unwrap();
        let at = self.records[stream].partition_point(|other| seq(other) < seq(&record));
        self.records[stream].insert(at, record);
    }

    /// Returns two consecutive records of one key.
    pub(in crate::audit) fn neighbours_of_one_key(&self) -> (usize, usize, usize) {
        let records = &self.records[0];
        let key = &records[records.len() / 2].key;
        let mut of_key = (0..records.len()).filter(|&at| records[at].key == *key);
        (0, of_key.next().unwrap(), of_key.next().unwrap())
    }

    /// Returns a record whose neighbour has another key.
    pub(in crate::audit) fn neighbours_of_two_keys(&self) -> (usize, usize) {
        for (stream, records) in self.records.iter().enumerate() {
            if let Some(at) = records.windows(2).position(|pair| pair[0].key != pair[1].key) {
                return (stream, at);
            }
        }
        panic!("every partition has one key");
    }

    pub(in crate::audit) fn audit(&self, messages: &[Vec<u8>]) -> AuditReport {
        self.audit_run(Some(MESSAGE_RUN), messages)
    }

    /// Audits the topics twice: against the messages as texts, and as envelopes where their texts are those of envelopes.
    pub(in crate::audit) fn audit_run(&self, run: Option<&str>, messages: &[Vec<u8>]) -> AuditReport {
        let by_texts = self.audit_forms(run, messages, |_| None);
        let by_envelopes = self.audit_forms(run, messages, |text| {
            let envelope = read(text, ReadOptions::default()).ok()?.to_envelope()?;
            (envelope.to_json().as_bytes() == text).then_some(envelope)
        });
        assert_eq!(by_texts, by_envelopes);
        by_envelopes
    }

    fn audit_forms(
        &self,
        run: Option<&str>,
        messages: &[Vec<u8>],
        envelope: impl Fn(&[u8]) -> Option<Envelope>,
    ) -> AuditReport {
        let mut comparison = Comparison::new(self.streams.clone(), run, messages.len() as u64);
        let mut places = vec![0; self.streams.len()];
        loop {
            match comparison.poll() {
                Want::Message => {
                    let text = &messages[comparison.compared() as usize];
                    let set = |message: &mut AuditMessage| {
                        match envelope(text) {
                            Some(envelope) => message.set_envelope(envelope),
                            None => message.set_text().extend_from_slice(text),
                        }
                        Ok::<_, Infallible>(true)
                    };
                    let Ok(is_there) = comparison.message(set);
                    assert!(is_there);
                }
                Want::Record(stream) => {
                    let at = places[stream];
                    places[stream] += 1;
                    let Some(record) = self.records[stream].get(at) else {
                        comparison.ended(stream);
                        continue;
                    };
                    let record = record.borrowed(at as i64);
                    if let Some(id) = comparison.unknown_schema(stream, &record) {
                        let kind = EventType::ALL.iter().find(|kind| schema_id(**kind) == id);
                        comparison.learn_schema(id, kind.map(|kind| kind.avro_schema()));
                    }
                    comparison.record(stream, &record);
                }
                Want::Nothing => return comparison.finish(),
            }
        }
    }
}

impl Record {
    pub(in crate::audit) fn borrowed(&self, offset: i64) -> TopicRecord<'_> {
        TopicRecord {
            offset,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: RecordHeaders {
                run: self.run.as_deref().map(str::as_bytes),
                seq: self.seq.as_deref().map(str::as_bytes),
                emitted: self.emitted.as_deref().map(str::as_bytes),
                retry: self.retry.as_deref().map(str::as_bytes),
            },
        }
    }
}

fn partitions(kind: TopicKind) -> i32 {
    TOPICS.iter().find(|(of, ..)| *of == kind).unwrap().2
}

pub(in crate::audit) fn schema_id(kind: EventType) -> u32 {
    10 + kind as u32
}

fn record_of(text: &[u8]) -> (TopicKind, Record) {
    match read(text, ReadOptions::default()) {
        Ok(message) => {
            let kind = message.event_type();
            let mut value = Vec::new();
            write_confluent(&message, schema_id(kind), &mut value);
            let record = Record {
                key: Some(message.symbol().as_bytes().to_vec()),
                value: Some(value),
                emitted: Some(message.timestamp.micros().to_string()),
                ..Record::default()
            };
            (TopicKind::Data(kind), record)
        }
        Err(refusal) => (
            TopicKind::DeadLetters,
            Record { value: Some(dead_letter(text, &refusal.to_string())), ..Record::default() },
        ),
    }
}

fn dead_letter(text: &[u8], error: &str) -> Vec<u8> {
    let is_cut = text.len() > 512 * 1024;
    let kept = if is_cut { &text[..64 * 1024] } else { text };
    let (value, encoding) = match str::from_utf8(kept) {
        Ok(text) => (text.to_owned(), "utf8"),
        Err(_) => (BASE64_STANDARD.encode(kept), "base64"),
    };
    let mut letter = json!({
        "original_topic": null, "original_key": null, "original_value": value, "original_encoding": encoding,
        "error": error, "reason": "not_json", "failed_at": "2026-02-18T14:30:00.000000Z", "retry_count": 0,
    });
    if is_cut {
        letter["original_length"] = json!(text.len());
        letter["original_blake3"] = json!(ByteHash::of(text).to_string().trim_start_matches(DIGEST_PREFIX));
    }
    letter.to_string().into_bytes()
}
