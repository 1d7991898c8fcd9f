//! `/metrics`, `/healthz` and `/readyz`, on a thread of their own.

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs},
    sync::Arc,
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};

use crate::{
    health::{Answer, Health},
    metrics::{self, Metrics},
    serving::{Limits, Server},
};

/// The state that the pages show.
#[derive(Clone, Debug)]
pub(crate) struct HttpState {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

/// A server that ends when it is dropped.
#[derive(Debug)]
pub(crate) struct HttpServer(Server);

impl HttpServer {
    /// Starts to listen.
    pub(crate) fn start(host: &str, port: u16, http_state: HttpState) -> io::Result<HttpServer> {
        let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        let listener = TcpListener::bind(addresses.as_slice())?;
        let router = Router::new()
            .route("/metrics", get(page))
            .route("/healthz", get(healthy))
            .route("/readyz", get(ready))
            .with_state(http_state);
        Server::start("http", listener, router, Limits::DEFAULT).map(HttpServer)
    }

    /// Returns the address that the server listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

async fn page(State(http_state): State<HttpState>) -> impl IntoResponse {
    // the bridge's thread may be waiting for a broker meanwhile
    http_state.metrics.healthy.set(i64::from(http_state.health.healthy().0));
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], http_state.metrics.page())
}

async fn healthy(State(http_state): State<HttpState>) -> (StatusCode, Json<Answer>) {
    answer(http_state.health.healthy())
}

async fn ready(State(http_state): State<HttpState>) -> (StatusCode, Json<Answer>) {
    answer(http_state.health.ready())
}

fn answer((good, answer): (bool, Answer)) -> (StatusCode, Json<Answer>) {
    (if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(answer))
}
