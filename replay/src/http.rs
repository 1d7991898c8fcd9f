//! The HTTP face of the server: handshakes, and plain HTTP on the same port (docs/PROTOCOL.md, sections 1 and 6).
//!
//! It knows sockets and requests, and nothing of players and streams: what a client gets and what a command does is
//! decided by a [`Backend`]. Everything that a peer may take is bounded: its sockets, its header, its body, and the time
//! that it needs for each.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::Instant,
};
use tracing::Instrument;

use crate::{
    control::{Command, CommandError, Status},
    metrics::{Metrics, Refused},
    options::Options,
    steering::Steering,
};

use self::seats::{Place, PlainSeat, Seats};

mod authority;
pub(crate) mod command;
mod connection;
mod handshake;
mod host;
mod origin;
mod permission;
mod routes;
mod seats;
mod shared;
#[cfg(test)]
mod tests;

/// The interval at which a waiting connection requests a place.
const LOOK_FOR_PLACE: Duration = Duration::from_millis(10);

/// Name of the subprotocol with notices.
pub(crate) const SUBPROTOCOL: &str = "tradesim.v1";

/// What is behind the HTTP face.
pub(crate) trait Backend: Send + Sync + 'static {
    /// A client that has its answer and waits for its socket. It is dropped, and not run, if the socket breaks between
    /// the two.
    type Client: Send + 'static;

    /// Decides what a client gets. One that is refused is a client too: it is told so on its socket. Dropped midway where
    /// it takes too long, the peer hangs up, or the server ends.
    fn admit(&self, request: ClientRequest) -> impl Future<Output = Admission<Self::Client>> + Send;

    /// Runs a client on its socket until that is closed. `early` is what came from it together with the handshake.
    fn run(&self, client: Self::Client, socket: TcpStream, early: Bytes) -> impl Future<Output = ()> + Send;

    /// Carries out a command, and says how things stand after it.
    fn command(&self, command: Command) -> impl Future<Output = Result<Status, CommandError>> + Send;

    /// How things stand.
    fn status(&self) -> Status;

    /// The page of metrics.
    fn metrics(&self) -> String;
}

/// What a client asks for in its handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientRequest {
    /// The query of the URL as it came, without the question mark.
    pub(crate) query: String,
    /// Whether it offered the subprotocol [`SUBPROTOCOL`]; it is told that it got it.
    pub(crate) wants_v1: bool,
    /// Where it is.
    pub(crate) peer: SocketAddr,
}

/// A client, and what its handshake is answered with.
#[derive(Debug)]
pub(crate) struct Admission<C> {
    /// Further headers of the answer.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// What is run on the socket.
    pub(crate) client: C,
}

/// The limits of connections.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Clients at once.
    pub(crate) clients_max: usize,
    /// Clients of one address at once.
    pub(crate) per_address_max: usize,
    /// Values of `Origin` that are accepted besides loopback hosts.
    pub(crate) origins: Vec<String>,
    /// Hosts that requests may name besides loopback names and the address they come to.
    pub(crate) hosts: Vec<String>,
    /// Who may steer.
    pub(crate) steering: Steering,
    /// How long a request may take to arrive: the first from the moment its connection was accepted, a later one from
    /// the end of the answer before it. A body may take as long again, and so may the peer that reads an answer.
    pub(crate) patience: Duration,
    /// How long deciding what a client gets may take.
    pub(crate) admission: Duration,
    /// How long a connection that is no client may stay when the server stops, and one that was answered may take to
    /// close.
    pub(crate) farewell: Duration,
}

impl Rules {
    /// The documented bounds.
    pub(crate) fn new(options: &Options) -> Rules {
        Rules {
            clients_max: options.clients_max,
            per_address_max: options.per_address_max,
            origins: options.origins.clone(),
            hosts: options.hosts.clone(),
            steering: options.steering.clone(),
            patience: Duration::from_secs(5),
            admission: Duration::from_secs(30),
            farewell: Duration::from_secs(1),
        }
    }
}

