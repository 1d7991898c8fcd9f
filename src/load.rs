//! Loads: recordings, sent on a schedule to something that is measured, with a verdict.
//!
//! Messages leave on schedule whatever the target does (an open loop), and latency counts from the instant at which a
//! message was due. Server, clients and bridge are the product's own, in this process.

mod chart;
mod client;
mod end_points;
mod events;
mod expected;
mod files;
mod measure;
mod memory;
mod paced;
mod page;
mod profile;
mod recording;
mod report;
mod run;
mod sampler;
mod scenario;
mod shipped;
mod threshold;

pub(crate) use recording::Drift;
pub(crate) use run::run;
pub(crate) use scenario::Scenario;
pub(crate) use shipped::{SHIPPED, Shipped};
