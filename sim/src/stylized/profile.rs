//! The time of day: how intensity, volatility and spreads change over it, and the grid on which they are constant.

use crate::{segments::Segment, session::TradingDay};

/// Microseconds in a second.
pub(super) const SECOND: i64 = 1_000_000;
/// The length of the core session of a regular day in seconds: one trading day of the price.
pub(super) const TRADING_DAY: f64 = 23_400.0;
/// The number of fine steps in a step.
pub(super) const FINE_PER_STEP: usize = 5;
/// A fine step in seconds, in the core session and outside it.
const FINE: (i64, i64) = (1, 10);

/// Seconds after 04:00 of a regular day, intensity, volatility; linear in between. Both are scaled afterwards.
///
/// Intensity and volatility have the shape of a U over the core session, volatility with a lower right arm (Wood et al.
/// 1985, Andersen and Bollerslev 1997).
const KNOTS: [(f64, f64, f64); 22] = [
    (0.0, 0.02, 0.20),
    (10_800.0, 0.05, 0.22),
    (14_400.0, 0.12, 0.30),
    (19_799.0, 0.35, 0.50),
    (19_800.0, 4.50, 2.60),
    (20_100.0, 3.10, 2.05),
    (20_700.0, 2.20, 1.65),
    (21_600.0, 1.85, 1.38),
    (23_400.0, 1.55, 1.12),
    (27_000.0, 1.00, 0.86),
    (28_800.0, 0.66, 0.76),
    (31_500.0, 0.54, 0.70),
    (32_400.0, 0.56, 0.71),
    (36_000.0, 0.80, 0.76),
    (39_600.0, 1.25, 0.86),
    (41_400.0, 1.80, 0.95),
    (42_600.0, 2.40, 1.02),
    (43_199.0, 4.20, 1.15),
    (43_200.0, 0.40, 0.45),
    (46_800.0, 0.10, 0.26),
    (57_000.0, 0.02, 0.20),
    (57_600.0, 0.02, 0.20),
];

/// Seconds after 04:00 of a regular day, spread as a multiple of the usual one; linear in between (McInish and Wood 1992).
const WIDTHS: [(f64, f64); 11] = [
    (0.0, 5.0),
    (14_400.0, 4.0),
    (19_799.0, 3.5),
    (19_800.0, 3.2),
    (20_100.0, 2.3),
    (20_700.0, 1.75),
    (21_600.0, 1.35),
    (25_200.0, 1.05),
    (43_199.0, 0.95),
    (43_200.0, 3.0),
    (57_600.0, 5.0),
];

/// The start and the end of the core session on a regular day, in seconds after 04:00.
const REGULAR: (f64, f64) = (19_800.0, 43_200.0);

/// The steps of a day, each of them five fine steps: of a second in the core session, and of ten seconds outside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// Start and end of the core session and the end of the day, in seconds after 04:00.
    open: i64,
    close: i64,
    end: i64,
}

impl Grid {
    fn new(day: &TradingDay, market_hours: bool) -> Grid {
        let seconds = |at: tradesim_schemas::Timestamp| (at.micros() - day.start().micros()) / SECOND;
        Grid {
            open: seconds(day.core_open()),
            close: seconds(day.core_close()),
            end: seconds(day.day_end(market_hours)),
        }
    }

    /// Returns the number of fine steps that end at or before a time in microseconds after 04:00.
    #[inline]
    pub(super) fn fine(&self, at: i64) -> usize {
        let second = at / SECOND;
        let core = second.clamp(self.open, self.close) - self.open;
        let outside = second - core;
        // the core session starts and ends at full steps of the slower grid
        (core / FINE.0 + outside / FINE.1) as usize
    }

    /// Returns the start of a step, in seconds after 04:00.
    pub(super) fn start(&self, step: usize) -> i64 {
        let fine = (step * FINE_PER_STEP) as i64;
        let (before, core) = (self.open / FINE.1, self.close - self.open);
        if fine <= before {
            fine * FINE.1
        } else if fine <= before + core {
            self.open + fine - before
        } else {
            self.close + (fine - before - core) * FINE.1
        }
    }

    /// Returns the number of steps of the day.
    pub(super) fn steps(&self) -> usize {
        self.fine(self.end * SECOND) / FINE_PER_STEP
    }

    /// Returns the length of a step, in seconds.
    fn seconds(&self, step: usize) -> f64 {
        (self.start(step + 1) - self.start(step)) as f64
    }

    fn is_core(&self, step: usize) -> bool {
        (self.open..self.close).contains(&self.start(step))
    }

    /// Returns the time of a regular day that corresponds to `second`: a shorter core session has the same shape.
    fn regular(&self, second: f64) -> f64 {
        let (open, close) = (self.open as f64, self.close as f64);
        if second < open {
            second
        } else if second < close {
            REGULAR.0 + (second - open) / (close - open) * (REGULAR.1 - REGULAR.0)
        } else {
            REGULAR.1 + second - close
        }
    }
}

/// Intensity, volatility and spread in each step of a day.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(super) grid: Grid,
    /// The multiplier of the order rate. Over a day it sums to what the contract's multipliers sum to.
    pub(super) intensity: Vec<f64>,
    /// Volatility, with mean square 1 over the core session.
    pub(super) volatility: Vec<f64>,
    /// The multiplier of the usual spread.
    pub(super) width: Vec<f64>,
}

