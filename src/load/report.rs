//! What a load came to: an object for programs, lines for people, and the thresholds.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{
    events::Happened,
    profile::Stage,
    recording::About,
    sampler::Sample,
    threshold::{Metric, Verdict},
};
use crate::{
    commands::verify_topic,
    faults::FaultsReport,
    output::{grouped, say},
};

/// Quantiles of the distribution that a report draws.
const QUANTILES: [f64; 16] =
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 1.0];

/// What a load came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) schema_version: u32,
    pub(crate) name: String,
    pub(crate) about: String,
    /// Whether it was the scenario's short form.
    pub(crate) short: bool,
    /// Whether it ran to its end; what is written while it runs says no.
    pub(crate) complete: bool,
    /// Whether it ran to its end and every threshold holds.
    pub(crate) ok: bool,
    pub(crate) version: &'static str,
    pub(crate) recording: About,
    pub(crate) load: Pace,
    pub(crate) target: Whereto,
    pub(crate) seconds: f64,
    /// Messages that were sent: without planted gaps, with planted repetitions.
    pub(crate) sent: u64,
    /// Messages that arrived, each once, at the end point that got the fewest.
    pub(crate) delivered: u64,
    /// Messages of the recording that did not arrive. With Kafka only the topics tell; none where they were not read.
    pub(crate) lost: Option<u64>,
    /// Messages that the bridge could not get from the feed, as it counts them.
    pub(crate) missing: Option<u64>,
    /// Messages a second, from the first one that was due to the last that arrived.
    pub(crate) throughput: Option<f64>,
    /// From the instant at which a message was due until it had arrived; none without a schedule.
    pub(crate) latency_ms: Option<LatencyMs>,
    /// From the instant at which a message was due until it was written to a socket.
    pub(crate) late_ms: Option<tradesim_replay::Lateness>,
    pub(crate) backlog_max: u64,
    /// The longest time in which nothing arrived although something was due; behind the first event, if there was one.
    pub(crate) recovery_ms: f64,
    /// From the end of the highest stage until what was left of it had arrived.
    pub(crate) drain_ms: Option<f64>,
    pub(crate) memory: Memory,
    /// Connections that ended before the load did.
    pub(crate) disconnects: u64,
    pub(crate) digests: Digests,
    pub(crate) dead_lettered: Option<u64>,
    /// What the topics hold, against the recording.
    pub(crate) topics: Option<verify_topic::Report>,
    /// What was planted.
    pub(crate) faults: Option<FaultsReport>,
    pub(crate) thresholds: Vec<Verdict>,
    pub(crate) events: Vec<Happened>,
    pub(crate) samples: Vec<Sample>,
    /// Quantiles and milliseconds.
    pub(crate) distribution: Vec<(f64, f64)>,
    #[serde(skip)]
    pub(crate) values: BTreeMap<Metric, f64>,
}

/// How fast messages were due.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pace {
    pub(crate) stages: Vec<Stage>,
    pub(crate) speed: Option<String>,
    pub(crate) messages: u64,
}

/// Where they went.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Whereto {
    pub(crate) kind: &'static str,
    pub(crate) clients: Option<usize>,
    pub(crate) delivery: Option<&'static str>,
    /// Whether brokers and registry were stand-ins.
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

/// Digests of the messages that the load consists of.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Digests {
    /// Of what was sent, planted faults among it.
    pub(crate) sent: Option<String>,
    /// Of what has to arrive: the recording's messages, as the plan of faults leaves them.
    pub(crate) expected: Option<String>,
    /// Of what arrived, at each client or in the topics.
    pub(crate) arrived: Vec<String>,
}

impl Digests {
    /// Returns true if the expected messages arrived at every end point.
    pub(crate) fn are_equal(&self) -> bool {
        !self.arrived.is_empty() && self.arrived.iter().all(|arrived| Some(arrived) == self.expected.as_ref())
    }

