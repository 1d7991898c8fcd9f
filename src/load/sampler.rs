//! How a load goes, second by second.

use std::time::Duration;

use serde::Serialize;

use super::{
    measure::{Measures, Standing},
    memory,
    profile::Peak,
};

/// At least so many messages may be on their way when a peak counts as worked off.
const DRAINED_MESSAGES: f64 = 100.0;

/// One second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// From the first message on, at its beginning.
    pub(crate) second: u64,
    /// Messages that were due in it.
    pub(crate) due: u64,
    /// Messages that left in it.
    pub(crate) sent: u64,
    /// Messages that arrived in it, at all end points together.
    pub(crate) delivered: u64,
    /// Messages that had left and not arrived, at its end.
    pub(crate) backlog: u64,
    /// Latency of those that arrived in it, in milliseconds.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) max: Option<f64>,
    /// Memory of the process, in bytes.
    pub(crate) rss: Option<u64>,
}

/// Takes samples.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    samples: Vec<Sample>,
    backlog_max: u64,
    memory_max: Option<u64>,
    drained: Option<Duration>,
}

impl Sampler {
    /// Looks at how things stand, several times a second.
    pub(crate) fn look(
        &mut self,
        measures: &Measures,
        peak: Option<Peak>,
        standing: &Standing,
        now: Duration,
    ) {
        let Some(began) = standing.began else { return };
        let backlog = standing.sent.saturating_sub(standing.delivered);
        self.backlog_max = self.backlog_max.max(backlog);
        let elapsed = now.saturating_sub(began);
        if let Some(peak) = peak
            && self.drained.is_none()
            && elapsed >= peak.ends
            && backlog as f64 <= peak.rate_after.max(DRAINED_MESSAGES)
        {
            self.drained = Some(elapsed - peak.ends);
        }
        // a second is whole when the next has begun
        let whole = elapsed.as_secs() as usize;
        if self.samples.len() < whole {
            self.take(measures, whole, backlog);
        }
    }

    /// Takes what is left.
    pub(crate) fn finish(&mut self, measures: &Measures) {
        let known = measures.seconds(0).len();
        if self.samples.len() < known {
            self.take(measures, known, 0);
        }
    }

    pub(crate) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    pub(crate) fn backlog_max(&self) -> u64 {
        self.backlog_max
    }

    pub(crate) fn memory_max(&self) -> Option<u64> {
        self.memory_max
    }

    /// How long the worst took to be worked off.
    pub(crate) fn drained(&self) -> Option<Duration> {
        self.drained
    }

    fn take(&mut self, measures: &Measures, end: usize, backlog: u64) {
        let rss = memory::resident();
        self.memory_max = self.memory_max.max(rss);
        let first = self.samples.len();
        let mut seconds = measures.seconds(first).into_iter();
        for second in first..end {
            let summary = seconds.next().unwrap_or_default();
            self.samples.push(Sample {
                second: second as u64,
                due: summary.due,
                sent: summary.sent,
                delivered: summary.delivered,
                backlog,
                p50: summary.latency.map(|[p50, ..]| p50),
                p99: summary.latency.map(|[_, p99, _]| p99),
                max: summary.latency.map(|[.., max]| max),
                rss,
            });
        }
        measures.forget_before(end);
    }
}
