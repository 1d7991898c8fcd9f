//! F: symbols together.

use super::{Prepared, seasonal::sums};
use crate::{
    measured::Measured,
    number::{eigen, fit, mean, ratio},
    pool::Pool,
    session::BIN_SECONDS,
};

/// Minutes of a bin.
const MINUTES: usize = 5;
/// Windows of ten seconds in a bin.
const COUNTS_BIN: usize = BIN_SECONDS / 10;
/// The mean correlation at five minutes below which nothing can be said about shorter intervals.
const CORRELATED: f64 = 0.02;
const ONE_SYMBOL: &str = "the recording has fewer than three symbols that are there on all days";
const NO_SECTORS: &str = "the recording has fewer than two sectors with several symbols";

/// Series of five minutes of the symbols that are there on all days, one after the other day.
pub(crate) struct Together {
    /// The symbols, in the order of the series.
    pub(crate) symbols: Vec<usize>,
    /// The bins of each day.
    bins: Vec<usize>,
    returns: Vec<Vec<f64>>,
    absolute: Vec<Vec<f64>>,
    counts: Vec<Vec<f64>>,
}

impl Together {
    pub(crate) fn of(pool: &Pool) -> Option<Together> {
        let returns = super::seasonal::returns(pool);
        let days = pool.days.len();
        let everywhere = |symbol: &usize| pool.of_symbol(*symbol).count() == days;
        let symbols: Vec<usize> = (0..pool.symbols.len()).filter(everywhere).collect();
        if symbols.len() < 3 || days == 0 {
            return None;
        }
        let bins: Vec<usize> = pool.of_symbol(symbols[0]).map(|(_, day)| day.session.bins()).collect();
        let series = |of: &dyn Fn(usize) -> Vec<f64>| -> Vec<Vec<f64>> {
            symbols
                .iter()
                .map(|symbol| pool.of_symbol(*symbol).flat_map(|(at, _)| of(at)).collect())
                .collect()
        };
        let bin_returns = series(&|at| sums(&returns.days[at], MINUTES).collect());
        let absolute =
            bin_returns.iter().map(|series| series.iter().map(|value| value.abs()).collect()).collect();
        let mut counts = series(&|at| {
            let counts = pool.symbol_days[at].counts.chunks(COUNTS_BIN);
            counts.map(|bin| bin.iter().copied().map(f64::from).sum()).collect()
        });
        divide_profile(&mut counts, &bins);
        Some(Together { symbols, bins, returns: bin_returns, absolute, counts })
    }

    /// Returns the same series, each moved within its days by another number of bins, so that no two are at the same time.
    fn rotated(&self, series: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let count = series.len();
        let mut rotated = series.to_vec();
        for (number, values) in rotated.iter_mut().enumerate() {
            let mut rest = values.as_mut_slice();
            for bins in &self.bins {
                let (day, later) = rest.split_at_mut(*bins);
                day.rotate_left(number * bins / count.max(1));
                rest = later;
            }
        }
        rotated
    }

    /// Returns the correlations of returns, row by row.
    pub(crate) fn matrix(&self) -> Vec<f64> {
        matrix(&self.returns)
    }
}

/// Divides counts by their profile over the day, pooled over days and symbols.
fn divide_profile(series: &mut [Vec<f64>], bins: &[usize]) {
    for values in series.iter_mut() {
        let scale = mean(values.iter().copied()).unwrap_or(0.0);
        values.iter_mut().for_each(|value| *value /= scale);
    }
    let longest = bins.iter().copied().max().unwrap_or(0);
    let mut profile = vec![(0.0, 0.0); longest];
    let places: Vec<usize> = bins.iter().flat_map(|bins| 0..*bins).collect();
    for values in series.iter() {
        for (place, value) in places.iter().zip(values).filter(|(_, value)| value.is_finite()) {
            profile[*place].0 += value;
            profile[*place].1 += 1.0;
        }
    }
    for values in series.iter_mut() {
        for (place, value) in places.iter().zip(values) {
            *value /= profile[*place].0 / profile[*place].1;
        }
    }
}

/// Returns the correlation matrix of series; values that do not exist count as the mean.
fn matrix(series: &[Vec<f64>]) -> Vec<f64> {
    let standard: Vec<Vec<f64>> = series
        .iter()
        .map(|values| {
            let centre = mean(values.iter().copied().filter(|value| value.is_finite())).unwrap_or(0.0);
            let centred: Vec<f64> =
                values.iter().map(|value| if value.is_finite() { value - centre } else { 0.0 }).collect();
            let length = centred.iter().map(|value| value * value).sum::<f64>().sqrt();
            centred.into_iter().map(|value| if length > 0.0 { value / length } else { 0.0 }).collect()
        })
        .collect();
    let cell = |(row, column): (usize, usize)| -> f64 {
        if row == column {
            1.0
        } else {
            standard[row].iter().zip(&standard[column]).map(|(a, b)| a * b).sum()
        }
    };
    let count = series.len();
    (0..count * count).map(|at| cell((at / count, at % count))).collect()
}

/// Returns the mean of the correlations of pairs that satisfy a condition.
fn pairs(matrix: &[f64], count: usize, condition: impl Fn(usize, usize) -> bool) -> Option<f64> {
    let cells = (0..count).flat_map(|row| (row + 1..count).map(move |column| (row, column)));
    mean(
        cells
            .filter(|(row, column)| condition(*row, *column))
            .map(|(row, column)| matrix[row * count + column]),
    )
}

