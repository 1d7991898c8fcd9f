//! A feed over TLS, with its certificate.

use std::sync::Arc;

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tungstenite::Message;

use super::{Folder, feed::Server};

/// Starts a feed that sends these texts to each client and closes. Its self-signed certificate is written to `authority.pem`.
pub(crate) fn tls_feed(folder: &Folder, texts: Vec<String>) -> Server {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    folder.write("authority.pem", made.cert.pem());
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    Server::start(move |_, stream| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        // a client that does not trust the certificate disconnects
        let Ok(mut socket) = tungstenite::accept(StreamOwned::new(session, stream)) else { return };
        for text in &texts {
            socket.send(Message::text(text.as_str())).unwrap();
        }
        let _ = socket.close(None);
        while socket.read().is_ok() {}
    })
}
