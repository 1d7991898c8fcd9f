//! `/metrics`, `/healthz` and `/readyz`, on a thread of their own.

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::Arc,
    thread::{self, JoinHandle},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use tokio::sync::oneshot;

use crate::{
    health::{Answer, Health},
    metrics::{self, Metrics},
};

/// What is shown.
#[derive(Clone, Debug)]
pub(crate) struct Face {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

/// A server that ends when it is dropped.
#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Listens.
    pub(crate) fn start(host: &str, port: u16, face: Face) -> io::Result<HttpServer> {
        let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        let listener = TcpListener::bind(addresses.as_slice())?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new()
            .route("/metrics", get(page))
            .route("/healthz", get(healthy))
            .route("/readyz", get(ready))
            .with_state(face);
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let server = axum::serve(listener, router);
            tokio::select! {
                biased;
                _ = stopped => Ok(()),
                result = server.into_future() => result,
            }
        };
        let thread = thread::Builder::new().name("http".to_owned()).spawn(move || {
            if let Err(error) = runtime.block_on(serve) {
                tracing::error!(%error, "metrics are not served any more");
            }
        })?;
        Ok(HttpServer { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // a panic in there was told by itself
            let _ = thread.join();
        }
    }
}

async fn page(State(face): State<Face>) -> impl IntoResponse {
    // the bridge's thread may be waiting for a broker meanwhile
    face.metrics.healthy.set(i64::from(face.health.healthy().0));
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], face.metrics.page())
}

async fn healthy(State(face): State<Face>) -> (StatusCode, Json<Answer>) {
    answer(face.health.healthy())
}

async fn ready(State(face): State<Face>) -> (StatusCode, Json<Answer>) {
    answer(face.health.ready())
}

fn answer((good, answer): (bool, Answer)) -> (StatusCode, Json<Answer>) {
    (if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(answer))
}
