//! A server that runs in the background of a process, such as a test.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{runtime::Builder, sync::oneshot};

use crate::{
    control::{Command, Report, Status},
    options::Options,
    server::{Handle, Server, ServerError},
    source::Source,
};

/// A server on a free port of 127.0.0.1, on threads of its own. Dropping it stops it.
///
/// ```
/// use std::sync::Arc;
///
/// use tradesim_replay::{
///     Background, BlockBuilder, Feed, Filled, Meta, Opcode, Options, Source, SourceError, SourceInfo, Speed,
/// };
/// use tradesim_schemas::{StreamSeq, TimeSpec, Timestamp};
///
/// /// Three messages, a second apart.
/// struct Ticks(SourceInfo);
///
/// impl Source for Ticks {
///     fn info(&self) -> &SourceInfo {
///         &self.0
///     }
///
///     fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
///         Ok(Box::new(Reader(seq.get())))
///     }
///
///     fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
///         let reason = "ticks are only found by number".to_owned();
///         Err(SourceError::InvalidPosition { position: time, reason })
///     }
/// }
///
/// struct Reader(u64);
///
/// impl Feed for Reader {
///     fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
///         while self.0 < 3 && !block.is_full() {
///             let at = Timestamp::from_micros(self.0 as i64 * 1_000_000).expect("a valid time");
///             let text = format!("tick {}", self.0);
///             block.push(Meta { at, kind: None, opcode: Opcode::Text }, |out| out.extend_from_slice(text.as_bytes()));
///             self.0 += 1;
///         }
///         Ok(if self.0 < 3 { Filled::More } else { Filled::End })
///     }
/// }
///
/// let info = SourceInfo { identity: "ticks".to_owned(), messages: Some(3), ..SourceInfo::default() };
/// let options = Options { speed: Speed::Max, ..Options::new("example") };
/// let server = Background::start(Arc::new(Ticks(info)), options)?;
///
/// // playback starts with the first client; `from_seq` skips message 0
/// let (mut socket, _) = tungstenite::connect(format!("{}/?from_seq=1", server.url()))?;
/// let mut received = Vec::new();
/// while let Ok(message) = socket.read() {
///     if message.is_text() {
///         received.push(message.into_text()?);
///     }
/// }
/// assert_eq!(received, ["tick 1", "tick 2"]);
///
/// let report = server.finish()?;
/// assert!(report.complete);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Background {
    address: SocketAddr,
    handle: Handle,
    runtime: tokio::runtime::Handle,
    stop: Option<oneshot::Sender<Stop>>,
    thread: Option<JoinHandle<Option<Result<Report, ServerError>>>>,
}

/// A request to stop, with the time after which clients are dropped; `None` to wait for them without a limit.
#[derive(Debug)]
struct Stop(Option<Duration>);

/// The time that a dropped server allows for closing its clients.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

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
        // the runtime ends with its thread: a runtime must not be dropped within an asynchronous test
        let serve = move || {
            let report = runtime.block_on(async {
                tokio::select! {
                    report = server.run() => Some(report),
                    () = stop_on_request(stopped, steering) => None,
                }
            });
            runtime.shutdown_background();
            report
        };
        let thread = thread::Builder::new().name("replay".to_owned()).spawn(serve);
        let thread = Some(thread.map_err(ServerError::Start)?);
        Ok(Background { address, handle, runtime: on_runtime, stop: Some(stop), thread })
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address as a URL, such as `ws://127.0.0.1:41219`.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Returns the instant at which [`Block::due`](crate::Block::due) is zero.
    pub fn clock_zero(&self) -> Instant {
        self.handle.clock_zero()
    }

    /// Returns the status, which remains available when the playback has ended.
    pub fn status(&self) -> Status {
        self.handle.status()
    }

    /// Resumes a playback that began paused. Does nothing if the playback has ended.
    ///
    /// # Panics
    /// On a thread of an asynchronous runtime.
    pub fn resume(&self) {
        let _ = self.runtime.block_on(self.handle.command(Command::Resume));
    }

    /// Returns true if the server has ended.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until everything is delivered and all clients have disconnected. Without a client it waits without a
    /// limit.
    ///
    /// # Errors
    /// [`ServerError::Source`], [`ServerError::Start`].
    ///
    /// # Panics
    /// If the server panicked.
    pub fn finish(mut self) -> Result<Report, ServerError> {
        self.join().expect("no time limit was set")
    }

    /// Stops the server, also before everything is delivered.
    ///
    /// # Errors
    /// As [`Background::finish`].
    ///
    /// # Panics
    /// If the server panicked.
    pub fn stop(mut self) -> Result<Report, ServerError> {
        self.tell(Stop(None));
        self.join().expect("no time limit was set")
    }

    /// Sends a request to stop. Does nothing if the server has ended.
    fn tell(&mut self, stop: Stop) {
        if let Some(sender) = self.stop.take() {
            let _ = sender.send(stop);
        }
    }

    fn join(&mut self) -> Option<Result<Report, ServerError>> {
        let thread = self.thread.take().expect("the thread is joined once");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.tell(Stop(Some(SHUTDOWN_GRACE)));
        if let Some(thread) = self.thread.take() {
            // the panic was reported where it happened
            let _ = thread.join();
        }
    }
}

/// Returns if the server was requested to stop and did not stop in time.
async fn stop_on_request(requested: oneshot::Receiver<Stop>, handle: Handle) {
    let Ok(Stop(timeout)) = requested.await else { return std::future::pending().await };
    // an error means that the playback has ended already
    let _ = handle.command(Command::Stop).await;
    match timeout {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}
