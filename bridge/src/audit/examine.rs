//! What a record contains, and the faults that it has without its message.

use tradesim_schemas::{ByteHash, EventType, Timestamp};

use super::{
    canonical_text, dead_letter,
    merge::{Candidate, Content},
    murmur2,
    record::{Stream, TopicKind, TopicRecord},
    retries::ShortHash,
};
use crate::avro::decode::Decoder;

/// Decodes records, with what it needs for that.
#[derive(Debug)]
pub(super) struct Examiner {
    decoder: Decoder,
}

impl Default for Examiner {
    fn default() -> Examiner {
        Examiner { decoder: Decoder::new() }
    }
}

impl Examiner {
    /// Returns the id of the schema that must be learned before this value can be decoded.
    pub(super) fn unknown_schema(&self, kind: EventType, value: &[u8]) -> Option<u32> {
        self.decoder.unknown_schema(kind, value)
    }

    /// Stores the registry's answer about an id.
    pub(super) fn learn_schema(&mut self, id: u32, text: Option<&str>) {
        self.decoder.learn(id, text);
    }

    /// Decodes the record, and checks it without its message.
    pub(super) fn examine(&self, stream: &Stream, candidate: &mut Candidate, record: &TopicRecord<'_>) {
        match stream.kind {
            TopicKind::Data(kind) => {
                let emitted = record.headers.emitted_time();
                if emitted.is_none() {
                    add(&mut candidate.faults, "tradesim-emitted is not a time");
                }
                match self.decoder.decode(kind, emitted.unwrap_or(Timestamp::MIN), record.value) {
                    Ok(message) => {
                        match message.to_envelope() {
                            Some(envelope) => candidate.message.set_envelope(envelope),
                            None => canonical_text::write_any(&message, candidate.message.set_text()),
                        }
                        candidate.content = Content::Message;
                        if record.key != Some(message.symbol().as_bytes()) {
                            add(
                                &mut candidate.faults,
                                &match record.key.map(String::from_utf8_lossy) {
                                    Some(key) => format!("its key is {key:?}"),
                                    None => "it has no key".to_owned(),
                                },
                            );
                        }
                    }
                    Err(error) => add(&mut candidate.faults, &error.to_string()),
                }
            }
            TopicKind::DeadLetters => match dead_letter::original(record.key, record.value) {
                Ok(dead_letter::Original::Whole(text)) => {
                    *candidate.message.set_text() = text;
                    candidate.content = Content::Message;
                }
                Ok(dead_letter::Original::Beginning(beginning)) => {
                    candidate.content = Content::Beginning(beginning);
                }
                Err(what) => add(&mut candidate.faults, &what),
            },
        }
        if let Some(key) = record.key {
            let partition = murmur2::partition(key, stream.partitions);
            if partition != stream.partition {
                add(&mut candidate.faults, &format!("its key belongs to partition {partition}"));
            }
        }
    }
}

/// Appends a fault of a record.
pub(super) fn add(faults: &mut String, what: &str) {
    if !faults.is_empty() {
        faults.push_str("; ");
    }
    faults.push_str(what);
}

/// Returns the hashes of the message as it is and re-encoded.
pub(super) fn hashes(message: &[u8]) -> [ShortHash; 2] {
    let hash = short_hash(message);
    [hash, canonical_text::reworded(message).map_or(hash, |text| short_hash(&text))]
}

/// Returns the hash of the message that a record contains, if it can be decoded.
pub(super) fn content_hash(candidate: &mut Candidate) -> Option<ShortHash> {
    match &candidate.content {
        Content::Message => Some(short_hash(candidate.message.text())),
        Content::Beginning(beginning) => Some(shortened(beginning.hash())),
        Content::Nothing => None,
    }
}

pub(super) fn short_hash(bytes: &[u8]) -> ShortHash {
    shortened(ByteHash::of(bytes).as_bytes())
}

fn shortened(hash: &[u8; 32]) -> ShortHash {
    let (short, _) = hash.split_at(16);
    short.try_into().expect("a half of 32 bytes")
}
