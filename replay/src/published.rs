//! The state that the player publishes.

use std::{
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tokio::sync::watch;
use tradesim_schemas::{ContentDigest, StreamSeq, Timestamp};

use crate::{
    control::{IntervalStats, Lateness, LoopBounds},
    lock::lock,
    send_cursor::Head,
    source::SourceError,
};
use tradesim_protocol::{Speed, State};

/// The state that the player publishes for clients and for the HTTP front end.
#[derive(Debug)]
pub(crate) struct PublishedState {
    /// The progress of the player.
    pub(crate) head: watch::Sender<Head>,
    /// The state in it, for tasks that must not be woken for each message.
    pub(crate) state: watch::Sender<State>,
    /// True if clients must be closed because the server stops.
    pub(crate) stopping: watch::Sender<bool>,
    view: Mutex<View>,
    failure: Mutex<Option<String>>,
}

/// The figures that the player publishes.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) speed: Speed,
    pub(crate) time: Option<Timestamp>,
    pub(crate) elapsed: Duration,
    pub(crate) played: Duration,
    pub(crate) lateness: Option<Lateness>,
    pub(crate) late: IntervalStats,
    pub(crate) shortened: IntervalStats,
    pub(crate) waited: IntervalStats,
    pub(crate) first_seq: StreamSeq,
    /// The digest of everything played so far; `None` after a seek.
    pub(crate) digest: Option<ContentDigest>,
    /// The same digest, if it is also that of a client that was connected from message 0 on: `None` if the playback
    /// began later, as it does for clients that resume a run on a new server, and for shifted timestamps.
    pub(crate) digest_received: Option<ContentDigest>,
    /// The number of messages sent at some recent instant, and their digest; `None` after a seek.
    pub(crate) digest_so_far: Option<(u64, ContentDigest)>,
    /// The stretch that is repeated.
    pub(crate) looped: Option<LoopBounds>,
    /// Increased with each change that clients are notified of.
    pub(crate) changes: u64,
}

impl View {
    /// Returns the recorded time played per second, once it is known.
    pub(crate) fn speed_achieved(&self) -> Option<f64> {
        let (played, elapsed) = (self.played.as_secs_f64(), self.elapsed.as_secs_f64());
        (played > 0.0 && elapsed > 0.0).then(|| played / elapsed)
    }
}

impl PublishedState {
    /// Returns the state of a playback that waits for its clients.
    pub(crate) fn new(speed: Speed) -> PublishedState {
        let view = View {
            speed,
            time: None,
            elapsed: Duration::ZERO,
            played: Duration::ZERO,
            lateness: None,
            late: IntervalStats::default(),
            shortened: IntervalStats::default(),
            waited: IntervalStats::default(),
            first_seq: StreamSeq(0),
            digest: None,
            digest_received: None,
            digest_so_far: None,
            looped: None,
            changes: 0,
        };
        PublishedState {
            head: watch::Sender::new(Head { state: State::Waiting, released: 0, seq: StreamSeq(0), sent: 0 }),
            state: watch::Sender::new(State::Waiting),
            stopping: watch::Sender::new(false),
            view: Mutex::new(view),
            failure: Mutex::new(None),
        }
    }

    pub(crate) fn head(&self) -> Head {
        *self.head.borrow()
    }

    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        lock(&self.view)
    }

    /// Requests that all clients are closed.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Stores why the source cannot be read further.
    pub(crate) fn set_failure(&self, error: &SourceError) {
        *lock(&self.failure) = Some(error.with_cause());
    }

    /// Returns why the source cannot be read further, if it cannot.
    pub(crate) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }
}
