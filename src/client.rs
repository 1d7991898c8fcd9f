//! Receiving a stream: one connection after the other, and what is known of the stream over all of them.
//!
//! Without a runtime: a client of one stream waits for one socket. [`Follower`] decides and is pure; [`Connection`] moves
//! bytes, as the bridge's client does, which it is.

mod connection;
mod dialogue;
mod follower;
mod notices;
mod silence;

pub(crate) use connection::{ConnectError, Connection, TICK, broken, is_said, is_would_block};
pub(crate) use dialogue::{Pings, dialogue, headers};
pub(crate) use follower::{Ending, Fault, Follower, Next, TooLarge};
pub(crate) use notices::Notices;
pub(crate) use silence::Silence;
pub(crate) use tradesim_bridge::socket::{HandshakeHeaders, Received};

use rand::{TryRng, rngs::SysRng};

use crate::{endpoint::Endpoint, exit::Failure};

/// The message to begin with: `flag`, or the same in the URL, which loses it.
pub(crate) fn from_seq(flag: Option<u64>, endpoint: &mut Endpoint) -> Result<Option<u64>, Failure> {
    match (flag, endpoint.take("from_seq")) {
        (seq, None) => Ok(seq),
        (None, Some(text)) => match text.parse() {
            Ok(seq) => Ok(Some(seq)),
            Err(_) => Err(Failure::usage(format!("from_seq={text} in the URL is no number of a message"))),
        },
        (Some(_), Some(_)) => Err(Failure::usage("--from-seq is given, and from_seq in the URL as well")),
    }
}

/// 0 to 1, so that clients that were cut off together do not come back together.
pub(crate) fn jitter() -> f64 {
    f64::from(SysRng.try_next_u32().unwrap_or(u32::MAX / 2)) / f64::from(u32::MAX)
}
