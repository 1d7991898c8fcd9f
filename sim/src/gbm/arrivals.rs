//! The arrival times of one symbol's orders: a Poisson process whose intensity is constant within a segment.

use std::sync::Arc;

use crate::{
    rng::{Purpose, Stream},
    segments::Segment,
};

/// The arrival times of one symbol's orders.
///
/// Each arrival takes one exponential draw, which is consumed at the intensity of each segment that it passes (time
/// rescaling), so that changes of intensity are exact.
#[derive(Clone, Debug)]
pub(crate) struct Arrivals {
    /// Shared by clones: a day of random bursts has thousands.
    segments: Arc<[Segment]>,
    /// Orders per microsecond at multiplier 1.
    rate_per_micro: f64,
    segment: usize,
    /// The last arrival, in microseconds since the segment's start.
    at: f64,
    stream: Stream,
}

impl Arrivals {
    /// Creates the arrivals of a symbol with `rate` orders per second at multiplier 1.
    pub(crate) fn new(seed: u64, symbol: &str, rate: f64, segments: Vec<Segment>) -> Arrivals {
        let stream = Stream::new(seed, Purpose::Arrivals, symbol);
        Arrivals { segments: segments.into(), rate_per_micro: rate / 1e6, segment: 0, at: 0.0, stream }
    }

    /// Returns the next arrival in microseconds since the epoch, never before the previous one. Returns `None` after the
    /// end of the day.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<i64> {
        let mut need = self.stream.exponential();
        loop {
            let segment = self.segments.get(self.segment)?;
            let rate = self.rate_per_micro * segment.multiplier;
            let len = (segment.to - segment.from) as f64;
            let rest = (len - self.at) * rate;
            if need < rest {
                // rounding may reach the segment's end, which belongs to the next segment
                self.at = (self.at + need / rate).min(len - 1.0);
                return Some(segment.from + self.at as i64);
            }
            need -= rest;
            self.segment += 1;
            self.at = 0.0;
        }
    }

    /// Returns the raw state, for the state digest.
    pub(crate) fn state(&self) -> [u64; 3] {
        [self.segment as u64, self.at.to_bits(), self.stream.position()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn arrivals_follow_the_intensity() {
        let segments = [(0, 1_000, 1.0), (1_000, 2_000, 0.0), (2_000, 3_000, 4.0)];
        let segment = |(from, to, multiplier)| Segment { from: from * SECOND, to: to * SECOND, multiplier };
        let mut arrivals = Arrivals::new(5, "AAPL", 20.0, segments.map(segment).to_vec());
        let (mut counts, mut last) = ([0f64; 3], 0);
        while let Some(at) = arrivals.next() {
            assert!(at >= last);
            last = at;
            counts[(at / (1_000 * SECOND)) as usize] += 1.0;
        }
        assert_eq!(counts[1], 0.0);
        for (count, expected) in [(counts[0], 20_000.0), (counts[2], 80_000.0f64)] {
            assert!((count - expected).abs() < 4.0 * expected.sqrt(), "{count} of {expected}");
        }
    }
}
