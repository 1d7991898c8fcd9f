//! The numerical methods of the statistics. Each is a function of numbers alone, and has a test with a known answer.

pub(crate) mod auc;
pub(crate) mod correlation;
pub(crate) mod eigen;
pub(crate) mod fit;
pub(crate) mod hill;
pub(crate) mod kurtosis;
pub(crate) mod log_histogram;
pub(crate) mod random;
pub(crate) mod student;

/// Returns the mean of some numbers, or `None` if there are none.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0u64);
    for value in values {
        sum += value;
        count += 1;
    }
    (count > 0).then(|| sum / count as f64)
}

/// Returns the standard deviation of some numbers around their mean, with n − 1 degrees of freedom; `None` for fewer than two.
pub(crate) fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values.iter().copied())?;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt())
}

/// Returns `a / b`, or `None` if that is not a finite number.
pub(crate) fn ratio(a: f64, b: f64) -> Option<f64> {
    Some(a / b).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_deviations_have_known_answers() {
        assert_eq!(mean([1.0, 2.0, 6.0]), Some(3.0));
        assert_eq!(mean([]), None);
        assert_eq!(deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), Some((32.0f64 / 7.0).sqrt()));
        assert_eq!(deviation(&[1.0]), None);
        assert_eq!((ratio(1.0, 4.0), ratio(1.0, 0.0)), (Some(0.25), None));
    }
}
