//! Messages from a WebSocket, validated, as Avro into Kafka: nothing lost, nothing twice, and proved from the topics.
#![deny(missing_docs)]

pub mod admin;
pub mod audit;
pub mod avro;
pub mod compatibility;
pub mod connection;
pub mod dev;
pub mod registry;
pub mod secret;
pub mod tail;
pub mod topics;
