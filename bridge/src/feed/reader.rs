//! The reader of connections, on the feed's thread, which hands over what it receives.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender},
    },
    time::Duration,
};

use tradesim_bridge_core::{DisconnectReason, HandshakeInfo};
use tradesim_client::{CloseCode, Connection, Event as Incoming, Fault, OpenError, TICK};
use tradesim_protocol::{FeedQuery, HandshakeHeaders, Notice, PingPayload, foreign::shortened};

use super::{
    CLOSE_TIMEOUT, Command, Event,
    budget::Budget,
    connection::{self, FeedOptions},
};
use crate::{
    batch::{Batch, Rules},
    clock::Clock,
    metrics::Metrics,
};

/// The timeout for the reason of a refusal.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The state of the feed's thread.
pub(super) struct Reader {
    pub(super) options: FeedOptions,
    pub(super) rules: Rules,
    pub(super) clock: Clock,
    pub(super) out: SyncSender<Event>,
    pub(super) spares: Receiver<Batch>,
    pub(super) wanted: Arc<AtomicU64>,
    pub(super) served: Arc<AtomicU64>,
    pub(super) budget: Arc<Budget>,
    pub(super) discarded: Arc<AtomicU64>,
    pub(super) metrics: Arc<Metrics>,
}

/// The receiver of events is gone.
struct Gone;

/// The reason for which reading from a connection ended.
enum Read {
    /// The connection is not wanted any more.
    Unwanted,
    Ended(DisconnectReason, String),
}

