//! Batches of messages on their way from the feed to the producer: validated and Avro-encoded.
//!
//! A batch owns one buffer and hands out slices of it, so that a message costs no allocation. Finished batches are
//! returned to the feed and reused.

use tradesim_bridge_core::{Admission, Whole};
use tradesim_client::Oversize;
use tradesim_schemas::{EventType, ReadOptions, Refusal, StreamSeq, Timestamp, read};

use crate::{
    avro::write_confluent,
    feed::Lease,
    metrics::{Metrics, event_index},
    registry::SchemaIds,
};

/// The size in bytes from which a batch is handed over: large enough that handing over costs nothing, small enough to
/// stay in a cache.
const FLUSH_BYTES: usize = 256 * 1024;
/// The number of messages from which a batch is handed over.
const FLUSH_MESSAGES: usize = 1_024;
/// The size of the largest buffer that is kept for reuse.
const KEPT_BYTES_MAX: usize = 4 * FLUSH_BYTES;
/// The length from which a frame reserves only the room that it needs: doubling would take twice as much.
const LARGE_BYTES: usize = 2 * KEPT_BYTES_MAX;

/// The approximate size of a refusal with its texts.
const REFUSAL_BYTES: usize = 256;

/// The rules by which messages are read and encoded.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The ids of the schemas that values contain.
    pub schema_ids: SchemaIds,
    /// The options of reading.
    pub read: ReadOptions,
}

/// Messages in the order in which they were received.
#[derive(Debug, Default)]
pub struct Batch {
    /// The connection that they were received on.
    pub(crate) connection: u64,
    /// The frame, the key and the value of each message.
    bytes: Vec<u8>,
    items: Vec<Item>,
    refusals: Vec<Refusal>,
    /// The properties of messages above the limit, whose frames contain only the beginning.
    wholes: Vec<Whole>,
    /// Its share of the budget of bytes that are received and not delivered.
    pub(crate) lease: Option<Lease>,
    /// By [`event_index`].
    received: [u64; 4],
    unknown_fields: u64,
}

/// The state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageState {
    /// It was not decided on yet.
    Untaken,
    /// It was taken, as the message with this number.
    Taken { seq: StreamSeq },
    /// It was received before, and is skipped.
    Skipped,
}

impl MessageState {
    /// Returns the state after this decision.
    #[inline]
    pub(crate) fn of(admission: Admission) -> MessageState {
        match admission {
            Admission::Skip => MessageState::Skipped,
            Admission::Produce { seq }
            | Admission::ProduceAlone { seq }
            | Admission::DeadLetter { seq, .. } => MessageState::Taken { seq },
        }
    }

    /// Returns the number of a message that was taken.
    #[inline]
    pub(crate) fn seq(self) -> Option<StreamSeq> {
        match self {
            MessageState::Taken { seq } => Some(seq),
            MessageState::Untaken | MessageState::Skipped => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Item {
    state: MessageState,
    /// The ends of the frame, the key and the value in the buffer; an item begins where the previous one ends.
    frame_end: u32,
    key_end: u32,
    value_end: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Record { event_type: EventType, emitted: Timestamp },
    Invalid { refusal: u32 },
    Oversize { refusal: u32, whole: u32 },
}

/// A message of a batch.
#[derive(Clone, Copy, Debug)]
pub enum Entry<'a> {
    /// A valid message.
    Record(Record<'a>),
    /// An invalid message.
    Invalid {
        /// The message as received, or its beginning.
        frame: &'a [u8],
        /// The reason.
        refusal: &'a Refusal,
        /// The properties of the whole message, if `frame` is its beginning.
        whole: Option<&'a Whole>,
    },
}

/// A valid message.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its type, which decides the topic.
    pub event_type: EventType,
    /// The envelope's time.
    pub emitted: Timestamp,
    /// The message as received.
    pub frame: &'a [u8],
    /// Its symbol.
    pub key: &'a [u8],
    /// Its Avro record in Confluent's wire format.
    pub value: &'a [u8],
}

impl Entry<'_> {
    /// Returns the envelope's time, if it was read.
    pub(crate) fn emitted(&self) -> Option<Timestamp> {
        match self {
            Entry::Record(record) => Some(record.emitted),
            Entry::Invalid { .. } => None,
        }
    }
}

impl Batch {
    /// Returns an empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Removes the messages and keeps the buffers.
    pub fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
        self.items.clear();
        self.refusals.clear();
        self.wholes.clear();
        self.lease = None;
        self.received = [0; 4];
        self.unknown_fields = 0;
    }

