//! Load tests: a recording is sent to a target on a schedule, the target is measured, and thresholds are checked.
//!
//! The load is an open loop: messages are due on a schedule, whether or not the target keeps up, and latency is measured from
//! the instant at which a message is due. The server, the clients and the bridge are those of tradesim, in this process.

mod chart;
mod client;
mod end_points;
mod error;
mod events;
mod expected;
mod files;
mod measure;
mod memory;
mod paced;
mod page;
mod profile;
mod progress;
mod recording;
mod report;
mod run;
mod sampler;
mod scenario;
mod shipped;
mod threshold;

pub(crate) use end_points::BridgeTarget;
pub(crate) use error::Error;
pub(crate) use progress::Progress;
pub(crate) use recording::Recording;
pub(crate) use report::{Findings, LatencyMs, LoadReport, Verification};
pub(crate) use run::{Options, play};
pub(crate) use scenario::{Flags, Scenario, TargetKind};
pub(crate) use shipped::{SHIPPED, Shipped};
pub(crate) use threshold::Verdict;
