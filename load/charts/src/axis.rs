//! Horizontal axes, the positions on them, and round steps.

/// A horizontal axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    from: f64,
    to: f64,
    logarithmic: bool,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Creates a linear axis with labels at these positions.
    pub fn linear(from: f64, to: f64, ticks: Vec<(f64, String)>) -> Axis {
        Axis { from, to: to.max(from + 1e-9), logarithmic: false, ticks }
    }

    /// Creates a linear axis with about eight labels at round positions.
    pub fn round(from: f64, to: f64) -> Axis {
        let step = round_step((to - from) / 8.0);
        let first = (from / step).ceil();
        let ticks = (0..=10)
            .map(|number| (first + f64::from(number)) * step)
            .take_while(|at| *at <= to + step * 1e-6)
            // -0 and the like
            .map(|at| (at, format!("{}", (at / step).round() * step + 0.0)))
            .collect();
        Axis::linear(from, to, ticks)
    }

    /// Creates a logarithmic axis with labels at powers of ten. Both ends must be above 0.
    pub fn logarithmic(from: f64, to: f64) -> Axis {
        let from = from.max(f64::MIN_POSITIVE);
        let to = to.max(from * 1.000_001);
        let ticks = std::iter::successors(Some(decade_below(from)), |at| Some(at * 10.0))
            .take_while(|at| *at <= to * 1.000_1)
            .filter(|at| *at >= from * 0.999_9)
            .map(|at| (at, format!("{at}")))
            .collect();
        Axis { from, to, logarithmic: true, ticks }
    }

    /// Returns where a value is: 0 at the start of the axis and 1 at its end.
    pub(crate) fn share(&self, at: f64) -> f64 {
        let share = if self.logarithmic {
            libm::log10(at.max(f64::MIN_POSITIVE) / self.from) / libm::log10(self.to / self.from)
        } else {
            (at - self.from) / (self.to - self.from)
        };
        share.clamp(0.0, 1.0)
    }

    pub(crate) fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }
}

/// Returns the greatest power of ten that is not above a value.
pub(crate) fn decade_below(value: f64) -> f64 {
    let mut decade = 1.0;
    while decade > value {
        decade /= 10.0;
    }
    while decade * 10.0 <= value {
        decade *= 10.0;
    }
    decade
}

/// Returns the smallest of 1, 2 or 5 times a power of ten that is not below a value.
pub fn round_step(value: f64) -> f64 {
    let decade = decade_below(value.max(1e-9));
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * decade)
        .find(|step| *step >= value)
        .unwrap_or(decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        for (value, step) in [(0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (4.9, 5.0), (5.1, 10.0), (1250.0, 2000.0)] {
            assert!((round_step(value) - step).abs() < 1e-9 * step, "{value}");
        }
    }

    #[test]
    fn positions_follow_the_kind_of_the_axis() {
        let axis = Axis::logarithmic(1.0, 100.0);
        assert_eq!([1.0, 10.0, 100.0, 1e9, -1.0].map(|at| axis.share(at)), [0.0, 0.5, 1.0, 1.0, 0.0]);
        assert_eq!(
            axis.ticks().iter().map(|(_, label)| label.as_str()).collect::<Vec<_>>(),
            ["1", "10", "100"]
        );
        let axis = Axis::round(-4.0, 4.0);
        assert_eq!(axis.share(0.0), 0.5);
        assert_eq!(axis.ticks().first().unwrap().1, "-4");
        assert!(axis.ticks().iter().any(|(_, label)| label == "0"));
    }
}