impl Profile {
    /// Creates the profile of a day. Without market hours, the intensity is constant.
    pub(crate) fn new(day: &TradingDay, market_hours: bool) -> Profile {
        let grid = Grid::new(day, market_hours);
        let steps = 0..grid.steps();
        let middle = |step: usize| grid.regular(grid.start(step) as f64 + 0.5 * grid.seconds(step));
        let shape = |value: fn(&(f64, f64, f64)) -> f64| -> Vec<f64> {
            let knots: Vec<(f64, f64)> = KNOTS.iter().map(|knot| (knot.0, value(knot))).collect();
            steps.clone().map(|step| interpolate(&knots, middle(step))).collect()
        };
        let mut intensity = if market_hours { shape(|knot| knot.1) } else { vec![1.0; steps.len()] };
        let mut volatility = shape(|knot| knot.2);
        let width = steps.clone().map(|step| interpolate(&WIDTHS, middle(step))).collect();

        let expected: f64 = day
            .periods(market_hours)
            .iter()
            .map(|span| (span.to.micros() - span.from.micros()) as f64 / 1e6 * span.multiplier)
            .sum();
        let whole: f64 = steps.clone().map(|step| intensity[step] * grid.seconds(step)).sum();
        intensity.iter_mut().for_each(|value| *value *= expected / whole);

        let core: Vec<usize> = steps.filter(|&step| grid.is_core(step)).collect();
        let squares: f64 = core.iter().map(|&step| volatility[step] * volatility[step]).sum();
        let scale = (squares / core.len() as f64).sqrt();
        volatility.iter_mut().for_each(|value| *value /= scale);
        Profile { grid, intensity, volatility, width }
    }

    /// Returns the length of the core session in seconds.
    pub(super) fn core_seconds(&self) -> f64 {
        (self.grid.close - self.grid.open) as f64
    }

    /// Returns the expected number of orders per unit of rate in the core session and in the whole day.
    pub(super) fn expected(&self) -> (f64, f64) {
        let orders = |step: usize| self.intensity[step] * self.grid.seconds(step);
        let steps = 0..self.grid.steps();
        let core = steps.clone().filter(|&step| self.grid.is_core(step)).map(orders).sum();
        (core, steps.map(orders).sum())
    }

    /// Returns the expected number of orders per unit of rate, with bursts. The segments begin at `start`, which is 04:00, and
    /// their multipliers are those of bursts.
    pub(crate) fn expected_in(&self, segments: &[Segment], start: i64) -> f64 {
        let mut orders = 0.0;
        for step in 0..self.grid.steps() {
            let from = start + self.grid.start(step) * SECOND;
            let to = start + self.grid.start(step + 1) * SECOND;
            let first = segments.partition_point(|segment| segment.to <= from);
            for segment in segments[first..].iter().take_while(|segment| segment.from < to) {
                let shared = (segment.to.min(to) - segment.from.max(from)) as f64 / 1e6;
                orders += self.intensity[step] * segment.multiplier * shared;
            }
        }
        orders
    }

    /// Returns the length of a fine step of `step`, as a fraction of a trading day.
    pub(super) fn fine_days(&self, step: usize) -> f64 {
        self.grid.seconds(step) / FINE_PER_STEP as f64 / TRADING_DAY
    }
}

/// Returns the value at `at` of the line through knots (position, value). The first and the last value continue outside.
fn interpolate(knots: &[(f64, f64)], at: f64) -> f64 {
    let next = knots.partition_point(|knot| knot.0 <= at);
    if next == 0 || next == knots.len() {
        return knots[next.min(knots.len() - 1)].1;
    }
    let (low, high) = (knots[next - 1], knots[next]);
    low.1 + (at - low.0) / (high.0 - low.0) * (high.1 - low.1)
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::session::Closed;

    fn day(month: u32, day: u32) -> TradingDay {
        TradingDay::new(NaiveDate::from_ymd_opt(2026, month, day).unwrap(), Closed::Refuse).unwrap()
    }

    #[test]
    fn steps_cover_the_day_and_fine_steps_the_steps() {
        for (day, market_hours, steps) in [
            (day(2, 18), true, 396 + 4_680 + 288),
            (day(11, 27), true, 396 + 2_520 + 288),
            (day(11, 27), false, 396 + 2_520 + 504),
        ] {
            let grid = Grid::new(&day, market_hours);
            assert_eq!(grid.steps(), steps);
            assert_eq!((grid.start(0), grid.start(steps)), (0, grid.end));
            for step in 0..steps {
                let (from, to) = (grid.start(step) * SECOND, grid.start(step + 1) * SECOND);
                assert_eq!(grid.fine(from), step * FINE_PER_STEP);
                assert_eq!(grid.fine(to - 1), (step + 1) * FINE_PER_STEP - 1, "{step}");
            }
        }
    }

    #[test]
    fn a_day_has_the_orders_of_the_contract_and_its_core_session_the_volatility() {
        // minutes at multiplier 1, from the contract's tables
        for (day, market_hours, minutes) in
            [(day(2, 18), true, 538.5), (day(11, 27), true, 370.5), (day(2, 18), false, 960.0)]
        {
            let profile = Profile::new(&day, market_hours);
            let (core, whole) = profile.expected();
            assert!((whole - 60.0 * minutes).abs() < 1e-6, "{whole}");
            assert!(core < whole);
            let segment = Segment { from: 0, to: i64::MAX, multiplier: 1.0 };
            assert!((profile.expected_in(&[segment], 0) - whole).abs() < 1e-6);
            let core: Vec<f64> = (0..profile.grid.steps())
                .filter(|&step| profile.grid.is_core(step))
                .map(|step| profile.volatility[step] * profile.volatility[step])
                .collect();
            assert!((core.iter().sum::<f64>() / core.len() as f64 - 1.0).abs() < 1e-12);
        }
    }
}
