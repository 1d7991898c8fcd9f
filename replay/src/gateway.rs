//! The front end of dialects that have a port of their own: each connection is a client from its first byte on.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tracing::Instrument;
use tradesim_dialects::{Dialect, Handshake};
use tradesim_schemas::{ByteHash, DIGEST_PREFIX};

use crate::{
    client::{self, Admitted, DialectClient},
    http::ConnectionSlots,
    hub::Hub,
    metrics::Refused,
};

/// The delay after an error of accept(), which may come back at once.
const ACCEPT_DELAY: Duration = Duration::from_millis(50);

/// The length of a challenge, in characters.
const CHALLENGE_LEN: usize = 32;

/// Accepts clients and serves them until `stop` is true or its sender is dropped, and then until each has ended.
pub(crate) async fn serve(
    listener: TcpListener,
    dialect: &'static Dialect,
    hub: Arc<Hub>,
    slots: Arc<ConnectionSlots>,
    mut stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            // an error means that the sender was dropped
            _ = stop.wait_for(|stop| *stop) => break,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection panicked");
                }
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_DELAY).await;
                continue;
            }
        };
        let slot = match slots.take_client(peer.ip()) {
            Ok(slot) => slot,
            Err(cap) => {
                hub.metrics.refused(Refused::Cap);
                tracing::info!(?cap, %peer, "connection refused");
                continue;
            }
        };
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
        let admitted = admit(&hub, dialect, peer);
        let hub = Arc::clone(&hub);
        let run = async move {
            client::run(&hub, admitted, socket, Bytes::new()).await;
            drop(slot);
        };
        connections.spawn(run.instrument(tracing::info_span!("connection", %peer, dialect = dialect.name)));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

fn admit(hub: &Arc<Hub>, dialect: &'static Dialect, peer: std::net::SocketAddr) -> Admitted {
    let handshake = Handshake { challenge: challenge(&hub.options.run), ..Handshake::default() };
    let session = dialect.session(handshake, &hub.reference, &hub.options.dialects.access);
    let dialect = Some(Box::new(DialectClient::new(dialect, session)));
    Admitted { dialect, ..Admitted::from_here(hub, peer) }
}

/// Returns characters that a client cannot know in advance. The keys of the standard library's hash tables are random,
/// and different for each table.
fn challenge(run: &str) -> String {
    let random: Vec<u64> = (0..4_u64).map(|n| RandomState::new().hash_one(n)).collect();
    let digest = ByteHash::of(format!("{run} {random:?}").as_bytes()).to_string();
    digest[DIGEST_PREFIX.len()..][..CHALLENGE_LEN].to_owned()
}
