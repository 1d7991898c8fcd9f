//! The metrics for Prometheus: every name and label set is in this file. The first eight are the contract's (section
//! 5).
//!
//! Counters and gauges are atomics. The families with labels are arrays in a fixed order: those of prometheus-client
//! hash their labels, which costs a lock for each use, and the lines of the page change their order.

mod latency;
#[cfg(test)]
mod tests;

use std::{fmt, sync::atomic::AtomicU64};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, text},
    metrics::{MetricType, counter::Counter, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};
use tradesim_bridge_core::{Topic, Topics};
use tradesim_schemas::{EventType, Reason};

pub(crate) use latency::Latency;

/// The content type of the page: OpenMetrics, as the encoder writes.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The contract's buckets of `bridge_kafka_produce_latency_seconds`, in microseconds.
const PRODUCE_BOUNDS_US: &[u64] =
    &[1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000];
/// The buckets of everything that takes longer.
const LONG_BOUNDS_US: &[u64] = &[
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 30_000_000, 60_000_000,
];

/// The label of a message that does not state its type.
const UNKNOWN: &str = "unknown";
/// The event types as labels: the three, and unknown.
const EVENT_TYPES: [&str; 4] =
    [EventType::Trade.as_str(), EventType::OrderBook.as_str(), EventType::MarketData.as_str(), UNKNOWN];

/// Returns an index into [`EVENT_TYPES`].
pub(crate) const fn event_index(event_type: Option<EventType>) -> usize {
    match event_type {
        Some(event_type) => event_type as usize,
        None => EVENT_TYPES.len() - 1,
    }
}

/// A gauge of seconds.
type Seconds = Gauge<f64, AtomicU64>;

/// The metrics of a bridge.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    ws_messages_received: ByLabel<Counter>,
    /// 1 while there is a connection to the feed.
    pub(crate) ws_connected: Gauge,
    /// Connections to the feed after the first one.
    pub(crate) ws_reconnects: Counter,
    kafka_messages_produced: ByLabel<Counter>,
    kafka_messages_failed: ByLabel<Counter>,
    kafka_produce_latency: ByLabel<Latency>,
    dlq_messages: ByLabel<Counter>,
    validation_failures: ByReason,
    /// Messages of the feed that are heartbeats.
    pub(crate) ws_heartbeats: Counter,
    /// Keys of payloads that the contract does not define.
    pub(crate) unknown_fields: Counter,
    /// Messages that the feed has sent and that are not delivered.
    pub(crate) lag_events: Gauge,
    /// The time from when the newest delivered message was due until it was delivered.
    pub(crate) lag_seconds: Seconds,
    /// The time from when a message was due until it was acknowledged and, with transactions, committed.
    pub(crate) end_to_end: Latency,
    /// Messages that the feed could no longer send.
    pub(crate) gap_messages: Counter,
    /// Connections that were lost without information on what was missed.
    pub(crate) interruptions: Counter,
    /// Messages that were received again, and skipped.
    pub(crate) repeated_messages: Counter,
    /// Messages with an earlier time than a message before them.
    pub(crate) backwards_messages: Counter,
    transactions: ByLabel<Counter>,
    /// The time from the decision to commit until the answer.
    pub(crate) commit_latency: Latency,
    /// Producers that were dropped after a failure.
    pub(crate) producer_restarts: Counter,
    /// Records that the broker refused because of their content.
    pub(crate) records_refused: Counter,
    /// Records that are not acknowledged.
    pub(crate) queue_records: Gauge,
    /// Batches of messages that wait to be produced.
    pub(crate) queue_batches: Gauge,
    /// The number of the message that is due.
    pub(crate) next_seq: Gauge,
    /// The number before which all messages are delivered.
    pub(crate) delivered_seq: Gauge,
    /// 1 while there are no faults.
    pub(crate) healthy: Gauge,
}

/// The result of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Committed,
    Abandoned,
}

impl Outcome {
    const LABELS: [&str; 2] = ["committed", "abandoned"];
}

