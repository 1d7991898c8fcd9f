//! Messages from a WebSocket, validated, as Avro into Kafka: nothing lost, nothing twice, and proved from the topics.
#![deny(missing_docs)]
