//! The server: serves a source on a socket.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    net::TcpStream,
    sync::{oneshot, watch},
    task::JoinSet,
};
use tradesim_dialects::Dialect;
use tradesim_schemas::StreamSeq;

use crate::{
    admission::admit,
    client,
    control::{Command, CommandError, LoopRange, Report, Status},
    gateway,
    http::{self, AdmittedClient, Backend, ClientRequest, ConnectionLimits},
    hub::Hub,
    options::Options,
    outline::OutlineError,
    player,
    player_handle::Request,
    source::{Source, SourceError},
};
use tradesim_protocol::{Position, State};

/// The interval at which a server that has played everything checks whether its clients have disconnected.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// An error of serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// A thread or the listener cannot be created.
    #[error("the server cannot start")]
    Start(#[source] io::Error),
    /// The source failed while it was played. The clients were informed.
    #[error("playback failed at seq {seq}")]
    Source {
        /// The sequence number of the next message.
        seq: StreamSeq,
        /// The cause.
        source: SourceError,
    },
}

/// A server of a source.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    gateways: Vec<Gateway>,
    hub: Arc<Hub>,
}

/// The listener of a dialect that has a port of its own.
#[derive(Debug)]
struct Gateway {
    dialect: &'static Dialect,
    listener: TcpListener,
    address: SocketAddr,
}

/// A handle that controls a [`Server`] from anywhere.
#[derive(Clone, Debug)]
pub struct Handle {
    hub: Arc<Hub>,
}

impl Server {
    /// Listens on an address. Connections are accepted and messages are played only by [`Server::run`].
    ///
    /// # Errors
    /// [`ServerError::Bind`].
    pub fn bind(
        address: SocketAddr,
        source: Arc<dyn Source>,
        options: Options,
    ) -> Result<Server, ServerError> {
        let (listener, address) = listen(address)?;
        let gateways = options.dialects.ports.iter().map(|(dialect, port)| {
            let (listener, address) = listen(SocketAddr::new(address.ip(), *port))?;
            Ok(Gateway { dialect, listener, address })
        });
        let gateways = gateways.collect::<Result<_, ServerError>>()?;
        Ok(Server { listener, address, gateways, hub: Arc::new(Hub::new(source, options)) })
    }

    /// Returns the dialects that have a port of their own, and the addresses that they listen on.
    pub fn dialect_addrs(&self) -> impl Iterator<Item = (&'static Dialect, SocketAddr)> {
        self.gateways.iter().map(|gateway| (gateway.dialect, gateway.address))
    }

    /// Returns the address that the server listens on. If port 0 was requested, it contains the port that was chosen.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Returns the id of the stream.
    pub fn stream(&self) -> &str {
        &self.hub.stream
    }

    /// Returns a handle that controls the server.
    pub fn handle(&self) -> Handle {
        Handle { hub: Arc::clone(&self.hub) }
    }