    /// The same in words.
    fn verdict(&self) -> &'static str {
        match (self.are_equal(), self.arrived.is_empty()) {
            (true, _) => "equal at every end point",
            (false, true) => "not compared, as the topics were not read",
            (false, false) => "another one arrived",
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

impl Report {
    /// Puts down what every threshold can ask for.
    pub(crate) fn measure(&mut self) {
        let mut values = BTreeMap::new();
        if let Some(latency) = self.latency_ms {
            values.extend([
                (Metric::LatencyP50, latency.p50),
                (Metric::LatencyP90, latency.p90),
                (Metric::LatencyP99, latency.p99),
                (Metric::LatencyP999, latency.p999),
                (Metric::LatencyP9999, latency.p9999),
                (Metric::LatencyMax, latency.max),
            ]);
        }
        if let Some(late) = self.late_ms {
            values.extend([(Metric::LateP99, late.p99), (Metric::LateMax, late.max)]);
        }
        values.extend([
            (Metric::Delivered, self.delivered as f64),
            (Metric::Disconnects, self.disconnects as f64),
            (Metric::BacklogMax, self.backlog_max as f64),
            (Metric::Recovery, self.recovery_ms),
        ]);
        if let Some(topics) = &self.topics {
            values.extend([
                (Metric::Duplicated, topics.duplicated as f64),
                (Metric::Reordered, topics.reordered as f64),
                (Metric::Altered, topics.altered as f64),
            ]);
        }
        values.extend(self.lost.map(|lost| (Metric::Lost, lost as f64)));
        values.extend(self.dead_lettered.map(|count| (Metric::DeadLettered, count as f64)));
        values.extend(self.throughput.map(|rate| (Metric::Throughput, rate)));
        values.extend(self.drain_ms.map(|drain| (Metric::Drain, drain)));
        values.extend(self.memory.growth_percent.map(|growth| (Metric::RssGrowth, growth)));
        values.extend(self.memory.max_bytes.map(|bytes| (Metric::RssMax, bytes as f64)));
        self.values = values;
    }

    /// A sentence on what was done.
    pub(crate) fn headline(&self) -> String {
        let Whereto { kind, clients, delivery, embedded } = &self.target;
        let target = match (*kind, clients, delivery) {
            ("websocket", Some(1), _) => "one WebSocket client".to_owned(),
            ("websocket", Some(clients), _) => format!("{clients} WebSocket clients"),
            (_, _, Some(delivery)) => {
                let brokers = if *embedded { "stand-ins for Kafka" } else { "Kafka" };
                format!("{brokers}, {}", delivery.replace('-', " "))
            }
            (kind, ..) => kind.to_owned(),
        };
        let form = if self.short { " (short form)" } else { "" };
        let state = if self.complete { "" } else { ", not to its end" };
        format!(
            "{}{form}: {} of {} messages in {:.1} s to {target}{state}",
            self.name,
            grouped(self.delivered),
            grouped(self.load.messages),
            self.seconds
        )
    }

    /// For people, on the standard error.
    pub(crate) fn say(&self) {
        say(format_args!("{}", self.headline()));
        if let Some(LatencyMs { p50, p90, p99, p999, p9999, max, .. }) = self.latency_ms {
            say(format_args!(
                "latency from the intended instant: p50 {p50:.2} ms, p90 {p90:.2}, p99 {p99:.2}, p99.9 {p999:.2}, p99.99 {p9999:.2}, max {max:.2}"
            ));
        }
        if let Some(late) = self.late_ms {
            say(format_args!(
                "late at the sockets: p50 {:.2} ms, p99 {:.2}, max {:.2}",
                late.p50, late.p99, late.max
            ));
        }
        if let Some(throughput) = self.throughput {
            say(format_args!(
                "{} messages a second; at most {} on their way; longest pause {:.0} ms",
                grouped(throughput as u64),
                grouped(self.backlog_max),
                self.recovery_ms
            ));
        }
        if let Some(missing) = self.missing.filter(|missing| *missing > 0) {
            say(format_args!("{} messages could not be had from the feed", grouped(missing)));
        }
        if let Some(digest) = self.digests.expected.as_ref().or(self.digests.sent.as_ref()) {
            say(format_args!("digest {digest}: {}", self.digests.verdict()));
        }
        let width =
            self.thresholds.iter().map(|verdict| verdict.threshold.chars().count()).max().unwrap_or(0);
        for Verdict { threshold, shown, ok, .. } in &self.thresholds {
            say(format_args!("  {} {threshold:width$}  {shown}", if *ok { '✓' } else { '✗' }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_that_nobody_read_are_not_called_different() {
        let of = |arrived: &[&str]| {
            let arrived = arrived.iter().map(|digest| (*digest).to_owned()).collect();
            let expected = Some("a".to_owned());
            Digests { sent: Some("b".to_owned()), expected, arrived }.verdict()
        };
        assert_eq!(of(&["a", "a"]), "equal at every end point");
        assert_eq!(of(&["a", "b"]), "another one arrived");
        assert_eq!(of(&[]), "not compared, as the topics were not read");
    }
}
