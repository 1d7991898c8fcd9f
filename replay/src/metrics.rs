//! The metrics for Prometheus: every name and label set is in this file.
//!
//! Counters and gauges are atomics, so that a client adds to them once per write without waiting. The families with
//! labels are arrays in a fixed order: those of prometheus-client hash their labels, which costs a lock for each use,
//! and the lines of the page change their order.

use std::fmt;
#[cfg(test)]
use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, text},
    metrics::{MetricType, counter::Counter, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};

use tradesim_protocol::{Speed, State};

pub(crate) use self::lateness::LatenessCounts;
use self::lateness::LatenessHistogram;

mod lateness;

/// The content type of the page: OpenMetrics, as the encoder writes.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The reason for which a client was disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It received everything: 1000.
    Delivered,
    /// The server stopped: 1001.
    Stopped,
    /// It violated RFC 6455: 1002 or 1007.
    Protocol,
    /// It requested something that does not exist: 1008.
    Refused,
    /// It sent too much at once: 1009.
    TooLarge,
    /// The player jumped: 1012.
    Seek,
    /// It did not keep up: 1013.
    Slow,
    /// Nothing was received from it any more.
    Dead,
    /// It disconnected.
    Left,
    /// The source failed: 1011.
    Failed,
    /// A fault of the stream broke the connection.
    Fault,
}

impl Closed {
    const LABELS: [&str; 11] = [
        "delivered",
        "stopped",
        "protocol",
        "refused",
        "too_large",
        "seek",
        "slow",
        "dead",
        "left",
        "failed",
        "fault",
    ];
}

/// The reason for which a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its `Origin` is not allowed: 403.
    Origin,
    /// Its `Host` is not allowed: 403.
    Host,
    /// There are too many connections: 503, or it was the one that had been idle longest.
    Cap,
    /// It took too long.
    Timeout,
    /// It is not a handshake: 400, 426 or 431.
    BadRequest,
}

impl Refused {
    const LABELS: [&str; 5] = ["origin", "host", "cap", "timeout", "bad_request"];
}

const STATES: [&str; 4] = ["waiting", "playing", "paused", "ended"];

/// The metrics of a server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Clients that are connected.
    pub(crate) clients: Gauge,
    /// The total number of clients.
    pub(crate) clients_joined: Counter,
    /// Messages that the player handed to its clients, counted once however many clients there are.
    pub(crate) messages_played: Counter,
    /// Messages written to sockets, over all clients.
    pub(crate) messages_sent: Counter,
    /// Bytes written to sockets, over all clients.
    pub(crate) bytes_sent: Counter,
    /// Next seq of the player.
    pub(crate) seq: Gauge,
    speed_wanted: Gauge<f64, std::sync::atomic::AtomicU64>,
    speed_achieved: Gauge<f64, std::sync::atomic::AtomicU64>,
    lateness: LatenessHistogram,
    state: ByLabel<Gauge, 4>,
    clients_closed: ByLabel<Counter, 11>,
    handshakes_refused: ByLabel<Counter, 5>,
}

