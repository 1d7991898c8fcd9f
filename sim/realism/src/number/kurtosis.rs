//! Excess kurtosis of numbers whose mean is about 0, such as returns.

/// Sums of even powers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kurtosis {
    pub(crate) count: f64,
    pub(crate) squares: f64,
    pub(crate) fourths: f64,
}

impl Kurtosis {
    /// Adds a number; one that is not finite is left out.
    #[inline]
    pub(crate) fn push(&mut self, value: f64) {
        let square = value * value;
        if square.is_finite() {
            self.count += 1.0;
            self.squares += square;
            self.fourths += square * square;
        }
    }

    /// Adds other sums after a division of their numbers by a scale.
    pub(crate) fn add_scaled(&mut self, other: Kurtosis, scale: f64) {
        let square = scale * scale;
        self.count += other.count;
        self.squares += other.squares / square;
        self.fourths += other.fourths / (square * square);
    }

    /// Returns the root of the mean square.
    pub(crate) fn scale(&self) -> f64 {
        (self.squares / self.count).sqrt()
    }

    /// Returns the excess kurtosis: 0 for normal numbers.
    pub(crate) fn excess(&self) -> Option<f64> {
        super::ratio(self.fourths * self.count, self.squares * self.squares).map(|kurtosis| kurtosis - 3.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::random::Random;

    #[test]
    fn distributions_have_known_kurtosis() {
        let excess = |values: &mut dyn Iterator<Item = f64>| {
            let mut sums = Kurtosis::default();
            values.for_each(|value| sums.push(value));
            sums.excess()
        };
        assert_eq!(excess(&mut [1.0, -1.0, 1.0, -1.0].into_iter()), Some(-2.0));
        assert_eq!(excess(&mut [f64::NAN, 0.0].into_iter()), None);
        // uniform: −1.2
        let uniform = excess(&mut (0..100_000).map(|at| f64::from(at) / 50_000.0 - 1.0)).unwrap();
        assert!((uniform + 1.2).abs() < 1e-3, "{uniform}");
        let mut random = Random::new(1);
        let normal = excess(&mut (0..200_000).map(|_| random.normal())).unwrap();
        assert!(normal.abs() < 0.05, "{normal}");
    }

    #[test]
    fn scaled_sums_are_those_of_scaled_numbers() {
        let (mut wide, mut sums, mut direct) =
            (Kurtosis::default(), Kurtosis::default(), Kurtosis::default());
        for value in [1.0, -2.0, 5.0] {
            wide.push(value);
            direct.push(value / 4.0);
        }
        sums.add_scaled(wide, 4.0);
        assert!((sums.excess().unwrap() - direct.excess().unwrap()).abs() < 1e-12);
        assert!((wide.scale() - 10.0f64.sqrt()).abs() < 1e-12);
    }
}
