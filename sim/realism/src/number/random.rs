//! Random numbers for the nulls. Their seed is fixed, so a report is a function of its input.

/// A generator (SplitMix64). Source: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
/// OOPSLA 2014.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Random {
        Random(seed)
    }

    #[inline]
    pub(crate) fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// Draws a number in (0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.word() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Draws 1 or −1.
    pub(crate) fn sign(&mut self) -> f64 {
        if self.word() >> 63 == 0 { 1.0 } else { -1.0 }
    }

    /// Draws an integer below a bound. Its bias is bound / 2^64.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.word()) * bound as u128) >> 64) as usize
    }

    /// Draws a standard normal number (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(self.unit())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Draws a Poisson number: by its definition for a small mean, otherwise by the normal approximation.
    pub(crate) fn poisson(&mut self, mean: f64) -> f64 {
        if mean > 50.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0);
        }
        let bound = libm::exp(-mean);
        let (mut product, mut count) = (self.unit(), 0.0);
        while product > bound {
            product *= self.unit();
            count += 1.0;
        }
        count
    }

    /// Puts values into random order.
    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        for at in (1..values.len()).rev() {
            values.swap(at, self.below(at + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_reference() {
        // the first outputs of the reference implementation for the seed 1234567
        let mut random = Random::new(1_234_567);
        assert_eq!([random.word(), random.word()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn draws_have_their_means_and_variances() {
        let mut random = Random::new(3);
        let mut check = |mean: f64, variance: f64, draw: &mut dyn FnMut(&mut Random) -> f64| {
            let n = 100_000;
            let values: Vec<f64> = (0..n).map(|_| draw(&mut random)).collect();
            let found = values.iter().sum::<f64>() / f64::from(n);
            let spread =
                values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / f64::from(n);
            assert!((found - mean).abs() < 5.0 * (variance / f64::from(n)).sqrt(), "{found}");
            assert!((spread / variance - 1.0).abs() < 0.05, "{spread}");
        };
        check(0.5, 1.0 / 12.0, &mut Random::unit);
        check(0.0, 1.0, &mut Random::normal);
        check(0.0, 1.0, &mut Random::sign);
        check(4.0, 4.0, &mut |random| random.poisson(4.0));
        check(80.0, 80.0, &mut |random| random.poisson(80.0));
        check(4.5, 8.25, &mut |random| random.below(10) as f64);
    }

    #[test]
    fn a_shuffle_keeps_the_values() {
        let mut values: Vec<u32> = (0..100).collect();
        Random::new(1).shuffle(&mut values);
        assert_ne!(values, (0..100).collect::<Vec<_>>());
        values.sort_unstable();
        assert_eq!(values, (0..100).collect::<Vec<_>>());
    }
}
