//! WebSocket clients that count, hash and measure messages.

use std::{net::SocketAddr, sync::Arc, thread, time::Duration};

use tradesim_client::{CloseCode, Connection, Dialogue, Endpoint, Event, OpenError};
use tradesim_protocol::{Backoff, CloseKind, FeedQuery};
use tradesim_schemas::{ContentDigest, ContentHasher, StreamSeq};

use super::Control;
use crate::measure::Measures;

/// The number of messages after which the clock is read.
const BATCH: u64 = 256;
/// The time after which a read returns, so that the client can check whether to stop.
const TICK: Duration = Duration::from_millis(50);
/// The timeout for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The time to wait for the server to answer a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum number of consecutive reconnect attempts, and the time between them, which does not grow: a load test is short.
const ATTEMPTS_MAX: u32 = 50;
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_millis(200));

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

/// A client of the server of a load.
pub(super) struct Client {
    number: usize,
    endpoint: Endpoint,
    measures: Arc<Measures>,
    control: Arc<Control>,
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
    pub(super) fn new(
        number: usize,
        address: SocketAddr,
        measures: Arc<Measures>,
        control: Arc<Control>,
    ) -> Client {
        let endpoint = Endpoint {
            tls: false,
            host: address.ip().to_string(),
            port: address.port(),
            path: "/".to_owned(),
            query: Vec::new(),
        };
        Client { number, endpoint, measures, control, next: 0, digest: ContentHasher::new() }
    }

    /// Receives everything, over as many connections as necessary.
    pub(super) fn run(mut self) -> Received {
        let (mut disconnects, mut backoff) = (0, BACKOFF);
        let failure = loop {
            let before = self.next;
            match self.connection() {
                DisconnectReason::Delivered | DisconnectReason::Stopped => break None,
                DisconnectReason::Broken(cause) => {
                    if self.next > before {
                        backoff.reset();
                    }
                    let Some(pause) = backoff.pause_within(ATTEMPTS_MAX, 0.5) else { break Some(cause) };
                    disconnects += 1;
                    tracing::warn!(client = self.number, next_seq = self.next, cause, "reconnecting");
                    thread::sleep(pause);
                }
            }
        };
        Received { messages: self.next, digest: self.digest.finish(), disconnects, failure }
    }

    fn connection(&mut self) -> DisconnectReason {
        let (query, dialogue) = (FeedQuery::from_seq(StreamSeq(self.next)), Dialogue::default());
        let (now, is_wanted) = (|| self.control.now(), || !self.control.is_stopping());
        let opened = Connection::open(&self.endpoint, &query, &dialogue, CONNECT_TIMEOUT, now, is_wanted);
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(OpenError::Stopped) => return DisconnectReason::Stopped,
            Err(error) => return DisconnectReason::Broken(error.to_string()),
        };
        let mut unreported = 0;
        let reason = loop {
            if let Some(left) = self.control.stalled_for() {
                thread::sleep(left.min(TICK));
                continue;
            }
            match connection.read() {
                Ok(Event::Message { bytes, .. }) => self.take(&bytes, &mut unreported),
                Ok(Event::Oversize(message)) => {
                    break DisconnectReason::Broken(format!(
                        "message {} has {} bytes, more than the limit of 16 MiB",
                        self.next, message.length
                    ));
                }
                Ok(Event::Notice(_) | Event::Ping(_) | Event::Heartbeat) => {}
                Ok(Event::Ended(reason)) if reason.kind() == CloseKind::Complete => {
                    break DisconnectReason::Delivered;
                }
                Ok(Event::Ended(reason)) => break DisconnectReason::Broken(reason.to_string()),
                Ok(Event::NotYet) => {
                    // every message that has arrived was read
                    self.report(&mut unreported);
                    if self.control.is_stopping() {
                        break DisconnectReason::Stopped;
                    }
                    if let Err(reason) = connection.wait(self.control.now(), TICK) {
                        break DisconnectReason::Broken(reason.to_string());
                    }
                }
                Err(fault) => break DisconnectReason::Broken(fault.to_string()),
            }
        };
        self.report(&mut unreported);
        connection.close(CloseCode::Normal, CLOSE_TIMEOUT, || self.control.now());
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
            self.measures.lock().delivered(self.number, self.next, self.control.now());
        }
    }
}
