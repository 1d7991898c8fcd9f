//! One connection: its requests one after another, and then, if it asked for that, a client.

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
    Backend, Face, Rules, routes,
    seats::{ClientSeat, PlainSeat, Seat},
    shared::{Shared, hung_up},
    stopped,
};

/// Header of a request, request line included. Above it the answer is 431. The number of headers is hyper's, 100.
const HEADER_BYTES: usize = 16 * 1024;

/// The longest interval between two checks of a connection.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    /// The peer's.
    pub(super) peer: SocketAddr,
    /// The server's.
    pub(super) local: SocketAddr,
}

/// Serves a connection to its end.
pub(super) async fn drive<B: Backend>(
    face: Arc<Face<B>>,
    socket: TcpStream,
    peer: SocketAddr,
    seat: PlainSeat,
    mut stop: watch::Receiver<bool>,
) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "the socket has no TCP_NODELAY");
    }
    let Ok(local) = socket.local_addr() else { return };
    let socket = Arc::new(socket);
    let evicted = seat.evicted();
    // holds the seat until the end: a client that is closing has its socket open
    let exchange = Exchange::new(Seat::Plain(seat));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(face.rules.patience)
        .max_header_size(HEADER_BYTES)
        .max_buf_size(HEADER_BYTES)
        // some close their side behind their last request, and want its answer all the same
        .half_close(true);
    let ends = Ends { peer, local };
    let service = service_fn(|request| routes::answer(&face, &exchange, ends, request));
    let io = TokioIo::new(Shared::new(Arc::clone(&socket)));
    let mut connection = builder.serve_connection(io, service);

    let mut stopped_at = None;
    let ended = loop {
        let now = Instant::now();
        let (deadline, admitting) = {
            let state = exchange.state();
            (state.deadline(&face.rules, stopped_at), state.phase == Phase::Admitting)
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
                // one that becomes a client is told by the backend that the server stops
                if !exchange.state().is_upgrading() {
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
            () = evicted.notified() => break Ended::Evicted,
            // a client that goes before it is one needs no answer, and nothing is to be found out for it any more
            () = hung_up(&socket), if admitting => break Ended::Overdue,
            // at once: until then it holds the seat of a client
            () = exchange.admitting.notified(), if !admitting => {}
            // the deadline moves with the exchange: what passed may be an old one, and another phase may have begun
            () = sleep_until(deadline.unwrap_or(now + LOOK_EVERY).min(now + LOOK_EVERY)) => {}
        }
    };

    let (client, requests) = exchange.finish();
    if requests == 0
        && let Some(why) = ended.refusal()
    {
        face.metrics.refused(why);
    }
    match (ended, client) {
        (Ended::Closed, Some(client)) => {
            let parts = connection.into_parts();
            drop(socket);
            let socket = Arc::into_inner(parts.io.into_inner().into_inner()).expect("it is used here only");
            face.backend.run(client, socket, parts.read_buf).await;
        }
        (ended, _) => {
            if let Ended::Failed(error) = &ended {
                tracing::debug!(%error, "the connection failed");
            }
            if !matches!(ended, Ended::Overdue | Ended::Evicted) {
                let _ = linger(connection.into_parts().io.into_inner(), face.rules.farewell).await;
            }
        }
    }
}

/// How the HTTP of a connection ended.
enum Ended {
    /// In order.
    Closed,
    /// By an error, hyper's timeout for headers among them.
    Failed(hyper::Error),
    /// By not getting on.
    Overdue,
    /// To make room for another one.
    Evicted,
}

impl Ended {
    /// What to count, if there was no request.
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

/// Says that no more will be sent, and reads what still comes for a while. A socket that is closed with something
/// unread is reset, and the reset may overtake the answer: a 413 or 431 would not be seen.
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

/// What the driver of a connection and the answers to its requests share.
#[derive(Debug)]
pub(super) struct Exchange<C> {
    state: Mutex<ExchangeState<C>>,
    /// Notified when a client begins to be admitted.
    admitting: Notify,
}

/// Where a connection stands.
#[derive(Debug)]
pub(super) struct ExchangeState<C> {
    seat: Seat,
    phase: Phase,
    since: Instant,
    requests: u64,
    client: Option<C>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The first request is awaited.
    Opened,
    /// A request is being answered; it has bounds of its own.
    Answering,
    /// A client is being admitted, which has bounds of its own.
    Admitting,
    /// An answer is on its way, and then the next request is awaited.
    Answered,
}

impl<C> Exchange<C> {
    fn new(seat: Seat) -> Exchange<C> {
        let state =
            ExchangeState { seat, phase: Phase::Opened, since: Instant::now(), requests: 0, client: None };
        Exchange { state: Mutex::new(state), admitting: Notify::new() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ExchangeState<C>> {
        self.state.lock().expect("nothing panics while it holds this")
    }

    /// It wants to be a client, and may, on this seat.
    pub(super) fn admit(&self, seat: ClientSeat) {
        self.state().admit(seat);
        self.admitting.notify_one();
    }

    fn finish(&self) -> (Option<C>, u64) {
        let mut state = self.state();
        (state.client.take(), state.requests)
    }
}

impl<C> ExchangeState<C> {
    /// A request came.
    pub(super) fn begin(&mut self) {
        self.requests += 1;
        self.enter(Phase::Answering);
    }

    fn admit(&mut self, seat: ClientSeat) {
        self.seat = Seat::Client { _seat: seat };
        self.enter(Phase::Admitting);
    }

    /// It became one.
    pub(super) fn admitted(&mut self, client: C) {
        self.client = Some(client);
    }

    /// Its answer is there.
    pub(super) fn answered(&mut self) {
        self.enter(Phase::Answered);
    }

    fn enter(&mut self, phase: Phase) {
        let now = Instant::now();
        self.phase = phase;
        self.since = now;
        self.seat.set_idle(phase == Phase::Answered, now);
    }

    fn is_upgrading(&self) -> bool {
        self.phase == Phase::Admitting || self.client.is_some()
    }

    /// When the connection is to be given up.
    fn deadline(&self, rules: &Rules, stopped_at: Option<Instant>) -> Option<Instant> {
        let usual = match self.phase {
            Phase::Answering | Phase::Admitting => return None,
            Phase::Opened => self.since + rules.patience,
            // hyper's own clock for the next header starts only when the answer is gone
            Phase::Answered => self.since + 2 * rules.patience,
        };
        let last = stopped_at.map(|stopped_at| stopped_at.max(self.since) + rules.farewell);
        Some(last.map_or(usual, |last| last.min(usual)))
    }
}
