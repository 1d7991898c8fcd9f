//! The producer: librdkafka with its settings, its records, and its reports.
//!
//! Nothing is ever handed over a second time while the same producer may still be sending it: librdkafka alone
//! retries temporary failures, and all others end the producer.

mod consumer;
mod error;
mod headers;
mod partition;
mod positions;
mod reason;
mod reports;
mod ticket;

use std::{sync::Arc, time::Duration};

use rdkafka::{
    ClientConfig,
    bindings::rd_kafka_flush,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, Producer as _, PurgeConfig, ThreadedProducer},
};
use tradesim_bridge_core::{Guarantee, Topic, Topics};
use tradesim_schemas::{StreamSeq, Timestamp};

use self::ticket::Ticket;
pub(crate) use self::{
    consumer::{Isolation, Quiet, Reader as TopicReader, explain, reader},
    error::{KafkaFailure, is_record_refused},
    headers::{header_texts, headers},
    partition::{PartitionRecord, PartitionRecords},
    positions::{Newest, read_newest, read_position},
    reason::LastReason,
    reports::{Reports, Shared},
    ticket::whole_number,
};
use crate::{clock::Clock, connection::KafkaConnection};

/// The time in which a record in a transaction must be acknowledged: after that the transaction has failed.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// The time after which the coordinator ends an open transaction.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);
/// The timeout of a call for a transaction. A coordinator that moves to another broker takes some ten seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The wait of such a call before it is checked whether to stop.
const CALL_SLICE: Duration = Duration::from_secs(2);
/// The limit of records that librdkafka holds (contract, section 5); their bytes are limited too, so that memory is
/// bounded.
const QUEUE_RECORDS_MAX: u32 = 100_000;
const QUEUE_KBYTES_MAX: u32 = 64 * 1024;
/// The wait for acknowledgements before failures and signals are checked.
const FLUSH_SLICE: Duration = Duration::from_millis(20);
/// The interval of checks whether the queue is empty.
const DRAIN_TICK: Duration = Duration::from_micros(500);

/// The settings of a producer (contract, sections 5 and 8).
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// The client id.
    pub client_id: String,
    /// The number of replicas that must have a record: 0, 1 or all.
    pub acks: String,
    /// The size of a batch in bytes.
    pub batch_size: u32,
    /// The time that a batch waits to fill, in milliseconds.
    pub linger_ms: u32,
    /// The compression of batches.
    pub compression: String,
    /// True if the broker must recognise records that are sent again.
    pub idempotence: bool,
    /// The transactional id, which fences older producers; by default it is derived from the prefix and the stream.
    pub transactional_id: Option<String>,
}

impl Default for ProducerOptions {
    fn default() -> ProducerOptions {
        ProducerOptions {
            client_id: "trade-bridge-producer".to_owned(),
            acks: "all".to_owned(),
            batch_size: 65_536,
            linger_ms: 10,
            compression: "snappy".to_owned(),
            idempotence: true,
            transactional_id: None,
        }
    }
}

impl ProducerOptions {
    /// Returns the configuration of a producer. `stream` is the id of the feed's stream, if it has one. It is public
    /// for comparisons of a bridge with librdkafka alone.
    pub fn config(
        &self,
        connection: &KafkaConnection,
        guarantee: Guarantee,
        topics: &Topics,
        stream: Option<&str>,
    ) -> ClientConfig {
        let mut config = ClientConfig::new();
        let millis = |time: Duration| time.as_millis().to_string();
        config
            .set("client.id", &self.client_id)
            // with canonical names, so that the user's properties can overwrite them
            .set("request.required.acks", &self.acks)
            .set("enable.idempotence", self.idempotence.to_string())
            .set("max.in.flight.requests.per.connection", "5")
            .set("batch.size", self.batch_size.to_string())
            .set("batch.num.messages", "10000")
            .set("queue.buffering.max.ms", self.linger_ms.to_string())
            .set("compression.codec", &self.compression)
            .set("queue.buffering.max.messages", QUEUE_RECORDS_MAX.to_string())
            .set("queue.buffering.max.kbytes", QUEUE_KBYTES_MAX.to_string())
            .set("request.timeout.ms", "30000")
            .set("statistics.interval.ms", "60000")
            // the partitioner of JVM clients, so that topics can be joined with theirs
            .set("partitioner", "murmur2_random")
            // so that a broker that comes back is found soon
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true");
        match guarantee {
            Guarantee::ExactlyOnce => {
                let id = match (&self.transactional_id, stream) {
                    (Some(id), _) => id.clone(),
                    (None, Some(stream)) => format!("tradesim-{}{stream}", topics.prefix()),
                    (None, None) => format!("tradesim-{}", topics.prefix()),
                };
                config
                    .set("transactional.id", id)
                    .set("transaction.timeout.ms", millis(TRANSACTION_TIMEOUT))
                    .set("message.timeout.ms", millis(MESSAGE_TIMEOUT));
            }
            // without a limit: while the cluster is unavailable, the feed waits
            Guarantee::AtLeastOnce => {
                config.set("message.timeout.ms", "0");
            }
        }
        connection.apply(&mut config);
        config
    }
}

