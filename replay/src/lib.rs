//! Streams recorded messages over WebSocket, at the pace of their recording, faster, slower, or as fast as clients take
//! them.
//!
//! What is served is a [`Source`]: messages numbered from 0 that can be read from any of them on. This crate knows
//! nothing of archives, simulators or Kafka.
#![deny(missing_docs)]

mod block;
mod control;
mod options;
mod server;
mod source;
mod speed;

pub use block::{BLOCK_BYTES, BLOCK_MESSAGES, Block, BlockBuilder, Entry, Meta, Opcode};
pub use control::{ClientStatus, Command, CommandError, Lateness, Report, State, Status, Stretches};
pub use options::{OnSlow, Options};
pub use server::{Handle, Server, ServerError};
pub use source::{Feed, Filled, Source, SourceError, SourceInfo};
pub use speed::{ParseSpeedError, Speed};
