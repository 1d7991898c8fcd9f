//! The feed: a thread that connects to a WebSocket server, reads, validates and encodes, and hands over batches.
//!
//! The queue between this thread and the one of the producer is bounded. While it is full nothing is read from the
//! socket, and TCP tells the server: that is the back-pressure of the whole bridge, and why its memory stays flat.

mod connection;
mod notice;

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
use tungstenite::{
    Error, Message,
    error::ProtocolError,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use self::{
    connection::{ConnectError, Connection},
    notice::{Notice, PingPayload},
};
use crate::{
    batch::{Batch, Rules},
    clock::Clock,
    metrics::Metrics,
    socket::is_would_block,
};

pub(crate) use connection::FeedOptions;
pub use connection::FeedUrlError;

/// Batches that wait for the producer: enough that neither thread waits for the other's wake-up, and some megabytes.
const QUEUE_BATCHES: usize = 8;
/// How long a read waits before it is seen whether the connection is still wanted.
const TICK: Duration = Duration::from_millis(100);
/// Silence after which the server is asked for a sign of life, and silence after which it is taken for dead.
const SILENCE_ASKED: Duration = Duration::from_secs(30);
const SILENCE_DEAD: Duration = Duration::from_secs(45);
/// How long a server may take to say why it refuses.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(5);
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
    spare: Sender<Batch>,
    /// Number of the connection that is wanted, or zero.
    wanted: Arc<AtomicU64>,
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
        let (spare, spares) = mpsc::channel();
        let (ending, ended) = mpsc::channel();
        let wanted = Arc::new(AtomicU64::new(0));
        let mut reader = Reader {
            options,
            rules,
            clock,
            out,
            spares,
            wanted: Arc::clone(&wanted),
            metrics: Arc::clone(&metrics),
            asks_v1: true,
        };
        thread::Builder::new().name("feed".to_owned()).spawn(move || {
            // dropped when the thread is through, and by that heard
            let _ending: Sender<()> = ending;
            reader.run(&orders);
        })?;
        Ok(Feed { commands, events, spare, wanted, ended, metrics })
    }

    /// Wants a connection, and no other.
    pub(crate) fn connect(&self, connection: u64, from_seq: Option<u64>) {
        self.wanted.store(connection, Ordering::Release);
        // a thread that is gone has said so by its events
        let _ = self.commands.send(Command { connection, from_seq });
    }

    /// Wants none.
    pub(crate) fn disconnect(&self) {
        self.wanted.store(0, Ordering::Release);
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
        let _ = self.spare.send(batch);
    }

    /// Ends the thread, and gives it a moment to say goodbye to the server.
    pub(crate) fn stop(self) {
        let Feed { commands, events, spare, wanted, ended, .. } = self;
        wanted.store(0, Ordering::Release);
        drop((commands, events, spare));
        let _ = ended.recv_timeout(2 * CLOSE_PATIENCE);
    }
}

/// What runs on the thread.
struct Reader {
    options: FeedOptions,
    rules: Rules,
    clock: Clock,
    out: SyncSender<Event>,
    spares: Receiver<Batch>,
    wanted: Arc<AtomicU64>,
    metrics: Arc<Metrics>,
    /// Whether the subprotocol is asked for: not of a server that has refused it.
    asks_v1: bool,
}

/// Nobody takes events any more.
struct Gone;

/// How the reading of a connection ended.
enum Read {
    /// The connection is not wanted any more.
    Unwanted,
    Ended(Ending, String),
}

impl Reader {
    fn run(&mut self, orders: &Receiver<Command>) {
        while let Ok(command) = orders.recv() {
            if self.is_wanted(command.connection) && self.serve(&command).is_err() {
                return;
            }
        }
    }

    fn is_wanted(&self, connection: u64) -> bool {
        self.wanted.load(Ordering::Acquire) == connection
    }

    fn send(&self, event: Event) -> Result<(), Gone> {
        self.out.send(event).map_err(|_| Gone)
    }

