//! The HTTP front end of the server: handshakes, and plain HTTP on the same port (docs/PROTOCOL.md, sections 1 and
//! 6).
//!
//! It handles sockets and requests, and does not know players or streams: a [`Backend`] decides what a client
//! receives and what a command does. Everything that a peer may use is bounded: its sockets, its header, its body,
//! and the time for each.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::Instant,
};
use tracing::Instrument;
use tradesim_dialects::{Dialect, Script};
use tradesim_protocol::Backoff;

use crate::{
    control::{Command, CommandError, Status},
    metrics::{Metrics, Refused},
    options::Options,
    outline::OutlineError,
    steering::Steering,
};

pub(crate) use self::slots::ConnectionSlots;
use self::slots::{PlainSlot, SlotResult};

mod authority;
pub(crate) mod command;
mod connection;
mod handshake;
mod host;
mod origin;
pub(crate) mod page;
mod permission;
mod routes;
mod shared;
mod slots;
#[cfg(test)]
mod tests;

/// The delays after errors of accept() that would come back at once.
const ACCEPT_BACKOFF: Backoff = Backoff::new(Duration::from_millis(10), Duration::from_secs(1));
/// The interval at which a waiting connection requests a slot.
const SLOT_RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// The implementation behind the HTTP front end.
pub(crate) trait Backend: Send + Sync + 'static {
    /// An admitted client that waits for its socket. It is dropped, and not run, if the socket breaks before the
    /// upgrade.
    type Client: Send + 'static;

    /// Decides what a client receives. A refused client is admitted too, and receives the reason on its socket. The
    /// future is dropped if it takes too long, if the peer disconnects, and if the server ends.
    fn admit(&self, request: ClientRequest) -> impl Future<Output = AdmittedClient<Self::Client>> + Send;

    /// Runs a client on its socket until that is closed. `early` is what was received together with the handshake.
    fn run(&self, client: Self::Client, socket: TcpStream, early: Bytes) -> impl Future<Output = ()> + Send;

    /// Carries out a command, and returns the status after it.
    fn command(&self, command: Command) -> impl Future<Output = Result<Status, CommandError>> + Send;

    /// Returns the status.
    fn status(&self) -> Status;

    /// Returns the outline of the stream in JSON, or the reason why there is none.
    fn timeline(&self) -> impl Future<Output = Result<Arc<[u8]>, OutlineError>> + Send;

    /// Returns the metrics page.
    fn metrics(&self) -> String;
}

/// The request of a client's handshake.
#[derive(Clone, Debug)]
pub(crate) struct ClientRequest {
    /// The query of the URL as received, without the question mark.
    pub(crate) query: String,
    /// True if it offered the subprotocol, which the answer then confirms.
    pub(crate) wants_v1: bool,
    /// The address of the client.
    pub(crate) peer: SocketAddr,
    /// The protocol that it asks for.
    pub(crate) asks: Asks,
}

/// The protocol that a client asks for, by its path.
#[derive(Clone, Debug)]
pub(crate) enum Asks {
    /// Our own.
    Own,
    /// That of a vendor.
    Dialect(DialectRequest),
    /// The messages as they were captured.
    AsCaptured(Arc<Script>),
}

/// The request of a client that speaks a dialect.
#[derive(Clone, Debug)]
pub(crate) struct DialectRequest {
    /// The dialect.
    pub(crate) dialect: &'static Dialect,
    /// The headers that the dialect reads, their names in lower case.
    pub(crate) headers: Vec<(String, String)>,
}

/// A client, and the answer to its handshake.
#[derive(Debug)]
pub(crate) struct AdmittedClient<C> {
    /// Additional headers of the answer.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The client, which runs on the socket.
    pub(crate) client: C,
}

/// The limits of connections.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionLimits {
    /// The limit of clients at a time.
    pub(crate) clients_max: usize,
    /// The limit of clients from one address at a time.
    pub(crate) per_address_max: usize,
    /// The values of `Origin` that are accepted in addition to loopback hosts.
    pub(crate) origins: Vec<String>,
    /// The hosts that requests may name in addition to loopback names and the address that they arrive at.
    pub(crate) hosts: Vec<String>,
    /// True if browsers receive the page.
    pub(crate) page: bool,
    /// Permission to send commands.
    pub(crate) steering: Steering,
    /// The dialects that are answered on paths of their own.
    pub(crate) dialects: Vec<&'static Dialect>,
    /// The script of clients on all other paths.
    pub(crate) pass_through: Option<Arc<Script>>,
    /// The time limit for receiving a request: for the first one from the moment its connection was accepted, for a
    /// later one from the end of the previous answer. A body may take as long again, and so may reading an answer.
    pub(crate) request_timeout: Duration,
    /// The time limit for admitting a client.
    pub(crate) admission_timeout: Duration,
    /// The time limit for a connection that is not a client after the server was stopped, and for closing a
    /// connection after its last answer.
    pub(crate) shutdown_grace: Duration,
}

