//! The state of a symbol while a day is read, and what is kept of it.

use crate::{
    intraday::{
        grid::Grid,
        orders::{Gaps, Orders},
        response::Responses,
        tape::{Bounce, Tape},
    },
    number::{kurtosis::Kurtosis, random::Random},
    session::Session,
};

/// The number of prices of ten seconds in a minute and in five minutes.
const STEPS_MINUTE: usize = 6;
/// The lags of the autocorrelation of returns.
pub(crate) const RETURN_LAGS: usize = 20;

/// A symbol while a day is read.
#[derive(Clone, Debug)]
pub(crate) struct SymbolState {
    pub(crate) grid: Grid,
    pub(crate) orders: Orders,
    pub(crate) tape: Tape,
    pub(crate) responses: Responses,
    /// Sum and count of spreads at seconds of the first 15 minutes, and from 11:30 to 15:30, in units of 0.0001.
    pub(crate) early_spread: (f64, f64),
    pub(crate) midday_spread: (f64, f64),
}

impl SymbolState {
    pub(crate) fn new(session: &Session) -> SymbolState {
        SymbolState {
            grid: Grid::new(session),
            orders: Orders::new(session),
            tape: Tape::new(session),
            responses: Responses::new(),
            early_spread: (0.0, 0.0),
            midday_spread: (0.0, 0.0),
        }
    }
}

/// The intervals of the signature plot, in tens of seconds.
pub(crate) const SIGNATURE: [usize; 7] = [1, 2, 3, 6, 12, 30, 60];
/// The position of five minutes in [`SIGNATURE`].
pub(crate) const FIVE_MINUTES: usize = 5;

/// Sums of squared returns, by the intervals of [`SIGNATURE`].
pub(crate) type Variances = [f64; SIGNATURE.len()];

/// Products of returns of a minute at lags 0 to [`RETURN_LAGS`], divided by the square at lag 0.
pub(crate) type Products = [f64; RETURN_LAGS + 1];

/// The series and sums that are kept of a symbol on a day.
#[derive(Clone, Debug)]
pub(crate) struct SymbolDay {
    pub(crate) symbol: usize,
    /// The number of the day, from 0.
    pub(crate) day: usize,
    pub(crate) session: Session,
    /// Returns of a minute; NaN where there is no price.
    pub(crate) returns: Vec<f32>,
    pub(crate) volumes: Vec<f32>,
    pub(crate) signed: Vec<f32>,
    pub(crate) random_signed: Vec<f32>,
    pub(crate) counts: Vec<u16>,
    pub(crate) gaps: Vec<Gaps>,
    pub(crate) seconds: Kurtosis,
    pub(crate) variances: Variances,
    /// With a bounce of one standard deviation of the returns of ten seconds.
    pub(crate) bouncing: Variances,
    pub(crate) products: Products,
    pub(crate) bouncing_products: Products,
    pub(crate) volume: u64,
    pub(crate) volume_session: u64,
    pub(crate) opening_shares: u64,
    pub(crate) closing_shares: u64,
    pub(crate) executions: u64,
    pub(crate) bounce: Bounce,
    pub(crate) early_spread: (f64, f64),
    pub(crate) midday_spread: (f64, f64),
}

impl SymbolDay {
    /// Returns what is kept of a symbol, and its returns of ten seconds.
    pub(crate) fn of(
        state: SymbolState,
        symbol: usize,
        day: usize,
        session: Session,
        random: &mut Random,
    ) -> (SymbolDay, Vec<f64>) {
        let logs = state.grid.logs();
        let fine: Vec<f64> = logs.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let squares = fine.iter().filter(|value| value.is_finite()).map(|value| value * value);
        let deviation = (squares.clone().sum::<f64>() / squares.count().max(1) as f64).sqrt();
        let bouncing: Vec<f64> = logs.iter().map(|log| log + deviation * random.sign()).collect();
        let minutes = steps(logs, STEPS_MINUTE);
        let kept = SymbolDay {
            symbol,
            day,
            session,
            variances: variances(logs),
            bouncing: variances(&bouncing),
            products: products(&minutes),
            bouncing_products: products(&steps(&bouncing, STEPS_MINUTE)),
            returns: minutes.iter().map(|value| *value as f32).collect(),
            gaps: state.orders.gaps(),
            counts: state.orders.counts,
            volume: state.tape.volume,
            volume_session: state.tape.volume_session,
            opening_shares: state.tape.opening_shares(),
            closing_shares: state.tape.closing_shares(),
            executions: state.tape.executions,
            bounce: state.tape.bounce,
            volumes: state.tape.minutes,
            signed: state.tape.signed,
            random_signed: state.tape.random_signed,
            seconds: state.grid.seconds,
            early_spread: state.early_spread,
            midday_spread: state.midday_spread,
        };
        (kept, fine)
    }
}

/// Returns the differences between each `step`-th logarithm.
fn steps(logs: &[f64], step: usize) -> Vec<f64> {
    let kept: Vec<f64> = logs.iter().step_by(step).copied().collect();
    kept.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn variances(logs: &[f64]) -> Variances {
    let sum = |step| {
        let values = steps(logs, step).into_iter().filter(|value| value.is_finite());
        values.map(|value| value * value).sum()
    };
    SIGNATURE.map(sum)
}

fn products(returns: &[f64]) -> Products {
    let mut products = [0.0; RETURN_LAGS + 1];
    for (lag, product) in products.iter_mut().enumerate() {
        let pairs = returns.iter().zip(returns.iter().skip(lag)).map(|(a, b)| a * b);
        *product = pairs.filter(|value| value.is_finite()).sum();
    }
    let scale = products[0];
    if scale > 0.0 { products.map(|product| product / scale) } else { [0.0; RETURN_LAGS + 1] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_autocorrelations() {
        let alternating: Vec<f64> = (0..1_000).map(|at| if at % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let found = products(&alternating);
        for (lag, value) in found.iter().enumerate() {
            let expected = if lag % 2 == 0 { 1.0 } else { -1.0 };
            assert!((value - expected).abs() < 0.03, "{lag}: {value}");
        }
        assert_eq!(products(&[0.0, f64::NAN]), [0.0; RETURN_LAGS + 1]);
    }

    #[test]
    fn a_random_walk_with_a_bounce_of_its_deviation_has_a_signature_of_2_8() {
        // (1 + 2) / (1 + 2 / 30)
        let mut random = Random::new(5);
        let mut log = 0.0;
        let walk: Vec<f64> = (0..200_000)
            .map(|_| {
                log += random.normal();
                log
            })
            .collect();
        let plain = variances(&walk);
        assert!((plain[0] / plain[FIVE_MINUTES] - 1.0).abs() < 0.05);
        let bouncing: Vec<f64> = walk.iter().map(|log| log + random.sign()).collect();
        let found = variances(&bouncing);
        assert!((found[0] / found[FIVE_MINUTES] - 2.8125).abs() < 0.15);
        let lag = products(&steps(&bouncing, STEPS_MINUTE))[1];
        // −1 / (6 + 2)
        assert!((lag + 0.125).abs() < 0.02, "{lag}");
    }
}