impl Reader {
    /// Serves one command after the other, until the other thread has ended.
    pub(super) fn run(&mut self, orders: &Receiver<Command>) {
        while let Ok(command) = orders.recv() {
            let number = command.connection;
            if self.is_wanted(number) && self.serve(&command).is_err() {
                return;
            }
            // unless another one is wanted meanwhile
            let _ = self.served.compare_exchange(number, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    fn is_wanted(&self, connection: u64) -> bool {
        self.wanted.load(Ordering::Acquire) == connection
    }

    fn send(&self, event: Event) -> Result<(), Gone> {
        self.out.send(event).map_err(|error| {
            if let Event::Batch(batch) = error.0 {
                self.discard(batch.len() as u64);
            }
            Gone
        })
    }

    fn discard(&self, messages: u64) {
        self.discarded.fetch_add(messages, Ordering::AcqRel);
    }

    /// Serves one connection, from the handshake to its end.
    fn serve(&mut self, command: &Command) -> Result<(), Gone> {
        let number = command.connection;
        let is_wanted = || self.is_wanted(number);
        let FeedOptions { endpoint, connect_timeout, dialogue } = &self.options;
        let query = command.from_seq.map(FeedQuery::from_seq).unwrap_or_default();
        let now = || self.clock.now();
        let opened = Connection::open(endpoint, &query, dialogue, *connect_timeout, now, is_wanted);
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(OpenError::Stopped) => return Ok(()),
            Err(error) => {
                let (reason, cause) = (connection::of_attempt(&error), error.to_string());
                return self.send(Event::Disconnected { connection: number, reason, cause });
            }
        };
        self.metrics.ws_connected.set(1);
        let read = self.greet(number, &mut connection);
        self.metrics.ws_connected.set(0);
        let code = match &read {
            Ok(Read::Ended(DisconnectReason::Refused, _)) => CloseCode::Policy,
            Ok(Read::Ended(DisconnectReason::Broken, _)) => CloseCode::Protocol,
            Ok(Read::Ended(..)) => CloseCode::Normal,
            Ok(Read::Unwanted) | Err(Gone) => CloseCode::Away,
        };
        let is_resumable = is_resumable(&connection.handshake);
        let late = connection.close(code, CLOSE_TIMEOUT, || self.clock.now());
        if !is_resumable {
            self.discard(late);
        }
        match read? {
            Read::Unwanted => Ok(()),
            Read::Ended(reason, cause) => {
                self.send(Event::Disconnected { connection: number, reason, cause })
            }
        }
    }

    /// Passes the handshake's properties on, and reads.
    fn greet(&mut self, number: u64, connection: &mut Connection) -> Result<Read, Gone> {
        let mut first = None;
        // a feed that states its stream but no start may refuse, and states the reason in its close
        if connection.handshake.stream.is_some() && !is_resumable(&connection.handshake) {
            let until = self.clock.now() + REFUSAL_TIMEOUT;
            while first.is_none() && self.clock.now() < until && self.is_wanted(number) {
                match connection.read() {
                    Ok(Incoming::NotYet) => {
                        if let Err(reason) = connection.wait(self.clock.now(), TICK) {
                            return Ok(ended(&reason, connection));
                        }
                    }
                    Ok(Incoming::Ended(reason)) => return Ok(ended(&reason, connection)),
                    Ok(event) => first = Some(event),
                    Err(fault) => return Ok(broken(&fault)),
                }
            }
        }
        let HandshakeHeaders { stream, run, start_seq, .. } = connection.handshake.clone();
        let handshake = HandshakeInfo { stream, run, start_seq };
        self.send(Event::Connected { connection: number, handshake })?;
        if let Err(reason) = connection.subscribe() {
            return Ok(ended(&reason, connection));
        }
        self.read(number, connection, first)
    }

    fn read(
        &mut self,
        number: u64,
        connection: &mut Connection,
        mut first: Option<Incoming>,
    ) -> Result<Read, Gone> {
        let mut batch = self.empty_batch(number);
        loop {
            match first.take().map_or_else(|| connection.read(), Ok) {
                Ok(Incoming::Message { bytes, .. }) => batch.push(&bytes, &self.rules),
                Ok(Incoming::Oversize(message)) => batch.push_oversize(&message, &self.rules),
                Ok(Incoming::Heartbeat) => {
                    self.metrics.ws_heartbeats.inc();
                }
                Ok(Incoming::Notice(notice)) => {
                    batch = self.hand_over(batch, number)?;
                    self.notice(number, notice)?;
                }
                Ok(Incoming::Ping(Some(PingPayload { seq, due_us, .. }))) => {
                    batch = self.hand_over(batch, number)?;
                    self.send(Event::Sent { connection: number, seq, due_us })?;
                }
                Ok(Incoming::Ping(None)) => {}
                Ok(Incoming::NotYet) => {
                    batch = self.hand_over(batch, number)?;
                    if !self.is_wanted(number) {
                        return Ok(Read::Unwanted);
                    }
                    if let Err(reason) = connection.wait(self.clock.now(), TICK) {
                        return Ok(ended(&reason, connection));
                    }
                }
                Ok(Incoming::Ended(reason)) => {
                    self.hand_over(batch, number)?;
                    return Ok(ended(&reason, connection));
                }
                Err(fault) => {
                    self.hand_over(batch, number)?;
                    return Ok(broken(&fault));
                }
            }
            if batch.should_flush() {
                batch = self.hand_over(batch, number)?;
                if !self.is_wanted(number) {
                    return Ok(Read::Unwanted);
                }
            }
        }
    }

    fn empty_batch(&self, connection: u64) -> Batch {
        let mut batch = self.spares.try_recv().unwrap_or_default();
        batch.connection = connection;
        batch
    }

    /// Hands a batch over, unless it is empty, and returns an empty one.
    fn hand_over(&self, mut batch: Batch, connection: u64) -> Result<Batch, Gone> {
        if batch.is_empty() {
            return Ok(batch);
        }
        batch.lease = self.budget.take(batch.size());
        if batch.lease.is_none() {
            self.discard(batch.len() as u64);
            return Err(Gone);
        }
        batch.count(&self.metrics);
        self.metrics.queue_batches.inc();
        self.send(Event::Batch(batch))?;
        Ok(self.empty_batch(connection))
    }

    /// Passes a notice on.
    fn notice(&self, connection: u64, notice: Notice) -> Result<(), Gone> {
        match notice {
            Notice::Seek { seq } | Notice::Gap { to: seq, .. } => {
                self.send(Event::Jumped { connection, seq })
            }
            Notice::End { seq, .. } => self.send(Event::Ended { connection, seq }),
            Notice::Error { code, text } => {
                let (code, text) = (shortened(&code), shortened(&text));
                tracing::warn!(code, text, "the feed refused a message of the bridge");
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Returns true if the feed numbers its messages and states whose they are.
fn is_resumable(handshake: &HandshakeHeaders) -> bool {
    handshake.start_seq.is_some() && handshake.stream.is_some() && handshake.run.is_some()
}

fn ended(reason: &tradesim_client::DisconnectReason, connection: &Connection) -> Read {
    Read::Ended(connection::of_connection(reason, &connection.handshake), reason.to_string())
}

/// Interprets a violation. After one of RFC 6455 another connection may help.
fn broken(fault: &Fault) -> Read {
    let reason = match fault {
        Fault::Violation(_) => DisconnectReason::Lost,
        _ => DisconnectReason::Broken,
    };
    Read::Ended(reason, fault.to_string())
}
