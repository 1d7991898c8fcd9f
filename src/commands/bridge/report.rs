//! The report of `bridge`.

use serde::Serialize;
use tradesim_bridge::Report;
use tradesim_schemas::StreamSeq;

use crate::{
    output::{grouped, say},
    report::SCHEMA_VERSION,
};

/// The report. `received`, `produced`, `dead_lettered`, `next_seq`, `run` and `seconds` are part of the contract (section 9).
#[derive(Debug, Serialize)]
pub(crate) struct BridgeReport {
    schema_version: u32,
    /// Messages that are delivered as records or dead letters. A repeated message counts once.
    pub(crate) received: u64,
    pub(crate) produced: u64,
    pub(crate) dead_lettered: u64,
    /// The position: every message before this one is delivered.
    pub(crate) next_seq: StreamSeq,
    pub(crate) run: String,
    stream: Option<String>,
    seconds: f64,
    /// True if the feed ended and everything before its end is delivered.
    pub(crate) complete: bool,
    /// Messages that were no longer available from the feed.
    pub(crate) missing: u64,
    /// Messages that were received again and skipped.
    repeated: u64,
    /// Messages that were read but not acknowledged; only without transactions.
    pub(crate) undelivered: u64,
    /// Messages that arrived during the stop and were not delivered, from a feed that cannot resume.
    discarded: u64,
    /// Heartbeats of the feed, which were answered or ignored.
    heartbeats: u64,
    pub(crate) reconnects: u64,
    /// Producers that were dropped after a failure.
    pub(crate) restarts: u64,
    pub(crate) transactions: u64,
}

impl BridgeReport {
    pub(crate) fn new(report: &Report, complete: bool) -> BridgeReport {
        let counts = report.counts;
        BridgeReport {
            schema_version: SCHEMA_VERSION,
            received: counts.received,
            produced: counts.produced,
            dead_lettered: counts.dead_lettered,
            next_seq: report.next_seq,
            run: report.run.clone(),
            stream: report.identity.as_ref().map(|identity| identity.stream.clone()),
            seconds: report.seconds,
            complete,
            missing: counts.missing,
            repeated: counts.repeated,
            undelivered: report.undelivered,
            discarded: report.discarded,
            heartbeats: report.heartbeats,
            reconnects: counts.reconnects,
            restarts: counts.restarts,
            transactions: counts.transactions,
        }
    }

    /// Prints the report on standard error.
    pub(crate) fn say(&self) {
        let rate = self.received as f64 / self.seconds.max(0.001);
        say(format_args!(
            "run {}: {} messages delivered, {} records and {} dead letters, in {:.1} s, {}/s; next seq {}",
            self.run,
            grouped(self.received),
            grouped(self.produced),
            grouped(self.dead_lettered),
            self.seconds,
            grouped(rate as u64),
            self.next_seq,
        ));
        let unusual = [
            (self.missing, "were no longer available"),
            (self.repeated, "were received again and skipped"),
            (self.undelivered, "were not acknowledged"),
            (self.discarded, "arrived during the stop and were not delivered"),
            (self.heartbeats, "were heartbeats"),
        ];
        for (count, what) in unusual {
            if count > 0 {
                say(format_args!("{} messages {what}", grouped(count)));
            }
        }
        if self.reconnects + self.restarts > 0 {
            say(format_args!("{} reconnects, {} producer restarts", self.reconnects, self.restarts));
        }
    }
}
