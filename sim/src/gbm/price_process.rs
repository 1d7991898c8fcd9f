//! The price model: geometric Brownian motion in elapsed virtual time.

use crate::{
    math,
    rng::{Purpose, Stream},
};

/// Drift per trading day. Source: contract, section 2.
pub(crate) const DRIFT_PER_DAY: f64 = 0.0001;

/// The length of the core session in seconds, which is one trading day of the model. Source: contract, section 2.
pub(crate) const TRADING_DAY_SECONDS: f64 = 23_400.0;

/// The number of tenths of a microsecond in one trading day. Virtual time is counted in tenths, because time outside the
/// core session counts as one tenth.
const TENTHS_PER_DAY: f64 = TRADING_DAY_SECONDS * 1e6 * 10.0;

/// The fair price of one symbol, dS = S(µ dt + σ dW).
#[derive(Clone, Debug)]
pub(crate) struct PriceProcess {
    price: f64,
    /// The volatility as a fraction per square root of a trading day.
    volatility: f64,
    at_tenths: i64,
    stream: Stream,
}

impl PriceProcess {
    /// Creates the process of a symbol, at `price` at the beginning of the day.
    pub(crate) fn new(seed: u64, symbol: &str, price: f64, volatility: f64) -> PriceProcess {
        PriceProcess { price, volatility, at_tenths: 0, stream: Stream::new(seed, Purpose::Price, symbol) }
    }

    /// Moves to `tenths` (weighted tenths of microseconds since the day began) and returns the fair price.
    ///
    /// The step is exact for any length of time, S(t+dt) = S(t) exp((µ − σ²/2) dt + σ √dt Z), so that the number of
    /// steps per day, which grows with the order rate, does not change the volatility.
    #[inline]
    pub(crate) fn move_to(&mut self, tenths: i64) -> f64 {
        let elapsed = tenths - self.at_tenths;
        debug_assert!(elapsed >= 0, "virtual time never goes back");
        if elapsed > 0 {
            let days = elapsed as f64 / TENTHS_PER_DAY;
            let drift = (DRIFT_PER_DAY - 0.5 * self.volatility * self.volatility) * days;
            self.price *= math::exp(drift + self.volatility * days.sqrt() * self.stream.normal());
            self.at_tenths = tenths;
        }
        self.price
    }

    /// Returns one standard deviation of the price over `tenths` of virtual time.
    #[inline]
    pub(crate) fn deviation(&self, tenths: i64) -> f64 {
        self.price * self.volatility * (tenths as f64 / TENTHS_PER_DAY).sqrt()
    }

    /// Returns the raw state, for the state digest.
    pub(crate) fn state(&self) -> [u64; 3] {
        [self.price.to_bits(), self.at_tenths as u64, self.stream.position()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the pooled realised volatility over `days` of `steps` steps each, as a multiple of the configured one.
    fn realised(steps: i64, days: u32) -> f64 {
        let (mut squares, volatility) = (0.0, 0.02);
        for day in 0..days {
            let mut process = PriceProcess::new(u64::from(day), "AAPL", 178.5, volatility);
            let mut last = 178.5;
            for step in 1..=steps {
                let price = process.move_to((TENTHS_PER_DAY as i64) * step / steps);
                let relative = math::ln(price / last);
                squares += relative * relative;
                last = price;
            }
        }
        (squares / f64::from(days)).sqrt() / volatility
    }

    #[test]
    fn volatility_does_not_depend_on_the_number_of_steps() {
        for (steps, days) in [(10, 400), (1_000, 20), (50_000, 2)] {
            let ratio = realised(steps, days);
            // the relative error of a volatility estimate from n returns is about 1/√(2n)
            let tolerance = 4.0 / (2.0 * steps as f64 * f64::from(days)).sqrt();
            assert!((ratio - 1.0).abs() < tolerance, "{steps} steps: {ratio}");
        }
    }

    #[test]
    fn no_time_no_move() {
        let mut process = PriceProcess::new(1, "AAPL", 178.5, 0.02);
        let price = process.move_to(1_000);
        assert_eq!(process.move_to(1_000).to_bits(), price.to_bits());
    }
}
