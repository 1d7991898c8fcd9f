//! What `bridge` says at the end.

use serde::Serialize;
use tradesim_bridge::Report;

use crate::{
    output::{grouped, say},
    report::SCHEMA_VERSION,
};

/// The report: `received`, `produced`, `dead_lettered`, `next_seq`, `run` and `seconds` are the contract's (section 9).
#[derive(Debug, Serialize)]
pub(crate) struct BridgeReport {
    schema_version: u32,
    /// Messages that are delivered, each once however often it came: records and dead letters.
    pub(crate) received: u64,
    produced: u64,
    pub(crate) dead_lettered: u64,
    /// Everything before this message is delivered.
    next_seq: u64,
    pub(crate) run: String,
    stream: Option<String>,
    seconds: f64,
    /// Whether the feed said its end and everything before it is delivered.
    pub(crate) complete: bool,
    /// Messages that the feed could not give any more.
    pub(crate) missing: u64,
    /// Messages that came again and were left out.
    repeated: u64,
    /// Messages that were taken and not acknowledged; only without transactions.
    pub(crate) undelivered: u64,
    /// Messages that came while it stopped and were not taken, of a feed that cannot send them again.
    discarded: u64,
    /// Messages of the feed that were heartbeats: answered or ignored.
    heartbeats: u64,
    pub(crate) reconnects: u64,
    /// Producers that were let go because something failed.
    restarts: u64,
    transactions: u64,
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

    /// For people, on the standard error.
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
            (self.missing, "could not be had any more"),
            (self.repeated, "came again and were left out"),
            (self.undelivered, "were not acknowledged"),
            (self.discarded, "came while it stopped and were not taken"),
            (self.heartbeats, "were heartbeats and are left out"),
        ];
        for (count, what) in unusual {
            if count > 0 {
                say(format_args!("{} messages {what}", grouped(count)));
            }
        }
        if self.reconnects + self.restarts > 0 {
            say(format_args!("{} reconnects, {} producers made anew", self.reconnects, self.restarts));
        }
    }
}
