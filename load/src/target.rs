//! The end points of a load: WebSocket clients in this process, or the bridge and Kafka.

mod websocket;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tradesim_bridge::{Bridge, BridgeError, BridgeOptions, Ended, Report};

use crate::{error::Error, measure::Measures, progress::Progress};

use websocket::{Client, Received};

/// The running end points.
#[derive(Debug)]
pub(crate) struct EndPoints {
    control: Arc<Control>,
    /// True when playback can start. The server itself waits for clients, but a bridge has more to prepare than its connection.
    ready: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Finished>>,
}

/// Controls end points while they run.
#[derive(Debug)]
struct Control {
    /// Clients read nothing before this instant, in nanoseconds on the clock of the server.
    stalled_until: AtomicU64,
    stopping: AtomicBool,
    /// The zero of the clock.
    zero: Instant,
}

/// The result of an end point.
#[derive(Debug)]
pub(crate) enum Arrived {
    Client(Received),
    Bridge {
        report: Report,
        /// True if the feed ended and everything before its end is delivered.
        complete: bool,
    },
}

/// The result of an end point, and the error of a bridge that failed. Clients that gave up are a result.
type Finished = (Arrived, Option<BridgeError>);

/// The bridge of a load with the target `kafka`.
#[derive(Clone, Debug)]
pub struct BridgeTarget {
    /// Its options. The URL of the feed is ignored: it is that of the load's server.
    pub options: BridgeOptions,
    /// True for embedded brokers and an embedded registry, which the report states.
    pub embedded: bool,
    /// Returns random numbers from 0 to 1 for the delays before reconnects.
    pub jitter: fn() -> f64,
}

impl EndPoints {
    fn new(zero: Instant, ready: bool) -> EndPoints {
        let (stalled_until, stopping) = (AtomicU64::new(0), AtomicBool::new(false));
        let control = Arc::new(Control { stalled_until, stopping, zero });
        EndPoints { control, ready: Arc::new(AtomicBool::new(ready)), threads: Vec::new() }
    }

    /// Starts clients of a server, on its clock.
    pub(crate) fn clients(
        clients: usize,
        (address, zero): (SocketAddr, Instant),
        measures: &Arc<Measures>,
    ) -> Result<EndPoints, Error> {
        let mut end_points = EndPoints::new(zero, true);
        for number in 0..clients {
            let client = Client::new(number, address, Arc::clone(measures), Arc::clone(&end_points.control));
            end_points
                .spawn(format!("load-client-{number}"), move || (Arrived::Client(client.run()), None))?;
        }
        Ok(end_points)
    }

    /// Starts a bridge from the server at `url`, on the clock with this zero. Also returns the address of its metrics.
    pub(crate) fn bridge(
        target: BridgeTarget,
        url: String,
        zero: Instant,
        measures: &Arc<Measures>,
    ) -> Result<(EndPoints, Option<SocketAddr>), Error> {
        let mut bridge = Bridge::new(BridgeOptions { feed_url: url, ..target.options })?;
        let metrics = bridge.metrics_address();
        let mut end_points = EndPoints::new(zero, false);
        let (ready, measures) = (Arc::clone(&end_points.ready), Arc::clone(measures));
        bridge.observe(Box::new(move |next_seq| {
            ready.store(true, Ordering::Relaxed);
            measures.lock().delivered(0, next_seq.get(), zero.elapsed());
        }));
        let control = Arc::clone(&end_points.control);
        let run = move || {
            let (report, ended) = bridge.run(target.jitter, &|| control.is_stopping());
            let complete = matches!(ended, Ok(Ended::Complete));
            (Arrived::Bridge { report, complete }, ended.err())
        };
        end_points.spawn("bridge".to_owned(), run)?;
        Ok((end_points, metrics))
    }

    fn spawn(&mut self, name: String, run: impl FnOnce() -> Finished + Send + 'static) -> Result<(), Error> {
        self.threads.push(thread::Builder::new().name(name).spawn(run).map_err(Error::Thread)?);
        Ok(())
    }

    /// Returns whether playback can start.
    pub(crate) fn are_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Returns whether all end points have finished.
    pub(crate) fn are_over(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Makes all clients stop reading for this time.
    pub(crate) fn stall(&self, time: Duration) {
        let until = (self.control.now() + time).as_nanos() as u64;
        self.control.stalled_until.store(until, Ordering::Relaxed);
    }

    /// Stops the end points early.
    pub(crate) fn stop(&self) {
        self.control.stopping.store(true, Ordering::Relaxed);
    }

    /// Waits for the end points to finish, and reports clients that gave up and the result of the bridge.
    ///
    /// # Errors
    /// Fails if the bridge failed.
    pub(crate) fn finish(self, observer: &mut dyn FnMut(Progress<'_>)) -> Result<Vec<Arrived>, Error> {
        let finish = |thread: JoinHandle<Finished>| {
            let (arrived, error) = thread.join().map_err(|_| Error::Panicked)?;
            match &arrived {
                Arrived::Client(Received { failure: Some(cause), .. }) => {
                    observer(Progress::ClientFailed { cause })
                }
                Arrived::Client(_) => {}
                Arrived::Bridge { report, complete } => {
                    observer(Progress::BridgeEnded { report, complete: *complete });
                }
            }
            error.map_or(Ok(arrived), |error| Err(error.into()))
        };
        self.threads.into_iter().map(finish).collect()
    }
}

impl Control {
    fn now(&self) -> Duration {
        self.zero.elapsed()
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Returns the remaining time of a stall.
    fn stalled_for(&self) -> Option<Duration> {
        let until = Duration::from_nanos(self.stalled_until.load(Ordering::Relaxed));
        until.checked_sub(self.now()).filter(|left| !left.is_zero())
    }
}
