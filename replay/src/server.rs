//! The server: a source behind a socket.

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
};

use crate::{
    admission::admit,
    client,
    control::{Command, CommandError, Report, State, Status},
    http::{self, Admission, Backend, ClientRequest, Rules},
    hub::Hub,
    options::Options,
    player::{self, Request},
    source::{Source, SourceError},
};

/// How often a server that has played everything looks whether its clients have gone.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Serving failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A thread or the listener cannot be had.
    #[error("the server cannot start")]
    Start(#[source] io::Error),
    /// The source failed while it was played; clients were told.
    #[error("the play ended at seq {seq}")]
    Source {
        /// The next message.
        seq: u64,
        /// Why.
        source: SourceError,
    },
}

/// A source behind a socket.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    hub: Arc<Hub>,
}

/// Steers a [`Server`] from anywhere.
#[derive(Clone, Debug)]
pub struct Handle {
    hub: Arc<Hub>,
}

impl Server {
    /// Listens. Nothing is accepted and nothing played before [`Server::run`].
    ///
    /// # Errors
    /// [`ServerError::Bind`].
    pub fn bind(
        address: SocketAddr,
        source: Arc<dyn Source>,
        options: Options,
    ) -> Result<Server, ServerError> {
        let bound = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = bound.map_err(|source| ServerError::Bind { address, source })?;
        Ok(Server { listener, address, hub: Arc::new(Hub::new(source, options)) })
    }

    /// Where it listens: with the port that was picked, if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Id of the stream.
    pub fn stream(&self) -> &str {
        &self.hub.stream
    }

    /// What steers it.
    pub fn handle(&self) -> Handle {
        Handle { hub: Arc::clone(&self.hub) }
    }

    /// Serves until everything was delivered, or until [`Command::Stop`]. Needs a tokio runtime with timers and I/O.
    ///
    /// # Errors
    /// [`ServerError::Source`], [`ServerError::Start`].
    pub async fn run(self) -> Result<Report, ServerError> {
        let Server { listener, hub, .. } = self;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(ServerError::Start)?;
        let player = player::start(&hub).map_err(ServerError::Start)?;
        let face = Arc::new(Face { hub: Arc::clone(&hub) });
        let (stop, stopped) = watch::channel(false);
        let rules = Rules::new(&hub.options);
        let end = async {
            over(&hub).await;
            stop.send_replace(true);
        };
        let serving = http::serve(listener, face, Arc::clone(&hub.metrics), rules, stopped);
        tokio::join!(serving, end);
        hub.request(Request::Quit);
        let played = tokio::task::spawn_blocking(move || player.join()).await;
        let played = played.expect("joining does not panic").expect("the player does not panic");
        if let Some(source) = played.failure {
            return Err(ServerError::Source { seq: hub.head.borrow().seq, source });
        }
        let view = hub.view().clone();
        let (closed_slow, clients_total) = hub.totals();
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

/// Comes back when nothing more is to be served.
async fn over(hub: &Arc<Hub>) {
    let mut stopping = hub.stopping.subscribe();
    let mut state = hub.state.subscribe();
    loop {
        if *stopping.borrow_and_update() {
            return;
        }
        let ended = *state.borrow_and_update() == State::Ended && !hub.options.stay;
        if ended {
            let (connected, until) = hub.awaited();
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
    /// Steers.
    ///
    /// # Errors
    /// A place that the source does not have, a play that is over, or one that cannot be steered like this.
    pub async fn command(&self, command: Command) -> Result<Status, CommandError> {
        if let Some(refusal) = self.hub.options.refusal(&command) {
            return Err(refusal);
        }
        let command = self.resolve(command).await?;
        let is_stop = command == Command::Stop;
        let (sender, reply) = oneshot::channel();
        if !self.hub.request(Request::Command(command, sender)) {
            if is_stop {
                // there is no player yet, and it is not to begin
                self.hub.stopping.send_replace(true);
                return Ok(self.status());
            }
            return Err(CommandError::Over);
        }
        reply.await.map_err(|_| CommandError::Over)??;
        Ok(self.status())
    }

    /// Turns a jump into one that is possible, away from the player, because finding a place may take long.
    async fn resolve(&self, command: Command) -> Result<Command, CommandError> {
        let source = Arc::clone(&self.hub.source);
        let find = move || match command {
            Command::SeekTo(place) => Ok(Command::Seek(source.find(&place)?)),
            Command::Seek(seq) => source.open(seq).map(|_| Command::Seek(seq)),
            other => Ok(other),
        };
        match tokio::task::spawn_blocking(find).await {
            Ok(found) => Ok(found?),
            Err(_) => Err(SourceError::Read("its reader panicked".into()).into()),
        }
    }

    /// How things stand.
    pub fn status(&self) -> Status {
        self.hub.status(false)
    }

    /// The instant of [`Block::due`](crate::Block::due)'s zero.
    pub fn clock_zero(&self) -> Instant {
        self.hub.clock.instant(Duration::ZERO).into()
    }

    /// Seq behind the last message that was played.
    pub fn next_seq(&self) -> u64 {
        self.hub.head.borrow().seq
    }
}

/// What HTTP shows of a server.
#[derive(Debug)]
struct Face {
    hub: Arc<Hub>,
}

impl Backend for Face {
    type Client = client::Admitted;

    async fn admit(&self, request: ClientRequest) -> Admission<client::Admitted> {
        let admission = admit(&self.hub, &request.query, request.wants_v1, request.peer).await;
        Admission { headers: admission.headers, client: admission.client }
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

    fn metrics(&self) -> String {
        self.hub.metrics_page()
    }
}

#[cfg(test)]
mod tests;