impl Metrics {
    /// Returns metrics in the state `waiting`, all of them zero.
    pub(crate) fn new() -> Metrics {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("tradesim_replay"),
            clients: Gauge::default(),
            clients_joined: Counter::default(),
            messages_played: Counter::default(),
            messages_sent: Counter::default(),
            bytes_sent: Counter::default(),
            seq: Gauge::default(),
            speed_wanted: Gauge::default(),
            speed_achieved: Gauge::default(),
            lateness: LatenessHistogram::default(),
            state: ByLabel::new("state", STATES),
            clients_closed: ByLabel::new("reason", Closed::LABELS),
            handshakes_refused: ByLabel::new("reason", Refused::LABELS),
        };
        metrics.register();
        metrics.set_state(State::Waiting);
        metrics
    }

    /// Registers the metrics by name. The encoder adds `_total`, `_info` and `_seconds`, and a full stop to each help
    /// text.
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("clients", "Clients that are connected", self.clients.clone());
        // not clients_total: OpenMetrics requires different names for different families, and the gauge has that name
        registry.register("clients_joined", "Clients that have connected", self.clients_joined.clone());
        registry.register("clients_closed", "Disconnected clients, by reason", self.clients_closed.clone());
        registry.register(
            "handshakes_refused",
            "Connections that did not become a client, by reason",
            self.handshakes_refused.clone(),
        );
        let help = "Messages played, counted once however many clients are connected";
        registry.register("messages_played", help, self.messages_played.clone());
        registry.register("messages_sent", "Messages sent, over all clients", self.messages_sent.clone());
        registry.register("bytes_sent", "Bytes of frames sent, over all clients", self.bytes_sent.clone());
        registry.register_with_unit(
            "send_lateness",
            "Time from when a message was due until it was sent, over all clients",
            Unit::Seconds,
            self.lateness.clone(),
        );
        let help = "Requested recorded time per second, 0 for as fast as possible";
        registry.register("speed_wanted", help, self.speed_wanted.clone());
        let help = "Achieved recorded time per second, 0 while unknown";
        registry.register("speed_achieved", help, self.speed_achieved.clone());
        registry.register(
            "seq",
            "Stream sequence number of the next message of the player",
            self.seq.clone(),
        );
        registry.register("state", "1 for the current state of the player", self.state.clone());
        registry.register(
            "build",
            "Version of the running program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
    }

    /// Sets the state of the player.
    pub(crate) fn set_state(&self, state: State) {
        for (label, gauge) in &self.state.values {
            gauge.set(i64::from(*label == state.as_str()));
        }
    }

    /// Sets the requested speed.
    pub(crate) fn set_speed_wanted(&self, speed: Speed) {
        self.speed_wanted.set(speed.factor().unwrap_or(0.0));
    }

    /// Sets the achieved speed.
    pub(crate) fn set_speed_achieved(&self, speed: Option<f64>) {
        self.speed_achieved.set(speed.filter(|speed| speed.is_finite()).unwrap_or(0.0));
    }

    /// Counts a client that disconnected.
    pub(crate) fn closed(&self, why: Closed) {
        self.clients_closed.at(why as usize).inc();
    }

    /// Returns how many clients disconnected for a reason.
    pub(crate) fn closed_count(&self, why: Closed) -> u64 {
        self.clients_closed.at(why as usize).get()
    }

    /// Counts a connection that did not become a client.
    pub(crate) fn refused(&self, why: Refused) {
        self.handshakes_refused.at(why as usize).inc();
    }

    /// Counts messages that were all this late.
    #[cfg(test)]
    pub(crate) fn observe_late(&self, late: Duration, messages: u64) {
        self.lateness.observe_many(late, messages);
    }

    /// Adds counts of another thread, and resets them.
    pub(crate) fn add_late(&self, counts: &mut LatenessCounts) {
        self.lateness.add(counts);
    }

    /// Returns the page.
    pub(crate) fn page(&self) -> String {
        let mut page = String::with_capacity(8 * 1024);
        text::encode(&mut page, &self.registry).expect("a string accepts every text");
        page
    }
}

/// A family with one label, whose values are known in advance.
#[derive(Clone, Debug)]
struct ByLabel<M, const N: usize> {
    name: &'static str,
    values: [(&'static str, M); N],
}

impl<M: Default, const N: usize> ByLabel<M, N> {
    fn new(name: &'static str, labels: [&'static str; N]) -> ByLabel<M, N> {
        ByLabel { name, values: labels.map(|label| (label, M::default())) }
    }

    fn at(&self, index: usize) -> &M {
        &self.values[index].1
    }
}

impl<M: EncodeMetric, const N: usize> EncodeMetric for ByLabel<M, N> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        for (label, metric) in &self.values {
            metric.encode(encoder.encode_family(&[(self.name, *label)])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        self.values[0].1.metric_type()
    }
}

#[cfg(test)]
mod tests;
