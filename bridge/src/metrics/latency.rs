//! A histogram that one thread adds to many thousand times per second.
//!
//! The one of prometheus-client takes a lock for each observation; here an observation is two atomic additions.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};

/// The histogram. Clones share their counts.
#[derive(Clone, Debug)]
pub(crate) struct Latency(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Upper bounds, in microseconds, ascending.
    bounds_us: &'static [u64],
    /// One count for each bound, and one for greater values.
    counts: Vec<AtomicU64>,
    sum_us: AtomicU64,
}

impl Latency {
    pub(crate) fn new(bounds_us: &'static [u64]) -> Latency {
        let counts = (0..=bounds_us.len()).map(|_| AtomicU64::new(0)).collect();
        Latency(Arc::new(Shared { bounds_us, counts, sum_us: AtomicU64::new(0) }))
    }

    /// Counts an observation.
    #[inline]
    pub(crate) fn observe(&self, time: Duration) {
        self.observe_us(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts an observation in microseconds.
    #[inline]
    pub(crate) fn observe_us(&self, us: u64) {
        let bucket = self.0.bounds_us.partition_point(|bound| *bound < us);
        self.0.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.0.sum_us.fetch_add(us, Ordering::Relaxed);
    }
}

impl EncodeMetric for Latency {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let bounds = self.0.bounds_us.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
        let counts = self.0.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        // computed from the buckets, so that the two agree also while others count
        let count = buckets.iter().map(|(_, count)| count).sum();
        let seconds = self.0.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        encoder.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