    /// Serves until everything was delivered, or until [`Command::Stop`]. Requires a tokio runtime with timers and
    /// I/O.
    ///
    /// # Errors
    /// [`ServerError::Source`], [`ServerError::Start`].
    pub async fn run(self) -> Result<Report, ServerError> {
        let Server { listener, gateways, hub, .. } = self;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(ServerError::Start)?;
        let gateways = gateways.into_iter().map(|gateway| {
            let listener = tokio::net::TcpListener::from_std(gateway.listener).map_err(ServerError::Start)?;
            Ok((gateway.dialect, listener))
        });
        let gateways = gateways.collect::<Result<Vec<_>, ServerError>>()?;
        let player = player::start(&hub).map_err(ServerError::Start)?;
        let backend = Arc::new(ServerBackend { hub: Arc::clone(&hub) });
        let (stop, stopped) = watch::channel(false);
        let limits = ConnectionLimits::new(&hub.options);
        let end = async {
            over(&hub).await;
            stop.send_replace(true);
        };
        let slots = limits.slots();
        let mut dialects = JoinSet::new();
        for (dialect, listener) in gateways {
            dialects.spawn(gateway::serve(
                listener,
                dialect,
                Arc::clone(&hub),
                Arc::clone(&slots),
                stopped.clone(),
            ));
        }
        let serving = http::serve(listener, backend, Arc::clone(&hub.metrics), limits, slots, stopped);
        tokio::join!(serving, end);
        dialects.join_all().await;
        hub.player.request(Request::Quit);
        let played = tokio::task::spawn_blocking(move || player.join()).await;
        let played = played.expect("the joining task does not panic").expect("the player does not panic");
        if let Some(source) = played.failure {
            return Err(ServerError::Source { seq: hub.published.head().seq, source });
        }
        let view = hub.published.view().clone();
        let (closed_slow, clients_total) = hub.clients.totals();
        Ok(Report {
            status: hub.status(true),
            complete: played.complete,
            first_seq: view.first_seq,
            digest: view.digest,
            player_late_ms: played.lateness,
            shortened: view.shortened,
            late: view.late,
            waited: view.waited,
            closed_slow,
            clients_total,
        })
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    bound.map_err(|source| ServerError::Bind { address, source })
}

/// Returns when there is nothing more to serve.
async fn over(hub: &Arc<Hub>) {
    let mut stopping = hub.published.stopping.subscribe();
    let mut state = hub.published.state.subscribe();
    loop {
        if *stopping.borrow_and_update() {
            return;
        }
        let ended = *state.borrow_and_update() == State::Ended && !hub.options.stay;
        if ended {
            let (connected, until) = hub.clients.awaited(hub.options.linger);
            if connected == 0 && until.is_none_or(|until| hub.clock.now() >= until) {
                return;
            }
        }
        tokio::select! {
            _ = stopping.changed() => {}
            _ = state.changed(), if !ended => {}
            () = tokio::time::sleep(LOOK_EVERY), if ended => {}
        }
    }
}

impl Handle {
    /// Carries out a command and returns the status after it.
    ///
    /// # Errors
    /// A position that the source does not have, a playback that has ended, or one that does not allow the command.
    pub async fn command(&self, command: Command) -> Result<Status, CommandError> {
        if let Some(refusal) = self.hub.options.refusal(&command) {
            return Err(refusal);
        }
        let command = self.resolve(command).await?;
        let is_stop = command == Command::Stop;
        let (sender, reply) = oneshot::channel();
        if !self.hub.player.request(Request::Command(command, sender)) {
            if is_stop {
                // the player was not started yet, and must not start
                self.hub.published.stop();
                return Ok(self.status());
            }
            return Err(CommandError::Over);
        }
        reply.await.map_err(|_| CommandError::Over)??;
        Ok(self.status())
    }

    /// Resolves the target of a jump, away from the player, because finding a position may take long.
    async fn resolve(&self, command: Command) -> Result<Command, CommandError> {
        let source = Arc::clone(&self.hub.source);
        let find = move || match command {
            Command::Seek(position) => Ok(Command::Seek(Position::Seq(seq_of(&*source, position)?))),
            Command::Loop(Some(LoopRange { from, to })) => {
                let (from, to) = (seq_of(&*source, from)?, seq_of(&*source, to)?);
                if from >= to {
                    return Err(CommandError::EmptyLoop { from, to });
                }
                Ok(Command::Loop(Some(LoopRange { from: Position::Seq(from), to: Position::Seq(to) })))
            }
            other => Ok(other),
        };
        match tokio::task::spawn_blocking(find).await {
            Ok(found) => found,
            Err(_) => Err(SourceError::Read("its reader panicked".into()).into()),
        }
    }

    /// Returns the status.
    pub fn status(&self) -> Status {
        self.hub.status(false)
    }

    /// Returns the instant at which [`Block::due`](crate::Block::due) is zero.
    pub fn clock_zero(&self) -> Instant {
        self.hub.clock.instant(Duration::ZERO).into()
    }

    /// Returns the sequence number after the last message that was played.
    pub fn next_seq(&self) -> StreamSeq {
        self.hub.published.head().seq
    }
}

/// Returns the sequence number of a position, which must exist: that after the last message does.
fn seq_of(source: &dyn Source, position: Position) -> Result<StreamSeq, SourceError> {
    match position {
        Position::Time(time) => source.find(time),
        Position::Seq(seq) => source.open(seq).map(|_| seq),
    }
}

/// The backend of a server for HTTP.
#[derive(Debug)]
struct ServerBackend {
    hub: Arc<Hub>,
}

impl Backend for ServerBackend {
    type Client = client::Admitted;

    async fn admit(&self, request: ClientRequest) -> AdmittedClient<client::Admitted> {
        let admission = admit(&self.hub, request).await;
        AdmittedClient { headers: admission.headers, client: admission.client }
    }

    async fn run(&self, client: client::Admitted, socket: TcpStream, early: Bytes) {
        client::run(&self.hub, client, socket, early).await;
    }

    async fn command(&self, command: Command) -> Result<Status, CommandError> {
        Handle { hub: Arc::clone(&self.hub) }.command(command).await
    }

    fn status(&self) -> Status {
        self.hub.status(false)
    }

    async fn timeline(&self) -> Result<Arc<[u8]>, OutlineError> {
        self.hub.outline.get(&self.hub).await
    }

    fn metrics(&self) -> String {
        self.hub.metrics_page()
    }
}

#[cfg(test)]
mod tests;
