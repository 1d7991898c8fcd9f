//! The client of `tail` and `capture`, which receives a stream over one or more connections.
//!
//! It needs no asynchronous runtime, because it waits for a single socket. [`ResumeState`] decides without I/O; [`Connection`]
//! wraps the WebSocket client of the bridge.

mod connection;
mod dialogue;
mod idle;
mod notices;
mod resume;

pub(crate) use connection::{ConnectError, Connection, TICK, broken, is_said, is_would_block};
pub(crate) use dialogue::{Pings, dialogue, headers};
pub(crate) use idle::IdleTimeout;
pub(crate) use notices::Notices;
pub(crate) use resume::{DisconnectReason, Fault, Next, ResumeState, TooLarge};
pub(crate) use tradesim_bridge::socket::{HandshakeHeaders, Received};

use rand::{TryRng, rngs::SysRng};

use tradesim_schemas::StreamSeq;

use crate::{endpoint::Endpoint, exit::Failure};

/// Returns the first message to ask for: `flag`, or the parameter of the URL, which is removed from it.
pub(crate) fn from_seq(flag: Option<u64>, endpoint: &mut Endpoint) -> Result<Option<StreamSeq>, Failure> {
    match (flag, endpoint.take("from_seq")) {
        (seq, None) => Ok(seq.map(StreamSeq)),
        (None, Some(text)) => match text.parse() {
            Ok(seq) => Ok(Some(seq)),
            Err(_) => {
                Err(Failure::usage(format!("invalid from_seq={text} in the URL: expected a sequence number")))
            }
        },
        (Some(_), Some(_)) => {
            Err(Failure::usage("--from-seq and from_seq in the URL cannot be used together"))
        }
    }
}

/// Returns a random number from 0 to 1 for delays, so that clients that were disconnected together do not all reconnect at the
/// same time.
pub(crate) fn jitter() -> f64 {
    f64::from(SysRng.try_next_u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}
