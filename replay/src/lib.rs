//! Streams recorded messages over WebSocket: at the pace of their recording, faster, slower, or as fast as the
//! clients accept them.
//!
//! The messages come from a [`Source`], numbered from 0 and readable from any number on. This crate does not depend
//! on archives, the simulator or Kafka.
#![deny(missing_docs)]

mod admission;
mod background;
mod backpressure;
mod block;
mod buffer;
mod client;
mod client_registry;
mod clock;
mod close;
mod control;
mod counts;
mod dialects;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod gateway;
mod http;
mod hub;
mod inbound;
mod known_symbols;
mod lateness;
mod lock;
mod metrics;
mod options;
mod outbox;
mod outgoing;
mod outline;
mod pacer;
pub mod page;
mod play;
mod playback;
mod player;
mod player_handle;
mod producer;
mod published;
mod query;
mod readers;
mod ring;
mod selection;
mod send_cursor;
mod server;
mod source;
mod state;
mod steering;
pub mod testing;
mod timeline;
mod translation;

pub use background::Background;
pub use block::{BLOCK_BYTES, BLOCK_MESSAGES, Block, BlockBuilder, Entry, Kept, LineFault, Meta, Opcode};
pub use buffer::{ParseBufferError, parse_buffer};
pub use control::{
    ClientStatus, Command, CommandError, DigestSent, IntervalStats, Lateness, LoopBounds, LoopRange, Report,
    Status,
};
pub use dialects::{AtEnd, Dialects};
pub use options::{Observer, OnSlow, Options, PlayClock};
pub use outline::{Bins, MARKS_MAX, Mark, MarkKind, Outline, OutlineOptions, Segment, Span, SpanKind};
pub use server::{Handle, Server, ServerError};
pub use source::{Feed, Filled, Source, SourceError, SourceInfo, StreamState};
pub use steering::{ControlToken, InvalidToken, Steering};
pub use tradesim_dialects::{Fault as SessionFault, Script};
pub use tradesim_protocol::{EventPhase, ParsePositionError, Position, Speed, State, StateRequest};

/// Parts of the server that benchmarks drive directly. Not a stable API.
#[doc(hidden)]
pub mod cores {
    pub use crate::{
        outbox::Outbox,
        pacer::Pacer,
        playback::{Playback, Step},
        selection::Selection,
    };
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
