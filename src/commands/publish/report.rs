//! The report of `publish`.

use serde::Serialize;
use tradesim_replay::{Lateness, Speed};
use tradesim_schemas::{StreamSeq, Timestamp};

use super::plan::Plan;
use crate::{cli::Publish, commands::bridge::BridgeReport, report::SCHEMA_VERSION};

/// The report of all parts.
#[derive(Debug, Serialize)]
pub(super) struct PublishReport {
    schema_version: u32,
    /// True if all parts of the share are delivered.
    pub(super) ok: bool,
    run: String,
    shard: String,
    start_at: Option<String>,
    /// The time from `start_at` to the start of the process; what was due in it was sent at once. Null without --start-at.
    started_late_seconds: Option<f64>,
    /// Null for max.
    speed: Option<f64>,
    /// Sums of all parts, of what this process delivered.
    pub(super) received: u64,
    produced: u64,
    dead_lettered: u64,
    pub(super) missing: u64,
    pub(super) seconds: f64,
    parts: Vec<PartReport>,
}

/// The report of one part.
#[derive(Debug, Serialize)]
pub(super) struct PartReport {
    file: String,
    run: String,
    /// True if all of its messages are delivered, by this process or an earlier one.
    complete: bool,
    messages: u64,
    received: u64,
    produced: u64,
    dead_lettered: u64,
    missing: u64,
    next_seq: StreamSeq,
    reconnects: u64,
    restarts: u64,
    transactions: u64,
    /// The time from when a message was due, but at least from the start of the process, until it was handed to the bridge; null
    /// without a schedule.
    late_ms: Option<LateMs>,
}

#[derive(Debug, Serialize)]
struct LateMs {
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl PartReport {
    pub(super) fn new(
        file: &str,
        messages: u64,
        report: &BridgeReport,
        late: Option<Lateness>,
    ) -> PartReport {
        PartReport {
            file: file.to_owned(),
            run: report.run.clone(),
            complete: report.complete,
            messages,
            received: report.received,
            produced: report.produced,
            dead_lettered: report.dead_lettered,
            missing: report.missing,
            next_seq: report.next_seq,
            reconnects: report.reconnects,
            restarts: report.restarts,
            transactions: report.transactions,
            late_ms: late.map(|late| LateMs { p50: late.p50, p99: late.p99, p999: late.p999, max: late.max }),
        }
    }
}

impl PublishReport {
    pub(super) fn new(
        args: &Publish,
        run: &str,
        plan: &Plan,
        parts: Vec<PartReport>,
        started: Timestamp,
        seconds: f64,
    ) -> PublishReport {
        let sum = |of: fn(&PartReport) -> u64| parts.iter().map(of).sum();
        PublishReport {
            schema_version: SCHEMA_VERSION,
            ok: parts.len() == plan.parts().count() && parts.iter().all(|part| part.complete),
            run: run.to_owned(),
            shard: args.shard.to_string(),
            start_at: args.start_at.map(|at| at.to_string()),
            started_late_seconds: args.start_at.map(|at| late_seconds(at, started)),
            speed: Speed::factor(args.speed),
            received: sum(|part| part.received),
            produced: sum(|part| part.produced),
            dead_lettered: sum(|part| part.dead_lettered),
            missing: sum(|part| part.missing),
            seconds,
            parts,
        }
    }

    /// Returns the number of parts that are delivered completely.
    pub(super) fn complete_parts(&self) -> usize {
        self.parts.iter().filter(|part| part.complete).count()
    }
}

fn late_seconds(at: Timestamp, started: Timestamp) -> f64 {
    started.micros().saturating_sub(at.micros()).max(0) as f64 / 1e6
}
