//! A histogram of positive integers with relative precision, in constant memory.

/// Bins of an octave: integers below this number have bins of their own, larger ones a precision of 1/512.
const SUB: u64 = 512;
const SUB_BITS: u32 = SUB.trailing_zeros();
/// Octaves above the exact part. 2^50 microseconds are 35 years.
const OCTAVES: usize = 42;

/// Counts of integers.
#[derive(Clone, Debug)]
pub(crate) struct LogHistogram {
    counts: Box<[u64]>,
    total: u64,
    sum: f64,
}

impl Default for LogHistogram {
    fn default() -> LogHistogram {
        LogHistogram { counts: vec![0; SUB as usize * (OCTAVES + 1)].into_boxed_slice(), total: 0, sum: 0.0 }
    }
}

impl LogHistogram {
    #[inline]
    pub(crate) fn push(&mut self, value: u64) {
        let bin = if value < SUB {
            value as usize
        } else {
            let octave = value.ilog2() - SUB_BITS;
            let within = (value >> octave) - SUB;
            (SUB * u64::from(octave + 1) + within) as usize
        };
        let last = self.counts.len() - 1;
        self.counts[bin.min(last)] += 1;
        self.total += 1;
        self.sum += value as f64;
    }

    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Returns the mean of the exact numbers.
    pub(crate) fn mean(&self) -> Option<f64> {
        super::ratio(self.sum, self.total as f64)
    }

    /// Returns the smallest number of a bin.
    fn low(bin: usize) -> f64 {
        let (octave, within) = (bin as u64 / SUB, bin as u64 % SUB);
        if octave == 0 { within as f64 } else { ((SUB + within) << (octave - 1)) as f64 }
    }

    /// Returns the bins that are not empty, largest first, as pairs of number and count.
    pub(crate) fn descending(&self) -> impl Iterator<Item = (f64, u64)> {
        let bins = self.counts.iter().enumerate().rev().filter(|(_, count)| **count > 0);
        bins.map(|(bin, count)| (LogHistogram::low(bin), *count))
    }

    /// Returns the number below which a share of all numbers lies.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let rank = (share * self.total as f64) as u64;
        let mut above = 0;
        self.descending().find_map(|(value, count)| {
            above += count;
            (self.total - above <= rank).then_some(value)
        })
    }

    /// Returns the share of numbers below a bound. Numbers up to 1/512 above it count if they share a bin with smaller ones.
    pub(crate) fn share_below(&self, bound: u64) -> Option<f64> {
        let below: u64 =
            self.descending().filter(|(value, _)| *value < bound as f64).map(|(_, count)| count).sum();
        super::ratio(below as f64, self.total as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_precise() {
        let mut histogram = LogHistogram::default();
        (1..=100_000).for_each(|value| histogram.push(value));
        for (share, expected) in [(0.001, 101.0), (0.5, 50_001.0), (0.9, 90_001.0)] {
            let found = histogram.quantile(share).unwrap();
            assert!((found / expected - 1.0).abs() < 2.0 / SUB as f64, "{share}: {found}");
        }
        assert_eq!(histogram.share_below(400), Some(399.0 / 100_000.0));
        assert_eq!(histogram.mean(), Some(50_000.5));
    }

    #[test]
    fn every_number_has_a_bin_whose_lowest_number_is_near() {
        for value in [1, 511, 512, 513, 1_023, 1_024, 65_537, 1 << 40, (1 << 50) + 12_345] {
            let mut histogram = LogHistogram::default();
            histogram.push(value);
            let (low, count) = histogram.descending().next().unwrap();
            assert!(
                count == 1 && low <= value as f64 && low > value as f64 * (1.0 - 1.0 / SUB as f64),
                "{value}: {low}"
            );
        }
        LogHistogram::default().push(u64::MAX);
    }
}
