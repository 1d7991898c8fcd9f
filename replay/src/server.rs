//! The server: placeholder while its parts are written.

use std::{io, net::SocketAddr, sync::Arc};

use crate::{
    control::{Command, CommandError, Report, Status},
    options::Options,
    source::{Source, SourceError},
};

/// Serving failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The source failed while it was played; clients were told.
    #[error("the play ended at seq {seq}")]
    Source {
        /// The next message.
        seq: u64,
        /// Why.
        source: SourceError,
    },
}

/// A source behind a socket.
#[derive(Debug)]
pub struct Server {}

/// Steers a [`Server`] from anywhere.
#[derive(Clone, Debug)]
pub struct Handle {}

impl Server {
    /// Listens. Nothing is accepted and nothing played before [`Server::run`].
    ///
    /// # Errors
    /// [`ServerError::Bind`].
    pub fn bind(address: SocketAddr, source: Arc<dyn Source>, options: Options) -> Result<Server, ServerError> {
        unimplemented!("{address} {:?} {options:?}", source.info())
    }

    /// Where it listens: with the port that was picked, if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        unimplemented!()
    }

    /// Id of the stream.
    pub fn stream(&self) -> &str {
        unimplemented!()
    }

    /// What steers it.
    pub fn handle(&self) -> Handle {
        unimplemented!()
    }

    /// Serves until everything was delivered, or until [`Command::Stop`]. Needs a tokio runtime with timers and I/O.
    ///
    /// # Errors
    /// [`ServerError::Source`].
    pub async fn run(self) -> Result<Report, ServerError> {
        unimplemented!()
    }
}

impl Handle {
    /// Steers.
    ///
    /// # Errors
    /// A place that the source does not have, or a play that is over.
    pub async fn command(&self, command: Command) -> Result<Status, CommandError> {
        unimplemented!("{command:?}")
    }

    /// How things stand.
    pub fn status(&self) -> Status {
        unimplemented!()
    }

    /// Seq behind the last message that was played.
    pub fn released(&self) -> u64 {
        unimplemented!()
    }
}
