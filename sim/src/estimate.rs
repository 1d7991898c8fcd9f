//! Estimates of what a day contains, from its options alone.

use tradesim_schemas::Interval;

use crate::{Model, OptionsError, SimulationOptions, candle::interval_micros, universe::Universe};

/// Mean numbers of a model.
struct Means {
    /// Trade events of an order.
    trades: f64,
    /// Executions of an order.
    executions: f64,
    /// Order book snapshots of a trade event.
    books: f64,
}

impl Means {
    const fn of(model: Model) -> Means {
        match model {
            // by the lifecycles in the contract: every order has a NEW event; 70 % have one more, and 30 % have two or three
            // partial executions; there is a snapshot after every fifth event
            Model::Gbm => Means { trades: 1.0 + 0.7 + 0.3 * 2.5, executions: 0.5 + 0.3 * 2.5, books: 0.2 },
            // measured on default days
            Model::Stylized => Means { trades: 2.02, executions: 0.16, books: 0.3 },
        }
    }
}

impl SimulationOptions {
    /// Estimates the number of messages of the whole day.
    ///
    /// # Errors
    /// Returns an error if the options are out of range.
    pub fn expected_messages(&self) -> Result<f64, OptionsError> {
        let means = Means::of(self.model);
        let trades = self.expected_orders()? * means.trades;
        Ok(trades + trades * means.books + self.expected_candles())
    }

    /// Estimates the number of candles: one for each symbol and interval with an execution. The probability of that, 1 − e⁻ˣ for
    /// x expected executions, is approximated by x / (1 + x).
    fn expected_candles(&self) -> f64 {
        let universe = Universe::on(self.day.date()).heaviest(self.symbols);
        let day = self.end().micros() - self.day.start().micros();
        let executions = Means::of(self.model).executions;
        let mut candles = 0.0;
        for span in self.day.periods(self.market_hours) {
            let seconds = (span.to.micros() - span.from.micros()) as f64 / 1e6;
            for info in universe.symbols() {
                let executions_per_second = self.rate * span.multiplier * info.weight * executions;
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
