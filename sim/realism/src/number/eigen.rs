//! The largest eigenvalue of a symmetric matrix with eigenvalues that are not negative, such as correlations.

/// Iterations of the power method; each multiplies the distance by the ratio of the two largest eigenvalues.
const ITERATIONS: usize = 300;

/// Returns the largest eigenvalue of an n × n matrix that is given row by row.
pub(crate) fn largest(matrix: &[f64], n: usize) -> f64 {
    // not orthogonal to any vector that practice produces
    let mut vector: Vec<f64> = (0..n).map(|at| 1.0 + at as f64 / (n as f64 * 7.0)).collect();
    let mut value = 0.0;
    for _ in 0..ITERATIONS {
        let next: Vec<f64> = matrix
            .chunks_exact(n)
            .map(|row| row.iter().zip(&vector).map(|(cell, at)| cell * at).sum())
            .collect();
        let length = next.iter().map(|at| at * at).sum::<f64>().sqrt();
        if length == 0.0 {
            return 0.0;
        }
        value = length;
        vector = next.into_iter().map(|at| at / length).collect();
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_correlations_have_a_known_largest_eigenvalue() {
        // 1 + (n − 1) ρ
        let matrix = [1.0, 0.3, 0.3, 0.3, 1.0, 0.3, 0.3, 0.3, 1.0];
        assert!((largest(&matrix, 3) - 1.6).abs() < 1e-9);
        assert!((largest(&[2.0, 0.0, 0.0, 5.0], 2) - 5.0).abs() < 1e-9);
    }
}
