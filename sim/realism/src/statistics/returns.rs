//! A1 to A7: the distribution of returns, and their linear autocorrelation.

use super::{Prepared, seasonal::sums};
use crate::{
    day::{FIVE_MINUTES, Products, SymbolDay, Variances},
    measured::Measured,
    number::{hill, kurtosis::Kurtosis, mean, random::Random, ratio},
    pool::Pool,
};

/// The excess kurtosis from which it can be said that it falls. Normal returns stay far below it.
const FAT: f64 = 0.5;
const NO_QUOTES: &str = "the recording has no prices in the core session";
const NO_TRADES: &str = "the recording has no executions in the core session";

pub(super) fn rows(pool: &Pool, prepared: &Prepared, random: &mut Random) -> Vec<Measured> {
    let days = &prepared.returns.days;
    let normal: Vec<Vec<f64>> =
        days.iter().map(|day| day.iter().map(|_| random.normal()).collect()).collect();
    let shuffled = shuffled(pool, days, random);
    let found = |minutes| kurtosis(days, minutes);
    let null = |minutes| kurtosis(&normal, minutes);
    let slow = |days: &[Vec<f64>]| {
        let one = kurtosis(days, 1).filter(|value| *value >= FAT)?;
        ratio(kurtosis(days, 30)?, one)
    };
    let has_prices = days.iter().flatten().any(|value| value.is_finite());
    let rows = [
        Measured::new("A1", found(1)).null(null(1)),
        Measured::new("A1s", seconds(pool)).null(Some(0.0)),
        Measured::new("A1f", found(5)).null(null(5)),
        Measured::new("A2", tail(days, 1, 0.01)).null(tail(&normal, 1, 0.01)),
        Measured::new("A3", tail(days, 5, 0.02)).null(tail(&normal, 5, 0.02)),
        // the central limit theorem alone: the same returns without their order
        Measured::new("A4", slow(days))
            .null(ratio(kurtosis(&shuffled, 30).unwrap_or(0.0), found(1).unwrap_or(0.0))),
        Measured::new("A4b", Some(falls(days))).null(Some(falls(&normal))),
        Measured::new("A5", worst(pool, |day| &day.products)).null(worst(pool, |day| &day.bouncing_products)),
        Measured::new("A7", signature(pool, |day| &day.variances)).null(signature(pool, |day| &day.bouncing)),
    ];
    let mut rows: Vec<Measured> = rows.map(|row| row.only_if(has_prices, NO_QUOTES)).into();
    let bounce = |products: fn(&SymbolDay) -> f64| {
        mean(pool.symbol_days.iter().filter_map(|day| ratio(products(day), day.bounce.squares)))
    };
    rows.push(
        Measured::new("A6", bounce(|day| day.bounce.products))
            .null(bounce(|day| day.bounce.random_products))
            .only_if(pool.symbol_days.iter().any(|day| day.executions > 0), NO_TRADES),
    );
    rows
}

/// Puts the returns of each symbol into random order, over all its days.
pub(super) fn shuffled(pool: &Pool, days: &[Vec<f64>], random: &mut Random) -> Vec<Vec<f64>> {
    let mut shuffled = days.to_vec();
    for symbol in 0..pool.symbols.len() {
        let places: Vec<usize> = pool.of_symbol(symbol).map(|(at, _)| at).collect();
        let mut values: Vec<f64> = places.iter().flat_map(|at| days[*at].iter().copied()).collect();
        random.shuffle(&mut values);
        let mut values = values.into_iter();
        for at in places {
            shuffled[at].iter_mut().zip(&mut values).for_each(|(place, value)| *place = value);
        }
    }
    shuffled
}

fn kurtosis(days: &[Vec<f64>], minutes: usize) -> Option<f64> {
    let mut all = Kurtosis::default();
    days.iter().for_each(|day| sums(day, minutes).for_each(|value| all.push(value)));
    all.excess()
}

/// Returns the absolute returns of so many minutes, largest first.
pub(crate) fn descending(days: &[Vec<f64>], minutes: usize) -> Vec<f64> {
    let values = days.iter().flat_map(|day| sums(day, minutes)).map(f64::abs).filter(|value| *value > 0.0);
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(|a, b| b.total_cmp(a));
    values
}

fn tail(days: &[Vec<f64>], minutes: usize, share: f64) -> Option<f64> {
    hill::exponent(&descending(days, minutes), share)
}

