//! The error of a mean of few values.

/// Returns by how much the interval of 2.5 standard errors has to be wider if the error was estimated with some degrees of freedom: the
/// quantile of Student's t distribution over that of the normal distribution. It is 1 for many, and 1.5 for five.
///
/// The expansion is that of Abramowitz and Stegun 1964, 26.7.5; below three degrees of freedom it is too small.
pub(crate) fn widening(degrees: usize) -> f64 {
    const ERRORS: f64 = 2.5;
    let (z, n) = (ERRORS, degrees as f64);
    let powers = [z, z.powi(3), z.powi(5), z.powi(7), z.powi(9)];
    let sum =
        |factors: [f64; 5]| factors.iter().zip(powers).map(|(factor, power)| factor * power).sum::<f64>();
    let t = z
        + sum([1.0, 1.0, 0.0, 0.0, 0.0]) / (4.0 * n)
        + sum([3.0, 16.0, 5.0, 0.0, 0.0]) / (96.0 * n * n)
        + sum([-15.0, 17.0, 19.0, 3.0, 0.0]) / (384.0 * n.powi(3))
        + sum([-945.0, -1_920.0, 1_482.0, 776.0, 79.0]) / (92_160.0 * n.powi(4));
    t / ERRORS
}

#[cfg(test)]
mod tests {
    use super::widening;

    #[test]
    fn few_values_widen_as_the_tables_of_the_distribution_say() {
        // quantiles at a probability of 0.99379: 3.82 with 5 degrees of freedom, 2.97 with 11, 2.53 with 100
        for (degrees, expected) in [(5, 3.82), (11, 2.97), (100, 2.55)] {
            let found = 2.5 * widening(degrees);
            assert!((found - expected).abs() < 0.02, "{degrees}: {found}");
        }
    }
}
