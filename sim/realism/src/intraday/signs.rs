//! The memory of the signs of trades.

/// The lags at which the autocorrelation is measured.
pub(crate) const LAGS: [usize; 13] = [1, 2, 3, 5, 8, 10, 13, 20, 32, 50, 80, 126, 200];
const LAG_MAX: usize = LAGS[LAGS.len() - 1];
const WORDS: usize = LAG_MAX / 64 + 1;

/// The most recent signs of a symbol on a day, one bit each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SignMemory {
    /// Bit 0 of the first word is the latest sign; 1 means a purchase.
    words: [u64; WORDS],
    count: usize,
}

/// Sums of products of signs, by lag.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SignSums {
    products: [i64; LAGS.len()],
    counts: [i64; LAGS.len()],
}

impl SignMemory {
    #[inline]
    pub(crate) fn push(&mut self, is_buy: bool, sums: &mut SignSums) {
        for (at, lag) in LAGS.iter().enumerate() {
            if self.count < *lag {
                break;
            }
            let bit = self.words[(lag - 1) / 64] >> ((lag - 1) % 64) & 1;
            sums.products[at] += if (bit == 1) == is_buy { 1 } else { -1 };
            sums.counts[at] += 1;
        }
        let mut carry = u64::from(is_buy);
        for word in &mut self.words {
            let next = *word >> 63;
            *word = *word << 1 | carry;
            carry = next;
        }
        self.count += 1;
    }
}

impl SignSums {
    /// Returns the autocorrelation at each of the [`LAGS`] with its number of pairs.
    pub(crate) fn autocorrelation(&self) -> impl Iterator<Item = (usize, Option<f64>, f64)> {
        let lag = |(at, lag): (usize, &usize)| {
            let count = self.counts[at] as f64;
            (*lag, crate::number::ratio(self.products[at] as f64, count), count)
        };
        LAGS.iter().enumerate().map(lag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_of_four_has_a_known_autocorrelation() {
        let (mut memory, mut sums) = (SignMemory::default(), SignSums::default());
        for at in 0..10_000 {
            memory.push(at % 4 < 2, &mut sums);
        }
        // + + − − + + − −: 0 at odd lags, −1 at 2, 10, 50 and 126, 1 at 8, 20, 32, 80 and 200
        for (lag, value, count) in sums.autocorrelation() {
            let expected = [1.0, 0.0, -1.0, 0.0][lag % 4];
            assert!((value.unwrap() - expected).abs() < 1e-3, "{lag}: {value:?}");
            assert_eq!(count, (10_000 - lag) as f64);
        }
    }
}
