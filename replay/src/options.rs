//! How a source is played and served.

use std::time::Duration;

use tradesim_schemas::Timestamp;

use crate::speed::Speed;

/// How a source is played and served.
#[derive(Clone, Debug)]
pub struct Options {
    /// How fast.
    pub speed: Speed,
    /// Recorded instant at which the clock of the play starts; without one it is that of the first message.
    pub start_at: Option<Timestamp>,
    /// Recorded time without a message that is longer than this is shortened to it.
    pub max_gap: Option<Duration>,
    /// Clients for which the play waits before it begins.
    pub wait_clients: usize,
    /// Whether the play begins paused.
    pub start_paused: bool,
    /// Whether the server stays when everything was delivered.
    pub stay: bool,
    /// What becomes of a client that cannot follow.
    pub on_slow: OnSlow,
    /// Bytes of frames that are held for clients behind the player; one that is further behind is too slow.
    pub buffer_bytes: usize,
    /// How long a client may take no byte although there are some for it.
    pub stall: Duration,
    /// How long the server stays, at the end, for clients that left before it to come back.
    pub linger: Duration,
    /// Name of the run.
    pub run: String,
    /// Connections at once.
    pub clients_max: usize,
    /// Values of `Origin` that are accepted besides loopback hosts.
    pub origins: Vec<String>,
}

/// What becomes of a client that cannot follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSlow {
    /// It is closed with 1013 and its last seq.
    Disconnect,
    /// The player waits for it.
    Wait,
}

impl Options {
    /// Real time, from the first client on, with the documented bounds.
    pub fn new(run: impl Into<String>) -> Options {
        Options {
            speed: Speed::REAL_TIME,
            start_at: None,
            max_gap: None,
            wait_clients: 1,
            start_paused: false,
            stay: false,
            on_slow: OnSlow::Disconnect,
            buffer_bytes: 64 << 20,
            stall: Duration::from_secs(10),
            linger: Duration::from_secs(10),
            run: run.into(),
            clients_max: 1024,
            origins: Vec::new(),
        }
    }
}
