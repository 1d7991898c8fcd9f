//! E1 to E4: how prices respond to trades.

use super::Prepared;
use crate::{
    day::SymbolDay,
    intraday::response::{BySize, OCTAVES, SizeSums},
    measured::Measured,
    number::{correlation::Pairs, fit, ratio},
    pool::Pool,
};

/// The number of trades that an octave of sizes needs for the fit.
const TRADES_MIN: f64 = 100.0;
const NO_TRADES: &str = "the recording has no executions in the core session";
const NO_QUOTES: &str = "the recording has no quotes";

pub(super) fn rows(pool: &Pool, prepared: &Prepared) -> Vec<Measured> {
    let sums = &pool.totals.responses;
    let next = ratio(sums.next, sums.half_spread);
    let long =
        ratio(sums.long / sums.long_count, sums.path[0].0 / sums.path[0].1).filter(|_| sums.next > 0.0);
    let rows = [
        Measured::new("E1", flow(pool, prepared, |day| &day.signed))
            .null(flow(pool, prepared, |day| &day.random_signed)),
        Measured::new("E2", exponent(&by_size(pool, |sizes| &sizes.by_size)))
            .null(exponent(&by_size(pool, |sizes| &sizes.shuffled))),
        Measured::new("E3", next).null(ratio(sums.random_next, sums.half_spread)),
        Measured::new("E4", long),
    ];
    let traded = sums.path[0].1 > 0.0;
    rows.map(|row| row.only_if(pool.totals.quotes > 0, NO_QUOTES).only_if(traded, NO_TRADES)).into()
}

/// Returns the correlation of signed volume and return in a minute, each in units of its symbol. The first minute is left out,
/// because of the auction.
fn flow(pool: &Pool, prepared: &Prepared, signed: fn(&SymbolDay) -> &[f32]) -> Option<f64> {
    let mut pairs = Pairs::default();
    for symbol in 0..pool.symbols.len() {
        let squares = |(sum, count): (f64, f64), value: &f32| {
            (sum + f64::from(*value) * f64::from(*value), count + 1.0)
        };
        let (sum, count) = pool.of_symbol(symbol).flat_map(|(_, day)| signed(day)).fold((0.0, 0.0), squares);
        let scale = (sum / count).sqrt();
        for (at, day) in pool.of_symbol(symbol) {
            for (signed, value) in signed(day).iter().zip(&prepared.returns.days[at]).skip(1) {
                pairs.push(f64::from(*signed) / scale, *value);
            }
        }
    }
    pairs.correlation()
}

/// Returns the responses of all symbols by size, each in units of the symbol's mean.
fn by_size(pool: &Pool, sums: fn(&SizeSums) -> &BySize) -> BySize {
    let mut all = BySize::default();
    for symbol in &pool.symbols {
        let own = &symbol.sizes.by_size;
        let mean = own.response.iter().sum::<f64>() / own.count.iter().sum::<f64>();
        if mean > 0.0 {
            all.add_scaled(sums(&symbol.sizes), mean);
        }
    }
    all
}

/// Returns the octaves with enough trades: mean size, mean response and number of trades.
fn points(sums: &BySize) -> Vec<(f64, f64, f64)> {
    (0..OCTAVES)
        .filter(|octave| sums.count[*octave] >= TRADES_MIN)
        .map(|octave| {
            let count = sums.count[octave];
            (libm::exp(sums.log_shares[octave] / count), sums.response[octave] / count, count)
        })
        .collect()
}

/// Returns the exponent of response in size; octaves count by their number of trades, as their errors do.
fn exponent(sums: &BySize) -> Option<f64> {
    fit::exponent(&points(sums))
}

/// Returns mean size and response, in units of the mean response, for the plot.
pub(crate) fn impact_points(pool: &Pool) -> Vec<(f64, f64, f64)> {
    points(&by_size(pool, |sizes| &sizes.by_size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measured::Value, number::random::Random, statistics::Prepared, tests::pool_of_returns};

    #[test]
    fn a_square_root_of_size_is_found() {
        let mut pool = pool_of_returns(vec![vec![vec![0.0; 390]]]);
        let sizes = &mut pool.symbols[0].sizes.by_size;
        for octave in 0..10 {
            let size = f64::from(1 << octave);
            sizes.count[octave] = 1_000.0 / size.sqrt();
            sizes.response[octave] = sizes.count[octave] * size.sqrt() * 1e-5;
            sizes.log_shares[octave] = sizes.count[octave] * libm::log(size);
        }
        // only octaves with enough trades count, here up to 2^6
        assert_eq!(impact_points(&pool).len(), 7);
        assert!((exponent(&by_size(&pool, |sizes| &sizes.by_size)).unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn flow_that_moves_the_price_is_correlated_with_it() {
        let mut random = Random::new(2);
        let (mut returns, mut flows) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let flow: Vec<f32> = (0..390).map(|_| random.normal() as f32).collect();
            returns.push(flow.iter().map(|flow| 1e-4 * (flow + random.normal() as f32)).collect());
            flows.push(flow.iter().map(|flow| 1_000.0 * flow).collect());
        }
        let mut pool = pool_of_returns(vec![returns]);
        pool.symbol_days.iter_mut().zip(flows).for_each(|(day, flow)| day.signed = flow);
        let found = flow(&pool, &Prepared::of(&pool), |day| &day.signed).unwrap();
        assert!((found - 0.5f64.sqrt()).abs() < 0.01, "{found}");
        assert!(matches!(rows(&pool, &Prepared::of(&pool))[0].value, Value::Missing(_)));
    }
}
