//! B: the shape of a day.

use crate::{
    day::SymbolDay,
    measured::Measured,
    number::{mean, ratio},
    pool::Pool,
};

/// Minutes of a regular session: the first and last half hour, and midday from 11:30 to 14:00.
const OPEN: std::ops::Range<usize> = 0..30;
const LATE: std::ops::Range<usize> = 360..390;
const MIDDAY: std::ops::Range<usize> = 120..270;
const NO_SESSION: &str = "the recording has no whole session from 09:30 to 16:00";
const NO_TRADES: &str = "the recording has no executions";
const NO_QUOTES: &str = "the recording has no quotes";

pub(super) fn rows(pool: &Pool) -> Vec<Measured> {
    let regular: Vec<&SymbolDay> = pool.symbol_days.iter().filter(|day| day.session.is_regular()).collect();
    let whole: Vec<&SymbolDay> =
        pool.symbol_days.iter().filter(|day| day.session.has_open() && day.session.has_close()).collect();
    let volume = |window: std::ops::Range<usize>| over(&regular, |day| &day.volumes, window, |value| value);
    let volatility = |window: std::ops::Range<usize>| {
        over(&regular, |day| &day.returns, window, |value| value * value).map(f64::sqrt)
    };
    let shape = |row, window: Option<f64>, midday: Option<f64>| {
        let value = window.zip(midday).and_then(|(window, midday)| ratio(window, midday));
        Measured::new(row, value).null(Some(1.0)).only_if(!regular.is_empty(), NO_SESSION)
    };
    let traded = pool.totals.executions > 0;
    let share = |row, part: fn(&SymbolDay) -> u64, null: Option<f64>| {
        let parts: u64 = whole.iter().map(|day| part(day)).sum();
        let volume: u64 = whole.iter().map(|day| day.volume).sum();
        let row = Measured::new(row, ratio(parts as f64, volume as f64));
        let row = if null.is_some() { row.null(null) } else { row };
        row.only_if(traded, NO_TRADES).only_if(!whole.is_empty(), NO_SESSION)
    };
    let outside = |day: &SymbolDay| (day.volume - day.volume_session).saturating_sub(day.closing_shares);
    vec![
        shape("B1", volume(OPEN), volume(MIDDAY)).only_if(traded, NO_TRADES),
        shape("B2", volume(LATE), volume(MIDDAY)).only_if(traded, NO_TRADES),
        shape("B3", volatility(OPEN), volatility(MIDDAY)),
        shape("B4", volatility(LATE), volatility(MIDDAY)),
        Measured::new("B5", spread(&regular))
            .null(Some(1.0))
            .only_if(pool.totals.quotes > 0, NO_QUOTES)
            .only_if(!regular.is_empty(), NO_SESSION),
        share("B6", outside, None),
        share("B7", |day| day.closing_shares, Some(0.0)),
        share("B8", |day| day.opening_shares, Some(0.0)),
    ]
}

/// Returns the mean of a moment in a window of the day, as the mean over days of symbols, each in units of its own mean.
fn over(
    days: &[&SymbolDay],
    series: fn(&SymbolDay) -> &[f32],
    window: std::ops::Range<usize>,
    moment: fn(f64) -> f64,
) -> Option<f64> {
    let of = |values: &[f32]| {
        mean(values.iter().map(|value| moment(f64::from(*value))).filter(|value| value.is_finite()))
    };
    mean(days.iter().filter_map(|day| {
        let values = series(day);
        ratio(of(&values[window.clone()])?, of(values)?)
    }))
}

fn spread(days: &[&SymbolDay]) -> Option<f64> {
    mean(days.iter().filter_map(|day| {
        let mean = |(sum, count): (f64, f64)| ratio(sum, count);
        ratio(mean(day.early_spread)?, mean(day.midday_spread)?)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measured::Value, tests::pool_of_returns};

    #[test]
    fn a_u_is_found_and_auctions_have_their_share() {
        let day: Vec<f32> = (0..390)
            .map(|minute| {
                let size = if OPEN.contains(&minute) { 3.0 } else { 1.0 };
                if minute % 2 == 0 { size } else { -size }
            })
            .collect();
        let mut pool = pool_of_returns(vec![vec![day.clone(), day]]);
        pool.totals.executions = 1;
        pool.totals.quotes = 1;
        for day in &mut pool.symbol_days {
            day.volumes = (0..390).map(|minute| if LATE.contains(&minute) { 40.0 } else { 10.0 }).collect();
            day.volume = 1_000;
            day.volume_session = 800;
            day.closing_shares = 90;
            day.opening_shares = 10;
            day.early_spread = (600.0, 2.0);
            day.midday_spread = (300.0, 2.0);
        }
        let rows = rows(&pool);
        let expected = [1.0, 4.0, 3.0, 1.0, 2.0, 0.11, 0.09, 0.01];
        for (row, expected) in rows.iter().zip(expected) {
            let Value::Number(value) = row.value else { panic!("{row:?}") };
            assert!((value - expected).abs() < 1e-6, "{row:?}");
        }
    }
}