/// A record to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: Topic,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: &'a [u8],
    pub(crate) headers: Option<RecordHeaders<'a>>,
    /// The number that identifies its report.
    pub(crate) number: u64,
}

/// The contents of a record's headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordHeaders<'a> {
    pub(crate) run: &'a str,
    pub(crate) seq: StreamSeq,
    /// The envelope's time, if it was read.
    pub(crate) emitted: Option<Timestamp>,
    /// The number of retries of the dead letter that this record is made from.
    pub(crate) retry: u32,
}

/// The names of the headers (contract, section 5; the last one is an extension).
pub(crate) const HEADER_RUN: &str = "tradesim-run";
pub(crate) const HEADER_SEQ: &str = "tradesim-seq";
pub(crate) const HEADER_EMITTED: &str = "tradesim-emitted";
pub(crate) const HEADER_RETRY: &str = "tradesim-retry";

impl RecordHeaders<'_> {
    fn to_kafka(self) -> OwnedHeaders {
        let mut digits = Digits::new();
        let mut headers = OwnedHeaders::new_with_capacity(4)
            .insert(Header { key: HEADER_RUN, value: Some(self.run) })
            .insert(Header { key: HEADER_SEQ, value: Some(digits.of_u64(self.seq.get())) });
        if let Some(emitted) = self.emitted {
            let micros = digits.of_i64(emitted.micros());
            headers = headers.insert(Header { key: HEADER_EMITTED, value: Some(micros) });
        }
        if self.retry > 0 {
            headers = headers
                .insert(Header { key: HEADER_RETRY, value: Some(digits.of_u64(u64::from(self.retry))) });
        }
        headers
    }
}

/// Decimal digits without an allocation.
struct Digits([u8; 20]);

impl Digits {
    fn new() -> Digits {
        Digits([0; 20])
    }

    fn of_u64(&mut self, mut number: u64) -> &[u8] {
        let mut at = self.0.len();
        loop {
            at -= 1;
            self.0[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return &self.0[at..];
            }
        }
    }

    fn of_i64(&mut self, number: i64) -> &[u8] {
        let len = self.of_u64(number.unsigned_abs()).len();
        let at = self.0.len() - len;
        if number >= 0 {
            return &self.0[at..];
        }
        // 19 digits at most, so that there is room for the sign
        self.0[at - 1] = b'-';
        &self.0[at - 1..]
    }
}

/// The reason for which a record was not taken.
#[derive(Debug)]
pub(crate) enum SendError {
    /// There is no room until reports have arrived.
    Full,
    /// It can never be sent as it is.
    Refused(String),
    /// The producer cannot be used any more.
    Failed(KafkaFailure),
}

/// A producer of librdkafka. A thread of its own serves its reports; the thread that owns it does everything else.
pub(crate) struct Producer {
    inner: ThreadedProducer<Reports>,
    topics: Arc<Topics>,
    clock: Clock,
}

impl Producer {
    /// Creates a producer. Nothing is requested from a broker yet.
    pub(crate) fn new(
        config: &ClientConfig,
        topics: Arc<Topics>,
        shared: Arc<Shared>,
        clock: Clock,
    ) -> KafkaResult<Producer> {
        let inner = config.create_with_context(Reports::new(shared))?;
        Ok(Producer { inner, topics, clock })
    }

    /// Checks that the topics exist that it will write to. Returns the first that does not.
    pub(crate) fn missing_topic(&self, wait: Duration) -> Result<Option<String>, KafkaFailure> {
        for topic in Topic::ALL {
            let name = self.topics.name(topic);
            let metadata = self.inner.client().fetch_metadata(Some(name), wait)?;
            let found = metadata.topics().iter().find(|found| found.name() == name);
            if found.is_none_or(|found| found.error().is_some() || found.partitions().is_empty()) {
                return Ok(Some(name.to_owned()));
            }
        }
        Ok(None)
    }

