//! Leverage: losses raise the volatility that follows (Black 1976, Cont 2001).

/// The memory of past returns that multiplies the variance.
///
/// It is an average of standard normal numbers, so it is a standard normal number in each step, and independent of the
/// weather. Therefore the multiplier `(1 − kx)² / (1 + k²)` has the mean 1, whatever else multiplies the variance.
#[derive(Clone, Debug)]
pub(super) struct Leverage {
    strength: f64,
    average: f64,
}

/// The part of the average that remains after a step: it decays over 600 s of the core session.
const KEPT: f64 = 0.992;

impl Leverage {
    /// Creates the memory at the start of a day.
    pub(super) const fn new(strength: f64) -> Leverage {
        Leverage { strength, average: 0.0 }
    }

    /// Adds the returns of a step as a standard normal number.
    #[inline]
    pub(super) fn add(&mut self, normal: f64) {
        self.average = KEPT * self.average + (1.0 - KEPT * KEPT).sqrt() * normal;
    }

    /// Returns the multiplier of the variance.
    #[inline]
    pub(super) fn variance(&self) -> f64 {
        let factor = 1.0 - self.strength * self.average;
        factor * factor / (1.0 + self.strength * self.strength)
    }

    /// Returns the raw state, for the state digest.
    pub(super) fn state(&self) -> u64 {
        self.average.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    #[test]
    fn the_mean_is_one_and_losses_raise_it() {
        let mut leverage = Leverage::new(0.25);
        let mut stream = Stream::new(1, Purpose::News, "");
        let (mut sum, steps) = (0.0, 1_000_000);
        for _ in 0..steps {
            leverage.add(stream.normal());
            sum += leverage.variance();
        }
        let mean = sum / f64::from(steps);
        assert!((mean - 1.0).abs() < 0.03, "{mean}");
        let mut fallen = Leverage::new(0.25);
        fallen.add(-3.0);
        assert!(fallen.variance() > Leverage::new(0.25).variance());
    }
}