    /// Adds a message: validates it, and encodes it or stores the refusal.
    #[inline]
    pub fn push(&mut self, frame: &[u8], rules: &Rules) {
        if frame.len() >= LARGE_BYTES {
            self.bytes.reserve_exact(frame.len());
        }
        self.bytes.extend_from_slice(frame);
        let frame_end = self.end();
        match read(frame, rules.read) {
            Ok(message) => {
                let event_type = message.event_type();
                self.received[event_index(Some(event_type))] += 1;
                self.unknown_fields += u64::from(message.unknown_fields);
                self.bytes.extend_from_slice(message.symbol().as_bytes());
                let key_end = self.end();
                write_confluent(&message, rules.schema_ids.of(event_type), &mut self.bytes);
                let kind = Kind::Record { event_type, emitted: message.timestamp };
                let state = MessageState::Untaken;
                self.items.push(Item { state, frame_end, key_end, value_end: self.end(), kind });
            }
            Err(refusal) => self.push_invalid(frame_end, refusal),
        }
    }

    /// Adds a message above the limit, of which the beginning is available.
    #[cold]
    pub(crate) fn push_oversize(&mut self, message: &Oversize, rules: &Rules) {
        self.bytes.extend_from_slice(&message.beginning);
        let frame_end = self.end();
        let length = usize::try_from(message.length).unwrap_or(usize::MAX);
        let whole = self.wholes.len() as u32;
        self.wholes.push(Whole { length: message.length, hash: message.hash });
        let refusal = self.refusals.len() as u32;
        let kind = Kind::Oversize { refusal, whole };
        self.refuse(frame_end, Refusal::too_large(length, rules.read.bytes_max), kind);
    }

    #[cold]
    fn push_invalid(&mut self, end: u32, refusal: Refusal) {
        let kind = Kind::Invalid { refusal: self.refusals.len() as u32 };
        self.refuse(end, refusal, kind);
    }

    fn refuse(&mut self, end: u32, refusal: Refusal, kind: Kind) {
        self.received[event_index(refusal.event_type)] += 1;
        self.refusals.push(refusal);
        let state = MessageState::Untaken;
        self.items.push(Item { state, frame_end: end, key_end: end, value_end: end, kind });
    }

