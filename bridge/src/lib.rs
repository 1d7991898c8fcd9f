//! Messages from a WebSocket, validated, as Avro into Kafka: nothing lost, nothing twice, and proved from the topics.
//!
//! What happens next is decided by `tradesim-bridge-core`. What is here touches the world: the feed's socket, librdkafka,
//! the schema registry, clocks, and HTTP for those who ask how it goes.
#![deny(missing_docs)]

pub mod admin;
pub mod audit;
pub mod avro;
pub mod batch;
mod bridge;
mod clock;
pub mod compatibility;
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
pub mod secret;
mod serving;
pub mod socket;
pub mod tail;
pub mod topics;
pub mod url;

pub use bridge::{Bridge, DeliveryObserver};
pub use feed::FeedUrlError;
pub use kafka::ProducerOptions;
pub use options::{BridgeError, BridgeOptions, Ended, Report};
pub use tradesim_bridge_core as core;
