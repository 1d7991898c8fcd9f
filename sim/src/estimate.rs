//! Estimates of what a day contains, from its options alone.

use tradesim_schemas::Interval;

use crate::{OptionsError, SimulationOptions, candle::interval_micros, universe::Universe};

/// The mean number of trade events of an order, by the lifecycles in the contract: every order has a NEW event; 70 % have one
/// more, and 30 % have two or three partial executions.
const TRADES_PER_ORDER: f64 = 1.0 + 0.7 + 0.3 * 2.5;
/// The mean number of executions of an order.
const EXECUTIONS_PER_ORDER: f64 = 0.5 + 0.3 * 2.5;
/// The number of order book snapshots per trade event: one after every fifth.
const BOOKS_PER_TRADE: f64 = 0.2;

impl SimulationOptions {
    /// Estimates the number of messages of the whole day.
    ///
    /// # Errors
    /// Returns an error if the options are out of range.
    pub fn expected_messages(&self) -> Result<f64, OptionsError> {
        let trades = self.expected_orders()? * TRADES_PER_ORDER;
        Ok(trades + trades * BOOKS_PER_TRADE + self.expected_candles())
    }

    /// Estimates the number of candles: one for each symbol and interval with an execution. The probability of that, 1 − e⁻ˣ for
    /// x expected executions, is approximated by x / (1 + x).
    fn expected_candles(&self) -> f64 {
        let universe = Universe::on(self.day.date()).heaviest(self.symbols);
        let day = self.end().micros() - self.day.start().micros();
        let mut candles = 0.0;
        for span in self.day.periods(self.market_hours) {
            let seconds = (span.to.micros() - span.from.micros()) as f64 / 1e6;
            for info in universe.symbols() {
                let executions_per_second = self.rate * span.multiplier * info.weight * EXECUTIONS_PER_ORDER;
                for &interval in Interval::ALL {
                    let interval_seconds = interval_micros(interval).unwrap_or(day) as f64 / 1e6;
                    let expected = executions_per_second * interval_seconds;
                    candles += seconds / interval_seconds * (expected / (1.0 + expected));
                }
            }
        }
        candles
    }
}
