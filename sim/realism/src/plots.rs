//! The points of the plots.

use crate::{
    day::SIGNATURE,
    number::{hill, mean},
    pool::Pool,
    session::REGULAR_BINS,
    statistics::{self, Prepared, memory},
};

/// Half the width of a bar of the histogram of returns, and the number of bars on each side, in standard deviations.
const BAR: f64 = 0.25;
const BARS: i32 = 32;

/// Points of a plot.
pub(crate) type Points = Vec<(f64, f64)>;

/// The points of all plots.
#[derive(Debug)]
pub(crate) struct Plots {
    /// The density of returns of a minute, in units of their scale.
    pub(crate) returns: Points,
    /// The autocorrelation of returns at lags 1 to 20.
    pub(crate) linear: Points,
    /// The autocorrelation of absolute returns.
    pub(crate) absolute: Points,
    /// Hill's exponent by share of the tail, for returns of 1 and 5 minutes.
    pub(crate) hill: [Points; 2],
    /// Realised variance by interval in seconds, over that of five minutes.
    pub(crate) signature: Points,
    /// Volume and volatility of a regular session by five minutes, in units of their mean.
    pub(crate) volume: Points,
    pub(crate) volatility: Points,
    /// The Allan factor of order counts by window in seconds.
    pub(crate) allan: Points,
    /// The autocorrelation of trade signs.
    pub(crate) signs: Points,
    /// Response after ten trades by size, in units of its mean.
    pub(crate) impact: Points,
    /// Response by number of later trades, over the half spread.
    pub(crate) response: Points,
    /// The names and the correlations of symbols, row by row.
    pub(crate) correlations: Option<(Vec<String>, Vec<f64>)>,
}

impl Plots {
    pub(crate) fn of(pool: &Pool, prepared: &Prepared) -> Plots {
        let days = &prepared.returns.days;
        let totals = &pool.totals;
        let absolute = memory::absolute(pool, days, &(1..=120).collect::<Vec<_>>());
        let known = |(lag, value, _): (usize, Option<f64>, f64)| Some((lag as f64, value?));
        let half_spread = totals.responses.half_spread / totals.responses.next_count;
        let response = totals.responses.path.iter().enumerate().filter(|(_, (_, count))| *count > 0.0);
        let signature = statistics::signatures(pool).map(|values| {
            SIGNATURE.iter().zip(values).map(|(tens, value)| (*tens as f64 * 10.0, value)).collect()
        });
        Plots {
            returns: density(days),
            linear: statistics::linear(pool)
                .into_iter()
                .enumerate()
                .map(|(at, value)| ((at + 1) as f64, value))
                .collect(),
            absolute: absolute.into_iter().filter_map(known).collect(),
            hill: [1, 5].map(|minutes| hill::plot(&statistics::descending(days, minutes))),
            signature: signature.unwrap_or_default(),
            volume: profile(&prepared.volumes.profile),
            volatility: profile(&prepared.returns.profile),
            allan: statistics::allan_factors(pool),
            signs: totals.responses.signs.autocorrelation().filter_map(known).collect(),
            impact: statistics::impact_points(pool)
                .into_iter()
                .map(|(size, value, _)| (size, value))
                .collect(),
            response: response
                .map(|(power, (sum, count))| (f64::from(1u32 << power), sum / count / half_spread))
                .filter(|(_, value)| value.is_finite())
                .collect(),
            correlations: prepared.together.as_ref().map(|together| {
                let names = together.symbols.iter().map(|symbol| pool.names[*symbol].to_string()).collect();
                (names, together.matrix())
            }),
        }
    }
}

/// Returns a profile of a regular session in units of its mean, by hours since midnight.
fn profile(values: &[f64]) -> Points {
    let values = &values[..values.len().min(REGULAR_BINS)];
    let known = || values.iter().copied().filter(|value| value.is_finite());
    let scale = mean(known()).unwrap_or(1.0);
    let hour = |bin: usize| 9.5 + (bin as f64 + 0.5) / 12.0;
    let points = values.iter().enumerate().map(|(bin, value)| (hour(bin), value / scale));
    points.filter(|(_, value)| value.is_finite()).collect()
}

/// Returns the density of values by distance from 0.
fn density(days: &[Vec<f64>]) -> Points {
    let mut counts = vec![0.0; 2 * BARS as usize + 1];
    let mut total = 0.0;
    for value in days.iter().flatten().filter(|value| value.is_finite()) {
        total += 1.0;
        let bar = (value / BAR).round();
        if bar.abs() <= f64::from(BARS) {
            counts[(bar as i32 + BARS) as usize] += 1.0;
        }
    }
    let bars = (-BARS..=BARS).zip(counts).filter(|(_, count)| *count > 0.0);
    bars.map(|(bar, count)| (f64::from(bar) * BAR, count / (total * BAR))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::random::Random;

    #[test]
    fn the_density_of_normal_numbers_is_normal() {
        let mut random = Random::new(1);
        let days = [(0..200_000).map(|_| random.normal()).collect::<Vec<_>>()];
        for (at, value) in density(&days).into_iter().filter(|(at, _)| at.abs() < 2.0) {
            let expected = crate::page::normal(at);
            assert!((value / expected - 1.0).abs() < 0.06, "{at}: {value} {expected}");
        }
    }

    #[test]
    fn profiles_are_in_units_of_their_mean() {
        assert_eq!(profile(&[1.0, 3.0]), [(9.5 + 1.0 / 24.0, 0.5), (9.5 + 1.0 / 8.0, 1.5)]);
        assert!(profile(&[]).is_empty());
    }
}
