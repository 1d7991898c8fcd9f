//! The bridge from a WebSocket feed to Kafka: messages are validated, Avro-encoded and delivered exactly once, which
//! the audit verifies from the topics.
//!
//! `tradesim-bridge-core` decides what happens next. This crate performs the I/O: the feed's socket, librdkafka, the
//! schema registry, clocks, and HTTP for metrics and health.
#![deny(missing_docs)]

pub mod admin;
pub mod audit;
pub mod avro;
pub mod batch;
mod bridge;
mod clock;
pub mod connection;
pub mod dev;
pub mod dlq;
mod driver;
mod feed;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod health;
mod http;
mod kafka;
mod metrics;
mod options;
pub mod registry;
pub mod serving;
pub mod tail;
pub mod topics;

pub use bridge::Bridge;
pub use feed::FeedUrlError;
pub use kafka::ProducerOptions;
pub use options::{BridgeError, BridgeOptions, DeliveryObserver, Ended, Report};
pub use tradesim_bridge_core as core;
