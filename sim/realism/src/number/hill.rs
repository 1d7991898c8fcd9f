//! Hill's estimator of a tail exponent.
//!
//! Source: B. M. Hill, "A simple general approach to inference about the tail of a distribution", Annals of Statistics 3(5), 1975.

/// The smallest tail that gives an exponent.
const TAIL_MIN: usize = 10;

/// Returns the exponent α of `P(X > x) ~ x^-α` from the largest `share` of positive values, which are sorted, largest first;
/// `None` if the tail has fewer than ten values, or if all of them are equal.
pub(crate) fn exponent(descending: &[f64], share: f64) -> Option<f64> {
    let count = (descending.len() as f64 * share) as usize;
    let threshold = *descending.get(count)?;
    if count < TAIL_MIN || threshold <= 0.0 {
        return None;
    }
    let logs: f64 = descending[..count].iter().map(|value| libm::log(value / threshold)).sum();
    super::ratio(count as f64, logs)
}

/// Returns the exponents of growing tails, as pairs of share and exponent, for a Hill plot.
pub(crate) fn plot(descending: &[f64]) -> Vec<(f64, f64)> {
    const SHARES: [f64; 12] = [0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1];
    SHARES.iter().filter_map(|share| Some((*share, exponent(descending, *share)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponent_of_a_pareto_distribution_is_found() {
        // the quantiles of P(X > x) = x^-3
        let values: Vec<f64> =
            (0..100_000).map(|at| 1.0 / libm::cbrt((f64::from(at) + 0.5) / 100_000.0)).collect();
        let found = exponent(&values, 0.01).unwrap();
        assert!((found - 3.0).abs() < 0.02, "{found}");
        assert!(plot(&values).iter().all(|(_, found)| (found - 3.0).abs() < 0.1));
    }

    #[test]
    fn a_tail_without_variation_has_no_exponent() {
        assert_eq!(exponent(&[5.0; 1_000], 0.02), None);
        assert_eq!(exponent(&[5.0, 4.0], 0.5), None);
    }
}
