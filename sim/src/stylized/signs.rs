//! The signs of trades: buys follow buys for hundreds of trades (Lillo and Farmer 2004, Bouchaud et al. 2004).

/// The lengths of the averages in trades.
const LENGTHS: [f64; 6] = [2.0, 8.0, 32.0, 128.0, 512.0, 2_048.0];
/// The weights of the averages, proportional to length^(−1/4), with sum 1: the autocorrelation decays with the square root
/// of the lag.
const WEIGHTS: [f64; 6] = [0.3343, 0.2364, 0.1672, 0.1182, 0.0836, 0.0603];
/// The part of the averages that is expected to continue.
const MEMORY: f64 = 0.93;

/// The averages of past signs over six lengths.
#[derive(Clone, Debug, Default)]
pub(super) struct Signs([f64; 6]);

impl Signs {
    /// Returns the expectation of the next sign.
    #[inline]
    pub(super) fn expectation(&self) -> f64 {
        self.0.iter().zip(WEIGHTS).map(|(average, weight)| MEMORY * weight * average).sum()
    }

    /// Adds a sign.
    #[inline]
    pub(super) fn add(&mut self, sign: f64) {
        for (average, length) in self.0.iter_mut().zip(LENGTHS) {
            *average += (sign - *average) / length;
        }
    }

    /// Returns the raw state, for the state digest.
    pub(super) fn state(&self) -> [u64; 6] {
        self.0.map(f64::to_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    #[test]
    fn expectations_have_known_answers() {
        let mut signs = Signs::default();
        let expectations = [1.0, 1.0, -1.0, 1.0, -1.0].map(|sign| {
            signs.add(sign);
            signs.expectation().to_bits()
        });
        let expected = [
            4_595_971_276_089_539_328,
            4_599_009_966_296_644_467,
            13_803_592_398_372_107_933,
            4_596_016_467_855_804_407,
            13_813_254_489_623_762_780,
        ];
        assert_eq!(expectations, expected);
    }

    #[test]
    fn signs_repeat_and_the_memory_decays_slowly() {
        let mut stream = Stream::new(3, Purpose::Flow, "");
        let mut signs = Signs::default();
        let drawn: Vec<f64> = (0..300_000)
            .map(|_| {
                let sign = if stream.unit() < 0.5 + 0.5 * signs.expectation() { 1.0 } else { -1.0 };
                signs.add(sign);
                sign
            })
            .collect();
        let correlation = |lag: usize| {
            let pairs = drawn.len() - lag;
            drawn.iter().zip(&drawn[lag..]).map(|(first, second)| first * second).sum::<f64>() / pairs as f64
        };
        let (first, tenth, hundredth) = (correlation(1), correlation(10), correlation(100));
        assert!((0.2..0.6).contains(&first), "{first}");
        assert!((0.05..0.35).contains(&tenth) && tenth < first, "{tenth}");
        assert!((0.01..0.2).contains(&hundredth) && hundredth < tenth, "{hundredth}");
    }
}
