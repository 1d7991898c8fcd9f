//! E5 to E13: spreads, displayed sizes, prices, and the lives of orders.

use crate::{
    measured::Measured,
    number::{fit, ratio},
    pool::Pool,
};

/// Half a second, in microseconds.
const HALF_SECOND: u64 = 500_000;
const NO_QUOTES: &str = "the recording has no quotes";
const NO_PRICE: &str = "the recording has no quotes at such prices";
const NO_TRADES: &str = "the recording has no executions";
const NO_CANCELS: &str = "the recording has no cancellations";
const NO_LIVES: &str = "the recording has no cancellations of orders with an id";

pub(super) fn rows(pool: &Pool) -> Vec<Measured> {
    let totals = &pool.totals;
    let (quoted, traded) = (totals.quotes > 0, totals.executions > 0);
    let usual = totals.spreads.usual.quantile(0.5).map(|hundredths| hundredths / 100.0);
    let expensive = totals.spreads.expensive_mean();
    let lives = &pool.lives;
    let span = |high: f64| ratio(lives.quantile(high)?, lives.quantile(0.5)?);
    // exponential lives of the same mean
    let within = lives.mean().map(|mean| 1.0 - libm::exp(-(HALF_SECOND as f64) / mean));
    let per_execution = |count: u64| ratio(count as f64, totals.executions as f64);
    vec![
        Measured::new("E5", usual).only_if(usual.is_some(), NO_PRICE),
        Measured::new("E6", expensive).null(Some(1.0)).only_if(expensive.is_some(), NO_PRICE),
        // a spread of one tick everywhere
        Measured::new("E7", slope(pool)).null(Some(0.0)).only_if(quoted, NO_QUOTES),
        Measured::new("E8", totals.imbalance.area())
            .null(totals.random_imbalance.area())
            .only_if(quoted, NO_QUOTES),
        // each cent as often as the others
        Measured::new("E9", totals.prices.nickels.get()).null(Some(0.2)).only_if(traded, NO_TRADES),
        Measured::new("E10", per_execution(totals.quotes))
            .only_if(traded, NO_TRADES)
            .only_if(quoted, NO_QUOTES),
        Measured::new("E11", per_execution(totals.cancels))
            .only_if(traded, NO_TRADES)
            .only_if(totals.cancels > 0, NO_CANCELS),
        Measured::new("E12", lives.share_below(HALF_SECOND))
            .null(within)
            .only_if(lives.total() > 0, NO_LIVES),
        Measured::new("E13", span(0.9))
            .null(Some(std::f64::consts::LN_10 / std::f64::consts::LN_2))
            .only_if(lives.total() > 0, NO_LIVES),
    ]
}

/// Returns the slope of log spread on log price over symbols.
fn slope(pool: &Pool) -> Option<f64> {
    let symbols = pool.symbols.iter().filter(|sums| sums.spread > 0.0 && sums.price > 0.0);
    let points: Vec<_> = symbols
        .map(|sums| (libm::log(sums.price / sums.quoted), libm::log(sums.spread / sums.quoted), 1.0))
        .collect();
    fit::slope(&points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measured::Value, tests::pool_of_returns};

    #[test]
    fn counts_lives_and_spreads_have_known_answers() {
        let mut pool = pool_of_returns(vec![vec![vec![0.0; 390]]; 4]);
        for (number, symbol) in pool.symbols.iter_mut().enumerate() {
            let price = 100_000.0 * f64::from(1 << number);
            (symbol.quoted, symbol.price, symbol.spread) = (10.0, 10.0 * price, 10.0 * price.sqrt());
        }
        pool.totals.quotes = 400;
        pool.totals.executions = 100;
        pool.totals.cancels = 700;
        (0..10).for_each(|second| pool.lives.push(second * 1_000_000));
        let rows = rows(&pool);
        let value = |id| match rows.iter().find(|row| row.row == id).unwrap().value {
            Value::Number(value) => value,
            other => panic!("{id}: {other:?}"),
        };
        assert!((value("E7") - 0.5).abs() < 1e-9);
        assert_eq!((value("E10"), value("E11"), value("E12")), (4.0, 7.0, 0.1));
        assert!((value("E13") - 1.8).abs() < 0.01);
        let null = rows.iter().find(|row| row.row == "E12").unwrap().null;
        // a mean of 4.5 s
        let Some(Value::Number(null)) = null else { panic!("{null:?}") };
        assert!((null - (1.0 - libm::exp(-0.5 / 4.5))).abs() < 1e-12);
        assert!(matches!(rows[0].value, Value::Missing(_)));
    }
}
