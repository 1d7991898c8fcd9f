//! HTTP for a few peers, on a thread of its own: metrics, health, and the registry in memory. What peers may take is bounded:
//! connections, the time for a request to arrive, and the time for everything that a connection is for.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use axum::Router;
use hyper::{server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::AbortHandle,
    time::timeout,
};

/// The limits of connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once. One more takes the place of the oldest that has not sent its request.
    pub(crate) connections: usize,
    /// How long the header of a request may take to arrive.
    pub(crate) header: Duration,
    /// How long a connection may take in all: it is closed after its answer.
    pub(crate) whole: Duration,
}

impl Limits {
    /// Far more than those who look at a bridge, and far fewer than a process may have files.
    pub(crate) const DEFAULT: Limits =
        Limits { connections: 64, header: Duration::from_secs(5), whole: Duration::from_secs(15) };
}

/// Bytes of the header of a request.
const HEADER_BYTES: usize = 16 * 1024;
/// For whoever comes while every connection is being answered.
const TURNED_AWAY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A server that ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves what comes to a listener, on a thread of this name.
    ///
    /// # Errors
    /// The system gives no thread or runtime.
    pub(crate) fn start(
        name: &str,
        listener: std::net::TcpListener,
        router: Router,
        limits: Limits,
    ) -> io::Result<Server> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async {
                // connections that are open end with the runtime
                tokio::select! {
                    biased;
                    _ = stopped => {}
                    () = serve(listener, router, limits) => {}
                }
            });
        })?;
        Ok(Server { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // a panic in there was reported when it happened
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, router: Router, limits: Limits) {
    let mut connections = Connections { open: VecDeque::new(), limits };
    let mut failures = 0;
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                failures = 0;
                connections.take(socket, &router);
            }
            Err(error) => {
                // the same error comes back at once while, for one, no file descriptors are left
                let pause = Duration::from_millis((10 << failures).min(1_000));
                failures = (failures + 1).min(7);
                tracing::warn!(%error, pause_ms = pause.as_millis() as u64, "a connection cannot be accepted");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// The connections that are open, the oldest first.
struct Connections {
    open: VecDeque<Connection>,
    limits: Limits,
}

struct Connection {
    task: AbortHandle,
    /// True if its request has arrived.
    has_asked: Arc<AtomicBool>,
}

impl Connections {
    fn take(&mut self, socket: TcpStream, router: &Router) {
        self.open.retain(|connection| !connection.task.is_finished());
        if self.open.len() >= self.limits.connections {
            // whoever sends half a request and waits must not keep out those who ask
            let idle = |connection: &Connection| !connection.has_asked.load(Ordering::Relaxed);
            match self.open.iter().position(idle).and_then(|place| self.open.remove(place)) {
                Some(oldest) => oldest.task.abort(),
                None => {
                    // one attempt, which the buffer of a new socket has room for
                    let _ = socket.try_write(TURNED_AWAY);
                    return;
                }
            }
        }
        let has_asked = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&has_asked);
        let task = tokio::spawn(drive(socket, router.clone(), noted, self.limits)).abort_handle();
        self.open.push_back(Connection { task, has_asked });
    }
}

/// One request and its answer.
async fn drive(socket: TcpStream, router: Router, has_asked: Arc<AtomicBool>, limits: Limits) {
    let service = Noting { inner: TowerToHyperService::new(router), has_asked };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(HEADER_BYTES)
        // some close their side behind their request, and want its answer all the same
        .half_close(true)
        .keep_alive(false)
        .serve_connection(TokioIo::new(socket), service);
    match timeout(limits.whole, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an HTTP connection failed"),
        Err(_) => tracing::debug!("an HTTP connection took too long"),
    }
}

/// Notes that a request has arrived before it is answered.
struct Noting<S> {
    inner: S,
    has_asked: Arc<AtomicBool>,
}

impl<R, S: Service<R>> Service<R> for Noting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: R) -> Self::Future {
        self.has_asked.store(true, Ordering::Relaxed);
        self.inner.call(request)
    }
}
