//! Straight lines through points.

/// Returns the slope of the line that fits weighted points `(x, y, weight)` best by least squares; `None` for fewer than three
/// points or a single x.
pub(crate) fn slope(points: &[(f64, f64, f64)]) -> Option<f64> {
    let weight: f64 = points.iter().map(|(_, _, weight)| weight).sum();
    let x = points.iter().map(|(x, _, weight)| x * weight).sum::<f64>() / weight;
    let y = points.iter().map(|(_, y, weight)| y * weight).sum::<f64>() / weight;
    let xx: f64 = points.iter().map(|(at, _, weight)| weight * (at - x) * (at - x)).sum();
    let xy: f64 = points.iter().map(|(at, value, weight)| weight * (at - x) * (value - y)).sum();
    if points.len() < 3 || xx <= 0.0 { None } else { super::ratio(xy, xx) }
}

/// Returns the exponent a of `y = c·x^a` through points `(x, y, weight)`; `None` if a y is not above 0.
pub(crate) fn exponent(points: &[(f64, f64, f64)]) -> Option<f64> {
    if points.iter().any(|(x, y, _)| *x <= 0.0 || *y <= 0.0) {
        return None;
    }
    let logs: Vec<_> = points.iter().map(|(x, y, weight)| (libm::log(*x), libm::log(*y), *weight)).collect();
    slope(&logs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_powers_are_found() {
        assert_eq!(slope(&[(0.0, 1.0, 1.0), (1.0, 3.0, 1.0), (2.0, 5.0, 1.0)]), Some(2.0));
        // a heavy point counts as several
        let repeated = [(0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (2.0, 5.0, 1.0), (2.0, 5.0, 1.0)];
        let weighted = [(0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (2.0, 5.0, 2.0)];
        assert!((slope(&repeated).unwrap() - slope(&weighted).unwrap()).abs() < 1e-12);
        let power: Vec<_> = (1..9).map(f64::from).map(|x| (x, 3.0 / x.sqrt(), 1.0)).collect();
        assert!((exponent(&power).unwrap() + 0.5).abs() < 1e-12);
        assert_eq!(exponent(&[(1.0, 1.0, 1.0), (2.0, -1.0, 1.0), (3.0, 1.0, 1.0)]), None);
        assert_eq!(slope(&[(0.0, 1.0, 1.0), (1.0, 3.0, 1.0)]), None);
    }
}
