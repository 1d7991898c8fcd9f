//! The statistics, by subject. Each function returns rows of the table with their values and nulls.

mod activity;
mod day_shape;
mod impact;
pub(crate) mod memory;
mod quotes;
mod returns;
mod seasonal;
mod signs;
mod sizes;
mod together;
mod volatility;

pub(crate) use activity::allan_factors;
pub(crate) use impact::impact_points;
pub(crate) use returns::descending;

use self::{seasonal::Standardised, together::Together};
use crate::{day::Variances, measured::Measured, number::random::Random, pool::Pool};

/// The returns and volumes of all days, and the generator of nulls.
pub(crate) struct Prepared {
    pub(crate) returns: Standardised,
    pub(crate) volumes: Standardised,
    pub(crate) together: Option<Together>,
}

impl Prepared {
    pub(crate) fn of(pool: &Pool) -> Prepared {
        Prepared {
            returns: seasonal::returns(pool),
            volumes: seasonal::volumes(pool),
            together: Together::of(pool),
        }
    }
}

/// Computes all rows.
pub(crate) fn all(pool: &Pool, prepared: &Prepared) -> Vec<Measured> {
    let mut random = Random::new(2_026);
    let mut rows = returns::rows(pool, prepared, &mut random);
    rows.extend(memory::rows(pool, prepared, &mut random));
    rows.extend(volatility::rows(pool, prepared, &mut random));
    rows.extend(day_shape::rows(pool));
    rows.extend(signs::rows(pool));
    rows.extend(activity::rows(pool, &mut random));
    rows.extend(sizes::rows(pool));
    rows.extend(impact::rows(pool, prepared));
    rows.extend(quotes::rows(pool));
    rows.extend(together::rows(pool, prepared));
    rows
}

/// Returns realised variance by interval over that of five minutes.
pub(crate) fn signatures(pool: &Pool) -> Option<Variances> {
    returns::signatures(pool, |day| &day.variances)
}

/// Returns the autocorrelation of returns at lags 1 to 20.
pub(crate) fn linear(pool: &Pool) -> Vec<f64> {
    returns::autocorrelation(pool, |day| &day.products).unwrap_or_default()
}
