//! A13 to A15: volatility with volume, against the configuration, and between days.

use std::collections::BTreeMap;

use super::Prepared;
use crate::{
    day::FIVE_MINUTES,
    measured::Measured,
    number::{correlation::Pairs, deviation, mean, random::Random, student},
    pool::Pool,
    session::REGULAR_BINS,
};

/// Minutes by which the null moves volumes against returns.
const ROTATION: usize = 120;

pub(super) fn rows(pool: &Pool, prepared: &Prepared, random: &mut Random) -> Vec<Measured> {
    let (returns, volumes) = (&prepared.returns.days, &prepared.volumes.days);
    let days_of_symbols = log_volatilities(pool, random);
    let (between, noise) = (days_of_symbols.0, days_of_symbols.1);
    let with_volume = Measured::new("A13", volume_correlation(returns, volumes, 0))
        .null(volume_correlation(returns, volumes, ROTATION))
        .only_if(pool.totals.executions > 0, "the recording has no executions");
    let between = Measured::new("A15", between)
        .null(noise)
        .only_if(pool.days.len() > 1, "volatility between days needs two days");
    vec![with_volume, configured(pool), between]
}

/// Returns the correlation of volume and absolute return in a minute. The first minute is left out, because of the auction.
fn volume_correlation(returns: &[Vec<f64>], volumes: &[Vec<f64>], rotation: usize) -> Option<f64> {
    let mut pairs = Pairs::default();
    for (returns, volumes) in returns.iter().zip(volumes) {
        for minute in 1..returns.len() {
            pairs.push(volumes[(minute + rotation) % volumes.len()], returns[minute].abs());
        }
    }
    pairs.correlation()
}

/// Returns the root of realised over configured variance. Days differ, so its error is that between days.
fn configured(pool: &Pool) -> Measured {
    let mut by_day: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for day in &pool.symbol_days {
        if let Some(volatility) = pool.symbols[day.symbol].volatility {
            // the volatility is that of a regular session
            let share = day.session.bins() as f64 / REGULAR_BINS as f64;
            let expected = volatility * volatility * share;
            by_day.entry(day.day).or_default().push(day.variances[FIVE_MINUTES] / expected);
        }
    }
    if by_day.is_empty() {
        return Measured::missing("A14", "the recording has no configured volatility");
    }
    let ratios: Vec<f64> = by_day.into_values().filter_map(mean).collect();
    let value = mean(ratios.iter().copied());
    let error = deviation(&ratios)
        .map(|deviation| deviation / (ratios.len() as f64).sqrt() * student::widening(ratios.len() - 1));
    // the error of a root is half as large
    Measured::new("A14", value.map(f64::sqrt))
        .with_error(error.zip(value).map(|(error, value)| error / (2.0 * value.sqrt())))
}

/// Returns the deviation of log volatility between the days of a symbol, as the mean over symbols, and that of normal returns of
/// the same volatility on all days.
fn log_volatilities(pool: &Pool, random: &mut Random) -> (Option<f64>, Option<f64>) {
    let mut found = Vec::new();
    let mut noise = Vec::new();
    for symbol in 0..pool.symbols.len() {
        let days: Vec<_> =
            pool.of_symbol(symbol).filter(|(_, day)| day.variances[FIVE_MINUTES] > 0.0).collect();
        let of = |variance: f64, bins: usize| libm::log(variance / bins as f64) / 2.0;
        let logs: Vec<f64> =
            days.iter().map(|(_, day)| of(day.variances[FIVE_MINUTES], day.session.bins())).collect();
        let normal: Vec<f64> = days
            .iter()
            .map(|(_, day)| {
                let bins = day.session.bins();
                of((0..bins).map(|_| random.normal()).map(|value| value * value).sum(), bins)
            })
            .collect();
        found.extend(deviation(&logs));
        noise.extend(deviation(&normal));
    }
    (mean(found), mean(noise))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measured::Value, tests::pool_of_returns};

    #[test]
    fn the_volatility_of_days_is_compared() {
        let mut random = Random::new(3);
        let mut deviations = Vec::new();
        let days: Vec<Vec<f32>> = (0..300)
            .map(|_| {
                let log = 0.3 * random.normal();
                deviations.push(log);
                (0..390).map(|_| (0.001 * libm::exp(log) * random.normal()) as f32).collect()
            })
            .collect();
        let mut pool = pool_of_returns(vec![days]);
        let (found, noise) = log_volatilities(&pool, &mut random);
        // the noise of a variance from 78 returns adds 1 / (2 · 78)
        let expected = (0.09f64 + 1.0 / 156.0).sqrt();
        assert!((found.unwrap() / expected - 1.0).abs() < 0.12, "{found:?}");
        assert!((noise.unwrap() - (1.0f64 / 156.0).sqrt()).abs() < 0.012, "{noise:?}");
        assert!(matches!(configured(&pool).value, Value::Missing(_)));
        // E e^(2x) = e^(2 · 0.09)
        pool.symbols[0].volatility = Some(0.001 * 390.0f64.sqrt());
        let Measured { value: Value::Number(ratio), error: Some(error), .. } = configured(&pool) else {
            panic!()
        };
        assert!((ratio - libm::exp(0.09)).abs() < 4.0 * error, "{ratio} ± {error}");
    }

    #[test]
    fn volume_that_follows_volatility_is_correlated_with_it() {
        let mut random = Random::new(5);
        let returns: Vec<f64> = (0..390).map(|_| random.normal()).collect();
        let volumes: Vec<f64> = returns.iter().map(|value| 3.0 * value.abs() + 1.0).collect();
        let (returns, volumes) = ([returns], [volumes]);
        assert!((volume_correlation(&returns, &volumes, 0).unwrap() - 1.0).abs() < 1e-9);
        assert!(volume_correlation(&returns, &volumes, ROTATION).unwrap().abs() < 0.2);
    }
}
