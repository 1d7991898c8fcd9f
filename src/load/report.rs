//! The report of a load: as JSON, as text, and the values for thresholds.

use hdrhistogram::Histogram;
use serde::Serialize;
use tradesim_sources::FaultsReport;

use super::{
    events::Happened,
    profile::Stage,
    recording::About,
    sampler::Sample,
    threshold::{Metric, Threshold, Verdict},
};
use crate::output::grouped;

/// The version of the report's layout.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The quantiles of the distribution in a report.
const QUANTILES: [f64; 16] =
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 1.0];

/// A comparison of the topics with the messages that were sent. It is part of the report.
pub(crate) trait Verification: Serialize {
    /// Returns what the load test needs to know of it.
    fn findings(&self) -> Findings<'_>;
}

/// The numbers of messages by the result of their comparison, and the digest of the topics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Findings<'a> {
    pub(crate) present: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    pub(crate) altered: u64,
    pub(crate) digest: &'a str,
}

/// No comparison: the topics were not read, or there are none.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum NotVerified {}

impl Verification for NotVerified {
    fn findings(&self) -> Findings<'_> {
        match *self {}
    }
}

/// The report of a load. `V` is the comparison of the topics.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LoadReport<V> {
    pub(crate) schema_version: u32,
    pub(crate) name: String,
    pub(crate) about: String,
    /// True for the short form of the scenario.
    pub(crate) short: bool,
    /// True if the load ran to its end; false in the reports that are written meanwhile.
    pub(crate) complete: bool,
    /// True if the load ran to its end and every threshold holds.
    pub(crate) ok: bool,
    pub(crate) version: &'static str,
    pub(crate) recording: About,
    pub(crate) load: Pace,
    pub(crate) target: TargetSummary,
    pub(crate) seconds: f64,
    /// Messages that were sent: without planted gaps, with planted duplicates.
    pub(crate) sent: u64,
    /// Messages that arrived at the end point with the fewest, without duplicates.
    pub(crate) delivered: u64,
    /// Messages of the recording that did not arrive. With Kafka, null unless the topics were read.
    pub(crate) lost: Option<u64>,
    /// Messages that were unavailable from the feed, as counted by the bridge.
    pub(crate) missing: Option<u64>,
    /// Messages per second, from when the first message was due until the last one arrived.
    pub(crate) throughput: Option<f64>,
    /// Time from when a message was due until it arrived; null without a schedule.
    pub(crate) latency_ms: Option<LatencyMs>,
    /// Time from when a message was due until it was written to a socket.
    pub(crate) late_ms: Option<tradesim_replay::Lateness>,
    pub(crate) backlog_max: u64,
    /// The longest time in which nothing arrived although a message was due; since the first event, if there was one.
    pub(crate) recovery_ms: f64,
    /// Time from the end of the highest stage until its backlog was gone.
    pub(crate) drain_ms: Option<f64>,
    pub(crate) memory: Memory,
    /// The number of connections that ended before the load did.
    pub(crate) disconnects: u64,
    pub(crate) digests: Digests,
    pub(crate) dead_lettered: Option<u64>,
    /// The comparison of the topics with the recording.
    pub(crate) topics: Option<V>,
    /// The planted faults.
    pub(crate) faults: Option<FaultsReport>,
    pub(crate) thresholds: Vec<Verdict>,
    pub(crate) events: Vec<Happened>,
    pub(crate) samples: Vec<Sample>,
    /// Pairs of quantile and milliseconds.
    pub(crate) distribution: Vec<(f64, f64)>,
}

/// The schedule of the messages.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Pace {
    pub(crate) stages: Vec<Stage>,
    pub(crate) speed: Option<String>,
    pub(crate) messages: u64,
}

/// The target of the messages.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct TargetSummary {
    pub(crate) kind: &'static str,
    pub(crate) clients: Option<usize>,
    pub(crate) delivery: Option<&'static str>,
    /// True for embedded brokers and an embedded registry.
    pub(crate) embedded: bool,
}

/// Percentiles of latency, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct LatencyMs {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) p9999: f64,
    pub(crate) max: f64,
}

/// Memory of the process: its own pages, without mapped files.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Memory {
    pub(crate) max_bytes: Option<u64>,
    pub(crate) growth_percent: Option<f64>,
}

/// Digests of the messages of the load.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Digests {
    /// The digest of the sent messages, including planted faults.
    pub(crate) sent: Option<String>,
    /// The digest of the expected messages: those of the recording after the fault plan.
    pub(crate) expected: Option<String>,
    /// The digests of the received messages, at each client or in the topics.
    pub(crate) arrived: Vec<String>,
}

impl Digests {
    /// Returns true if the expected messages arrived at every end point.
    fn are_equal(&self) -> bool {
        !self.arrived.is_empty() && self.arrived.iter().all(|arrived| Some(arrived) == self.expected.as_ref())
    }

