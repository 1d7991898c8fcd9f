//! Builds candles from the executions of one symbol.

use tradesim_schemas::{Exchange, Interval, MarketData, Price, Symbol, Timestamp};

const MINUTE: i64 = 60_000_000;

/// A candle that is not complete yet. Prices are in units of 0.0001.
#[derive(Clone, Copy, Debug)]
struct Open {
    start: i64,
    end: i64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: u64,
    /// The sum of price × shares, in units of 0.0001.
    notional: u128,
}

/// Builds the candles of all five intervals of one symbol.
///
/// Executions are added to the one-minute candle only. A candle that closes is merged into the next longer one. This is
/// exact, because every boundary of a longer interval is also a boundary of the shorter ones.
#[derive(Clone, Debug)]
pub(crate) struct Candles {
    symbol: Symbol,
    listing: Exchange,
    day_start: i64,
    day_end: i64,
    levels: [Option<Open>; Interval::ALL.len()],
    next_close: i64,
}

impl Candles {
    /// Creates the state at the beginning of a day from `start` to `end`.
    pub(crate) fn new(symbol: Symbol, listing: Exchange, start: Timestamp, end: Timestamp) -> Candles {
        Candles {
            symbol,
            listing,
            day_start: start.micros(),
            day_end: end.micros(),
            levels: [None; Interval::ALL.len()],
            next_close: i64::MAX,
        }
    }

    /// Returns the time at which the next candle closes, in microseconds since the epoch; `i64::MAX` if no candle is open.
    #[inline]
    pub(crate) fn next_close(&self) -> i64 {
        self.next_close
    }

    /// Adds an execution at `at`, which must not be before the last one nor after [`Candles::next_close`].
    #[inline]
    pub(crate) fn execute(&mut self, at: i64, price: i64, shares: u32) {
        debug_assert!(at < self.next_close);
        let notional = price as u128 * u128::from(shares);
        match &mut self.levels[0] {
            Some(candle) => {
                candle.high = candle.high.max(price);
                candle.low = candle.low.min(price);
                candle.close = price;
                candle.volume += u64::from(shares);
                candle.notional += notional;
            }
            empty => {
                let start = at - (at - self.day_start) % MINUTE;
                let end = (start + MINUTE).min(self.day_end);
                let volume = u64::from(shares);
                *empty = Some(Open {
                    start,
                    end,
                    open: price,
                    high: price,
                    low: price,
                    close: price,
                    volume,
                    notional,
                });
                self.next_close = self.next_close.min(end);
            }
        }
    }

    /// Closes the candles that end at [`Candles::next_close`] and passes them to `emit`, shortest first.
    pub(crate) fn close(&mut self, mut emit: impl FnMut(MarketData)) {
        let end = self.next_close;
        for level in 0..self.levels.len() {
            let Some(candle) = self.levels[level].take_if(|candle| candle.end == end) else { continue };
            emit(self.finished(&candle, Interval::ALL[level]));
            if let Some(longer) = Interval::ALL.get(level + 1) {
                let (start, end) = self.bounds(candle.start, *longer);
                fold(&mut self.levels[level + 1], candle, start, end);
            }
        }
        self.next_close = self.levels.iter().flatten().map(|candle| candle.end).min().unwrap_or(i64::MAX);
    }

    /// Returns start and end of the interval that contains `at`.
    fn bounds(&self, at: i64, interval: Interval) -> (i64, i64) {
        match interval_micros(interval) {
            Some(len) => {
                let start = at - (at - self.day_start) % len;
                (start, (start + len).min(self.day_end))
            }
            None => (self.day_start, self.day_end),
        }
    }

    fn finished(&self, candle: &Open, interval: Interval) -> MarketData {
        let price = |units| Price::from_units(units).expect("executions have valid prices");
        let volume = u128::from(candle.volume);
        let vwap = ((2 * candle.notional + volume) / (2 * volume)) as i64;
        debug_assert!(candle.low <= vwap && vwap <= candle.high);
        MarketData {
            symbol: self.symbol,
            open: price(candle.open),
            high: price(candle.high),
            low: price(candle.low),
            close: price(candle.close),
            volume: candle.volume,
            vwap: price(vwap),
            timestamp: Timestamp::from_micros(candle.start).expect("within the day"),
            interval,
            exchange: self.listing,
        }
    }