    /// One connection, from the handshake to its end.
    fn serve(&mut self, command: &Command) -> Result<(), Gone> {
        let number = command.connection;
        let opened = Connection::open(&self.options, command.from_seq, self.asks_v1, self.clock, || {
            self.is_wanted(number)
        });
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(ConnectError::Stopped) => return Ok(()),
            Err(ConnectError::NoSubprotocol) => {
                // it is a plain feed: as plain clients are served, so are we
                self.asks_v1 = false;
                return self.serve(command);
            }
            Err(error) => {
                let ending = error.ending();
                return self.send(Event::Disconnected {
                    connection: number,
                    ending,
                    cause: error.to_string(),
                });
            }
        };
        self.metrics.ws_connected.set(1);
        let read = self.greet(number, &mut connection);
        self.metrics.ws_connected.set(0);
        let code = match &read {
            Ok(Read::Ended(Ending::Refused, _)) => CloseCode::Policy,
            Ok(Read::Ended(..)) => CloseCode::Normal,
            Ok(Read::Unwanted) | Err(Gone) => CloseCode::Away,
        };
        connection.close(code, CLOSE_PATIENCE, self.clock);
        match read? {
            Read::Unwanted => Ok(()),
            Read::Ended(ending, cause) => {
                self.send(Event::Disconnected { connection: number, ending, cause })
            }
        }
    }

    /// Says what the feed said, and reads.
    fn greet(&mut self, number: u64, connection: &mut Connection) -> Result<Read, Gone> {
        let greeting = connection.greeting.clone();
        // a feed that names its stream and not where it begins refuses, and says why by its close
        if greeting.stream.is_none() || greeting.start_seq.is_some() {
            self.send(Event::Connected { connection: number, greeting })?;
            return self.read(number, connection);
        }
        let until = self.clock.now() + REFUSAL_PATIENCE;
        while self.clock.now() < until && self.is_wanted(number) {
            match connection.read() {
                Ok(Message::Close(frame)) => return Ok(connection.closed(frame)),
                Err(Error::Io(error)) if is_would_block(&error) => {
                    if let Err(error) = connection.wire().let_wait(TICK) {
                        return Ok(Read::Ended(Ending::Lost, error.to_string()));
                    }
                }
                Ok(_) => break,
                Err(error) => return Ok(Read::Ended(Ending::Lost, broken(&error))),
            }
        }
        Ok(Read::Ended(Ending::Lost, "the feed does not say with which message it begins".to_owned()))
    }

    fn read(&mut self, number: u64, connection: &mut Connection) -> Result<Read, Gone> {
        let mut batch = self.empty_batch(number);
        let mut silence = Silence { since: self.clock.now(), asked: false };
        let notices = connection.notices;
        loop {
            match connection.read() {
                Ok(Message::Text(text)) if notices && Notice::is_notice(&text) => {
                    batch = self.hand_over(batch, number)?;
                    self.notice(number, &text)?;
                }
                Ok(Message::Text(text)) => batch.push(text.as_bytes(), &self.rules),
                Ok(Message::Binary(bytes)) => batch.push(&bytes, &self.rules),
                Ok(Message::Ping(payload)) if notices => {
                    if let Some(PingPayload { seq, due }) = PingPayload::parse(&payload) {
                        batch = self.hand_over(batch, number)?;
                        self.send(Event::Sent { connection: number, seq, due_us: due })?;
                    }
                }
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {}
                Ok(Message::Close(frame)) => {
                    self.hand_over(batch, number)?;
                    return Ok(connection.closed(frame));
                }
                Err(Error::Io(error)) if is_would_block(&error) => {
                    batch = self.hand_over(batch, number)?;
                    if !self.is_wanted(number) {
                        return Ok(Read::Unwanted);
                    }
                    if let Some(cause) = self.idle(connection, &mut silence) {
                        return Ok(Read::Ended(Ending::Lost, cause));
                    }
                }
                Err(error) => {
                    self.hand_over(batch, number)?;
                    return Ok(Read::Ended(Ending::Lost, broken(&error)));
                }
            }
            if batch.is_enough() {
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

    /// Hands a batch over, unless it is empty, and gives an empty one.
    fn hand_over(&self, batch: Batch, connection: u64) -> Result<Batch, Gone> {
        if batch.is_empty() {
            return Ok(batch);
        }
        batch.count(&self.metrics);
        self.metrics.queue_batches.inc();
        self.send(Event::Batch(batch))?;
        Ok(self.empty_batch(connection))
    }

    fn notice(&self, connection: u64, text: &str) -> Result<(), Gone> {
        match Notice::parse(text) {
            Some(Notice::Next { seq }) => self.send(Event::Jumped { connection, seq }),
            Some(Notice::End { seq }) => self.send(Event::Ended { connection, seq }),
            Some(Notice::Error { code, text }) => {
                tracing::warn!(code, text, "the feed refused a message of ours");
                Ok(())
            }
            Some(Notice::Other) => Ok(()),
            None => {
                tracing::warn!(text, "a notice that cannot be understood");
                Ok(())
            }
        }
    }

    /// Nothing is there: looks at the silence, and then lets the next read wait. Gives a reason to end.
    fn idle(&self, connection: &mut Connection, silence: &mut Silence) -> Option<String> {
        let now = self.clock.now();
        if connection.wire().take_heard() {
            *silence = Silence { since: now, asked: false };
        }
        let quiet = now.saturating_sub(silence.since);
        if quiet >= SILENCE_DEAD {
            return Some(format!("nothing came for {} s", SILENCE_DEAD.as_secs()));
        }
        if quiet >= SILENCE_ASKED && !silence.asked {
            silence.asked = true;
            // if it cannot be sent, the silence goes on
            let _ = connection.socket.send(Message::Ping(Default::default()));
        }
        connection.wire().let_wait(TICK).err().map(|error| error.to_string())
    }
}

impl Connection {
    /// What the server's close means.
    fn closed(&self, frame: Option<CloseFrame>) -> Read {
        let (code, reason) =
            frame.map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.to_string()));
        Read::Ended(self.ending(code), closed(code, &reason))
    }
}

/// How long nothing has come.
struct Silence {
    since: Duration,
    /// Whether the server was asked for a sign of life.
    asked: bool,
}

fn closed(code: u16, reason: &str) -> String {
    if reason.is_empty() {
        format!("the server closed the connection with {code}")
    } else {
        format!("the server closed the connection with {code}: {reason}")
    }
}

/// What an error of reading says in words.
fn broken(error: &Error) -> String {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => "closed".to_owned(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            "the server went away without closing the connection".to_owned()
        }
        Error::Io(error) => format!("the connection was lost: {error}"),
        error => format!("the server broke the WebSocket protocol: {error}"),
    }
}