    /// Returns the approximate size of its memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.items.len() * size_of::<Item>() + self.refusals.len() * REFUSAL_BYTES
    }

    fn end(&self) -> u32 {
        // a batch is handed over long before: it exceeds the limit by one message of some megabytes at most
        u32::try_from(self.bytes.len()).expect("a batch is far smaller than 4 GiB")
    }

    /// Returns true if it should be handed over.
    #[inline]
    pub fn should_flush(&self) -> bool {
        self.bytes.len() >= FLUSH_BYTES || self.items.len() >= FLUSH_MESSAGES
    }

    /// Returns true if it has no messages.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the number of messages.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns a message by its index.
    ///
    /// # Panics
    /// If the index is out of range.
    #[inline]
    pub fn entry(&self, index: usize) -> Entry<'_> {
        let item = self.items[index];
        let start = if index == 0 { 0 } else { self.items[index - 1].value_end } as usize;
        let frame = &self.bytes[start..item.frame_end as usize];
        match item.kind {
            Kind::Record { event_type, emitted } => Entry::Record(Record {
                event_type,
                emitted,
                frame,
                key: &self.bytes[item.frame_end as usize..item.key_end as usize],
                value: &self.bytes[item.key_end as usize..item.value_end as usize],
            }),
            Kind::Invalid { refusal } => {
                Entry::Invalid { frame, refusal: &self.refusals[refusal as usize], whole: None }
            }
            Kind::Oversize { refusal, whole } => Entry::Invalid {
                frame,
                refusal: &self.refusals[refusal as usize],
                whole: Some(&self.wholes[whole as usize]),
            },
        }
    }

    /// Returns the state of a message.
    #[inline]
    pub(crate) fn state(&self, index: usize) -> MessageState {
        self.items[index].state
    }

    /// Sets the state of a message.
    #[inline]
    pub(crate) fn set_state(&mut self, index: usize, state: MessageState) {
        self.items[index].state = state;
    }

    /// Adds its messages to the metrics.
    pub(crate) fn count(&self, metrics: &Metrics) {
        metrics.received(self.received);
        if self.unknown_fields > 0 {
            metrics.unknown_fields.inc_by(self.unknown_fields);
        }
        for refusal in &self.refusals {
            metrics.invalid(refusal.event_type, refusal.reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tradesim_schemas::{
        Reason,
        testing::{any_envelope, mutated_text},
    };

    use super::*;

    fn rules() -> Rules {
        Rules { schema_ids: SchemaIds::new([7, 8, 9]), read: ReadOptions::default() }
    }

    proptest! {
        #[test]
        fn a_batch_holds_what_the_reader_and_the_writer_say(
            frames in proptest::collection::vec(
                prop_oneof![any_envelope().prop_map(|envelope| envelope.to_json().into_bytes()), mutated_text()],
                0..20,
            ),
        ) {
            let mut batch = Batch::new();
            for frame in &frames {
                batch.push(frame, &rules());
            }
            prop_assert_eq!(batch.len(), frames.len());
            for (index, frame) in frames.iter().enumerate() {
                match (read(frame, ReadOptions::default()), batch.entry(index)) {
                    (Ok(message), Entry::Record(record)) => {
                        prop_assert_eq!(record.frame, frame.as_slice());
                        prop_assert_eq!(record.key, message.symbol().as_bytes());
                        prop_assert_eq!(record.emitted, message.timestamp);
                        prop_assert_eq!(record.event_type, message.event_type());
                        let mut value = Vec::new();
                        write_confluent(&message, 7 + message.event_type() as u32, &mut value);
                        prop_assert_eq!(record.value, value.as_slice());
                    }
                    (Err(expected), Entry::Invalid { frame: kept, refusal, whole: None }) => {
                        prop_assert_eq!(kept, frame.as_slice());
                        prop_assert_eq!(refusal, &expected);
                    }
                    (read, entry) => prop_assert!(false, "{read:?} {entry:?}"),
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_is_counted_by_type_and_reason() {
        let metrics = Metrics::new(&tradesim_bridge_core::Topics::new("", "dlq"));
        let mut batch = Batch::new();
        batch.push(b"{", &rules());
        batch.count(&metrics);
        let page = metrics.page();
        let reason = Reason::NotJson.code();
        let line =
            format!("bridge_validation_failures_total{{event_type=\"unknown\",reason=\"{reason}\"}} 1");
        assert!(page.lines().any(|found| found == line), "{page}");
        assert!(
            page.lines().any(|found| found == "bridge_ws_messages_received_total{event_type=\"unknown\"} 1")
        );
    }

    #[test]
    fn a_buffer_that_one_message_blew_up_is_let_go() {
        let mut batch = Batch::new();
        batch.push(&vec![b'x'; 20 << 20], &rules());
        assert!(batch.should_flush());
        batch.clear();
        assert!(batch.is_empty() && batch.bytes.capacity() == 0);
    }

    #[test]
    fn a_message_above_the_limit_is_its_beginning_with_length_and_hash() {
        let mut batch = Batch::new();
        let hash = blake3::hash(b"all of it");
        batch.push(b"{", &rules());
        batch.push_oversize(&Oversize { beginning: "all".into(), length: 20 << 20, hash }, &rules());
        batch.push(b"}", &rules());
        let Entry::Invalid { frame, refusal, whole } = batch.entry(1) else { panic!("it is too large") };
        assert_eq!((frame, refusal.reason), (&b"all"[..], Reason::TooLarge));
        assert_eq!(whole, Some(&Whole { length: 20 << 20, hash }));
        assert_eq!(refusal.to_string(), "the frame has 20971520 bytes, more than the limit of 16777216");
        assert!(matches!(batch.entry(2), Entry::Invalid { frame: b"}", whole: None, .. }));
        batch.clear();
        batch.push(b"{", &rules());
        assert!(matches!(batch.entry(0), Entry::Invalid { whole: None, .. }));
    }

    #[test]
    fn a_large_message_takes_no_more_room_than_it_needs() {
        let mut batch = Batch::new();
        batch.push(b"{", &rules());
        batch.push(&vec![b'x'; 16 << 20], &rules());
        assert!(batch.bytes.capacity() < (16 << 20) + FLUSH_BYTES, "{}", batch.bytes.capacity());
        assert!(batch.size() > 16 << 20);
    }
}
