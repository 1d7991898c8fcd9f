//! One connection: its requests one after another, and then the client, if it requested an upgrade.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};

use crate::metrics::Refused;

use super::{
    Backend, ConnectionLimits, HttpState, routes,
    shared::{Shared, hung_up},
    slots::{ClientSlot, PlainSlot, Slot},
    stopped,
};

/// The size limit of a request's header with the request line. Beyond it the answer is 431. The limit of the number
/// of headers is hyper's, 100.
const HEADER_BYTES: usize = 16 * 1024;

/// The longest interval between two checks of a connection.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The two addresses of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// The address of the peer.
    pub(super) peer: SocketAddr,
    /// The address of the server.
    pub(super) local: SocketAddr,
}

/// Serves a connection until its end.
pub(super) async fn drive<B: Backend>(
    http_state: Arc<HttpState<B>>,
    socket: TcpStream,
    peer: SocketAddr,
    slot: PlainSlot,
    mut stop: watch::Receiver<bool>,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY cannot be set");
    }
    let Ok(local) = socket.local_addr() else { return };
    let socket = Arc::new(socket);
    let evicted = slot.evicted();
    // holds the slot until the end: a client that is closing has its socket open
    let exchange = Exchange::new(Slot::Plain(slot));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(http_state.limits.request_timeout)
        .max_header_size(HEADER_BYTES)
        .max_buf_size(HEADER_BYTES)
        // some peers close their side after their last request, and still expect its answer
        .half_close(true);
    let ends = Ends { peer, local };
    let service = service_fn(|request| routes::answer(&http_state, &exchange, ends, request));
    let io = TokioIo::new(Shared::new(Arc::clone(&socket)));
    let mut connection = builder.serve_connection(io, service);

    let mut stopped_at = None;
    let ended = loop {
        let now = Instant::now();
        let (deadline, admitting) = {
            let state = exchange.state();
            (state.deadline(&http_state.limits, stopped_at), state.phase == Phase::Admitting)
        };
        if deadline.is_some_and(|deadline| deadline <= now) {
            break Ended::Overdue;
        }
        tokio::select! {
            biased;
            result = &mut connection => match result {
                Ok(()) => break Ended::Closed,
                Err(error) => break Ended::Failed(error),
            },
            () = stopped(&mut stop), if stopped_at.is_none() => {
                stopped_at = Some(Instant::now());
                // the backend informs a connection that becomes a client
                if !exchange.state().is_upgrading() {
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
            () = evicted.notified() => break Ended::Evicted,
            // a client that disconnects before it is admitted needs no answer, and nothing needs to be looked up for
            // it
            () = hung_up(&socket), if admitting => break Ended::Overdue,
            // at once: until then it holds the slot of a client
            () = exchange.admitting.notified(), if !admitting => {}
            // the deadline changes with the exchange: this may be an old one, and another phase may have begun
            () = sleep_until(deadline.unwrap_or(now + LOOK_EVERY).min(now + LOOK_EVERY)) => {}
        }
    };

    let (client, requests) = exchange.finish();
    if requests == 0
        && let Some(why) = ended.refusal()
    {
        http_state.metrics.refused(why);
    }
    match (ended, client) {
        (Ended::Closed, Some(client)) => {
            let parts = connection.into_parts();
            drop(socket);
            let socket =
                Arc::into_inner(parts.io.into_inner().into_inner()).expect("it is not shared any more");
            http_state.backend.run(client, socket, parts.read_buf).await;
        }
        (ended, _) => {
            if let Ended::Failed(error) = &ended {
                tracing::debug!(%error, "connection failed");
            }
            if !matches!(ended, Ended::Overdue | Ended::Evicted) {
                let _ =
                    linger(connection.into_parts().io.into_inner(), http_state.limits.shutdown_grace).await;
            }
        }
    }
}

/// The end of the HTTP part of a connection.
enum Ended {
    /// Closed in order.
    Closed,
    /// An error, such as hyper's timeout for headers.
    Failed(hyper::Error),
    /// No progress in time.
    Overdue,
    /// Closed to make room for another connection.
    Evicted,
}

impl Ended {
    /// Returns the reason to count, if there was no request.
    fn refusal(&self) -> Option<Refused> {
        match self {
            Ended::Closed => None,
            Ended::Failed(error) if error.is_timeout() => Some(Refused::Timeout),
            Ended::Failed(error) => error.is_parse().then_some(Refused::BadRequest),
            Ended::Overdue => Some(Refused::Timeout),
            Ended::Evicted => Some(Refused::Cap),
        }
    }
}

/// Closes the sending side, and reads for a while. If a socket is closed with unread data, the connection is reset,
/// and the reset may overtake the answer: the peer would not see a 413 or 431.
async fn linger(mut socket: Shared, limit: Duration) -> io::Result<()> {
    let drained = async {
        socket.shutdown().await?;
        let mut scrap = [0; 4096];
        let mut left = 1 << 20;
        while left > 0 {
            match socket.read(&mut scrap).await? {
                0 => break,
                some => left -= some.min(left),
            }
        }
        Ok(())
    };
    timeout(limit, drained).await.unwrap_or(Ok(()))
}

/// The state that the driver of a connection shares with the handlers of its requests.
#[derive(Debug)]
pub(super) struct Exchange<C> {
    state: Mutex<ExchangeState<C>>,
    /// Notified when the admission of a client begins.
    admitting: Notify,
}

/// The state of a connection.
#[derive(Debug)]
pub(super) struct ExchangeState<C> {
    slot: Slot,
    phase: Phase,
    since: Instant,
    requests: u64,
    client: Option<C>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The first request is awaited.
    Opened,
    /// A request is being answered, which has its own time limits.
    Answering,
    /// A client is being admitted, which has its own time limits.
    Admitting,
    /// An answer is being sent, and then the next request is awaited.
    Answered,
}

impl<C> Exchange<C> {
    fn new(slot: Slot) -> Exchange<C> {
        let state =
            ExchangeState { slot, phase: Phase::Opened, since: Instant::now(), requests: 0, client: None };
        Exchange { state: Mutex::new(state), admitting: Notify::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ExchangeState<C>> {
        self.state.lock().expect("nothing panics while it holds this")
    }

    /// Begins to admit a client on this slot.
    pub(super) fn admit(&self, slot: ClientSlot) {
        self.state().admit(slot);
        self.admitting.notify_one();
    }

    fn finish(&self) -> (Option<C>, u64) {
        let mut state = self.state();
        (state.client.take(), state.requests)
    }
}

impl<C> ExchangeState<C> {
    /// Begins a request.
    pub(super) fn begin(&mut self) {
        self.requests += 1;
        self.enter(Phase::Answering);
    }

    fn admit(&mut self, slot: ClientSlot) {
        self.slot = Slot::Client { _slot: slot };
        self.enter(Phase::Admitting);
    }

    /// Stores the admitted client.
    pub(super) fn admitted(&mut self, client: C) {
        self.client = Some(client);
    }

    /// Ends a request: its answer is ready.
    pub(super) fn answered(&mut self) {
        self.enter(Phase::Answered);
    }

    fn enter(&mut self, phase: Phase) {
        let now = Instant::now();
        self.phase = phase;
        self.since = now;
        self.slot.set_idle(phase == Phase::Answered, now);
    }

    fn is_upgrading(&self) -> bool {
        self.phase == Phase::Admitting || self.client.is_some()
    }

    /// Returns the instant at which the connection is given up.
    fn deadline(&self, limits: &ConnectionLimits, stopped_at: Option<Instant>) -> Option<Instant> {
        let usual = match self.phase {
            Phase::Answering | Phase::Admitting => return None,
            Phase::Opened => self.since + limits.request_timeout,
            // hyper's own timeout for the next header starts only after the answer was sent
            Phase::Answered => self.since + 2 * limits.request_timeout,
        };
        let last = stopped_at.map(|stopped_at| stopped_at.max(self.since) + limits.shutdown_grace);
        Some(last.map_or(usual, |last| last.min(usual)))
    }
}
