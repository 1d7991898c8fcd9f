//! The progress of a load, for the caller to show.

use std::{net::SocketAddr, time::Duration};

use crate::sampler::Sample;

/// An occurrence during a load.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// The server waits for the endpoints.
    Ready {
        /// The number of messages that will be sent.
        messages: u64,
        /// The run.
        run: &'a str,
    },
    /// The page of the load is served.
    Watching(SocketAddr),
    /// The bridge serves its metrics.
    Metrics(SocketAddr),
    /// An event of the scenario begins.
    Event {
        /// The time in the scenario.
        at: Duration,
        /// The name in the report.
        name: &'a str,
    },
    /// The last complete second, every ten seconds.
    Sample {
        /// Time since the first message.
        elapsed: Duration,
        /// The measurements of the second.
        sample: &'a Sample,
    },
    /// Everything was sent, but part of it does not arrive.
    GaveUp {
        /// The time for which nothing has arrived.
        timeout: Duration,
        /// The number of messages that have not arrived.
        missing: u64,
    },
    /// A client could not reconnect.
    ClientFailed {
        /// The cause of the last disconnect.
        cause: &'a str,
    },
    /// The bridge has ended.
    BridgeEnded {
        /// Its report.
        report: &'a tradesim_bridge::Report,
        /// True if the feed ended and everything before its end is delivered.
        complete: bool,
    },
}
