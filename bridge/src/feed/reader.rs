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
use tungstenite::{
    Error, Message,
    error::ProtocolError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{
    CLOSE_TIMEOUT, Command, Event,
    budget::Budget,
    connection::{self, Connection, FeedOptions},
    notice::{Notice, PingPayload, shown},
};
use crate::{
    batch::{Batch, Rules},
    clock::Clock,
    metrics::Metrics,
    socket::{self, OpenError, Received, dialogue::Heartbeat, is_would_block},
};

/// The limit of consecutive notices: a user who controls a paused replay causes few.
const NOTICES_MAX: u32 = 10_000;
/// The longest wait of a read before it is checked if the connection is still wanted.
const TICK: Duration = Duration::from_millis(100);
/// The time without input after which the server is pinged; the next one is the time after which it counts as dead.
const SILENCE_ASKED: Duration = Duration::from_secs(30);
const SILENCE_DEAD: Duration = Duration::from_secs(45);
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
        let mut connection = match Connection::open(&self.options, command.from_seq, self.clock, is_wanted) {
            Ok(connection) => connection,
            Err(OpenError::Stopped) => return Ok(()),
            Err(error) => {
                let (reason, cause) = (connection::disconnect_reason(&error), error.to_string());
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
        let is_numbered = connection.is_numbered();
        let late = connection.close(code, CLOSE_TIMEOUT, self.clock);
        if !is_numbered {
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
        if connection.handshake.stream.is_some() && !connection.is_numbered() {
            let until = self.clock.now() + REFUSAL_TIMEOUT;
            while first.is_none() && self.clock.now() < until && self.is_wanted(number) {
                match connection.read() {
                    Err(Error::Io(error)) if is_would_block(&error) => {
                        if let Err(cause) = connection.allow_wait(TICK) {
                            return Ok(Read::Ended(DisconnectReason::Lost, cause));
                        }
                    }
                    Ok(Received::Message(Message::Close(frame))) => return Ok(connection.closed(frame)),
                    Err(error) => return Ok(Read::Ended(DisconnectReason::Lost, broken(&error))),
                    received => first = Some(received),
                }
            }
        }
        let socket::HandshakeHeaders { stream, run, start_seq, .. } = connection.handshake.clone();
        let handshake =
            HandshakeInfo { stream, run, start_seq: start_seq.map(tradesim_schemas::StreamSeq::get) };
        self.send(Event::Connected { connection: number, handshake })?;
        for text in &self.options.dialogue.send {
            if let Err(cause) = connection.send(Message::text(text.as_str())) {
                return Ok(Read::Ended(DisconnectReason::Lost, cause));
            }
        }
        self.read(number, connection, first)
    }

    fn read(
        &mut self,
        number: u64,
        connection: &mut Connection,
        mut first: Option<Result<Received, Error>>,
    ) -> Result<Read, Gone> {
        let mut batch = self.empty_batch(number);
        let now = self.clock.now();
        let mut silence = Silence { since: now, asked: false };
        let dialogue = self.options.dialogue.clone();
        let mut ping_at = dialogue.ping.as_ref().map(|ping| now + ping.every);
        let notices = connection.handshake.notices;
        let heartbeats = dialogue.has_heartbeats() && !connection.is_numbered();
        if dialogue.has_heartbeats() && !heartbeats {
            tracing::warn!("the feed numbers its messages: heartbeat patterns are ignored");
        }
        let mut notices_in_a_row = 0;
        loop {
            match first.take().unwrap_or_else(|| connection.read()) {
                Ok(Received::Message(Message::Text(text))) if notices && Notice::is_notice(&text) => {
                    batch = self.hand_over(batch, number)?;
                    notices_in_a_row += 1;
                    if notices_in_a_row > NOTICES_MAX {
                        let cause = format!("it sent more than {NOTICES_MAX} consecutive notices");
                        return Ok(Read::Ended(DisconnectReason::Broken, cause));
                    }
                    if let Err(cause) = self.notice(number, &text)? {
                        return Ok(Read::Ended(DisconnectReason::Broken, cause));
                    }
                }
                Ok(Received::Message(Message::Text(text))) => {
                    notices_in_a_row = 0;
                    match dialogue.heartbeat(&text).filter(|_| heartbeats) {
                        None => batch.push(text.as_bytes(), &self.rules),
                        Some(heartbeat) => {
                            self.metrics.ws_heartbeats.inc();
                            if let Heartbeat::Answer(reply) = heartbeat
                                && let Err(cause) = connection.send(Message::text(reply))
                            {
                                self.hand_over(batch, number)?;
                                return Ok(Read::Ended(DisconnectReason::Lost, cause));
                            }
                        }
                    }
                }
                Ok(Received::Message(Message::Binary(bytes))) => {
                    notices_in_a_row = 0;
                    batch.push(&bytes, &self.rules);
                }
                Ok(Received::Oversize(message)) => {
                    notices_in_a_row = 0;
                    batch.push_oversize(&message, &self.rules);
                }
                Ok(Received::Message(Message::Ping(payload))) if notices => {
                    if let Some(PingPayload { seq, due }) = PingPayload::parse(&payload) {
                        batch = self.hand_over(batch, number)?;
                        self.send(Event::Sent { connection: number, seq, due_us: due })?;
                    }
                }
                Ok(Received::Message(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Ok(Received::Message(Message::Close(frame))) => {
                    self.hand_over(batch, number)?;
                    return Ok(connection.closed(frame));
                }
                Err(Error::Io(error)) if is_would_block(&error) => {
                    batch = self.hand_over(batch, number)?;
                    if !self.is_wanted(number) {
                        return Ok(Read::Unwanted);
                    }
                    if let Err(cause) = self.idle(connection, &mut silence, &mut ping_at) {
                        return Ok(Read::Ended(DisconnectReason::Lost, cause));
                    }
                }
                Err(error) => {
                    self.hand_over(batch, number)?;
                    return Ok(Read::Ended(DisconnectReason::Lost, broken(&error)));
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

    /// Passes a notice on. Returns why it is not valid.
    fn notice(&self, connection: u64, text: &str) -> Result<Result<(), String>, Gone> {
        match Notice::parse(text) {
            Ok(Notice::Next { seq }) => self.send(Event::Jumped { connection, seq })?,
            Ok(Notice::End { seq }) => self.send(Event::Ended { connection, seq })?,
            Ok(Notice::Error { code, text }) => {
                tracing::warn!(code, text, "the feed refused a message of the bridge");
            }
            Ok(Notice::Other) => {}
            Err(cause) => return Ok(Err(cause)),
        }
        Ok(Ok(()))
    }

    /// Handles that nothing is there: checks the time without input, sends pings, and then lets the next read wait.
    /// Returns the reason to end.
    fn idle(
        &self,
        connection: &mut Connection,
        silence: &mut Silence,
        ping_at: &mut Option<Duration>,
    ) -> Result<(), String> {
        let now = self.clock.now();
        if connection.take_activity() {
            *silence = Silence { since: now, asked: false };
        }
        let quiet = now.saturating_sub(silence.since);
        if quiet >= SILENCE_DEAD {
            return Err(format!("nothing received for {} s", SILENCE_DEAD.as_secs()));
        }
        if quiet >= SILENCE_ASKED && !silence.asked {
            silence.asked = true;
            connection.send(Message::Ping(Default::default()))?;
        }
        if let (Some(at), Some(ping)) = (ping_at, &self.options.dialogue.ping)
            && *at <= now
        {
            *at = now + ping.every;
            connection.send(Message::text(ping.text.as_str()))?;
        }
        connection.allow_wait(TICK)
    }
}

impl Connection {
    /// Converts the server's close to a disconnect reason.
    fn closed(&self, frame: Option<CloseFrame>) -> Read {
        let (code, reason) =
            frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
        Read::Ended(self.disconnect_reason(code), closed(code, &reason))
    }
}

/// Returns the time since the last message arrived.
struct Silence {
    since: Duration,
    /// True if a ping was sent to the server.
    asked: bool,
}

fn closed(code: u16, reason: &str) -> String {
    if reason.is_empty() {
        format!("the server closed the connection with {code}")
    } else {
        format!("the server closed the connection with {code}: {}", shown(reason))
    }
}

/// Describes an error of reading.
fn broken(error: &Error) -> String {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => "closed".to_owned(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            "the server disconnected without a close frame".to_owned()
        }
        Error::Io(error) => format!("the connection was lost: {error}"),
        error => format!("the server violated the WebSocket protocol: {error}"),
    }
}