    /// Returns the raw state, for the state digest.
    pub(crate) fn state(&self) -> impl Iterator<Item = u64> + '_ {
        self.levels
            .iter()
            .flatten()
            .flat_map(|candle| [candle.volume, candle.notional as u64, candle.close as u64])
    }
}

/// Returns the length of an interval in microseconds; `None` for the day, which is as long as the session.
pub(crate) fn interval_micros(interval: Interval) -> Option<i64> {
    match interval {
        Interval::OneMinute => Some(MINUTE),
        Interval::FiveMinutes => Some(5 * MINUTE),
        Interval::FifteenMinutes => Some(15 * MINUTE),
        Interval::OneHour => Some(60 * MINUTE),
        Interval::OneDay => None,
    }
}

fn fold(longer: &mut Option<Open>, part: Open, start: i64, end: i64) {
    match longer {
        Some(candle) => {
            candle.high = candle.high.max(part.high);
            candle.low = candle.low.min(part.low);
            candle.close = part.close;
            candle.volume += part.volume;
            candle.notional += part.notional;
        }
        None => *longer = Some(Open { start, end, ..part }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 9 * 60 * MINUTE;
    const END: i64 = START + 13 * 60 * MINUTE;

    fn candles() -> Candles {
        let at = |micros| Timestamp::from_micros(micros).unwrap();
        Candles::new(Symbol::new("AAPL").unwrap(), Exchange::Nasdaq, at(START), at(END))
    }

    fn close_all(candles: &mut Candles) -> Vec<(i64, MarketData)> {
        let mut closed = Vec::new();
        while candles.next_close() < i64::MAX {
            let at = candles.next_close();
            candles.close(|candle| closed.push((at, candle)));
        }
        closed
    }

    #[test]
    fn one_execution_makes_a_candle_of_every_interval() {
        let mut candles = candles();
        candles.execute(START + 17 * MINUTE + 5, 1_785_000, 100);
        let closed = close_all(&mut candles);
        let ends: Vec<_> = closed
            .iter()
            .map(|(at, candle)| {
                (
                    (at - START) / MINUTE,
                    (candle.timestamp.micros() - START) / MINUTE,
                    candle.interval.as_str(),
                )
            })
            .collect();
        assert_eq!(ends, [(18, 17, "1m"), (20, 15, "5m"), (30, 15, "15m"), (60, 0, "1h"), (780, 0, "1d")]);
        assert!(closed.iter().all(|(_, candle)| candle.volume == 100 && candle.vwap == candle.open));
    }

    #[test]
    fn candles_that_end_together_close_shortest_first() {
        let mut candles = candles();
        candles.execute(START + 59 * MINUTE, 1_000_000, 1);
        let at = candles.next_close();
        assert_eq!(at, START + 60 * MINUTE);
        let mut intervals = Vec::new();
        candles.close(|candle| intervals.push(candle.interval.as_str()));
        assert_eq!(intervals, ["1m", "5m", "15m", "1h"]);
    }

    #[test]
    fn a_longer_candle_sums_up_the_shorter_ones() {
        let mut candles = candles();
        let mut closed = Vec::new();
        for (minute, price, shares) in [(0, 100, 1), (1, 90, 2), (3, 120, 3), (4, 110, 4)] {
            let at = START + minute * MINUTE;
            while candles.next_close() <= at {
                candles.close(|candle| closed.push(candle));
            }
            candles.execute(at, price, shares);
        }
        while candles.next_close() < i64::MAX {
            candles.close(|candle| closed.push(candle));
        }
        let day = closed.last().unwrap();
        let units = [day.open, day.high, day.low, day.close, day.vwap].map(Price::units);
        // (100 + 180 + 360 + 440) / 10 = 108
        assert_eq!(units, [100, 120, 90, 110, 108]);
        assert_eq!(day.volume, 10);
    }

    #[test]
    fn the_average_price_is_rounded_half_up() {
        let mut candles = candles();
        candles.execute(START, 100, 1);
        candles.execute(START, 101, 1);
        assert_eq!(close_all(&mut candles)[0].1.vwap.units(), 101);
    }
}
