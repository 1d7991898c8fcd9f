//! WebSocket clients that count, hash and measure.

use std::{
    io,
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use tradesim_schemas::{ContentDigest, Digest};
use tungstenite::{
    Message, WebSocket,
    client::client_with_config,
    protocol::{WebSocketConfig, frame::coding::CloseCode},
};

use super::measure::Measures;

/// Messages after which the clock is read, though there are more.
const BATCH: u64 = 256;
/// How long a client waits for a message before it looks whether to stop.
const TICK: Duration = Duration::from_millis(50);
/// Tries in a row to come back, and the time between them.
const TRIES: u32 = 50;
const TRY_AGAIN: Duration = Duration::from_millis(200);
/// The contract's limit of a message.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

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
) -> io::Result<JoinHandle<Received>> {
    let client = Client { number, address, measures, control, next: 0, digest: ContentDigest::new() };
    thread::Builder::new().name(format!("load-client-{number}")).spawn(move || client.run())
}

struct Client {
    number: usize,
    address: SocketAddr,
    measures: Arc<Measures>,
    control: Arc<Control>,
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
        let mut socket = match self.connect() {
            Ok(socket) => socket,
            Err(cause) => return Ending::Broken(cause),
        };
        let mut unseen = 0;
        loop {
            if let Some(left) = self.control.stalled_for() {
                thread::sleep(left.min(TICK));
                continue;
            }
            match socket.read() {
                Ok(Message::Text(text)) => self.take(text.as_bytes(), &mut unseen),
                Ok(Message::Binary(bytes)) => self.take(&bytes, &mut unseen),
                Ok(Message::Close(Some(frame))) if frame.code == CloseCode::Normal => {
                    self.show(&mut unseen);
                    // what is left is to answer the close
                    let _ = socket.flush();
                    return Ending::Delivered;
                }
                Ok(Message::Close(frame)) => {
                    self.show(&mut unseen);
                    return Ending::Broken(frame.map_or_else(
                        || "closed without a reason".to_owned(),
                        |frame| format!("closed with {}: {}", u16::from(frame.code), frame.reason),
                    ));
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.show(&mut unseen);
                    if self.control.is_stopping() {
                        return Ending::Stopped;
                    }
                    if let Err(error) = wait(socket.get_ref()) {
                        return Ending::Broken(error.to_string());
                    }
                }
                Err(error) => {
                    self.show(&mut unseen);
                    return Ending::Broken(error.to_string());
                }
            }
        }
    }

    fn connect(&self) -> Result<WebSocket<TcpStream>, String> {
        let stream = TcpStream::connect(self.address).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let url = format!("ws://{}/?from_seq={}", self.address, self.next);
        let (socket, _) = client_with_config(url, stream, Some(config)).map_err(|error| error.to_string())?;
        socket.get_ref().set_nonblocking(true).map_err(|error| error.to_string())?;
        Ok(socket)
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

/// Waits until there is something to read, for at most a tick.
fn wait(stream: &TcpStream) -> io::Result<()> {
    let tick = Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) };
    match poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&tick)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
