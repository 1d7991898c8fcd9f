//! The idle timeout of a connection.

use std::time::Duration;

use tungstenite::Message;

use super::{Connection, DisconnectReason};
use crate::progress::Stopwatch;

/// The idle time after which a ping is sent, and the idle time after which the connection counts as lost.
const PING_AFTER: Duration = Duration::from_secs(30);
const LOST_AFTER: Duration = Duration::from_secs(45);

/// Measures the time since the server last sent anything.
#[derive(Debug)]
pub(crate) struct IdleTimeout {
    clock: Stopwatch,
    /// True if a ping was sent to the server.
    pinged: bool,
}

impl IdleTimeout {
    pub(crate) fn new() -> IdleTimeout {
        IdleTimeout { clock: Stopwatch::start(), pinged: false }
    }

    /// Sets how long the next read waits, and sends a ping if the connection is idle. Returns the reason if the connection counts
    /// as lost.
    pub(crate) fn let_wait(
        &mut self,
        connection: &mut Connection,
        time: Duration,
    ) -> Option<DisconnectReason> {
        if connection.take_heard() {
            *self = IdleTimeout::new();
        }
        let idle = self.clock.elapsed();
        if idle >= LOST_AFTER {
            return Some(DisconnectReason::Lost(format!("received nothing for {} s", LOST_AFTER.as_secs())));
        }
        if !self.pinged && idle >= PING_AFTER {
            self.pinged = true;
            if let Err(reason) = connection.send(Message::Ping(Default::default())) {
                return Some(reason);
            }
        }
        connection.let_wait(time).err()
    }
}