    /// Fences older producers of the same transactional id, and waits until their transactions have ended.
    pub(crate) fn init_transactions(&self, is_stopping: &dyn Fn() -> bool) -> Result<(), KafkaFailure> {
        let until = self.clock.now() + CALL_TIMEOUT;
        loop {
            match self.inner.init_transactions(CALL_SLICE) {
                Ok(()) => return Ok(()),
                Err(_) if is_stopping() => return Err(KafkaFailure::Stopped),
                // such a call continues where it was
                Err(KafkaError::Transaction(error)) if error.is_retriable() && self.clock.now() < until => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Begins a transaction.
    pub(crate) fn begin(&self) -> Result<(), KafkaFailure> {
        Ok(self.inner.begin_transaction()?)
    }

    /// Sends records at once that wait for their batch to fill, and waits until everything is acknowledged, or a
    /// moment. Another call continues.
    ///
    /// The binding's own `flush` passes a timeout of zero, which the library's threads rarely notice.
    #[expect(unsafe_code, reason = "the binding has no such call")]
    pub(crate) fn flush_for_a_moment(&self) {
        let millis = FLUSH_SLICE.as_millis() as i32;
        // SAFETY: the pointer is that of the client that `inner` owns, and the call is allowed from any thread
        unsafe { rd_kafka_flush(self.inner.client().native_ptr(), millis) };
    }

    /// Commits the transaction. Everything must be acknowledged by then ([`Producer::in_flight`]): the library would
    /// wait for the rest in steps of a tenth of a second.
    pub(crate) fn commit(&self) -> Result<(), KafkaFailure> {
        Ok(self.inner.commit_transaction(CALL_TIMEOUT)?)
    }

    /// Hands a record over.
    #[inline]
    pub(crate) fn send(&self, outgoing: Outgoing<'_>) -> Result<(), SendError> {
        let ticket = Ticket::new(outgoing.topic, outgoing.number, self.clock.wrapped_us());
        let topic = self.topics.name(outgoing.topic);
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(topic, ticket.to_opaque()).payload(outgoing.value);
        record.key = outgoing.key;
        record.headers = outgoing.headers.map(RecordHeaders::to_kafka);
        match self.inner.send(record) {
            Ok(()) => Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Err(SendError::Full),
            Err((error, _)) if is_record_refused(&error) => Err(SendError::Refused(error.to_string())),
            Err((error, _)) => Err(SendError::Failed(error.into())),
        }
    }

    /// Returns the number of records that are handed over and whose report was not served.
    pub(crate) fn in_flight(&self) -> u32 {
        u32::try_from(self.inner.in_flight_count()).unwrap_or(0)
    }

    /// Waits a moment for reports.
    pub(crate) fn wait_for_reports(&self) {
        std::thread::sleep(DRAIN_TICK);
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        // its records must not be sent any more: they will be handed over again
        self.inner.purge(PurgeConfig::default().queue().inflight());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 1, 9, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(Digits::new().of_u64(number), number.to_string().as_bytes());
        }
        for number in [0, -1, 1_771_425_000_000_000, -62_167_219_200_000_000, i64::MIN, i64::MAX] {
            assert_eq!(Digits::new().of_i64(number), number.to_string().as_bytes());
        }
    }

    fn config(guarantee: Guarantee, options: &ProducerOptions, properties: &[&str]) -> ClientConfig {
        let properties: Vec<_> = properties.iter().map(|text| text.parse().unwrap()).collect();
        let connection = KafkaConnection::new("127.0.0.1:1", &properties).unwrap();
        options.config(&connection, guarantee, &Topics::new("ci.", "dlq"), Some("abc"))
    }

    #[test]
    fn the_settings_are_those_of_the_contract() {
        let config = config(Guarantee::ExactlyOnce, &ProducerOptions::default(), &[]);
        for (name, value) in [
            ("request.required.acks", "all"),
            ("enable.idempotence", "true"),
            ("max.in.flight.requests.per.connection", "5"),
            ("batch.size", "65536"),
            ("queue.buffering.max.ms", "10"),
            ("compression.codec", "snappy"),
            ("queue.buffering.max.messages", "100000"),
            ("request.timeout.ms", "30000"),
            ("statistics.interval.ms", "60000"),
            ("client.id", "trade-bridge-producer"),
            ("message.timeout.ms", "30000"),
            ("transaction.timeout.ms", "60000"),
            ("transactional.id", "tradesim-ci.abc"),
            ("partitioner", "murmur2_random"),
        ] {
            assert_eq!(config.get(name), Some(value), "{name}");
        }
    }

    #[test]
    fn without_transactions_nothing_is_given_up() {
        let config = config(Guarantee::AtLeastOnce, &ProducerOptions::default(), &[]);
        assert_eq!(config.get("message.timeout.ms"), Some("0"));
        assert_eq!(config.get("transactional.id"), None);
    }

    #[test]
    fn properties_of_the_user_count_more() {
        let options =
            ProducerOptions { transactional_id: Some("mine".to_owned()), ..ProducerOptions::default() };
        let config = config(Guarantee::ExactlyOnce, &options, &["linger.ms=0", "compression.type=zstd"]);
        let get = |name| config.get(name);
        assert_eq!((get("queue.buffering.max.ms"), get("compression.codec")), (Some("0"), Some("zstd")));
        assert_eq!((get("linger.ms"), get("compression.type")), (None, None));
        assert_eq!(config.get("transactional.id"), Some("mine"));
    }
}
