//! What a bridge from messages to Kafka does next, as values that are told what happens and the time.
#![deny(missing_docs)]
