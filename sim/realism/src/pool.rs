//! What the statistics are computed from: the sums and series of all symbols and days.

mod prints;

use tradesim_schemas::Symbol;

pub(crate) use prints::{Prices, Sizes, Spreads};

use crate::{
    day::{SIGNATURE, SymbolDay},
    intraday::response::ResponseSums,
    market::SymbolSums,
    number::{auc::Auc, log_histogram::LogHistogram},
};

/// The sums over all symbols and days.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) orders: u64,
    pub(crate) cancels: u64,
    pub(crate) executions: u64,
    pub(crate) quotes: u64,
    pub(crate) sizes: Sizes,
    pub(crate) prices: Prices,
    pub(crate) spreads: Spreads,
    pub(crate) imbalance: Auc,
    pub(crate) random_imbalance: Auc,
    pub(crate) responses: ResponseSums,
}

/// The orders of the busiest seconds in units of the mean.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Busiest {
    pub(crate) highest: f64,
    /// 0.1 % of all seconds have as many orders or more.
    pub(crate) p999: f64,
}

/// The mean correlation of all pairs of symbols on one day, at ten seconds and at five minutes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CoMovement {
    pub(crate) ten_seconds: f64,
    pub(crate) five_minutes: f64,
}

/// The figures of one day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayFigures {
    /// `None` on a day without orders.
    pub(crate) seconds: Option<Busiest>,
    /// `None` with fewer than two symbols.
    pub(crate) co_movement: Option<CoMovement>,
}

impl DayFigures {
    pub(crate) fn busiest(seconds: &[u32]) -> Option<Busiest> {
        let total: f64 = seconds.iter().copied().map(f64::from).sum();
        if total == 0.0 {
            return None;
        }
        let mean = total / seconds.len() as f64;
        let mut ascending = seconds.to_vec();
        ascending.sort_unstable();
        Some(Busiest {
            highest: f64::from(*ascending.last()?) / mean,
            p999: f64::from(ascending[ascending.len() - 1 - ascending.len() / 1_000]) / mean,
        })
    }
}

/// Returns the mean correlation of all pairs of series of returns of ten seconds.
///
/// With series of mean square 1, the mean square of their sum is N + N (N − 1) ρ.
pub(crate) fn co_movement(fine: &[Vec<f64>]) -> Option<CoMovement> {
    let at = |step: usize| {
        let len = fine.first()?.len() / step;
        let mut sum = vec![0.0; len];
        let mut count = 0.0;
        for series in fine {
            let coarse: Vec<f64> = series.chunks_exact(step).map(|part| part.iter().sum()).collect();
            let squares: f64 =
                coarse.iter().filter(|value| value.is_finite()).map(|value| value * value).sum();
            if squares > 0.0 && coarse.len() == len {
                let scale = (len as f64 / squares).sqrt();
                count += 1.0;
                for (sum, value) in sum.iter_mut().zip(&coarse) {
                    *sum += if value.is_finite() { value * scale } else { 0.0 };
                }
            }
        }
        let mean = sum.iter().map(|sum| sum * sum).sum::<f64>() / len as f64;
        (count > 1.0 && len > 0).then(|| (mean - count) / (count * (count - 1.0)))
    };
    Some(CoMovement { ten_seconds: at(1)?, five_minutes: at(SIGNATURE[crate::day::FIVE_MINUTES])? })
}

/// Everything that was collected.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) names: Vec<Symbol>,
    pub(crate) symbols: Vec<SymbolSums>,
    /// In the order of days, and of symbols within a day.
    pub(crate) symbol_days: Vec<SymbolDay>,
    pub(crate) days: Vec<DayFigures>,
    pub(crate) totals: Totals,
    /// Lives of cancelled orders, in microseconds.
    pub(crate) lives: LogHistogram,
}

impl Pool {
    /// Returns the median of the executions of a symbol on a day.
    pub(crate) fn executions_median(&self) -> u64 {
        let mut counts: Vec<u64> = self.symbol_days.iter().map(|day| day.executions).collect();
        counts.sort_unstable();
        counts.get(counts.len() / 2).copied().unwrap_or(0)
    }

    /// Returns the days of one symbol.
    pub(crate) fn of_symbol(&self, symbol: usize) -> impl Iterator<Item = (usize, &SymbolDay)> {
        self.symbol_days.iter().enumerate().filter(move |(_, day)| day.symbol == symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::random::Random;

    #[test]
    fn a_constant_rate_has_no_busy_second() {
        let busiest = DayFigures::busiest(&[100; 3_000]).unwrap();
        assert_eq!((busiest.highest, busiest.p999), (1.0, 1.0));
        assert!(DayFigures::busiest(&[0; 300]).is_none());
    }

    #[test]
    fn a_common_factor_has_a_known_correlation() {
        let mut random = Random::new(2);
        let common: Vec<f64> = (0..60_000).map(|_| random.normal()).collect();
        let series: Vec<Vec<f64>> =
            (0..4).map(|_| common.iter().map(|common| common + random.normal()).collect()).collect();
        let found = co_movement(&series).unwrap();
        assert!(
            (found.ten_seconds - 0.5).abs() < 0.02 && (found.five_minutes - 0.5).abs() < 0.06,
            "{found:?}"
        );
        assert!(co_movement(&series[..1]).is_none());
    }
}
