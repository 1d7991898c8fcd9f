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
pub(crate) struct Face {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
}

/// A server that ends when it is dropped.
#[derive(Debug)]
pub(crate) struct HttpServer(Server);

impl HttpServer {
    /// Starts to listen.
    pub(crate) fn start(host: &str, port: u16, face: Face) -> io::Result<HttpServer> {
        let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
        let listener = TcpListener::bind(addresses.as_slice())?;
        let router = Router::new()
            .route("/metrics", get(page))
            .route("/healthz", get(healthy))
            .route("/readyz", get(ready))
            .with_state(face);
        Server::start("http", listener, router, Limits::DEFAULT).map(HttpServer)
    }

    /// Returns the address that the server listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address()
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
