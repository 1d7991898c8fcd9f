//! A server beside other work of the same process.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::{Context, anyhow};
use tokio::runtime::Runtime;
use tradesim_replay::{Command, Handle, Options, Report, Server, ServerError, Source};

/// A server that runs on threads of its own, on a free port of this machine.
#[derive(Debug)]
pub(crate) struct Background {
    address: SocketAddr,
    handle: Handle,
    runtime: Arc<Runtime>,
    thread: JoinHandle<Result<Report, ServerError>>,
}

impl Background {
    /// Serves a source.
    ///
    /// # Errors
    /// No port and no threads.
    pub(crate) fn start(source: Arc<dyn Source>, options: Options) -> anyhow::Result<Background> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = Arc::new(runtime.context("the threads of the server cannot be started")?);
        let server = {
            let _inside = runtime.enter();
            Server::bind((Ipv4Addr::LOCALHOST, 0).into(), source, options)?
        };
        let (address, handle) = (server.local_addr(), server.handle());
        let thread = {
            let runtime = Arc::clone(&runtime);
            thread::Builder::new().name("replay".to_owned()).spawn(move || runtime.block_on(server.run()))?
        };
        Ok(Background { address, handle, runtime, thread })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The instant of its clock's zero.
    pub(crate) fn clock_zero(&self) -> Instant {
        self.handle.clock_zero()
    }

    /// Whether it serves no more.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until everything is delivered.
    ///
    /// # Errors
    /// What reading the source met.
    pub(crate) fn finish(self) -> anyhow::Result<Report> {
        Ok(self.thread.join().map_err(|_| anyhow!("the server panicked"))??)
    }

    /// Ends it, before its end where that has not come.
    ///
    /// # Errors
    /// What reading the source met.
    pub(crate) fn stop(self) -> anyhow::Result<Report> {
        // a play that is over needs no stop
        let _ = self.runtime.block_on(self.handle.command(Command::Stop));
        self.finish()
    }
}
