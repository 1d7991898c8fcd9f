//! HTTP for a few peers, on a thread of its own: metrics, health, the embedded registry, and pages of other crates. The resources of peers
//! are limited: connections, the time for a request to arrive, and the total time of a connection.

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
pub struct Limits {
    /// The limit of connections at a time. One more replaces the oldest one that has not sent its request.
    pub connections: usize,
    /// The timeout of the header of a request.
    pub header: Duration,
    /// The timeout of a connection in total: it is closed after its answer.
    pub whole: Duration,
}

impl Limits {
    /// Far more connections than monitoring needs, and far fewer than the file limit of a process.
    pub const DEFAULT: Limits =
        Limits { connections: 64, header: Duration::from_secs(5), whole: Duration::from_secs(15) };
}

/// The size limit of the header of a request, in bytes.
const HEADER_BYTES: usize = 16 * 1024;
/// The answer to a connection that arrives while every other one is being answered.
const TURNED_AWAY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A server that ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves the connections of a listener, on a thread of this name.
    ///
    /// # Errors
    /// The system cannot create a thread or runtime.
    pub fn start(
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
                // open connections end with the runtime
                tokio::select! {
                    biased;
                    _ = stopped => {}
                    () = serve(listener, router, limits) => {}
                }
            });
        })?;
        Ok(Server { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // a panic of the thread was reported when it happened
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
                // without free file descriptors, for example, the same error returns at once
                let pause = Duration::from_millis((10 << failures).min(1_000));
                failures = (failures + 1).min(7);
                tracing::warn!(%error, pause_ms = pause.as_millis() as u64, "cannot accept a connection");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// The open connections, the oldest first.
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
            // a peer that sends half a request and waits must not block others
            let idle = |connection: &Connection| !connection.has_asked.load(Ordering::Relaxed);
            match self.open.iter().position(idle).and_then(|place| self.open.remove(place)) {
                Some(oldest) => oldest.task.abort(),
                None => {
                    // one attempt, for which the buffer of a new socket has room
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

/// Serves one request and its answer.
async fn drive(socket: TcpStream, router: Router, has_asked: Arc<AtomicBool>, limits: Limits) {
    let service = Noting { inner: TowerToHyperService::new(router), has_asked };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(HEADER_BYTES)
        // some peers close their side after their request, and still expect its answer
        .half_close(true)
        .keep_alive(false)
        .serve_connection(TokioIo::new(socket), service);
    match timeout(limits.whole, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "HTTP connection failed"),
        Err(_) => tracing::debug!("HTTP connection timed out"),
    }
}

/// Records that a request has arrived before it is answered.
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
