//! Records of topics, one after the other, for reading by people: keys, headers, and values decoded with the schemas
//! that they name. A value that cannot be decoded is shown as it is, with the reason, and the next record follows.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod schemas;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Timestamp as RecordTime},
};
use serde_json::{Map, Value, json};
use tradesim_schemas::Timestamp;

use self::schemas::Schemas;
use crate::{
    avro::{datum::split, print},
    connection::{ConnectionError, KafkaConnection},
    kafka::{self, Quiet},
    registry::{Registry, RegistryError},
};

/// The start in every partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The oldest record that exists.
    Oldest,
    /// After the newest record.
    Newest,
}

/// The result of waiting for a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Tailed {
    /// A record, as one JSON object.
    Record(Value),
    /// Every partition was read to its end; more records may follow.
    End,
    /// Nothing arrived in the given time.
    Nothing,
}

/// Records cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TailError {
    /// No consumer can be created with the configuration.
    #[error(transparent)]
    Connection {
        /// The cause.
        source: ConnectionError,
    },
    /// The consumer cannot continue.
    #[error("cannot read the records")]
    Consumer {
        /// The error of librdkafka.
        source: KafkaError,
    },
    /// The registry does not return a schema that a value names.
    #[error("cannot get schema {id} of a value from the registry")]
    Schema {
        /// The schema's id.
        id: u32,
        /// The error of the registry.
        source: RegistryError,
    },
}

/// A reader of committed records.
pub struct Tail {
    topics: Vec<TopicReader>,
    /// The reader that is polled next.
    turn: usize,
    schemas: Schemas,
}

/// One topic. Each has a consumer of its own, because the end of a partition is reported without its topic.
struct TopicReader {
    consumer: BaseConsumer<Quiet>,
    partitions: usize,
    /// Partitions without further records at the moment.
    at_end: BTreeSet<i32>,
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail").field("topics", &self.topics.len()).finish_non_exhaustive()
    }
}

impl Tail {
    /// Begins to read topics, of so many partitions each. No group is joined and nothing is committed.
    ///
    /// # Errors
    /// Properties that librdkafka rejects.
    pub fn open(
        connection: &KafkaConnection,
        registry: Registry,
        topics: &[(&str, usize)],
        begin: Begin,
    ) -> Result<Tail, TailError> {
        let topics = topics.iter().map(|(topic, partitions)| {
            let consumer = consumer(connection, topic, *partitions, begin)?;
            Ok(TopicReader { consumer, partitions: *partitions, at_end: BTreeSet::new() })
        });
        Ok(Tail { topics: topics.collect::<Result<_, _>>()?, turn: 0, schemas: Schemas::new(registry) })
    }

    /// Returns the next record, waiting for at most so long.
    ///
    /// # Errors
    /// Brokers or a registry with invalid answers. Unreachable brokers are waited for.
    pub fn next(&mut self, timeout: Duration) -> Result<Tailed, TailError> {
        let share = timeout / self.topics.len().max(1) as u32;
        for _ in 0..self.topics.len() {
            let topic = &mut self.topics[self.turn];
            match topic.consumer.poll(share) {
                None => self.turn = (self.turn + 1) % self.topics.len(),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    topic.at_end.insert(partition);
                    if self.topics.iter().all(|topic| topic.at_end.len() == topic.partitions) {
                        return Ok(Tailed::End);
                    }
                }
                Some(Err(source)) if is_passing(&source) => {
                    let reason = topic.consumer.context().reason.explain(&source);
                    tracing::warn!(reason, "waiting for the brokers");
                }
                Some(Err(source)) => return Err(TailError::Consumer { source }),
                Some(Ok(message)) => {
                    topic.at_end.remove(&message.partition());
                    let value = match message.payload() {
                        Some(bytes) => decoded(bytes, &mut self.schemas)?,
                        None => Value::Null,
                    };
                    return Ok(Tailed::Record(record(&message, value)));
                }
            }
        }
        Ok(Tailed::Nothing)
    }
}

fn consumer(
    connection: &KafkaConnection,
    topic: &str,
    partitions: usize,
    begin: Begin,
) -> Result<BaseConsumer<Quiet>, TailError> {
    let mut config = ClientConfig::new();
    config.set("client.id", "tradesim-tail").set("group.id", "tradesim-tail");
    connection.apply(&mut config);
    config
        .set("isolation.level", "read_committed")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false");
    let consumer: BaseConsumer<Quiet> = config
        .create_with_context(Quiet::default())
        .map_err(|error| TailError::Connection { source: ConnectionError::from_creation(error) })?;
    let offset = match begin {
        Begin::Oldest => Offset::Beginning,
        Begin::Newest => Offset::End,
    };
    let failed = |source| TailError::Consumer { source };
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions as i32 {
        assignment.add_partition_offset(topic, partition, offset).map_err(failed)?;
    }
    consumer.assign(&assignment).map_err(failed)?;
    Ok(consumer)
}

/// Returns true if librdkafka continues on its own.
fn is_passing(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut, Resolve};
    matches!(
        error.rdkafka_error_code(),
        Some(AllBrokersDown | BrokerTransportFailure | OperationTimedOut | Resolve)
    )
}

fn record(message: &BorrowedMessage<'_>, value: Value) -> Value {
    let mut headers = Map::new();
    for (name, value) in kafka::headers(message) {
        headers.insert(String::from_utf8_lossy(name).into_owned(), value.map_or(Value::Null, text));
    }
    let time = match message.timestamp() {
        RecordTime::NotAvailable => None,
        RecordTime::CreateTime(ms) | RecordTime::LogAppendTime(ms) => {
            ms.checked_mul(1_000).and_then(Timestamp::from_micros)
        }
    };
    json!({
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": time.map(|time| time.to_string()),
        "key": message.key().map(text),
        "headers": headers,
        "value": value,
    })
}

/// Returns bytes as a text, or in base64 if they are not UTF-8.
fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => json!({ "base64": BASE64_STANDARD.encode(bytes) }),
    }
}

/// Decodes a value: one in the Confluent wire format with its schema, one in JSON as it is, and everything else as a
/// text. A value whose schema cannot be used, or that is too large, is shown as base64 with the reason.
fn decoded(bytes: &[u8], schemas: &mut Schemas) -> Result<Value, TailError> {
    let Some((id, datum)) = split(bytes) else {
        return Ok(serde_json::from_slice(bytes).unwrap_or_else(|_| text(bytes)));
    };
    let value = match schemas.get(id)? {
        Ok(schema) => {
            print::decode(datum, schema).map_err(|error| format!("it is not a value of schema {id}: {error}"))
        }
        Err(reason) => Err(reason.clone()),
    };
    Ok(value.unwrap_or_else(|error| json!({ "base64": BASE64_STANDARD.encode(bytes), "error": error })))
}
