//! The feed: a thread that connects to a WebSocket server, reads, validates and encodes, and hands over batches.
//!
//! The queue between this thread and the one of the producer is bounded, and so are the bytes of all batches. While
//! there is no room nothing is read from the socket, and TCP tells the server: that is the back-pressure of the whole
//! bridge, and why its memory stays flat.

mod budget;
mod connection;
mod notice;
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

use tradesim_bridge_core::{Ending, Greeting};

use self::{budget::Budget, reader::Reader};
use crate::{
    batch::{Batch, Rules},
    clock::Clock,
    metrics::Metrics,
};

pub(crate) use budget::Lease;
pub(crate) use connection::FeedOptions;
pub use connection::FeedUrlError;

/// Batches that wait for the producer: enough that neither thread waits for the other's wake-up.
const QUEUE_BATCHES: usize = 8;
/// Bytes of all batches that are not delivered: those that wait, that are in work, and that wait to be acknowledged.
const QUEUE_BYTES_MAX: usize = 48 << 20;
/// Empty batches that wait to be filled again.
const SPARE_BATCHES: usize = 2 * QUEUE_BATCHES;
/// How long the server may take to answer our close.
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);

/// What comes from the feed, in order.
#[derive(Debug)]
pub(crate) enum Event {
    Connected { connection: u64, greeting: Greeting },
    Batch(Batch),
    Jumped { connection: u64, seq: u64 },
    Sent { connection: u64, seq: u64, due_us: Option<u64> },
    Ended { connection: u64, seq: u64 },
    Disconnected { connection: u64, ending: Ending, cause: String },
}

struct Command {
    connection: u64,
    from_seq: Option<u64>,
}

/// The thread, as the producer's thread sees it.
#[derive(Debug)]
pub(crate) struct Feed {
    commands: Sender<Command>,
    events: Receiver<Event>,
    spare: SyncSender<Batch>,
    /// Number of the connection that is wanted, or zero.
    wanted: Arc<AtomicU64>,
    /// Number of the connection that the thread works at, or zero.
    served: Arc<AtomicU64>,
    budget: Arc<Budget>,
    /// Messages that were received and that nobody took.
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
            // dropped when the thread is through, and by that heard
            let _ending: Sender<()> = ending;
            reader.run(&orders);
        })?;
        Ok(Feed { commands, events, spare, wanted, served, budget, discarded, ended, metrics })
    }

    /// Wants a connection, and no other.
    pub(crate) fn connect(&self, connection: u64, from_seq: Option<u64>) {
        self.wanted.store(connection, Ordering::Release);
        self.served.store(connection, Ordering::Release);
        // a thread that is gone has said so by its events
        let _ = self.commands.send(Command { connection, from_seq });
    }

    /// Wants none.
    pub(crate) fn disconnect(&self) {
        self.wanted.store(0, Ordering::Release);
    }

    /// Whether the thread works at no connection, and everything that it received was taken.
    pub(crate) fn is_quiet(&self) -> bool {
        self.served.load(Ordering::Acquire) == 0 && self.metrics.queue_batches.get() == 0
    }

    /// Waits for what comes next; `None` where nothing came in time.
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

    /// Gives a batch back that is done with.
    pub(crate) fn give_back(&self, mut batch: Batch) {
        batch.clear();
        // more than that are let go
        let _ = self.spare.try_send(batch);
    }

    /// Ends the thread, and gives it a moment to say goodbye to the server. Gives how many messages were received and not
    /// taken.
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
        let _ = ended.recv_timeout(2 * CLOSE_PATIENCE);
        left += count(&events);
        left + discarded.load(Ordering::Acquire)
    }
}
