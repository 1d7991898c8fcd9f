//! Samples of a load, one per second.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    measure::{Measures, Progress},
    memory,
    profile::Peak,
};

/// The minimum backlog at which a peak counts as drained.
const DRAINED_MESSAGES: f64 = 100.0;

/// The sample of a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// The start of the second, in seconds since the first message.
    pub second: u64,
    /// Messages that were due in it.
    pub due: u64,
    /// Messages that were sent in it.
    pub sent: u64,
    /// Messages that arrived in it, at all end points together.
    pub delivered: u64,
    /// Messages that were sent but had not arrived at its end.
    pub backlog: u64,
    /// Median latency of the messages that arrived in it, in milliseconds.
    pub p50: Option<f64>,
    /// The 99th percentile.
    pub p99: Option<f64>,
    /// The maximum.
    pub max: Option<f64>,
    /// Memory of the process, in bytes.
    pub rss: Option<u64>,
}

/// Takes samples.
#[derive(Debug, Default)]
pub(crate) struct Sampler {
    pub(crate) samples: Vec<Sample>,
    pub(crate) backlog_max: u64,
    pub(crate) memory_max: Option<u64>,
    /// The time from the end of the peak until its backlog was gone.
    pub(crate) drained: Option<Duration>,
}

impl Sampler {
    /// Updates the maxima, and takes a sample when a second is over; called several times per second.
    pub(crate) fn look(
        &mut self,
        measures: &Measures,
        peak: Option<Peak>,
        progress: &Progress,
        now: Duration,
    ) {
        let Some(began) = progress.began else { return };
        let backlog = progress.sent.saturating_sub(progress.delivered);
        self.backlog_max = self.backlog_max.max(backlog);
        let elapsed = now.saturating_sub(began);
        if let Some(peak) = peak
            && self.drained.is_none()
            && elapsed >= peak.ends
            && backlog as f64 <= peak.rate_after.max(DRAINED_MESSAGES)
        {
            self.drained = Some(elapsed - peak.ends);
        }
        // a second is complete when the next one has started
        let whole = elapsed.as_secs() as usize;
        if self.samples.len() < whole {
            self.take(measures, whole, backlog);
        }
    }

    /// Takes the remaining samples.
    pub(crate) fn finish(&mut self, measures: &Measures) {
        let known = measures.lock().seconds();
        if self.samples.len() < known {
            self.take(measures, known, 0);
        }
    }

    fn take(&mut self, measures: &Measures, end: usize, backlog: u64) {
        let rss = memory::resident();
        self.memory_max = self.memory_max.max(rss);
        let mut measures = measures.lock();
        for second in self.samples.len()..end {
            self.samples.push(Sample { backlog, rss, ..measures.sample(second) });
        }
        measures.forget_before(end);
    }
}
