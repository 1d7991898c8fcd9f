//! The end points of a load: WebSocket clients in this process, or the bridge and Kafka.

mod websocket;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use tradesim_bridge::{Bridge, BridgeError, BridgeOptions, Ended, Report};

use crate::{error::Error, measure::Measures, progress::Progress};

use websocket::{Control, Received};

/// The running end points.
#[derive(Debug)]
pub(crate) enum EndPoints {
    Clients { control: Arc<Control>, threads: Vec<JoinHandle<Received>> },
    Bridge { stopping: Arc<AtomicBool>, ready: Arc<AtomicBool>, thread: JoinHandle<Delivered> },
}

/// The results of the end points.
#[derive(Debug)]
pub(crate) enum Arrived {
    Clients(Vec<Received>),
    Bridge(Report, Result<Ended, BridgeError>),
}

/// The report of the bridge, and how it ended.
type Delivered = (Report, Result<Ended, BridgeError>);

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
    /// Starts clients of a server, on its clock.
    pub(crate) fn clients(
        clients: usize,
        (address, zero): (SocketAddr, Instant),
        measures: &Arc<Measures>,
    ) -> Result<EndPoints, Error> {
        let control = Arc::new(Control::new(zero));
        let start = |number| websocket::start(number, address, Arc::clone(measures), Arc::clone(&control));
        let threads = (0..clients).map(start).collect::<Result<_, _>>().map_err(Error::Thread)?;
        Ok(EndPoints::Clients { control, threads })
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
        let ready = Arc::new(AtomicBool::new(false));
        let (is_ready, measures) = (Arc::clone(&ready), Arc::clone(measures));
        bridge.observe(Box::new(move |next_seq| {
            is_ready.store(true, Ordering::Relaxed);
            measures.lock().delivered(0, next_seq, zero.elapsed());
        }));
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let run = move || bridge.run(target.jitter, &|| stop.load(Ordering::Relaxed));
        let thread = thread::Builder::new().name("bridge".to_owned()).spawn(run).map_err(Error::Thread)?;
        Ok((EndPoints::Bridge { stopping, ready, thread }, metrics))
    }

    /// Returns whether playback can start. The server itself waits for clients, but a bridge has more to prepare than its
    /// connection.
    pub(crate) fn are_ready(&self) -> bool {
        match self {
            EndPoints::Clients { .. } => true,
            EndPoints::Bridge { ready, .. } => ready.load(Ordering::Relaxed),
        }
    }

    /// Returns whether all end points have finished.
    pub(crate) fn are_over(&self) -> bool {
        match self {
            EndPoints::Clients { threads, .. } => threads.iter().all(JoinHandle::is_finished),
            EndPoints::Bridge { thread, .. } => thread.is_finished(),
        }
    }

    /// Stops the end points early.
    pub(crate) fn stop(&self) {
        match self {
            EndPoints::Clients { control, .. } => control.stop(),
            EndPoints::Bridge { stopping, .. } => stopping.store(true, Ordering::Relaxed),
        }
    }

    /// Waits for the end points to finish.
    pub(crate) fn finish(self) -> Result<Arrived, Error> {
        match self {
            EndPoints::Clients { threads, .. } => {
                let received = threads.into_iter().map(JoinHandle::join).collect::<Result<_, _>>();
                received.map(Arrived::Clients).map_err(|_| Error::Panicked)
            }
            EndPoints::Bridge { thread, .. } => {
                let (report, result) = thread.join().map_err(|_| Error::Panicked)?;
                Ok(Arrived::Bridge(report, result))
            }
        }
    }
}

impl Arrived {
    /// Reports endpoints that gave up, and the result of the bridge.
    pub(crate) fn describe(&self, observer: &mut dyn FnMut(Progress<'_>)) {
        match self {
            Arrived::Clients(clients) => {
                let causes = clients.iter().filter_map(|client| client.failure.as_deref());
                causes.for_each(|cause| observer(Progress::ClientFailed { cause }));
            }
            Arrived::Bridge(report, result) => {
                let complete = matches!(result, Ok(Ended::Complete));
                observer(Progress::BridgeEnded { report, complete });
            }
        }
    }

    /// Fails if the bridge failed. Clients that gave up are a result.
    pub(crate) fn succeeded(self) -> Result<Arrived, Error> {
        match self {
            Arrived::Bridge(_, Err(error)) => Err(error.into()),
            arrived => Ok(arrived),
        }
    }
}