    /// Returns the verdict about the comparison, if there was one. `with_faults` is true if faults were planted.
    pub(super) fn judge(&self, with_faults: bool) -> Option<Verdict> {
        let ok = self.are_equal();
        (!self.arrived.is_empty()).then(|| Verdict {
            threshold: if with_faults {
                "digest == the recording's under the fault plan"
            } else {
                "digest == the recording's"
            }
            .to_owned(),
            value: None,
            shown: if ok { "equal" } else { "different" }.to_owned(),
            ok,
        })
    }

    /// Describes the comparison for people.
    pub(crate) fn verdict(&self) -> &'static str {
        match (self.are_equal(), self.arrived.is_empty()) {
            (true, _) => "equal at every end point",
            (false, true) => "not compared, because the topics were not read",
            (false, false) => "different messages arrived",
        }
    }
}

impl LatencyMs {
    pub(crate) fn of(latency: &Histogram<u64>) -> Option<LatencyMs> {
        let at = |quantile| latency.value_at_quantile(quantile) as f64 / 1e3;
        (!latency.is_empty()).then(|| LatencyMs {
            count: latency.len(),
            mean: latency.mean() / 1e3,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: latency.max() as f64 / 1e3,
        })
    }

    pub(crate) fn distribution(latency: &Histogram<u64>) -> Vec<(f64, f64)> {
        if latency.is_empty() {
            return Vec::new();
        }
        QUANTILES
            .iter()
            .map(|&quantile| (quantile, latency.value_at_quantile(quantile) as f64 / 1e3))
            .collect()
    }
}

impl<V: Verification> LoadReport<V> {
    /// Evaluates the thresholds.
    pub(super) fn judge(&mut self, thresholds: &[Threshold]) {
        let verdict = |threshold: &Threshold| threshold.judge(self.value(threshold.metric));
        self.thresholds = thresholds.iter().map(verdict).collect();
    }

    /// Returns the value of a metric, or `None` if it was not measured.
    fn value(&self, metric: Metric) -> Option<f64> {
        let latency = self.latency_ms.as_ref();
        let topics = self.topics.as_ref().map(V::findings);
        let count = |count: Option<u64>| count.map(|count| count as f64);
        match metric {
            Metric::LatencyP50 => latency.map(|latency| latency.p50),
            Metric::LatencyP90 => latency.map(|latency| latency.p90),
            Metric::LatencyP99 => latency.map(|latency| latency.p99),
            Metric::LatencyP999 => latency.map(|latency| latency.p999),
            Metric::LatencyP9999 => latency.map(|latency| latency.p9999),
            Metric::LatencyMax => latency.map(|latency| latency.max),
            Metric::LateP99 => self.late_ms.map(|late| late.p99),
            Metric::LateMax => self.late_ms.map(|late| late.max),
            Metric::Lost => count(self.lost),
            Metric::Duplicated => count(topics.map(|topics| topics.duplicated)),
            Metric::Reordered => count(topics.map(|topics| topics.reordered)),
            Metric::Altered => count(topics.map(|topics| topics.altered)),
            Metric::DeadLettered => count(self.dead_lettered),
            Metric::Disconnects => count(Some(self.disconnects)),
            Metric::Delivered => count(Some(self.delivered)),
            Metric::Throughput => self.throughput,
            Metric::BacklogMax => count(Some(self.backlog_max)),
            Metric::Recovery => Some(self.recovery_ms),
            Metric::Drain => self.drain_ms,
            Metric::RssGrowth => self.memory.growth_percent,
            Metric::RssMax => count(self.memory.max_bytes),
        }
    }

    /// Returns a sentence about the run.
    pub(crate) fn headline(&self) -> String {
        let TargetSummary { kind, clients, delivery, embedded } = &self.target;
        let target = match (*kind, clients, delivery) {
            ("websocket", Some(1), _) => "one WebSocket client".to_owned(),
            ("websocket", Some(clients), _) => format!("{clients} WebSocket clients"),
            (_, _, Some(delivery)) => {
                let brokers = if *embedded { "embedded brokers" } else { "Kafka" };
                format!("{brokers}, {}", delivery.replace('-', " "))
            }
            (kind, ..) => kind.to_owned(),
        };
        let form = if self.short { " (short form)" } else { "" };
        let state = if self.complete { "" } else { ", not complete" };
        format!(
            "{}{form}: {} of {} messages in {:.1} s to {target}{state}",
            self.name,
            grouped(self.delivered),
            grouped(self.load.messages),
            self.seconds
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_digests_are_not_reported_as_different() {
        let of = |arrived: &[&str]| {
            let arrived = arrived.iter().map(|digest| (*digest).to_owned()).collect();
            let expected = Some("a".to_owned());
            Digests { sent: Some("b".to_owned()), expected, arrived }.verdict()
        };
        assert_eq!(of(&["a", "a"]), "equal at every end point");
        assert_eq!(of(&["a", "b"]), "different messages arrived");
        assert_eq!(of(&[]), "not compared, because the topics were not read");
    }
}
