//! A schema registry in memory, with the API that Confluent documents: what serializers, deserializers and we use of it.

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
    /// Starts an empty registry whose rule is BACKWARD. Port 0 picks a free one.
    ///
    /// # Errors
    /// The port is taken, or the system gives no socket or thread.
    pub fn start(port: u16) -> io::Result<DevRegistry> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let server = Server::start("dev registry", listener, http::router(), Limits::DEFAULT)?;
        Ok(DevRegistry { server })
    }

    /// The URL that clients are given.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }
}
