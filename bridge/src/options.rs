//! The options of a bridge, its report and its errors.

use std::{fmt, sync::Arc, time::Duration};

use tradesim_bridge_core::{Counts, Identity, Topics};
use tradesim_client::Dialogue;
use tradesim_schemas::{ReadOptions, StreamSeq};

use crate::{
    connection::{ConnectionError, KafkaConnection},
    feed::FeedUrlError,
    kafka::ProducerOptions,
    registry::{Registry, RegistryError},
};

/// The options of a bridge from a feed to topics.
#[derive(Clone, Debug)]
pub struct BridgeOptions {
    /// The URL of the WebSocket server.
    pub feed_url: String,
    /// The timeout of the connection, and of the handshake.
    pub connect_timeout: Duration,
    /// The dialogue with the server, including the patterns of heartbeats.
    pub dialogue: Dialogue,
    /// The brokers.
    pub kafka: KafkaConnection,
    /// The producer.
    pub producer: ProducerOptions,
    /// The schema registry.
    pub registry: Registry,
    /// True if missing schemas are registered.
    pub register_schemas: bool,
    /// The names of the topics.
    pub topics: Arc<Topics>,
    /// The options of the delivery.
    pub delivery: tradesim_bridge_core::Options,
    /// The rules for valid messages.
    pub read: ReadOptions,
    /// The name of the run if the feed does not state one.
    pub run: String,
    /// The host and port of `/metrics`, `/healthz` and `/readyz`, or `None`.
    pub metrics: Option<(String, u16)>,
    /// The time in which the bridge must stop although records are not acknowledged.
    pub stop_timeout: Duration,
}

/// A callback, on the thread that owns the producer, for whenever all messages before another number are delivered.
/// It is called first when the bridge is ready, with the message that the bridge begins with.
pub type DeliveryObserver = Box<dyn Fn(StreamSeq) + Send>;

/// A [`DeliveryObserver`] that implements `Debug`.
pub(crate) struct Observer(pub(crate) DeliveryObserver);

impl Observer {
    pub(crate) fn delivered(&self, next_seq: StreamSeq) {
        (self.0)(next_seq);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// The report of a bridge.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The counts of messages.
    pub counts: Counts,
    /// The stream and run, if the feed states them.
    pub identity: Option<Identity>,
    /// The run in the headers.
    pub run: String,
    /// The number before which all messages are delivered.
    pub next_seq: StreamSeq,
    /// The number of messages that were taken and not acknowledged, which happens only without transactions.
    pub undelivered: u64,
    /// The number of messages that were received while it stopped and not taken, of a feed that cannot send them
    /// again.
    pub discarded: u64,
    /// The number of messages that were heartbeats.
    pub heartbeats: u64,
    /// The duration.
    pub seconds: f64,
}

/// The end of a bridge without an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The feed announced its end, and all messages before it are delivered.
    Complete,
    /// The bridge was requested to stop.
    Stopped,
}

/// The reason for which a bridge cannot run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// The URL of the feed is invalid.
    #[error(transparent)]
    FeedUrl(#[from] FeedUrlError),
    /// The registry failed, and a retry cannot succeed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The settings of the producer are invalid.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The metrics cannot be served.
    #[error("cannot serve metrics on {host}:{port}")]
    Metrics {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The system cannot create a thread.
    #[error("cannot start a thread")]
    Thread {
        /// The error of the system.
        source: std::io::Error,
    },
    /// A topic is missing.
    #[error("the topic {topic} does not exist")]
    NoTopic {
        /// Its name.
        topic: String,
    },
    /// The feed is unreachable, after all attempts.
    #[error("cannot reach the feed (attempts: {tries}): {cause}")]
    FeedUnreachable {
        /// The number of consecutive attempts.
        tries: u32,
        /// The last cause.
        cause: String,
    },
    /// The feed rejected the connection.
    #[error("the feed rejected the connection: {cause}")]
    FeedRefused {
        /// The cause, as stated by the feed.
        cause: String,
    },
    /// The feed violated its own protocol.
    #[error("the feed violated its protocol: {cause}")]
    FeedBroken {
        /// The violation.
        cause: String,
    },
    /// Exactly-once delivery was requested, and the feed cannot resume.
    #[error("exactly-once delivery needs a resumable feed (numbered messages); use --delivery at-least-once")]
    CannotResume,
    /// The feed plays another run than the requested one.
    #[error("the feed plays run {found}, expected {wanted}")]
    OtherRun {
        /// The requested run.
        wanted: String,
        /// The run of the feed.
        found: String,
    },
    /// Another bridge has taken over.
    #[error("another bridge ({bridge}) has taken over")]
    TakenOver {
        /// The name of that bridge.
        bridge: String,
    },
    /// The brokers failed, after all attempts or without a possible retry.
    #[error("cannot produce records: {cause}")]
    Kafka {
        /// The last cause.
        cause: String,
    },
}
