//! The byte stream of a connection: TCP, or TLS over TCP.

use std::{
    error::Error,
    io::{self, Read, Write},
    sync::Arc,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::ring, pki_types::ServerName,
};

use crate::TcpStreamWithPoll;

/// The byte stream of a connection.
#[derive(Debug)]
pub(crate) enum Transport {
    /// Plain TCP.
    Plain(TcpStreamWithPoll),
    /// TLS over TCP.
    Tls(Box<StreamOwned<ClientConnection, TcpStreamWithPoll>>),
}

impl Transport {
    /// Returns a stream to a server. With `tls_host` it uses TLS, and the server must prove that it is this host. The
    /// TLS handshake is performed with the first bytes that are read or written.
    ///
    /// The trusted authorities are those of this machine, or those in the file that `SSL_CERT_FILE` names; if there
    /// are none, those that browsers trust.
    ///
    /// # Errors
    /// A host that no certificate can name, as text.
    pub(crate) fn new(tcp: TcpStreamWithPoll, tls_host: Option<&str>) -> Result<Transport, String> {
        match tls_host {
            None => Ok(Transport::Plain(tcp)),
            Some(host) => {
                let session = session(host).map_err(|error| format!("TLS: {error}"))?;
                Ok(Transport::Tls(Box::new(StreamOwned::new(session, tcp))))
            }
        }
    }

    /// Returns the underlying stream.
    pub(crate) fn tcp(&mut self) -> &mut TcpStreamWithPoll {
        match self {
            Transport::Plain(tcp) => tcp,
            Transport::Tls(tls) => &mut tls.sock,
        }
    }
}

fn session(host: &str) -> Result<ClientConnection, Box<dyn Error>> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities())
        .with_no_client_auth();
    Ok(ClientConnection::new(Arc::new(config), ServerName::try_from(host.to_owned())?)?)
}

fn authorities() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "cannot read trusted certificate authorities");
    }
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(found.certs);
    if trusted.is_empty() {
        trusted.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    trusted
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(tcp) => tcp.read(buffer),
            Transport::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Transport::Plain(tcp) => tcp.write(bytes),
            Transport::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Transport::Plain(tcp) => tcp.flush(),
            Transport::Tls(tls) => tls.flush(),
        }
    }
}

/// Returns the reason of a TLS error, if it is one.
pub(crate) fn tls_error(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let hint = match error {
        rustls::Error::InvalidCertificate(_) => " (SSL_CERT_FILE may name a file of authorities to trust)",
        _ => "",
    };
    Some(format!("TLS: {error}{hint}"))
}
