//! The producer: librdkafka with its settings, what it is handed, and what it reports.
//!
//! Nothing is ever handed over a second time while the same producer may still be sending it: failures that can be tried
//! again are librdkafka's alone, and the rest ends the producer.

mod consumer;
mod error;
mod headers;
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
use tradesim_schemas::Timestamp;

use self::ticket::Ticket;
pub(crate) use self::{
    consumer::{Isolation, Quiet, Reader as TopicReader, explain, reader},
    error::{KafkaFailure, is_record_refused},
    headers::{header_texts, headers},
    positions::{read_newest, read_position},
    reason::LastReason,
    reports::{Reports, Shared},
    ticket::whole_number,
};
use crate::{clock::Clock, connection::KafkaConnection};

/// How long a record may take until it is acknowledged, in a transaction: after that the transaction has failed.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a transaction may be open before the coordinator ends it by itself.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a call about a transaction may take. A coordinator that moves to another broker takes some ten seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long such a call waits before it is seen whether to stop.
const CALL_SLICE: Duration = Duration::from_secs(2);
/// Records that librdkafka holds at most (contract, section 5), and bytes, so that memory stays flat.
const QUEUE_RECORDS_MAX: u32 = 100_000;
const QUEUE_KBYTES_MAX: u32 = 64 * 1024;
/// How long a wait for acknowledgements lasts before failures and signals are looked at.
const FLUSH_SLICE: Duration = Duration::from_millis(20);
/// How long a look at whether the queue is empty waits before the next.
const DRAIN_TICK: Duration = Duration::from_micros(500);

/// What a producer is told (contract, sections 5 and 8).
#[derive(Clone, Debug)]
pub struct ProducerOptions {
    /// The name that brokers know it by.
    pub client_id: String,
    /// How many replicas have to have a record: 0, 1 or all.
    pub acks: String,
    /// Bytes of a batch.
    pub batch_size: u32,
    /// How long a batch waits to fill, in milliseconds.
    pub linger_ms: u32,
    /// How batches are compressed.
    pub compression: String,
    /// Whether the broker is to recognise records that are sent again.
    pub idempotence: bool,
    /// What older producers are fenced by, in transactions; by default prefix and stream decide.
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
    /// The configuration of a producer. `stream` is what the feed calls its stream, where it does. Also for whoever compares a
    /// bridge with the library alone.
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
            // by their canonical names, over which the user's properties go
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
            // as the JVM's clients choose partitions, so that topics can be joined with theirs
            .set("partitioner", "murmur2_random")
            // a broker that comes back is found soon
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
            // without a limit: while the cluster is away, the feed waits
            Guarantee::AtLeastOnce => {
                config.set("message.timeout.ms", "0");
            }
        }
        connection.apply(&mut config);
        config
    }
}

/// A record on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: Topic,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: &'a [u8],
    pub(crate) headers: Option<RecordHeaders<'a>>,
    /// The number by which its report is recognised.
    pub(crate) number: u64,
}

/// What the headers of a record say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordHeaders<'a> {
    pub(crate) run: &'a str,
    pub(crate) seq: u64,
    /// The envelope's time, where it could be read.
    pub(crate) emitted: Option<Timestamp>,
    /// How often a dead letter was sent again to become this record.
    pub(crate) retry: u32,
}

/// Names of the headers (contract, section 5; the last one is ours).
pub(crate) const HEADER_RUN: &str = "tradesim-run";
pub(crate) const HEADER_SEQ: &str = "tradesim-seq";
pub(crate) const HEADER_EMITTED: &str = "tradesim-emitted";
pub(crate) const HEADER_RETRY: &str = "tradesim-retry";

impl RecordHeaders<'_> {
    fn to_kafka(self) -> OwnedHeaders {
        let mut digits = Digits::new();
        let mut headers = OwnedHeaders::new_with_capacity(4)
            .insert(Header { key: HEADER_RUN, value: Some(self.run) })
            .insert(Header { key: HEADER_SEQ, value: Some(digits.of_u64(self.seq)) });
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

/// Why a record was not taken.
#[derive(Debug)]
pub(crate) enum SendError {
    /// There is no room; once reports have come there is.
    Full,
    /// It can never be sent as it is.
    Refused(String),
    /// The producer is of no use any more.
    Failed(KafkaFailure),
}

/// A producer of librdkafka. Its reports are served on a thread of its own; everything else is done by the thread that
/// owns it.
pub(crate) struct Producer {
    inner: ThreadedProducer<Reports>,
    topics: Arc<Topics>,
    clock: Clock,
}

impl Producer {
    /// Makes one. Nothing is asked of a broker yet.
    pub(crate) fn new(
        config: &ClientConfig,
        topics: Arc<Topics>,
        shared: Arc<Shared>,
        clock: Clock,
    ) -> KafkaResult<Producer> {
        let inner = config.create_with_context(Reports::new(shared))?;
        Ok(Producer { inner, topics, clock })
    }

    /// Sees whether the topics exist that it will write to. Names the first that does not.
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

    /// Fences older producers of the same transactional id, and waits until their transactions are over.
    pub(crate) fn init_transactions(&self, is_stopping: &dyn Fn() -> bool) -> Result<(), KafkaFailure> {
        let until = self.clock.now() + CALL_TIMEOUT;
        loop {
            match self.inner.init_transactions(CALL_SLICE) {
                Ok(()) => return Ok(()),
                Err(_) if is_stopping() => return Err(KafkaFailure::Stopped),
                // such a call goes on where it was
                Err(KafkaError::Transaction(error)) if error.is_retriable() && self.clock.now() < until => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Begins a transaction.
    pub(crate) fn begin(&self) -> Result<(), KafkaFailure> {
        Ok(self.inner.begin_transaction()?)
    }

    /// Sends at once what waits for its batch to fill, and waits until everything is acknowledged, or a moment. Another call
    /// goes on.
    ///
    /// The binding's own `flush` asks the library to hurry for no time at all, which its threads rarely see.
    #[expect(unsafe_code, reason = "the binding has no such call")]
    pub(crate) fn flush_for_a_moment(&self) {
        let millis = FLUSH_SLICE.as_millis() as i32;
        // SAFETY: the pointer is that of the client that `inner` owns, and the call may come from any thread
        unsafe { rd_kafka_flush(self.inner.client().native_ptr(), millis) };
    }

    /// Commits the transaction. Everything has to be acknowledged by then ([`Producer::in_flight`]): the library would wait
    /// for the rest a tenth of a second at a time.
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

    /// Records that are handed over and whose report was not served.
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
        // what it holds must not be sent any more: it will be handed over again
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
