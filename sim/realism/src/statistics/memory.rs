//! A8 to A12: the memory of volatility.

use super::{Prepared, returns};
use crate::{
    measured::Measured,
    number::{correlation::Pairs, fit, kurtosis::Kurtosis, random::Random, ratio},
    pool::Pool,
};

/// The lags at which the decay is fitted, about equally spaced in logarithms.
pub(crate) const LAGS: [usize; 10] = [1, 2, 3, 5, 8, 12, 18, 27, 40, 60];
/// Minutes before and after a return that make its local volatility.
const LOCAL: usize = 15;
/// Minutes after a return whose volatility it may have raised.
const LATER: usize = 10;
const NO_PRICES: &str = "the recording has no prices in the core session";

pub(super) fn rows(pool: &Pool, prepared: &Prepared, random: &mut Random) -> Vec<Measured> {
    let days = &prepared.returns.days;
    let shuffled = returns::shuffled(pool, days, random);
    let normal: Vec<Vec<f64>> =
        days.iter().map(|day| day.iter().map(|_| random.normal()).collect()).collect();
    let at = |days: &[Vec<f64>], lag| absolute(pool, days, &[lag])[0].1;
    let decay = absolute(pool, days, &LAGS);
    let rows = [
        Measured::new("A8", at(days, 1)).null(at(&shuffled, 1)),
        Measured::new("A9", at(days, 20)).null(at(&shuffled, 20)),
        Measured::new("A10", exponent(&decay)),
        Measured::new("A11", local_kurtosis(days)).null(local_kurtosis(&normal)),
        Measured::new("A12", leverage(days)).null(leverage(&shuffled)),
    ];
    let has_prices = days.iter().flatten().any(|value| value.is_finite());
    rows.map(|row| row.only_if(has_prices, NO_PRICES)).into()
}

/// Returns the autocorrelation of absolute values at each lag, with its number of pairs, around the mean of all days of a symbol.
pub(crate) fn absolute(pool: &Pool, days: &[Vec<f64>], lags: &[usize]) -> Vec<(usize, Option<f64>, f64)> {
    let means: Vec<f64> = (0..pool.symbols.len())
        .map(|symbol| {
            let values =
                pool.of_symbol(symbol).flat_map(|(at, _)| &days[at]).filter(|value| value.is_finite());
            crate::number::mean(values.map(|value| value.abs())).unwrap_or(f64::NAN)
        })
        .collect();
    let centred: Vec<Vec<f64>> = days
        .iter()
        .zip(&pool.symbol_days)
        .map(|(day, of)| day.iter().map(|value| value.abs() - means[of.symbol]).collect())
        .collect();
    let product = |lag: usize| {
        let (mut sum, mut count) = (0.0, 0.0);
        for day in &centred {
            for (a, b) in day.iter().zip(day.iter().skip(lag)) {
                let product = a * b;
                if product.is_finite() {
                    sum += product;
                    count += 1.0;
                }
            }
        }
        (sum / count, count)
    };
    let (variance, _) = product(0);
    lags.iter()
        .map(|lag| {
            let (value, count) = product(*lag);
            (*lag, ratio(value, variance), count)
        })
        .collect()
}

/// Returns the exponent with which an autocorrelation decays; `None` if it is not above two standard errors at all lags.
pub(crate) fn exponent(points: &[(usize, Option<f64>, f64)]) -> Option<f64> {
    let points: Option<Vec<_>> = points
        .iter()
        .map(|(lag, value, count)| {
            let value = (*value)?;
            (value > 2.0 / count.sqrt()).then_some((*lag as f64, value, 1.0))
        })
        .collect();
    Some(-fit::exponent(&points?)?)
}

/// Returns the kurtosis of returns over the volatility of the quarter hours before and after them.
fn local_kurtosis(days: &[Vec<f64>]) -> Option<f64> {
    let mut all = Kurtosis::default();
    for day in days {
        for at in LOCAL..day.len().saturating_sub(LOCAL) {
            let window = day[at - LOCAL..=at + LOCAL].iter();
            let squares: f64 = window.map(|value| value * value).sum::<f64>() - day[at] * day[at];
            if squares > 1e-12 {
                all.push(day[at] / (squares / (2 * LOCAL) as f64).sqrt());
            }
        }
    }
    all.excess()
}

/// Returns the correlation of returns with the mean absolute return of the next ten minutes.
fn leverage(days: &[Vec<f64>]) -> Option<f64> {
    let mut pairs = Pairs::default();
    for day in days {
        for window in day.windows(LATER + 1) {
            let later = window[1..].iter().map(|value| value.abs()).sum::<f64>() / LATER as f64;
            pairs.push(window[0], later);
        }
    }
    pairs.correlation()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::pool_of_returns;

    /// Returns days whose log volatility is an autoregression with a coefficient of 0.98.
    fn clustered(days: usize) -> Vec<Vec<f32>> {
        let mut random = Random::new(4);
        let day = |_| {
            let mut log = random.normal();
            let minute = |_| {
                log = 0.98 * log + (1.0f64 - 0.98 * 0.98).sqrt() * random.normal();
                (libm::exp(0.5 * log) * random.normal()) as f32
            };
            (0..390).map(minute).collect()
        };
        (0..days).map(day).collect()
    }

    #[test]
    fn stochastic_volatility_has_a_known_autocorrelation() {
        let days = clustered(400);
        let pool = pool_of_returns(vec![days.clone()]);
        let days: Vec<Vec<f64>> =
            days.iter().map(|day| day.iter().map(|value| f64::from(*value)).collect()).collect();
        // |r| = e^(h/2) |z| with h of variance 1 and autocorrelation 0.98^k:
        // ρ(k) = (e^(ρh/4) − 1) / (π/2 · e^(1/4) − 1)
        for (lag, found, _) in absolute(&pool, &days, &[1, 20, 60]) {
            let expected = (libm::exp(libm::pow(0.98, lag as f64) / 4.0) - 1.0)
                / (std::f64::consts::FRAC_PI_2 * libm::exp(0.25) - 1.0);
            assert!((found.unwrap() - expected).abs() < 0.025, "{lag}: {found:?}, {expected}");
        }
        let found = leverage(&days).unwrap();
        assert!(found.abs() < 0.02, "{found}");
    }

    #[test]
    fn a_power_has_its_exponent_and_noise_has_none() {
        let power: Vec<_> = LAGS.iter().map(|lag| (*lag, Some(0.3 / (*lag as f64).sqrt()), 1e6)).collect();
        assert!((exponent(&power).unwrap() - 0.5).abs() < 1e-9);
        let noise: Vec<_> = LAGS.iter().map(|lag| (*lag, Some(0.001), 10_000.0)).collect();
        assert_eq!(exponent(&noise), None);
    }

    #[test]
    fn leverage_is_negative_if_losses_raise_volatility() {
        let mut random = Random::new(6);
        let mut after_loss = 0.0;
        let day: Vec<f64> = (0..50_000)
            .map(|_| {
                let value: f64 = random.normal() * (1.0 + after_loss);
                after_loss = if value < 0.0 { 1.0 } else { 0.0 };
                value
            })
            .collect();
        // about −0.048 / (1.58 · 0.31)
        assert!(leverage(&[day]).unwrap() < -0.05);
    }

    #[test]
    fn normal_returns_have_little_kurtosis_after_local_volatility() {
        let mut random = Random::new(8);
        let day: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        // a normal number over the root of a mean of 30 squares is Student's t: 6 / (30 − 4)
        let found = local_kurtosis(&[day]).unwrap();
        assert!((found - 6.0 / 26.0).abs() < 0.06, "{found}");
    }
}
