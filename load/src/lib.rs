//! Load tests: a recording is sent to a target on a schedule, the target is measured, and thresholds are checked.
//!
//! The load is an open loop: messages are due on a schedule, whether or not the target keeps up, and latency is measured from
//! the instant at which a message is due. The server, the clients and the bridge are those of tradesim, in this process.
//!
//! [`Scenario::read`] parses a scenario, [`Recording::new`] schedules what it sends, and [`play`] sends it and measures what arrives.
//! If the target is Kafka, the caller compares the topics, as [`Played::to_verify`] asks for; [`Played::conclude`] reports.
//!
//! [`StoredReport::read`] reads a report of an earlier run, and [`compare`] puts several side by side.
#![deny(missing_docs)]

mod compare;
mod error;
mod events;
mod expected;
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
mod target;
mod threshold;
mod watch;

pub use compare::{
    Compared, Comparison, Difference, MetricRow, ParseToleranceError, Regression, StoredFindings,
    StoredReport, ThresholdRow, Tolerance, Tolerances, compare, write_comparison,
};
pub use error::Error;
pub use events::Happened;
pub use profile::Stage;
pub use progress::Progress;
pub use recording::{About, Recording};
pub use report::{
    Digests, Findings, LatencyMs, LoadReport, Memory, NotVerified, Pace, TargetSummary, Verification,
};
pub use run::{Options, Played, play};
pub use sampler::Sample;
pub use scenario::{Flags, Scenario, ScenarioRecording, Target, TargetKind};
pub use shipped::{SHIPPED, Shipped};
pub use target::BridgeTarget;
pub use threshold::Verdict;
