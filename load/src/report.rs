//! The report of a load: as JSON, as text, and the values for thresholds.

mod files;

use std::borrow::Cow;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tradesim_schemas::text::grouped;
use tradesim_sources::FaultsReport;

use crate::{
    events::Happened,
    profile::Stage,
    recording::About,
    sampler::Sample,
    threshold::{Metric, Threshold, Verdict},
};
pub(crate) use files::ReportFiles;

/// The version of the report's layout.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The quantiles of the distribution in a report.
const QUANTILES: [f64; 16] =
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 1.0];

/// A comparison of the topics with the messages that were sent. It is part of the report.
pub trait Verification: Serialize {
    /// Returns what the load test needs to know of it.
    fn findings(&self) -> Findings<'_>;
}

/// The numbers of messages by the result of their comparison, and the digest of the topics.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Messages that are in the topics, at least once.
    pub present: u64,
    /// Messages that are not.
    pub lost: u64,
    /// Messages that are in the topics more than once.
    pub duplicated: u64,
    /// Messages that are out of order.
    pub reordered: u64,
    /// Messages with other content.
    pub altered: u64,
    /// The digest of the messages in the topics.
    pub digest: &'a str,
}

/// No comparison: the topics were not read, or there are none.
#[derive(Clone, Copy, Debug, Serialize)]
pub enum NotVerified {}

impl Verification for NotVerified {
    fn findings(&self) -> Findings<'_> {
        match *self {}
    }
}

/// The report of a load. `V` is the comparison of the topics. Fields that older versions did not write have a default.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LoadReport<V> {
    /// The version of this layout.
    pub schema_version: u32,
    /// The name of the scenario.
    pub name: String,
    /// The purpose of the scenario.
    #[serde(default)]
    pub about: String,
    /// True for the short form of the scenario.
    #[serde(default)]
    pub short: bool,
    /// True if the load ran to its end; false in the reports that are written meanwhile.
    pub complete: bool,
    /// True if the load ran to its end and every threshold holds.
    pub ok: bool,
    /// The version of this program.
    pub version: Cow<'static, str>,
    /// The recording that was sent.
    pub recording: About,
    /// The schedule.
    pub load: Pace,
    /// The target.
    pub target: TargetSummary,
    /// Time since the first message was due.
    pub seconds: f64,
    /// Messages that were sent: without planted gaps, with planted duplicates.
    pub sent: u64,
    /// Messages that arrived at the end point with the fewest, without duplicates.
    pub delivered: u64,
    /// Messages of the recording that did not arrive. With Kafka, null unless the topics were read.
    pub lost: Option<u64>,
    /// Messages that were unavailable from the feed, as counted by the bridge.
    pub missing: Option<u64>,
    /// Messages per second, from when the first message was due until the last one arrived.
    pub throughput: Option<f64>,
    /// Time from when a message was due until it arrived; null without a schedule.
    pub latency_ms: Option<LatencyMs>,
    /// Time from when a message was due until it was written to a socket.
    pub late_ms: Option<tradesim_replay::Lateness>,
    /// The largest number of messages that were sent and had not arrived.
    #[serde(default)]
    pub backlog_max: u64,
    /// The longest time in which nothing arrived although a message was due; since the first event, if there was one.
    #[serde(default)]
    pub recovery_ms: f64,
    /// Time from the end of the highest stage until its backlog was gone.
    pub drain_ms: Option<f64>,
    /// Memory of the process.
    #[serde(default)]
    pub memory: Memory,
    /// The number of connections that ended before the load did.
    #[serde(default)]
    pub disconnects: u64,
    /// The digests of the messages.
    #[serde(default)]
    pub digests: Digests,
    /// Messages that became dead letters.
    pub dead_lettered: Option<u64>,
    /// The comparison of the topics with the recording.
    pub topics: Option<V>,
    /// The planted faults.
    pub faults: Option<FaultsReport>,
    /// The result of each threshold.
    #[serde(default)]
    pub thresholds: Vec<Verdict>,
    /// The events that have happened.
    #[serde(default)]
    pub events: Vec<Happened>,
    /// A sample per second.
    #[serde(default)]
    pub samples: Vec<Sample>,
    /// Pairs of quantile and milliseconds.
    #[serde(default)]
    pub distribution: Vec<(f64, f64)>,
}

/// The schedule of the messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// The stages, if the schedule is not that of the recording.
    pub stages: Vec<Stage>,
    /// The speed of the recording.
    pub speed: Option<String>,
    /// The number of messages.
    pub messages: u64,
}

/// The target of the messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetSummary {
    /// `websocket` or `kafka`.
    pub kind: Cow<'static, str>,
    /// The number of WebSocket clients.
    pub clients: Option<usize>,
    /// The delivery guarantee of the bridge.
    pub delivery: Option<Cow<'static, str>>,
    /// True for embedded brokers and an embedded registry.
    pub embedded: bool,
}

/// Percentiles of latency, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyMs {
    /// The number of measured messages.
    pub count: u64,
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// 90 % of the messages took at most this long.
    pub p90: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// 99.99 %.
    pub p9999: f64,
    /// The longest.
    pub max: f64,
}

/// Memory of the process: its own pages, without mapped files.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The maximum.
    pub max_bytes: Option<u64>,
    /// The growth from the second tenth of the run to the last one.
    pub growth_percent: Option<f64>,
}

/// Digests of the messages of the load.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Digests {
    /// The digest of the sent messages, including planted faults.
    pub sent: Option<String>,
    /// The digest of the expected messages: those of the recording after the fault plan.
    pub expected: Option<String>,
    /// The digests of the received messages, at each client or in the topics.
    pub arrived: Vec<String>,
}

impl Digests {
    /// Returns true if the expected messages arrived at every end point.
    fn are_equal(&self) -> bool {
        !self.arrived.is_empty() && self.arrived.iter().all(|arrived| Some(arrived) == self.expected.as_ref())
    }

    /// Returns the verdict about the comparison, if there was one. `with_faults` is true if faults were planted.
    pub(crate) fn judge(&self, with_faults: bool) -> Option<Verdict> {
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
    pub fn verdict(&self) -> &'static str {
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
    pub(crate) fn judge(&mut self, thresholds: &[Threshold]) {
        let verdict = |threshold: &Threshold| threshold.judge(self.value(threshold.metric));
        self.thresholds = thresholds.iter().map(verdict).collect();
    }

    /// Returns the value of a metric, or `None` if it was not measured.
    pub(crate) fn value(&self, metric: Metric) -> Option<f64> {
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
    pub fn headline(&self) -> String {
        let TargetSummary { kind, clients, delivery, embedded } = &self.target;
        let target = match (kind.as_ref(), clients, delivery) {
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
