//! C1 to C3: the memory of the signs of trades.

use super::memory;
use crate::{intraday::signs::SignSums, measured::Measured, pool::Pool};

/// The lags of the fit.
const FIT: std::ops::RangeInclusive<usize> = 2..=200;
const NO_TRADES: &str = "the recording has no executions in the core session";

pub(super) fn rows(pool: &Pool) -> Vec<Measured> {
    let (signs, random) = (&pool.totals.responses.signs, &pool.totals.responses.random_signs);
    let rows = [
        Measured::new("C1", at(signs, 1)).null(at(random, 1)),
        Measured::new("C2", at(signs, 10)).null(at(random, 10)),
        Measured::new("C3", exponent(signs)),
    ];
    rows.map(|row| row.only_if(at(signs, 1).is_some(), NO_TRADES)).into()
}

fn at(sums: &SignSums, lag: usize) -> Option<f64> {
    sums.autocorrelation().find(|(at, _, _)| *at == lag)?.1
}

fn exponent(sums: &SignSums) -> Option<f64> {
    let points: Vec<_> = sums.autocorrelation().filter(|(lag, _, _)| FIT.contains(lag)).collect();
    memory::exponent(&points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{intraday::signs::SignMemory, number::random::Random};

    #[test]
    fn orders_that_are_split_have_a_long_memory() {
        // Lillo, Mike and Farmer 2005: orders whose length has a tail exponent of 1.5, one at a time, give signs whose
        // autocorrelation decays with 0.5
        let (mut memory, mut sums, mut random) = (SignMemory::default(), SignSums::default(), Random::new(4));
        let mut trades = 0;
        while trades < 2_000_000 {
            let u = random.unit();
            let length = (1.0 / libm::cbrt(u * u)).min(1e5) as usize;
            let is_buy = random.sign() > 0.0;
            (0..length).for_each(|_| memory.push(is_buy, &mut sums));
            trades += length;
        }
        let found = exponent(&sums).unwrap();
        assert!((found - 0.5).abs() < 0.2, "{found}");
    }

    #[test]
    fn random_signs_have_no_exponent() {
        let (mut memory, mut sums, mut random) = (SignMemory::default(), SignSums::default(), Random::new(4));
        (0..100_000).for_each(|_| memory.push(random.sign() > 0.0, &mut sums));
        assert!(at(&sums, 1).unwrap().abs() < 0.02);
        assert_eq!(exponent(&sums), None);
    }
}
