//! The idle timeout of a connection.

use std::time::Duration;

use tungstenite::Message;

use crate::{Connection, DisconnectReason};

/// The idle time after which a ping is sent, and the idle time after which the connection counts as lost.
const PING_AFTER: Duration = Duration::from_secs(30);
const LOST_AFTER: Duration = Duration::from_secs(45);

/// Measures the time since the server last sent anything.
#[derive(Clone, Copy, Debug)]
pub struct IdleTimeout {
    since: Duration,
    /// True if a ping was sent to the server.
    pinged: bool,
}

impl IdleTimeout {
    /// Starts the measurement of a new connection.
    pub const fn new(now: Duration) -> IdleTimeout {
        IdleTimeout { since: now, pinged: false }
    }

    /// Sets how long the next read waits, and sends a ping if the connection is idle. Returns the reason if the connection counts
    /// as lost.
    pub fn allow_wait(
        &mut self,
        connection: &mut Connection,
        now: Duration,
        time: Duration,
    ) -> Option<DisconnectReason> {
        if connection.take_activity() {
            *self = IdleTimeout::new(now);
        }
        let idle = now.saturating_sub(self.since);
        if idle >= LOST_AFTER {
            return Some(DisconnectReason::Lost(format!("received nothing for {} s", LOST_AFTER.as_secs())));
        }
        if !self.pinged && idle >= PING_AFTER {
            self.pinged = true;
            if let Err(reason) = connection.send(Message::Ping(Default::default())) {
                return Some(reason);
            }
        }
        connection.allow_wait(time).err()
    }
}
