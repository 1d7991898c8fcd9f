//! WebSocket clients that count, hash and measure messages.

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
use tradesim_schemas::{ContentDigest, ContentHasher};
use tungstenite::{Error, Message, protocol::frame::coding::CloseCode};

use super::measure::Measures;
use crate::{
    client::{ConnectError, Connection, Received as Incoming, is_would_block},
    endpoint::Endpoint,
    signals::Stop,
};

/// The number of messages after which the clock is read.
const BATCH: u64 = 256;
/// The time after which a read returns, so that the client can check whether to stop.
const TICK: Duration = Duration::from_millis(50);
/// The timeout for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time to wait for the server to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum number of consecutive reconnect attempts, and the time between them.
const ATTEMPTS_MAX: u32 = 50;
const RECONNECT_DELAY: Duration = Duration::from_millis(200);

/// Controls clients while they run.
#[derive(Debug)]
pub(crate) struct Control {
    /// Clients read nothing before this instant, in nanoseconds on the clock of the server.
    stalled_until: AtomicU64,
    stopping: AtomicBool,
    zero: Instant,
}

impl Control {
    /// `zero` is the zero of the clock.
    pub(crate) fn new(zero: Instant) -> Control {
        Control { stalled_until: AtomicU64::new(0), stopping: AtomicBool::new(false), zero }
    }

    pub(crate) fn now(&self) -> Duration {
        self.zero.elapsed()
    }

    /// Makes all clients stop reading for this time.
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

    /// Returns the remaining time of a stall.
    fn stalled_for(&self) -> Option<Duration> {
        let until = Duration::from_nanos(self.stalled_until.load(Ordering::Relaxed));
        until.checked_sub(self.now()).filter(|left| !left.is_zero())
    }
}

/// The result of a client.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) messages: u64,
    /// The digest of all messages, in order.
    pub(crate) digest: ContentDigest,
    /// The number of connections that ended before the recording did.
    pub(crate) disconnects: u64,
    /// The reason why the client gave up, if it did.
    pub(crate) failure: Option<String>,
}

/// Starts a client.
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
    let client = Client { number, endpoint, measures, control, stop, next: 0, digest: ContentHasher::new() };
    thread::Builder::new().name(format!("load-client-{number}")).spawn(move || client.run())
}

struct Client {
    number: usize,
    endpoint: Endpoint,
    measures: Arc<Measures>,
    control: Arc<Control>,
    stop: Stop,
    /// The sequence number of the next message.
    next: u64,
    digest: ContentHasher,
}

/// The reason why a connection ended.
enum DisconnectReason {
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
                DisconnectReason::Delivered | DisconnectReason::Stopped => break None,
                DisconnectReason::Broken(cause) => {
                    tries = if self.next > before { 0 } else { tries + 1 };
                    if tries == ATTEMPTS_MAX {
                        break Some(cause);
                    }
                    disconnects += 1;
                    tracing::warn!(client = self.number, next_seq = self.next, cause, "reconnecting");
                    thread::sleep(RECONNECT_DELAY);
                }
            }
        };
        Received { messages: self.next, digest: self.digest.finish(), disconnects, failure }
    }

    fn connection(&mut self) -> DisconnectReason {
        let endpoint = Endpoint { query: vec![format!("from_seq={}", self.next)], ..self.endpoint.clone() };
        let mut connection = match Connection::open(&endpoint, &[], CONNECT_TIMEOUT, &self.stop) {
            Ok(connection) => connection,
            Err(ConnectError::Unreachable(cause) | ConnectError::Refused(cause)) => {
                return DisconnectReason::Broken(cause);
            }
            Err(ConnectError::Stopped(_)) => return DisconnectReason::Stopped,
        };
        let mut unreported = 0;
        let reason = loop {
            if let Some(left) = self.control.stalled_for() {
                thread::sleep(left.min(TICK));
                continue;
            }
            let received = match connection.read() {
                Ok(Incoming::Message(message)) => Ok(message),
                Ok(Incoming::Oversize(message)) => {
                    break DisconnectReason::Broken(format!(
                        "message {} has {} bytes, more than the limit of 16 MiB",
                        self.next, message.length
                    ));
                }
                Err(error) => Err(error),
            };
            match received {
                Ok(Message::Text(text)) if Notice::is_notice(&text) => {}
                Ok(Message::Text(text)) => self.take(text.as_bytes(), &mut unreported),
                Ok(Message::Binary(bytes)) => self.take(&bytes, &mut unreported),
                Ok(Message::Close(Some(frame))) if frame.code == CloseCode::Normal => {
                    break DisconnectReason::Delivered;
                }
                Ok(Message::Close(frame)) => {
                    break DisconnectReason::Broken(frame.map_or_else(
                        || "closed without a reason".to_owned(),
                        |frame| format!("closed with {}: {}", u16::from(frame.code), frame.reason),
                    ));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if is_would_block(&error) => {
                    // every message that has arrived was read
                    self.report(&mut unreported);
                    if self.control.is_stopping() {
                        break DisconnectReason::Stopped;
                    }
                    if let Err(lost) = connection.let_wait(TICK) {
                        break DisconnectReason::Broken(lost.cause().to_owned());
                    }
                }
                Err(error) => break DisconnectReason::Broken(error.to_string()),
            }
        };
        self.report(&mut unreported);
        connection.close(CloseCode::Normal, CLOSE_TIMEOUT);
        reason
    }

    fn take(&mut self, message: &[u8], unreported: &mut u64) {
        self.digest.push(message);
        self.next += 1;
        *unreported += 1;
        if *unreported == BATCH {
            self.report(unreported);
        }
    }

    /// Reports the messages since the last call.
    fn report(&mut self, unreported: &mut u64) {
        if std::mem::take(unreported) > 0 {
            self.measures.delivered(self.number, self.next, self.control.now());
        }
    }
}
