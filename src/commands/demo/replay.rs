//! The demo's recording behind a server of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use anyhow::{Context, anyhow};
use tokio::runtime::Runtime;
use tradesim_replay::{Command, Handle, OnSlow, Options, Report, Server, ServerError, Source, Speed};

use crate::{
    cli::{FilterArgs, ReadingArgs},
    filter::Filter,
    random, source,
    streams::{ArchiveSource, Timestamps},
};

/// A replay that runs on threads of its own.
#[derive(Debug)]
pub(super) struct Replay {
    address: SocketAddr,
    handle: Handle,
    runtime: Arc<Runtime>,
    thread: JoinHandle<Result<Report, ServerError>>,
}

impl Replay {
    /// Serves an archive at full speed on a free port of this machine; time starts with the first client.
    pub(super) fn start(path: &Path) -> anyhow::Result<Replay> {
        let archive = source::open(path, ReadingArgs { no_mmap: false })?;
        let filter = Filter::of_archive(&FilterArgs::default(), archive.metadata().provenance())?;
        let source: Arc<dyn Source> = Arc::new(ArchiveSource::new(archive, filter, Timestamps::Recorded));
        let options =
            Options { speed: Speed::Max, on_slow: OnSlow::Wait, ..Options::new(random::run_name()?) };
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
        Ok(Replay { address, handle, runtime, thread })
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Waits until everything is delivered, and gives the digest of what was sent.
    pub(super) fn finish(self) -> anyhow::Result<Option<String>> {
        let report = self.thread.join().map_err(|_| anyhow!("the server panicked"))??;
        Ok(report.digest.filter(|_| report.complete).map(|digest| digest.to_string()))
    }

    /// Ends it before its end.
    pub(super) fn stop(self) {
        // a play that is over needs no stop, and what it came to does not matter any more
        let _ = self.runtime.block_on(self.handle.command(Command::Stop));
        let _ = self.thread.join();
    }
}