/// What all connections of a server share.
#[derive(Debug)]
struct Face<B> {
    backend: Arc<B>,
    metrics: Arc<Metrics>,
    rules: Rules,
    seats: Arc<Seats>,
}

/// Accepts connections and serves them until it is told to stop (`true`, or the sender gone). Returns when every
/// connection is closed: plain ones soon, clients when the backend has [run](Backend::run) them to their end.
pub(crate) async fn serve<B: Backend>(
    listener: TcpListener,
    backend: Arc<B>,
    metrics: Arc<Metrics>,
    rules: Rules,
    mut stop: watch::Receiver<bool>,
) {
    let seats = Seats::new(rules.clients_max, rules.per_address_max);
    let face = Arc::new(Face { backend, metrics, rules, seats });
    let mut connections = JoinSet::new();
    let mut failures = 0;
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
                (failures, resume_at) = (0, None);
                match place(&face.seats, &mut stop).await {
                    Some(seat) => {
                        let span = tracing::info_span!("connection", %peer);
                        let driven = connection::drive(Arc::clone(&face), socket, peer, seat, stop.clone());
                        connections.spawn(driven.instrument(span));
                    }
                    None => turn_away(socket, peer, &face.metrics),
                }
            }
            Err(error) => {
                let delay = backoff(&error, failures);
                if !delay.is_zero() {
                    // it may be for want of file descriptors, of which connections that say nothing hold some
                    face.seats.free_one();
                }
                tracing::warn!(%error, delay_ms = delay.as_millis() as u64, "a connection cannot be accepted");
                failures += 1;
                resume_at = Some(Instant::now() + delay);
            }
        }
    }
    // whoever comes now is refused by the kernel, and does not wait in a backlog that nobody reads
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        note_panic(ended);
    }
}

/// The next connection, not before an instant. May be dropped and begun again at any time.
async fn accept(listener: &TcpListener, resume_at: Option<Instant>) -> io::Result<(TcpStream, SocketAddr)> {
    if let Some(instant) = resume_at {
        tokio::time::sleep_until(instant).await;
    }
    listener.accept().await
}

/// A place for a connection, waited for as long as those that hold one have a claim to it; `None` where all are being
/// answered, or the server stops.
async fn place(seats: &Arc<Seats>, stop: &mut watch::Receiver<bool>) -> Option<PlainSeat> {
    loop {
        let until = match seats.take(Instant::now()) {
            Place::Taken(seat) => return Some(seat),
            Place::Full => return None,
            Place::NotBefore(until) => until,
        };
        // one may become free before
        let until = until.min(Instant::now() + LOOK_FOR_PLACE);
        tokio::select! {
            () = stopped(stop) => return None,
            () = tokio::time::sleep_until(until) => {}
        }
    }
}

/// Returns when the server is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // an error says that the sender is gone, and with it who would want to go on
    let _ = stop.wait_for(|stop| *stop).await;
}

/// How long to wait after an error of accept(): not at all where it was that one connection's, and longer each time
/// where there are, for one, no file descriptors left, as the same error would come back at once and for ever.
fn backoff(error: &io::Error, failures: u32) -> Duration {
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted => {
            Duration::ZERO
        }
        _ => Duration::from_millis((10 << failures.min(7)).min(1_000)),
    }
}

/// Closes a connection for which not even an answer of its own can be afforded.
fn turn_away(socket: TcpStream, peer: SocketAddr, metrics: &Metrics) {
    const ANSWER: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    tracing::debug!(%peer, "turned away: too many connections");
    metrics.refused(Refused::Cap);
    // one attempt, which the buffer of a new socket has room for: there is nobody to wait for it
    if let Ok(mut socket) = socket.into_std() {
        let _ = io::Write::write(&mut socket, ANSWER);
    }
}

/// A connection that panicked has harmed itself only, but is a bug all the same.
fn note_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection panicked");
    }
}