impl ConnectionLimits {
    /// Returns the documented limits.
    pub(crate) fn new(options: &Options) -> ConnectionLimits {
        ConnectionLimits {
            clients_max: options.clients_max,
            per_address_max: options.per_address_max,
            origins: options.origins.clone(),
            hosts: options.hosts.clone(),
            page: options.page,
            steering: options.steering.clone(),
            dialects: options.dialects.enabled.clone(),
            pass_through: options.pass_through.clone(),
            request_timeout: Duration::from_secs(5),
            admission_timeout: Duration::from_secs(30),
            shutdown_grace: Duration::from_secs(1),
        }
    }

    /// Returns the slots for these limits, for all ports of a server together.
    pub(crate) fn slots(&self) -> Arc<ConnectionSlots> {
        ConnectionSlots::new(self.clients_max, self.per_address_max)
    }
}

/// The state that all connections of a server share.
#[derive(Debug)]
struct HttpState<B> {
    backend: Arc<B>,
    metrics: Arc<Metrics>,
    limits: ConnectionLimits,
    slots: Arc<ConnectionSlots>,
}

/// Accepts connections and serves them until `stop` is true or its sender is dropped. Returns when every connection
/// is closed: plain ones soon, clients when the backend has [run](Backend::run) them to their end.
pub(crate) async fn serve<B: Backend>(
    listener: TcpListener,
    backend: Arc<B>,
    metrics: Arc<Metrics>,
    limits: ConnectionLimits,
    slots: Arc<ConnectionSlots>,
    mut stop: watch::Receiver<bool>,
) {
    let http_state = Arc::new(HttpState { backend, metrics, limits, slots });
    let mut connections = JoinSet::new();
    let mut backoff = ACCEPT_BACKOFF;
    let mut resume_at = None;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = connections.join_next() => {
                note_panic(ended);
                continue;
            }
            accepted = accept(&listener, resume_at) => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                backoff.reset();
                resume_at = None;
                match wait_for_slot(&http_state.slots, &mut stop).await {
                    Some(slot) => {
                        let span = tracing::info_span!("connection", %peer);
                        let driven =
                            connection::drive(Arc::clone(&http_state), socket, peer, slot, stop.clone());
                        connections.spawn(driven.instrument(span));
                    }
                    None => turn_away(socket, peer, &http_state.metrics),
                }
            }
            Err(error) => {
                let delay = delay(&error, &mut backoff);
                if !delay.is_zero() {
                    // there may be too few file descriptors, some of them held by idle connections
                    http_state.slots.free_one();
                }
                tracing::warn!(%error, delay_ms = delay.as_millis() as u64, "cannot accept a connection");
                resume_at = Some(Instant::now() + delay);
            }
        }
    }
    // the kernel refuses new connections, instead of keeping them in a backlog that no one reads
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        note_panic(ended);
    }
}

/// Accepts the next connection, not before an instant. May be dropped and called again at any time.
async fn accept(listener: &TcpListener, resume_at: Option<Instant>) -> io::Result<(TcpStream, SocketAddr)> {
    if let Some(instant) = resume_at {
        tokio::time::sleep_until(instant).await;
    }
    listener.accept().await
}

/// Waits for a slot for a connection, as long as those that hold one are protected; `None` if all of them are being
/// answered, or if the server stops.
async fn wait_for_slot(slots: &Arc<ConnectionSlots>, stop: &mut watch::Receiver<bool>) -> Option<PlainSlot> {
    loop {
        let until = match slots.take(Instant::now()) {
            SlotResult::Taken(slot) => return Some(slot),
            SlotResult::Full => return None,
            SlotResult::NotBefore(until) => until,
        };
        // a slot may become free earlier
        let until = until.min(Instant::now() + SLOT_RETRY_INTERVAL);
        tokio::select! {
            () = stopped(stop) => return None,
            () = tokio::time::sleep_until(until) => {}
        }
    }
}

/// Returns when the server must stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // an error means that the sender was dropped
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Returns how long to wait after an error of accept(): not at all if it concerns only that connection, and longer
/// each time if, for example, no file descriptors are left, because the same error would return at once, forever.
fn delay(error: &io::Error, backoff: &mut Backoff) -> Duration {
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted => {
            Duration::ZERO
        }
        // the middle of the jitter: no other server waits for the same
        _ => backoff.pause(0.5),
    }
}

/// Closes a connection without serving it, because there are too many.
fn turn_away(socket: TcpStream, peer: SocketAddr, metrics: &Metrics) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    tracing::debug!(%peer, "connection rejected: too many connections");
    metrics.refused(Refused::Cap);
    // one attempt, for which the buffer of a new socket has room: no task waits for it
    if let Ok(mut socket) = socket.into_std() {
        let _ = io::Write::write(&mut socket, ANSWER);
    }
}

/// Logs the panic of a connection. It affects this connection only, but it is a bug.
fn note_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection panicked");
    }
}