/// Returns 1 if kurtosis falls from one minute to five and to thirty, and stays above that of normal returns.
fn falls(days: &[Vec<f64>]) -> f64 {
    let [one, five, thirty] = [1, 5, 30].map(|minutes| kurtosis(days, minutes).unwrap_or(0.0));
    f64::from(u8::from(one >= FAT && one > five && five > thirty && thirty > 0.0))
}

/// Returns the kurtosis of returns of a second, in units of the scale of each symbol.
fn seconds(pool: &Pool) -> Option<f64> {
    let mut all = Kurtosis::default();
    for symbol in 0..pool.symbols.len() {
        let mut one = Kurtosis::default();
        pool.of_symbol(symbol).for_each(|(_, day)| one.add_scaled(day.seconds, 1.0));
        if one.squares > 0.0 {
            all.add_scaled(one, one.scale());
        }
    }
    all.excess()
}

/// Returns the autocorrelation of largest magnitude, of those at lags 1 to 20.
fn worst(pool: &Pool, products: impl Fn(&SymbolDay) -> &Products) -> Option<f64> {
    autocorrelation(pool, products)?
        .into_iter()
        .reduce(|worst, value| if value.abs() > worst.abs() { value } else { worst })
}

/// Returns the mean autocorrelation of all symbols and days at lags 1 to 20.
pub(crate) fn autocorrelation(pool: &Pool, products: impl Fn(&SymbolDay) -> &Products) -> Option<Vec<f64>> {
    let days: Vec<&Products> =
        pool.symbol_days.iter().map(products).filter(|products| products[0] > 0.0).collect();
    if days.is_empty() {
        return None;
    }
    Some(
        (1..days[0].len())
            .map(|lag| days.iter().map(|day| day[lag]).sum::<f64>() / days.len() as f64)
            .collect(),
    )
}

fn signature(pool: &Pool, variances: impl Fn(&SymbolDay) -> &Variances) -> Option<f64> {
    Some(signatures(pool, variances)?[0])
}

/// Returns realised variances by interval over that of five minutes, with equal weights of symbols.
pub(crate) fn signatures(pool: &Pool, variances: impl Fn(&SymbolDay) -> &Variances) -> Option<Variances> {
    let mut all = Variances::default();
    for symbol in 0..pool.symbols.len() {
        let mut sums = Variances::default();
        for (_, day) in pool.of_symbol(symbol) {
            sums.iter_mut().zip(variances(day)).for_each(|(sum, value)| *sum += value);
        }
        if sums[FIVE_MINUTES] > 0.0 {
            // weighted by the length of the data, not by volatility
            let weight = pool.of_symbol(symbol).count() as f64
                / pool.of_symbol(symbol).map(|(_, day)| day.variances[FIVE_MINUTES]).sum::<f64>();
            all.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum * weight);
        }
    }
    let base = all[FIVE_MINUTES];
    (base > 0.0).then(|| all.map(|sum| sum / base))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::pool_of_returns;

    fn normal_days(days: usize, draw: impl Fn(&mut Random) -> f64) -> Vec<Vec<f32>> {
        let mut random = Random::new(9);
        (0..days).map(|_| (0..390).map(|_| draw(&mut random) as f32).collect()).collect()
    }

    #[test]
    fn normal_returns_are_outside_and_heavy_tails_inside() {
        let find = |rows: &[Measured], id| rows.iter().find(|row| row.row == id).unwrap().value;
        let pool = pool_of_returns(vec![normal_days(200, Random::normal)]);
        let rows_of = |pool: &Pool| rows(pool, &Prepared::of(pool), &mut Random::new(1));
        let normal = rows_of(&pool);
        let crate::measured::Value::Number(kurtosis) = find(&normal, "A1") else { panic!() };
        assert!(kurtosis.abs() < 0.1);
        assert_eq!(find(&normal, "A4b"), crate::measured::Value::Number(0.0));
        assert_eq!(find(&normal, "A4"), crate::measured::Value::Undefined);
        // a mixture of two normal distributions
        let mixed = pool_of_returns(vec![normal_days(200, |random| {
            let deviation = if random.unit() < 0.1 { 4.0 } else { 1.0 };
            deviation * random.normal()
        })]);
        let mixed = rows_of(&mixed);
        let crate::measured::Value::Number(kurtosis) = find(&mixed, "A1") else { panic!() };
        // 3 (0.9 + 0.1 · 256) / (0.9 + 0.1 · 16)² − 3
        let expected = 3.0 * 26.5 / 6.25 - 3.0;
        assert!((kurtosis / expected - 1.0).abs() < 0.2, "{kurtosis}");
    }
}