pub(super) fn rows(pool: &Pool, prepared: &Prepared) -> Vec<Measured> {
    let Some(together) = &prepared.together else {
        return ["F1", "F2", "F3", "F4", "F5", "F6", "F7"]
            .map(|row| Measured::missing(row, ONE_SYMBOL))
            .into();
    };
    let count = together.symbols.len();
    let found = matrix(&together.returns);
    let apart = matrix(&together.rotated(&together.returns));
    let all = |matrix: &[f64]| pairs(matrix, count, |_, _| true);
    let of = |series: &[Vec<f64>]| all(&matrix(series));
    let largest = |matrix: &[f64]| Some(eigen::largest(matrix, count) / count as f64);
    let sector = |at: usize| pool.symbols[together.symbols[at]].sector.as_deref();
    let sectors = |matrix: &[f64]| {
        let both = |a: usize, b: usize| sector(a).is_some() && sector(b).is_some();
        let within = pairs(matrix, count, |a, b| both(a, b) && sector(a) == sector(b))?;
        Some(within - pairs(matrix, count, |a, b| both(a, b) && sector(a) != sector(b))?)
    };
    vec![
        Measured::new("F1", all(&found)).null(all(&apart)),
        Measured::new("F2", sectors(&found))
            .null(sectors(&apart))
            .only_if(sectors(&found).is_some(), NO_SECTORS),
        Measured::new("F3", largest(&found)).null(largest(&apart)),
        Measured::new("F4", epps(pool)),
        Measured::new("F5", of(&together.absolute)).null(of(&together.rotated(&together.absolute))),
        Measured::new("F6", of(&together.counts)).null(of(&together.rotated(&together.counts))),
        // all symbols alike
        Measured::new("F7", rank_size(pool)).null(Some(0.0)),
    ]
}

/// Returns the mean correlation at ten seconds over that at five minutes.
fn epps(pool: &Pool) -> Option<f64> {
    let days = || pool.days.iter().filter_map(|day| day.co_movement);
    let slow = mean(days().map(|day| day.five_minutes)).filter(|slow| *slow > CORRELATED)?;
    ratio(mean(days().map(|day| day.ten_seconds))?, slow)
}

/// Returns the exponent with which orders fall with the rank of their symbol.
fn rank_size(pool: &Pool) -> Option<f64> {
    let mut orders: Vec<u64> =
        pool.symbols.iter().map(|sums| sums.orders).filter(|orders| *orders > 0).collect();
    orders.sort_unstable_by(|a, b| b.cmp(a));
    let points: Vec<_> =
        orders.iter().enumerate().map(|(rank, orders)| ((rank + 1) as f64, *orders as f64, 1.0)).collect();
    fit::exponent(&points).map(|slope| -slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measured::Value, number::random::Random, tests::pool_of_returns};

    #[test]
    fn a_market_with_sectors_has_known_correlations() {
        let mut random = Random::new(7);
        // variances of market, sector and symbol: 2, 1, 1, so pairs within a sector have 0.75, others 0.5
        let factors: Vec<[f64; 3]> = (0..200 * 390).map(|_| [0.0; 3].map(|_| random.normal())).collect();
        let symbol = |sector: usize, random: &mut Random| -> Vec<Vec<f32>> {
            factors
                .chunks(390)
                .map(|day| {
                    let mut value = |at: &[f64; 3]| 2.0f64.sqrt() * at[0] + at[1 + sector] + random.normal();
                    day.iter().map(|at| value(at) as f32).collect()
                })
                .collect()
        };
        let mut pool = pool_of_returns((0..6).map(|number| symbol(number % 2, &mut random)).collect());
        for (number, sums) in pool.symbols.iter_mut().enumerate() {
            sums.sector = Some(format!("sector {}", number % 2));
            sums.orders = 1_000_000 / (number as u64 + 1);
        }
        let prepared = Prepared::of(&pool);
        let rows = rows(&pool, &prepared);
        let value = |at: usize| match rows[at].value {
            Value::Number(value) => value,
            other => panic!("{other:?}"),
        };
        // 6 pairs within sectors, 9 across
        assert!((value(0) - 0.6).abs() < 0.02, "{rows:?}");
        assert!((value(1) - 0.25).abs() < 0.02);
        // the common vector: 1 + 2 · 0.75 + 3 · 0.5
        assert!((value(2) - 4.0 / 6.0).abs() < 0.02);
        assert!((value(6) - 1.0).abs() < 1e-3);
        for at in [0, 1, 4] {
            let Some(Value::Number(null)) = rows[at].null else { panic!() };
            assert!(null.abs() < 0.02, "{:?}", rows[at]);
        }
        assert_eq!(rows[3].value, Value::Undefined);
    }

    #[test]
    fn a_profile_of_counts_is_no_common_activity() {
        let mut random = Random::new(1);
        let bins = [78; 30];
        let rate = |place: usize| if place < 6 { 300.0 } else { 100.0 };
        let mut series: Vec<Vec<f64>> = (0..5)
            .map(|_| bins.iter().flat_map(|bins| 0..*bins).map(|place| random.poisson(rate(place))).collect())
            .collect();
        divide_profile(&mut series, &bins);
        assert!(pairs(&matrix(&series), 5, |_, _| true).unwrap().abs() < 0.03);
    }
}
