//! A server beside other work of the same process.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{runtime::Builder, sync::oneshot};

use crate::{
    control::{Command, Report},
    options::Options,
    server::{Handle, Server, ServerError},
    source::Source,
};

/// A server on a free port of 127.0.0.1, on threads of its own. It is stopped when it is dropped.
#[derive(Debug)]
pub struct Background {
    address: SocketAddr,
    handle: Handle,
    runtime: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<Stop>>,
    thread: Option<JoinHandle<Option<Result<Report, ServerError>>>>,
}

/// How long a server that is told to stop may take for it, if not as long as it takes.
#[derive(Debug)]
struct Stop(Option<Duration>);

/// How long a server that is dropped takes to say goodbye to its clients.
const GOODBYE: Duration = Duration::from_secs(2);

impl Background {
    /// Starts to serve a source.
    ///
    /// # Errors
    /// [`ServerError::Bind`], [`ServerError::Start`].
    pub fn start(source: Arc<dyn Source>, options: Options) -> Result<Background, ServerError> {
        let server = Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), source, options)?;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(ServerError::Start)?;
        let (address, handle) = (server.local_addr(), server.handle());
        let (stop, stopped) = oneshot::channel();
        let (on_runtime, steering) = (runtime.handle().clone(), handle.clone());
        // the runtime ends with the thread: it must not be dropped by a test that is asynchronous itself
        let serve = move || {
            let report = runtime.block_on(async {
                tokio::select! {
                    report = server.run() => Some(report),
                    () = stop_when_told(stopped, steering) => None,
                }
            });
            runtime.shutdown_background();
            report
        };
        let thread = thread::Builder::new().name("replay".to_owned()).spawn(serve);
        let thread = Some(thread.map_err(ServerError::Start)?);
        Ok(Background { address, handle, runtime: on_runtime, stop: Some(stop), thread })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as `ws://127.0.0.1:41219`.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The instant of [`Block::due`](crate::Block::due)'s zero.
    pub fn clock_zero(&self) -> Instant {
        self.handle.clock_zero()
    }

    /// Lets time run that began paused. One that is over has nothing to go on with.
    ///
    /// # Panics
    /// On a thread of an asynchronous runtime.
    pub fn resume(&self) {
        let _ = self.runtime.block_on(self.handle.command(Command::Resume));
    }

    /// Whether it serves no more.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until everything was delivered and the clients are gone; without any client, for ever.
    ///
    /// # Errors
    /// [`ServerError::Source`], [`ServerError::Start`].
    ///
    /// # Panics
    /// If the server did.
    pub fn finish(mut self) -> Result<Report, ServerError> {
        self.join().expect("nobody has cut it off")
    }

    /// Ends it, before its end where that has not come.
    ///
    /// # Errors
    /// As [`Background::finish`].
    ///
    /// # Panics
    /// If the server did.
    pub fn stop(mut self) -> Result<Report, ServerError> {
        self.tell(Stop(None));
        self.join().expect("it may take as long as it takes")
    }

    /// Tells it to stop. One that is over needs no stop.
    fn tell(&mut self, stop: Stop) {
        if let Some(sender) = self.stop.take() {
            let _ = sender.send(stop);
        }
    }

    fn join(&mut self) -> Option<Result<Report, ServerError>> {
        let thread = self.thread.take().expect("it is joined once");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.tell(Stop(Some(GOODBYE)));
        if let Some(thread) = self.thread.take() {
            // a panic was told of where it happened
            let _ = thread.join();
        }
    }
}

/// Comes back when the server was told to stop and has not done so in time.
async fn stop_when_told(told: oneshot::Receiver<Stop>, handle: Handle) {
    let Ok(Stop(patience)) = told.await else { return std::future::pending().await };
    // the error says that it is over already
    let _ = handle.command(Command::Stop).await;
    match patience {
        Some(patience) => tokio::time::sleep(patience).await,
        None => std::future::pending().await,
    }
}
