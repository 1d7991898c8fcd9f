//! How long orders rest until they are cancelled.

use crate::{math, rng::Stream};

/// Cumulative shares and lives in microseconds: 38.7 % are cancelled within half a second, and a third live for longer than
/// five seconds. Source: SEC, data highlight 2013-05, "The Speed of the Equity Markets".
const QUANTILES: [(f64, f64); 9] = [
    (0.0, 50.0),
    (0.075, 500.0),
    (0.15, 5_000.0),
    (0.235, 50_000.0),
    (0.387, 500_000.0),
    (0.62, 5_000_000.0),
    (0.86, 40_000_000.0),
    (0.97, 200_000_000.0),
    (1.0, 600_000_000.0),
];

/// The number of cells of the table.
const CELLS: usize = 256;

/// The distribution of lives as cells of equal probability, uniform within a cell, so that a draw needs no transcendental
/// function.
#[derive(Debug)]
pub(super) struct Lives([f64; CELLS + 1]);

impl Lives {
    /// Computes the bounds of the cells, by interpolation of the quantiles' logarithms.
    pub(super) fn new() -> Lives {
        Lives(std::array::from_fn(|cell| {
            let share = cell as f64 / CELLS as f64;
            let next = QUANTILES.partition_point(|quantile| quantile.0 <= share).min(QUANTILES.len() - 1);
            let (low, high) = (QUANTILES[next - 1], QUANTILES[next]);
            let (from, to) = (math::ln(low.1), math::ln(high.1));
            math::exp(from + (share - low.0) / (high.0 - low.0) * (to - from))
        }))
    }

    /// Draws a life in microseconds.
    #[inline]
    pub(super) fn draw(&self, stream: &mut Stream) -> i64 {
        let word = stream.word();
        let cell = (word >> 56) as usize;
        let within = ((word << 8) >> 11) as f64 * (1.0 / (1u64 << 53) as f64);
        (self.0[cell] + (self.0[cell + 1] - self.0[cell]) * within) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Purpose;

    #[test]
    fn draws_have_known_answers_and_the_published_shares() {
        let (lives, mut stream) = (Lives::new(), Stream::new(42, Purpose::Flow, "AAPL"));
        let draws: Vec<i64> = (0..100_000).map(|_| lives.draw(&mut stream)).collect();
        assert_eq!(draws[..4], [10_794_060, 3_625_406, 3_391_288, 986]);
        for (share, life) in QUANTILES {
            let below = draws.iter().filter(|&&draw| (draw as f64) < life).count() as f64 / 1e5;
            assert!((below - share).abs() < 0.006, "{below} of {share} below {life}");
        }
    }
}
