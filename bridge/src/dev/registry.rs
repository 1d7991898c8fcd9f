//! A schema registry in memory, with the API that Confluent documents, as far as serializers, deserializers and
//! tradesim use it.

mod failure;
mod http;
mod store;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
};

use crate::serving::{Limits, Server};

/// A registry that listens on this machine until the value is dropped.
#[derive(Debug)]
pub struct DevRegistry {
    server: Server,
}

impl DevRegistry {
    /// Starts an empty registry whose rule is BACKWARD. Port 0 picks a free port.
    ///
    /// # Errors
    /// The port is taken, or the system cannot create a socket or thread.
    pub fn start(port: u16) -> io::Result<DevRegistry> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let server = Server::start("dev registry", listener, http::router(), Limits::DEFAULT)?;
        Ok(DevRegistry { server })
    }

    /// Returns the URL for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}
