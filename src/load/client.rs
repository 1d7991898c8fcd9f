//! WebSocket clients that count, hash and measure.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tradesim_replay::Notice;
use tradesim_schemas::{ContentDigest, Digest};
use tungstenite::{Error, Message, protocol::frame::coding::CloseCode};

use super::measure::Measures;
use crate::{
    client::{ConnectError, Connection, Received as Incoming, is_would_block},
    endpoint::Endpoint,
    signals::Stop,
};

/// Messages after which the clock is read, though there are more.
const BATCH: u64 = 256;
/// How long a client waits for a message before it looks whether to stop.
const TICK: Duration = Duration::from_millis(50);
/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to answer a close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(1);
/// Tries in a row to come back, and the time between them.
const TRIES: u32 = 50;
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// What a client waits for and is told.
#[derive(Debug)]
pub(crate) struct Control {
    /// Nothing is read before this instant, in nanoseconds on the server's clock.
    stalled_until: AtomicU64,
    stopping: AtomicBool,
    zero: Instant,
}

impl Control {
    /// Clients go by the time since `zero`.
    pub(crate) fn new(zero: Instant) -> Control {
        Control { stalled_until: AtomicU64::new(0), stopping: AtomicBool::new(false), zero }
    }

    pub(crate) fn now(&self) -> Duration {
        self.zero.elapsed()
    }

    /// Lets no client read for this long.
    pub(crate) fn stall(&self, time: Duration) {
        let until = (self.now() + time).as_nanos() as u64;
        self.stalled_until.store(until, Ordering::Relaxed);
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// How long reading is to wait still.
    fn stalled_for(&self) -> Option<Duration> {
        let until = Duration::from_nanos(self.stalled_until.load(Ordering::Relaxed));
        until.checked_sub(self.now()).filter(|left| !left.is_zero())
    }
}

/// What a client got.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) messages: u64,
    /// Of all messages, in order.
    pub(crate) digest: Digest,
    /// Connections that ended before the recording did.
    pub(crate) disconnects: u64,
    /// Why it gave up, if it did.
    pub(crate) failure: Option<String>,
}

/// Starts the client with this number.
pub(crate) fn start(
    number: usize,
    address: SocketAddr,
    measures: Arc<Measures>,
    control: Arc<Control>,
    stop: Stop,
) -> io::Result<JoinHandle<Received>> {
    let endpoint = Endpoint {
        tls: false,
        host: address.ip().to_string(),
        port: address.port(),
        path: "/".to_owned(),
        query: Vec::new(),
    };
    let client = Client { number, endpoint, measures, control, stop, next: 0, digest: ContentDigest::new() };
    thread::Builder::new().name(format!("load-client-{number}")).spawn(move || client.run())
}

struct Client {
    number: usize,
    endpoint: Endpoint,
    measures: Arc<Measures>,
    control: Arc<Control>,
    stop: Stop,
    /// Number of the next message.
    next: u64,
    digest: ContentDigest,
}

/// Why a connection ended.
enum Ending {
    Delivered,
    Stopped,
    Broken(String),
}

impl Client {
    fn run(mut self) -> Received {
        let (mut disconnects, mut tries) = (0, 0);
        let failure = loop {
            let before = self.next;
            match self.connection() {
                Ending::Delivered | Ending::Stopped => break None,
                Ending::Broken(cause) => {
                    tries = if self.next > before { 0 } else { tries + 1 };
                    if tries == TRIES {
                        break Some(cause);
                    }
                    disconnects += 1;
                    tracing::warn!(client = self.number, next_seq = self.next, cause, "connecting again");
                    thread::sleep(TRY_AGAIN);
                }
            }
        };
        Received { messages: self.next, digest: self.digest.finish(), disconnects, failure }
    }

    fn connection(&mut self) -> Ending {
        let endpoint = Endpoint { query: vec![format!("from_seq={}", self.next)], ..self.endpoint.clone() };
        let mut connection = match Connection::open(&endpoint, &[], CONNECT_TIMEOUT, &self.stop) {
            Ok(connection) => connection,
            Err(ConnectError::Unreachable(cause) | ConnectError::Refused(cause)) => {
                return Ending::Broken(cause);
            }
            Err(ConnectError::Stopped(_)) => return Ending::Stopped,
        };
        let mut unseen = 0;
        let ending = loop {
            if let Some(left) = self.control.stalled_for() {
                thread::sleep(left.min(TICK));
                continue;
            }
            let received = match connection.read() {
                Ok(Incoming::Message(message)) => Ok(message),
                Ok(Incoming::Oversize(message)) => {
                    break Ending::Broken(format!(
                        "message {} has {} bytes, which is above the limit of 16 MiB",
                        self.next, message.length
                    ));
                }
                Err(error) => Err(error),
            };
            match received {
                Ok(Message::Text(text)) if Notice::is_notice(&text) => {}
                Ok(Message::Text(text)) => self.take(text.as_bytes(), &mut unseen),
                Ok(Message::Binary(bytes)) => self.take(&bytes, &mut unseen),
                Ok(Message::Close(Some(frame))) if frame.code == CloseCode::Normal => {
                    break Ending::Delivered;
                }
                Ok(Message::Close(frame)) => {
                    break Ending::Broken(frame.map_or_else(
                        || "closed without a reason".to_owned(),
                        |frame| format!("closed with {}: {}", u16::from(frame.code), frame.reason),
                    ));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if is_would_block(&error) => {
                    // all that had arrived are in hand
                    self.show(&mut unseen);
                    if self.control.is_stopping() {
                        break Ending::Stopped;
                    }
                    if let Err(ending) = connection.let_wait(TICK) {
                        break Ending::Broken(ending.cause().to_owned());
                    }
                }
                Err(error) => break Ending::Broken(error.to_string()),
            }
        };
        self.show(&mut unseen);
        connection.close(CloseCode::Normal, CLOSE_PATIENCE);
        ending
    }

    fn take(&mut self, message: &[u8], unseen: &mut u64) {
        self.digest.push(message);
        self.next += 1;
        *unseen += 1;
        if *unseen == BATCH {
            self.show(unseen);
        }
    }

    /// Tells what came since this was called last.
    fn show(&mut self, unseen: &mut u64) {
        if std::mem::take(unseen) > 0 {
            self.measures.delivered(self.number, self.next, self.control.now());
        }
    }
}
