//! Sizes and prices of executions, and spreads at whole seconds.

use crate::number::{log_histogram::LogHistogram, ratio};

/// The number of shares below which a print is an odd lot.
const ROUND: u32 = 100;
/// Prices in units of 0.0001: $350 and $70, the top decile and the middle of US stocks; $20 and $150, where a spread is one tick.
const EXPENSIVE: i64 = 3_500_000;
const CHEAP: i64 = 700_000;
const ONE_TICK: std::ops::RangeInclusive<i64> = 200_000..=1_500_000;
/// Five cents in units of 0.0001.
const NICKEL: i64 = 500;

/// A share of a count.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share {
    part: f64,
    count: f64,
}

impl Share {
    #[inline]
    fn push(&mut self, is_part: bool) {
        self.count += 1.0;
        self.part += f64::from(u8::from(is_part));
    }

    pub(crate) fn get(&self) -> Option<f64> {
        ratio(self.part, self.count)
    }
}

/// The sizes of prints, without those of auctions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sizes {
    pub(crate) all: LogHistogram,
    pub(crate) hundred: Share,
    pub(crate) odd: Share,
    pub(crate) odd_expensive: Share,
    pub(crate) odd_cheap: Share,
    /// Multiples of 100 among larger prints.
    pub(crate) round: Share,
}

impl Sizes {
    #[inline]
    pub(crate) fn push(&mut self, shares: u32, price: i64) {
        self.all.push(u64::from(shares));
        let odd = shares < ROUND;
        self.hundred.push(shares == ROUND);
        self.odd.push(odd);
        if price >= EXPENSIVE {
            self.odd_expensive.push(odd);
        } else if price < CHEAP {
            self.odd_cheap.push(odd);
        }
        if shares > ROUND {
            self.round.push(shares.is_multiple_of(ROUND));
        }
    }

    /// Returns Hill's exponent of the largest prints; equal sizes are distributed as they are.
    pub(crate) fn tail_exponent(&self, share: f64) -> Option<f64> {
        let wanted = (self.all.total() as f64 * share) as u64;
        let (mut taken, mut logs) = (0, 0.0);
        let mut threshold = None;
        for (size, count) in self.all.descending() {
            if taken + count > wanted {
                let part = wanted - taken;
                logs += part as f64 * libm::log(size);
                threshold = Some(size);
                break;
            }
            taken += count;
            logs += count as f64 * libm::log(size);
        }
        let excess = logs - wanted as f64 * libm::log(threshold?);
        if wanted < 10 || excess <= 1e-9 { None } else { Some(wanted as f64 / excess) }
    }
}

/// The last digits of prices.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prices {
    pub(crate) nickels: Share,
}

impl Prices {
    #[inline]
    pub(crate) fn push(&mut self, price: i64) {
        self.nickels.push(price % NICKEL == 0);
    }
}

/// Spreads at whole seconds, in ticks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spreads {
    /// Between $20 and $150, in hundredths of a tick.
    pub(crate) usual: LogHistogram,
    /// Above $350: sum and count.
    expensive: (f64, f64),
}

impl Spreads {
    #[inline]
    pub(crate) fn push(&mut self, price: i64, spread: i64, tick: i64) {
        if ONE_TICK.contains(&price) {
            self.usual.push((spread * 100 / tick) as u64);
        } else if price > EXPENSIVE {
            self.expensive.0 += spread as f64 / tick as f64;
            self.expensive.1 += 1.0;
        }
    }

    pub(crate) fn expensive_mean(&self) -> Option<f64> {
        ratio(self.expensive.0, self.expensive.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lots_are_counted_by_size_and_price() {
        let mut sizes = Sizes::default();
        for (shares, price) in
            [(1, 4_000_000), (100, 4_000_000), (99, 500_000), (200, 500_000), (250, 1_000_000)]
        {
            sizes.push(shares, price);
        }
        let shares = [sizes.hundred, sizes.odd, sizes.odd_expensive, sizes.odd_cheap, sizes.round];
        assert_eq!(shares.map(|share| share.get().unwrap()), [0.2, 0.4, 0.5, 0.5, 0.5]);
        assert_eq!(Sizes::default().odd.get(), None);
    }

    #[test]
    fn the_tail_of_pareto_sizes_has_their_exponent() {
        let mut sizes = Sizes::default();
        for at in 0..400_000 {
            let u = (f64::from(at) + 0.5) / 400_000.0;
            // P(X > x) = (x / 100)^-1.5
            sizes.push((100.0 / libm::cbrt(u * u)) as u32, 1_000_000);
        }
        let found = sizes.tail_exponent(0.005).unwrap();
        assert!((found - 1.5).abs() < 0.02, "{found}");
        let mut equal = Sizes::default();
        (0..10_000).for_each(|_| equal.push(500, 1_000_000));
        assert_eq!(equal.tail_exponent(0.005), None);
    }

    #[test]
    fn spreads_count_in_ticks() {
        let mut spreads = Spreads::default();
        spreads.push(1_000_000, 100, 100);
        spreads.push(1_000_000, 300, 100);
        spreads.push(1_000_000, 300, 100);
        spreads.push(5_000_000, 1_000, 100);
        spreads.push(5_000_000, 2_000, 100);
        assert_eq!(spreads.usual.quantile(0.5), Some(300.0));
        assert_eq!(spreads.expensive_mean(), Some(15.0));
        let mut prices = Prices::default();
        for price in [1_000_500, 1_000_100, 1_000_000, 1_000_050] {
            prices.push(price);
        }
        assert_eq!(prices.nickels.get(), Some(0.5));
    }
}
