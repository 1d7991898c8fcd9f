//! A histogram that many threads may add to at once.
//!
//! The one of prometheus-client takes a lock and searches its buckets for every observation. Here clients count what
//! they send in plain numbers of their own, and add those up once per write: one atomic addition for each bucket that
//! was hit.

use std::{
    array, fmt,
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

/// Upper bounds of the buckets, in microseconds: from the usual error of a kernel timer to delays that no longer
/// count as pacing.
const BOUNDS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// One bucket for each bound, and one for greater values.
const BUCKETS: usize = BOUNDS_US.len() + 1;

fn bucket(late: Duration) -> usize {
    let late_ns = nanoseconds(late);
    BOUNDS_US.partition_point(|bound_us| *bound_us * 1_000 < late_ns)
}

fn nanoseconds(late: Duration) -> u64 {
    u64::try_from(late.as_nanos()).unwrap_or(u64::MAX)
}

/// Counts of a single thread, to be added to the metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct LatenessCounts {
    counts: [u64; BUCKETS],
    sum_ns: u64,
}

impl LatenessCounts {
    /// Counts a message.
    #[inline]
    pub(crate) fn observe(&mut self, late: Duration) {
        self.counts[bucket(late)] += 1;
        self.sum_ns = self.sum_ns.saturating_add(nanoseconds(late));
    }
}

/// The histogram. Clones share their counts.
#[derive(Clone, Debug)]
pub(super) struct LatenessHistogram(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    counts: [AtomicU64; BUCKETS],
    sum_ns: AtomicU64,
}

impl Default for LatenessHistogram {
    fn default() -> LatenessHistogram {
        let counts = array::from_fn(|_| AtomicU64::new(0));
        LatenessHistogram(Arc::new(Shared { counts, sum_ns: AtomicU64::new(0) }))
    }
}

impl LatenessHistogram {
    /// Counts messages that were all this late: two atomic additions, however many there are.
    #[cfg(test)]
    pub(super) fn observe_many(&self, late: Duration, messages: u64) {
        self.0.counts[bucket(late)].fetch_add(messages, Ordering::Relaxed);
        self.0.sum_ns.fetch_add(nanoseconds(late).saturating_mul(messages), Ordering::Relaxed);
    }

    /// Adds counts, and resets them.
    pub(super) fn add(&self, counts: &mut LatenessCounts) {
        for (total, count) in self.0.counts.iter().zip(&counts.counts) {
            if *count > 0 {
                total.fetch_add(*count, Ordering::Relaxed);
            }
        }
        self.0.sum_ns.fetch_add(counts.sum_ns, Ordering::Relaxed);
        *counts = LatenessCounts::default();
    }
}

impl EncodeMetric for LatenessHistogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let bounds = BOUNDS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
        let counts = self.0.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        // computed from the buckets, so that the two agree also while others count
        let count = buckets.iter().map(|(_, count)| count).sum();
        let seconds = self.0.sum_ns.load(Ordering::Relaxed) as f64 / 1e9;
        encoder.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        assert_eq!(bucket(Duration::ZERO), 0);
        for (index, bound_us) in BOUNDS_US.iter().enumerate() {
            let bound = Duration::from_micros(*bound_us);
            assert_eq!(bucket(bound), index);
            assert_eq!(bucket(bound + Duration::from_nanos(1)), index + 1);
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn what_is_counted_apart_adds_up_to_the_same() {
        let (one, other) = (LatenessHistogram::default(), LatenessHistogram::default());
        let mut counts = LatenessCounts::default();
        for us in [0, 99, 100, 101, 7_000, 20_000_000] {
            let late = Duration::from_micros(us);
            one.observe_many(late, 3);
            for _ in 0..3 {
                counts.observe(late);
            }
            other.add(&mut counts);
            other.add(&mut counts);
        }
        let numbers = |histogram: &LatenessHistogram| {
            let counts = histogram.0.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
            (counts, histogram.0.sum_ns.load(Ordering::Relaxed))
        };
        assert_eq!(numbers(&one), numbers(&other));
        assert_eq!(numbers(&one).0[..2], [9, 3]);
        assert_eq!(numbers(&one).1, 3 * 20_007_300_000);
    }
}
