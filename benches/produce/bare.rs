//! The baseline: librdkafka alone, with the same records and the settings of the bridge.

use std::time::{Duration, Instant};

use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};
use tradesim_bridge::{
    ProducerOptions,
    batch::{Batch, Entry, Rules},
    connection::KafkaConnection,
    core::{Guarantee, Topic, Topics},
    registry::SchemaIds,
};
use tradesim_schemas::ReadOptions;

use super::topics;

/// The pause before a retry when the queue is full, as in the bridge.
const FULL_TICK: Duration = Duration::from_micros(500);
const FLUSH_PATIENCE: Duration = Duration::from_secs(30);

/// Prepared records.
pub(crate) struct Records {
    batches: Vec<Batch>,
}

impl Records {
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Records {
        let rules = Rules { schema_ids: SchemaIds::new([1, 2, 3]), read: ReadOptions::default() };
        let mut batches = vec![Batch::new()];
        for text in texts {
            if batches.last().is_some_and(Batch::should_flush) {
                batches.push(Batch::new());
            }
            batches.last_mut().expect("there is one").push(text.as_bytes(), &rules);
        }
        Records { batches }
    }

    /// Produces so many records, repeated as needed. Returns the time from the first record until all are acknowledged.
    #[expect(clippy::disallowed_methods, reason = "a bench measures with the machine's clock")]
    pub(crate) fn produce(&self, connection: &KafkaConnection, messages: u64) -> Duration {
        let topics = topics();
        let config = ProducerOptions::default().config(connection, Guarantee::AtLeastOnce, &topics, None);
        let producer: ThreadedProducer<DefaultProducerContext> = config.create().expect("a producer");
        let entries = self.batches.iter().flat_map(|batch| (0..batch.len()).map(|index| batch.entry(index)));
        let entries: Vec<Entry<'_>> = entries.collect();
        let mut begun = None;
        for (seq, entry) in entries.iter().cycle().take(messages as usize).enumerate() {
            send(&producer, &topics, entry, seq);
            if begun.is_none() {
                producer.flush(FLUSH_PATIENCE).expect("a record is acknowledged");
                begun = Some(Instant::now());
            }
        }
        producer.flush(FLUSH_PATIENCE).expect("all records are acknowledged");
        begun.map_or(Duration::ZERO, |begun| begun.elapsed())
    }
}

fn send(producer: &ThreadedProducer<DefaultProducerContext>, topics: &Topics, entry: &Entry<'_>, seq: usize) {
    let Entry::Record(record) = entry else { panic!("the burst is valid") };
    let (seq, emitted) = (seq.to_string(), record.emitted.micros().to_string());
    let topic = topics.name(Topic::Data(record.event_type));
    let header = |key, value| Header { key, value: Some(value) };
    let headers = OwnedHeaders::new_with_capacity(3)
        .insert(header("tradesim-run", "bare"))
        .insert(header("tradesim-seq", seq.as_str()))
        .insert(header("tradesim-emitted", emitted.as_str()));
    let mut next = BaseRecord::to(topic).key(record.key).payload(record.value).headers(headers);
    loop {
        match producer.send(next) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                next = again;
                std::thread::sleep(FULL_TICK);
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
}
