//! Pearson's correlation of pairs.

/// Sums of pairs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pairs {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
}

impl Pairs {
    /// Adds a pair; pairs with a value that is not finite are left out.
    #[inline]
    pub(crate) fn push(&mut self, x: f64, y: f64) {
        if x.is_finite() && y.is_finite() {
            self.count += 1.0;
            self.x += x;
            self.y += y;
            self.xx += x * x;
            self.yy += y * y;
            self.xy += x * y;
        }
    }

    /// Returns the correlation, or `None` if one side does not vary.
    pub(crate) fn correlation(&self) -> Option<f64> {
        let n = self.count;
        let (x, y) = (self.xx - self.x * self.x / n, self.yy - self.y * self.y / n);
        if x > 0.0 && y > 0.0 { super::ratio(self.xy - self.x * self.y / n, (x * y).sqrt()) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_have_known_answers() {
        let correlation = |pairs: &[(f64, f64)]| {
            let mut sums = Pairs::default();
            pairs.iter().for_each(|(x, y)| sums.push(*x, *y));
            sums.correlation()
        };
        assert_eq!(correlation(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0), (f64::NAN, 0.0)]), Some(1.0));
        assert_eq!(correlation(&[(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)]), Some(0.0));
        assert_eq!(correlation(&[(1.0, 1.0), (2.0, 1.0)]), None);
    }
}
