//! The player's thread, as clients and the HTTP front end use it.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::Sender,
    },
    thread::Thread,
};

use tokio::sync::oneshot;
use tradesim_schemas::StreamSeq;

use crate::{
    control::{Command, CommandError},
    lock::lock,
};

/// The stored value for "no play offset".
pub(crate) const NO_PLAY_OFFSET: u64 = u64::MAX;

/// A request to the player.
#[derive(Debug)]
pub(crate) enum Request {
    /// Carry out a command.
    Command(Command, oneshot::Sender<Result<(), CommandError>>),
    /// The number of clients changed. The one that begins first begins at `first`.
    Clients {
        /// The number of clients.
        connected: usize,
        /// The sequence number in the source's numbers.
        first: Option<StreamSeq>,
    },
    /// End the thread.
    Quit,
}

/// Sends requests to the player, and wakes it.
#[derive(Debug)]
pub(crate) struct PlayerHandle {
    link: Mutex<Option<Link>>,
    /// The play offset that the player waits for a client to reach.
    awaited: AtomicU64,
}

#[derive(Debug)]
struct Link {
    requests: Sender<Request>,
    thread: Thread,
}

impl PlayerHandle {
    /// Returns a handle without a player.
    pub(crate) fn new() -> PlayerHandle {
        PlayerHandle { link: Mutex::new(None), awaited: AtomicU64::new(NO_PLAY_OFFSET) }
    }

    /// Registers the thread that plays.
    pub(crate) fn set(&self, requests: Sender<Request>, thread: Thread) {
        *lock(&self.link) = Some(Link { requests, thread });
    }

    /// Sends a request to the player. Returns false if the player has ended.
    pub(crate) fn request(&self, request: Request) -> bool {
        let link = lock(&self.link);
        let Some(link) = link.as_ref() else { return false };
        let there = link.requests.send(request).is_ok();
        link.thread.unpark();
        there
    }

    /// Stores the play offset that the player waits for a client to reach, if it waits. The player checks again after
    /// this.
    pub(crate) fn await_play_offset(&self, play_offset: Option<u64>) {
        self.awaited.store(play_offset.unwrap_or(NO_PLAY_OFFSET), Ordering::SeqCst);
    }

    /// Wakes a player that waits for a client to reach this offset, or for a client that has no offset any more.
    pub(crate) fn client_moved(&self, play_offset: Option<u64>) {
        let awaited = self.awaited.load(Ordering::SeqCst);
        if awaited != NO_PLAY_OFFSET
            && play_offset.is_none_or(|play_offset| play_offset >= awaited)
            && let Some(link) = lock(&self.link).as_ref()
        {
            link.thread.unpark();
        }
    }
}
