//! D: the sizes of prints.

use crate::{measured::Measured, number::ratio, pool::Pool};

/// The share of the largest prints that make the tail.
const TAIL: f64 = 0.005;
const NO_TRADES: &str = "the recording has no executions";
const NO_PRICE: &str = "the recording has no executions at such prices";

pub(super) fn rows(pool: &Pool) -> Vec<Measured> {
    let sizes = &pool.totals.sizes;
    // the nulls: exponential sizes of the same mean, and for odd lots, prints that are rounded up to round lots
    let mean = sizes.all.mean().unwrap_or(f64::NAN);
    let above = |shares: f64| libm::exp(-shares / mean);
    let hundred = above(99.0) - above(100.0);
    // of the prints above 100, those of 200, 300, …: a geometric series
    let round = ratio((1.0 - above(1.0)) * above(99.0), 1.0 - above(100.0));
    let rows = [
        Measured::new("D1", sizes.hundred.get()).null(Some(hundred)),
        Measured::new("D2", sizes.odd.get()).null(Some(0.0)),
        Measured::new("D4", sizes.round.get()).null(round),
        Measured::new("D5", sizes.tail_exponent(TAIL)).null(Some(exponential_tail())),
    ];
    let mut rows: Vec<_> = rows.map(|row| row.only_if(sizes.all.total() > 0, NO_TRADES)).into();
    for (row, share) in [("D3", sizes.odd_expensive), ("D3b", sizes.odd_cheap)] {
        rows.push(Measured::new(row, share.get()).null(Some(0.0)).only_if(share.get().is_some(), NO_PRICE));
    }
    rows
}

/// Returns Hill's exponent of the tail of exponential numbers, from its quantiles. It does not depend on their mean.
fn exponential_tail() -> f64 {
    const POINTS: u32 = 10_000;
    let threshold = -libm::log(TAIL);
    let logs = (0..POINTS).map(|at| {
        let share = TAIL * (f64::from(at) + 0.5) / f64::from(POINTS);
        libm::log(-libm::log(share) / threshold)
    });
    f64::from(POINTS) / logs.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measured::Value, tests::pool_of_returns};

    #[test]
    fn the_tail_of_exponential_numbers_is_thin() {
        // about threshold + 1 for large thresholds
        assert!((exponential_tail() - 6.15).abs() < 0.05, "{}", exponential_tail());
    }

    #[test]
    fn shares_and_their_nulls_have_known_answers() {
        let mut pool = pool_of_returns(vec![vec![vec![0.0; 390]]]);
        for shares in [50, 100, 100, 200, 250] {
            pool.totals.sizes.push(shares, 1_000_000);
        }
        let rows = rows(&pool);
        let values: Vec<_> = rows.iter().map(|row| (row.row, row.value)).collect();
        assert_eq!(
            values[..3],
            [("D1", Value::Number(0.4)), ("D2", Value::Number(0.2)), ("D4", Value::Number(0.5))]
        );
        assert!(matches!(values[4], ("D3", Value::Missing(_))));
        // a mean of 140: e^(−99/140) − e^(−100/140), and about 1 % of the others
        let Some(Value::Number(hundred)) = rows[0].null else { panic!() };
        assert!((hundred - 0.003_51).abs() < 1e-4, "{hundred}");
        let Some(Value::Number(round)) = rows[2].null else { panic!() };
        assert!((round - 0.006_88).abs() < 2e-4, "{round}");
    }
}
