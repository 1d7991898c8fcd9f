//! Series without their daily profile: divided by the scale of their symbol and by the profile of the day.
//!
//! The profile is a step for every five minutes, pooled over all symbols and days and not smoothed: a U alone looks like
//! clustering, and a smoothed one leaves the steps of a model with steps. The scale is that of all days together, not of each
//! day: otherwise the slow part of clustering is lost.

use std::collections::BTreeMap;

use crate::{day::SymbolDay, pool::Pool};

/// Minutes in a step of the profile.
const STEP: usize = 5;

/// The series of all symbols and days, in the order of [`Pool::symbol_days`]. Values that do not exist are NaN.
#[derive(Clone, Debug)]
pub(crate) struct Standardised {
    pub(crate) days: Vec<Vec<f64>>,
    /// The profile of a regular session, in steps of five minutes.
    pub(crate) profile: Vec<f64>,
}

/// Returns the returns of a minute, with mean square 1.
pub(crate) fn returns(pool: &Pool) -> Standardised {
    standardised(pool, |day| &day.returns, Moment::Square)
}

/// Returns the volumes of a minute, with mean 1.
pub(crate) fn volumes(pool: &Pool) -> Standardised {
    standardised(pool, |day| &day.volumes, Moment::Mean)
}

/// The moment that is made equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Mean,
    Square,
}

impl Moment {
    fn of(self, value: f64) -> f64 {
        if self == Moment::Square { value * value } else { value }
    }

    fn scale(self, (sum, count): (f64, f64)) -> f64 {
        let mean = sum / count;
        if self == Moment::Square { mean.sqrt() } else { mean }
    }
}

fn standardised(pool: &Pool, series: impl Fn(&SymbolDay) -> &[f32], moment: Moment) -> Standardised {
    let mut scales = vec![(0.0, 0.0); pool.symbols.len()];
    for day in &pool.symbol_days {
        let sums = &mut scales[day.symbol];
        for value in series(day).iter().map(|value| f64::from(*value)).filter(|value| value.is_finite()) {
            sums.0 += moment.of(value);
            sums.1 += 1.0;
        }
    }
    let scales: Vec<f64> = scales.into_iter().map(|sums| moment.scale(sums)).collect();
    // sessions of different lengths have different profiles
    let mut profiles: BTreeMap<usize, Vec<(f64, f64)>> = BTreeMap::new();
    for day in &pool.symbol_days {
        let bins = day.session.bins_core();
        let profile = profiles.entry(bins).or_insert_with(|| vec![(0.0, 0.0); bins]);
        for (minute, value) in series(day).iter().enumerate() {
            let value = f64::from(*value) / scales[day.symbol];
            if value.is_finite() {
                let sums = &mut profile[day.session.bins_before() + minute / STEP];
                sums.0 += moment.of(value);
                sums.1 += 1.0;
            }
        }
    }
    let profiles: BTreeMap<usize, Vec<f64>> = profiles
        .into_iter()
        .map(|(bins, sums)| (bins, sums.into_iter().map(|sums| moment.scale(sums)).collect()))
        .collect();
    let days = pool.symbol_days.iter().map(|day| {
        let profile = &profiles[&day.session.bins_core()][day.session.bins_before()..];
        let value = |(minute, value): (usize, &f32)| {
            let value = f64::from(*value) / (scales[day.symbol] * profile[minute / STEP]);
            if value.is_finite() { value } else { f64::NAN }
        };
        series(day).iter().enumerate().map(value).collect()
    });
    let days = days.collect();
    let profile = profiles.get(&crate::session::REGULAR_BINS).cloned().unwrap_or_default();
    Standardised { days, profile }
}

/// Returns the sums of so many values each.
pub(crate) fn sums(values: &[f64], count: usize) -> impl Iterator<Item = f64> {
    values.chunks_exact(count).map(|chunk| chunk.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::pool_of_returns;

    #[test]
    fn a_profile_is_removed() {
        // the first five minutes are ten times as volatile, and the second symbol is twice as volatile
        let day = |factor: f32| -> Vec<f32> {
            let value = |minute: i32| {
                let size = if minute < 5 { 10.0 } else { 1.0 };
                if minute % 2 == 0 { size * factor } else { -size * factor }
            };
            (0..390).map(value).collect()
        };
        let pool = pool_of_returns(vec![vec![day(1.0), day(1.0)], vec![day(2.0), day(2.0)]]);
        let found = returns(&pool);
        for day in &found.days {
            assert_eq!(day.len(), 390);
            assert!(day.iter().all(|value| (value.abs() - 1.0).abs() < 1e-6), "{day:?}");
        }
        assert!((found.profile[0] / found.profile[1] - 10.0).abs() < 1e-6);
    }

    #[test]
    fn sums_leave_out_an_incomplete_rest() {
        assert_eq!(sums(&[1.0, 2.0, 3.0, 4.0, 5.0], 2).collect::<Vec<_>>(), [3.0, 7.0]);
    }
}
