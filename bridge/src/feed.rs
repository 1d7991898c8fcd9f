//! The feed: a thread that connects to a WebSocket server, reads, validates and encodes, and hands over batches.
//!
//! The queue between this thread and the producer's thread is bounded, and so are the bytes of all batches. While
//! there is no room nothing is read from the socket, and TCP slows the server down: that is the backpressure of the
//! whole bridge, and keeps its memory bounded.

mod budget;
mod connection;
mod reader;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError},
    },
    thread,
    time::Duration,
};

use tradesim_bridge_core::{DisconnectReason, HandshakeInfo};
use tradesim_schemas::StreamSeq;

use self::{budget::Budget, reader::Reader};
use crate::{
    batch::{Batch, Rules},
    clock::Clock,
    metrics::Metrics,
};

pub(crate) use budget::Lease;
pub(crate) use connection::FeedOptions;
pub use connection::FeedUrlError;

/// The limit of batches that wait for the producer: enough that neither thread waits for the other's wake-up.
const QUEUE_BATCHES: usize = 8;
/// The limit of the bytes of all batches that are not delivered: in the queue, in progress, and unacknowledged.
const QUEUE_BYTES_MAX: usize = 48 << 20;
/// The limit of empty batches that are kept for reuse.
const SPARE_BATCHES: usize = 2 * QUEUE_BATCHES;
/// The time in which the server must answer the close.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// An event of the feed, in order.
#[derive(Debug)]
pub(crate) enum Event {
    Connected { connection: u64, handshake: HandshakeInfo },
    Batch(Batch),
    Jumped { connection: u64, seq: StreamSeq },
    Sent { connection: u64, seq: StreamSeq, due_us: Option<u64> },
    Ended { connection: u64, seq: StreamSeq },
    Disconnected { connection: u64, reason: DisconnectReason, cause: String },
}

struct Command {
    connection: u64,
    from_seq: Option<StreamSeq>,
}

/// The handle of the feed's thread.
#[derive(Debug)]
pub(crate) struct Feed {
    commands: Sender<Command>,
    events: Receiver<Event>,
    spare: SyncSender<Batch>,
    /// The number of the wanted connection, or zero.
    wanted: Arc<AtomicU64>,
    /// The number of the connection that the thread works on, or zero.
    served: Arc<AtomicU64>,
    budget: Arc<Budget>,
    /// The number of messages that were received and not taken.
    discarded: Arc<AtomicU64>,
    ended: Receiver<()>,
    metrics: Arc<Metrics>,
}

impl Feed {
    /// Starts the thread. It does nothing before [`Feed::connect`].
    pub(crate) fn start(
        options: FeedOptions,
        rules: Rules,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Feed> {
        let (commands, orders) = mpsc::channel();
        let (out, events) = mpsc::sync_channel(QUEUE_BATCHES);
        let (spare, spares) = mpsc::sync_channel(SPARE_BATCHES);
        let (ending, ended) = mpsc::channel();
        let wanted = Arc::new(AtomicU64::new(0));
        let served = Arc::new(AtomicU64::new(0));
        let discarded = Arc::new(AtomicU64::new(0));
        let budget = Budget::new(QUEUE_BYTES_MAX);
        let mut reader = Reader {
            options,
            rules,
            clock,
            out,
            spares,
            wanted: Arc::clone(&wanted),
            served: Arc::clone(&served),
            budget: Arc::clone(&budget),
            discarded: Arc::clone(&discarded),
            metrics: Arc::clone(&metrics),
        };
        thread::Builder::new().name("feed".to_owned()).spawn(move || {
            // dropped when the thread ends, which signals its end
            let _ending: Sender<()> = ending;
            reader.run(&orders);
        })?;
        Ok(Feed { commands, events, spare, wanted, served, budget, discarded, ended, metrics })
    }

    /// Requests a connection, in place of any other.
    pub(crate) fn connect(&self, connection: u64, from_seq: Option<StreamSeq>) {
        self.wanted.store(connection, Ordering::Release);
        self.served.store(connection, Ordering::Release);
        // a thread that has ended has reported it in its events
        let _ = self.commands.send(Command { connection, from_seq });
    }

    /// Requests to disconnect.
    pub(crate) fn disconnect(&self) {
        self.wanted.store(0, Ordering::Release);
    }

    /// Returns true if the thread works on no connection, and everything that it received was taken.
    pub(crate) fn is_quiet(&self) -> bool {
        self.served.load(Ordering::Acquire) == 0 && self.metrics.queue_batches.get() == 0
    }

    /// Waits for the next event; `None` if none arrived in time.
    pub(crate) fn next(&self, wait: Duration) -> Option<Event> {
        let event = match self.events.try_recv() {
            Ok(event) => event,
            Err(TryRecvError::Empty) => match self.events.recv_timeout(wait) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            },
            Err(TryRecvError::Disconnected) => return None,
        };
        if matches!(event, Event::Batch(_)) {
            self.metrics.queue_batches.dec();
        }
        Some(event)
    }

    /// Returns a completed batch to be reused.
    pub(crate) fn give_back(&self, mut batch: Batch) {
        batch.clear();
        // more batches than that are dropped
        let _ = self.spare.try_send(batch);
    }

    /// Ends the thread, and gives it a moment to close the connection. Returns the number of messages that were
    /// received and not taken.
    pub(crate) fn stop(self) -> u64 {
        let Feed { commands, events, spare, wanted, budget, discarded, ended, .. } = self;
        wanted.store(0, Ordering::Release);
        budget.close();
        drop((commands, spare));
        let count = |events: &Receiver<Event>| {
            let batches = events.try_iter().filter_map(|event| match event {
                Event::Batch(batch) => Some(batch.len() as u64),
                _ => None,
            });
            batches.sum::<u64>()
        };
        // makes room for a thread that waits to hand something over
        let mut left = count(&events);
        let _ = ended.recv_timeout(2 * CLOSE_TIMEOUT);
        left += count(&events);
        left + discarded.load(Ordering::Acquire)
    }
}