impl Metrics {
    /// Returns metrics that are all zero.
    pub(crate) fn new(topics: &Topics) -> Metrics {
        let names: Vec<&str> = Topic::ALL.iter().map(|topic| topics.name(*topic)).collect();
        let data = || names[..EventType::ALL.len()].iter().copied();
        let mut metrics = Metrics {
            registry: Registry::with_prefix("bridge"),
            ws_messages_received: ByLabel::new("event_type", EVENT_TYPES, Counter::default),
            ws_connected: Gauge::default(),
            ws_reconnects: Counter::default(),
            kafka_messages_produced: ByLabel::new("topic", names.iter().copied(), Counter::default),
            kafka_messages_failed: ByLabel::new("topic", names.iter().copied(), Counter::default),
            kafka_produce_latency: ByLabel::new("topic", names.iter().copied(), || {
                Latency::new(PRODUCE_BOUNDS_US)
            }),
            dlq_messages: ByLabel::new("original_topic", data().chain([UNKNOWN]), Counter::default),
            validation_failures: ByReason::new(),
            ws_heartbeats: Counter::default(),
            unknown_fields: Counter::default(),
            lag_events: Gauge::default(),
            lag_seconds: Seconds::default(),
            end_to_end: Latency::new(LONG_BOUNDS_US),
            gap_messages: Counter::default(),
            interruptions: Counter::default(),
            repeated_messages: Counter::default(),
            backwards_messages: Counter::default(),
            transactions: ByLabel::new("outcome", Outcome::LABELS, Counter::default),
            commit_latency: Latency::new(LONG_BOUNDS_US),
            producer_restarts: Counter::default(),
            records_refused: Counter::default(),
            queue_records: Gauge::default(),
            queue_batches: Gauge::default(),
            next_seq: Gauge::default(),
            delivered_seq: Gauge::default(),
            healthy: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    /// Registers the metrics by name. The encoder adds `_total`, `_info` and `_seconds`, and a full stop to each help
    /// text.
    fn register(&mut self) {
        let registry = &mut self.registry;
        let help = "Messages received, by event type";
        registry.register("ws_messages_received", help, self.ws_messages_received.clone());
        let help = "1 while the feed is connected";
        registry.register("ws_connected", help, self.ws_connected.clone());
        let help = "Reconnections to the feed";
        registry.register("ws_reconnects", help, self.ws_reconnects.clone());
        let help = "Records that all in-sync replicas have acknowledged";
        registry.register("kafka_messages_produced", help, self.kafka_messages_produced.clone());
        let help = "Records that were not acknowledged";
        registry.register("kafka_messages_failed", help, self.kafka_messages_failed.clone());
        let help = "Time from handing a record over until it is acknowledged";
        let latency = self.kafka_produce_latency.clone();
        registry.register_with_unit("kafka_produce_latency", help, Unit::Seconds, latency);
        let help = "Dead letters, by original topic";
        registry.register("dlq_messages", help, self.dlq_messages.clone());
        let help = "Invalid messages, by event type and reason";
        registry.register("validation_failures", help, self.validation_failures.clone());

        let help = "Messages of the feed that are heartbeats: answered or ignored, and not delivered";
        registry.register("ws_heartbeats", help, self.ws_heartbeats.clone());
        let help = "Payload keys that the contract does not define; they are accepted and dropped";
        registry.register("unknown_fields", help, self.unknown_fields.clone());
        let help = "Messages that the feed has sent and that are not delivered";
        registry.register("lag_events", help, self.lag_events.clone());
        let help = "Time from when the newest delivered message was due until it was delivered; 0 if the feed does not send due times";
        registry.register_with_unit("lag", help, Unit::Seconds, self.lag_seconds.clone());
        let help = "Time from when a message was due until it was delivered, of a few messages per second";
        registry.register_with_unit("end_to_end_latency", help, Unit::Seconds, self.end_to_end.clone());
        let help = "Messages that the feed could no longer send";
        registry.register("gap_messages", help, self.gap_messages.clone());
        let help = "Lost connections to a feed that cannot resume";
        registry.register("interruptions", help, self.interruptions.clone());
        let help = "Messages that were received again and skipped";
        registry.register("repeated_messages", help, self.repeated_messages.clone());
        let help = "Messages with an earlier time than a previous message";
        registry.register("backwards_messages", help, self.backwards_messages.clone());
        let help = "Transactions, by result";
        registry.register("transactions", help, self.transactions.clone());
        let help = "Time from the decision to commit a transaction until the answer";
        registry.register_with_unit("commit_latency", help, Unit::Seconds, self.commit_latency.clone());
        let help = "Producers that were dropped after a failure";
        registry.register("producer_restarts", help, self.producer_restarts.clone());
        let help = "Records that the broker refused because of their content, counting each attempt";
        registry.register("records_refused", help, self.records_refused.clone());
        let help = "Records that are handed over and not acknowledged";
        registry.register("queue_records", help, self.queue_records.clone());
        let help = "Batches of received messages that wait to be produced";
        registry.register("queue_batches", help, self.queue_batches.clone());
        let help = "Sequence number of the next message to be delivered";
        registry.register("next_seq", help, self.next_seq.clone());
        let help = "Sequence number before which all messages are delivered";
        registry.register("delivered_seq", help, self.delivered_seq.clone());
        registry.register("healthy", "1 while /healthz reports ok", self.healthy.clone());
        registry.register(
            "build",
            "Version of the running program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
    }

    /// Counts messages received, by [`event_index`].
    pub(crate) fn received(&self, counts: [u64; 4]) {
        for (index, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            self.ws_messages_received.at(index).inc_by(count);
        }
    }

    /// Counts an invalid message.
    pub(crate) fn invalid(&self, event_type: Option<EventType>, reason: Reason) {
        self.validation_failures.inc(event_type, reason);
    }

    /// Counts a record that was acknowledged after this time.
    #[inline]
    pub(crate) fn acknowledged(&self, topic: Topic, latency_us: u32) {
        self.kafka_messages_produced.at(topic.index()).inc();
        self.kafka_produce_latency.at(topic.index()).observe_us(u64::from(latency_us));
    }

    /// Counts a record that was not acknowledged.
    pub(crate) fn failed(&self, topic: Topic) {
        self.kafka_messages_failed.at(topic.index()).inc();
    }

    /// Counts a dead letter.
    pub(crate) fn dead_lettered(&self, event_type: Option<EventType>) {
        self.dlq_messages.at(event_index(event_type)).inc();
    }

    /// Counts a transaction.
    pub(crate) fn transaction(&self, outcome: Outcome) {
        self.transactions.at(outcome as usize).inc();
    }

    /// Returns the page.
    pub(crate) fn page(&self) -> String {
        let mut page = String::with_capacity(16 * 1024);
        text::encode(&mut page, &self.registry).expect("a string accepts every text");
        page
    }
}

/// A family with one label, whose values are known in advance.
#[derive(Clone, Debug)]
struct ByLabel<M> {
    name: &'static str,
    values: Vec<(String, M)>,
}

impl<M> ByLabel<M> {
    fn new<'a>(
        name: &'static str,
        labels: impl IntoIterator<Item = &'a str>,
        make: impl Fn() -> M,
    ) -> ByLabel<M> {
        ByLabel { name, values: labels.into_iter().map(|label| (label.to_owned(), make())).collect() }
    }

    fn at(&self, index: usize) -> &M {
        &self.values[index].1
    }
}

impl<M: EncodeMetric> EncodeMetric for ByLabel<M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (label, metric) in &self.values {
            metric.encode(encoder.encode_family(&[(self.name, label.as_str())])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        self.values[0].1.metric_type()
    }
}

/// The family of invalid messages: a counter for each event type and reason.
#[derive(Clone, Debug)]
struct ByReason {
    counters: Vec<Counter>,
}

impl ByReason {
    fn new() -> ByReason {
        ByReason {
            counters: (0..EVENT_TYPES.len() * Reason::ALL.len()).map(|_| Counter::default()).collect(),
        }
    }

    fn inc(&self, event_type: Option<EventType>, reason: Reason) {
        let place = Reason::ALL.iter().position(|other| *other == reason).expect("all reasons are listed");
        self.counters[event_index(event_type) * Reason::ALL.len() + place].inc();
    }
}

impl EncodeMetric for ByReason {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (event_type, counters) in EVENT_TYPES.iter().zip(self.counters.chunks(Reason::ALL.len())) {
            for (reason, counter) in Reason::ALL.iter().zip(counters) {
                let labels = [("event_type", *event_type), ("reason", reason.code())];
                counter.encode(encoder.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}
