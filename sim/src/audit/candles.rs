//! Recomputes candles from the executions of the same stream.

use tradesim_schemas::{Interval, MarketData, Price, Symbol, Timestamp, Trade};

use super::{
    Scope,
    report::{Findings, Rule},
    symbols::{AuditSymbol, SymbolTable},
};
use crate::session::TradingDay;

/// The candle of one symbol and interval, from the executions so far. Prices are in units of 0.0001.
#[derive(Clone, Copy, Debug)]
struct Building {
    start: i64,
    end: i64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: u64,
    /// The sum of price times quantity.
    notional: u128,
}

/// The candles of one origin.
#[derive(Debug)]
pub(super) struct Candles {
    trades: bool,
    candles: bool,
    from: Option<i64>,
    to: Option<i64>,
    limited: bool,
    /// Start and end of the 1d candle.
    day: Option<(i64, i64)>,
    building: Vec<[Option<Building>; Interval::ALL.len()]>,
    partial: u64,
    undated: u64,
}

impl Candles {
    pub(super) fn new(scope: &Scope, day: Option<TradingDay>, market_hours: bool) -> Candles {
        Candles {
            trades: scope.trades,
            candles: scope.candles,
            from: scope.from.map(Timestamp::micros),
            to: scope.to.map(Timestamp::micros),
            limited: scope.limited,
            day: day.map(|day| (day.start().micros(), day.day_end(market_hours).micros())),
            building: Vec::new(),
            partial: 0,
            undated: 0,
        }
    }

    pub(super) fn execution(&mut self, trade: &Trade, symbol: u16, findings: &mut Findings) {
        if !self.candles {
            return;
        }
        let at = trade.timestamp.micros();
        let price = trade.price.units();
        let quantity = u64::from(trade.quantity.get());
        let notional = u128::from(price.unsigned_abs()) * u128::from(quantity);
        let (day, from) = (self.day, self.from);
        for (&interval, slot) in Interval::ALL.iter().zip(slots_of(&mut self.building, symbol)) {
            match slot {
                Some(building) if (building.start..building.end).contains(&at) => {
                    building.high = building.high.max(price);
                    building.low = building.low.min(price);
                    building.close = price;
                    building.volume += quantity;
                    building.notional += notional;
                }
                _ => {
                    if let Some(old) = slot.take() {
                        missing(trade.symbol, interval, &old, from, findings);
                    }
                    *slot = span_of(interval, at, day).map(|(start, end)| Building {
                        start,
                        end,
                        open: price,
                        high: price,
                        low: price,
                        close: price,
                        volume: quantity,
                        notional,
                    });
                }
            }
        }
    }

    pub(super) fn candle(
        &mut self,
        emitted: Timestamp,
        candle: &MarketData,
        symbol: u16,
        known: Option<&AuditSymbol>,
        findings: &mut Findings,
    ) {
        findings.checked(Rule::Candles);
        check_shape(candle, known, findings);
        let start = candle.timestamp.micros();
        let Some((expected_start, end)) = span_of(candle.interval, start, self.day) else {
            self.undated += 1;
            return;
        };
        if start != expected_start || emitted.micros() != end {
            findings.violated(Rule::Candles, || {
                format!("{} is emitted at {emitted}, but does not match an interval", describe(candle))
            });
        }
        if !self.trades {
            return;
        }
        let slot = &mut slots_of(&mut self.building, symbol)[candle.interval as usize];
        let executed = slot.take_if(|building| building.start == start);
        if self.from.is_some_and(|from| start < from) {
            self.partial += 1;
            return;
        }
        match executed {
            None => findings.violated(Rule::Candles, || format!("{} without an execution", describe(candle))),
            Some(building) => check_equal(candle, &building, findings),
        }
    }

    /// Reports the missing candles, and what could not be checked. `last` is the time of the last record.
    pub(super) fn finish(self, last: Option<Timestamp>, symbols: &SymbolTable, findings: &mut Findings) {
        if self.partial > 0 {
            let count = self.partial;
            findings
                .skipped(Rule::Candles, format!("{count} candles that begin before the start of the cut"));
        }
        if self.undated > 0 {
            let count = self.undated;
            findings.skipped(Rule::Candles, format!("{count} daily candles: the trading day is not known"));
        }
        // a candle of the last microsecond may come after the cut
        let emitted_before = match (self.limited, self.to) {
            (true, _) => last.map_or(i64::MIN, Timestamp::micros),
            (false, Some(to)) => to,
            (false, None) => i64::MAX,
        };
        let mut after_cut = 0u64;
        for (index, slots) in self.building.iter().enumerate() {
            for (&interval, slot) in Interval::ALL.iter().zip(slots) {
                match slot {
                    Some(building) if building.end < emitted_before => {
                        missing(symbols.symbol(index), interval, building, self.from, findings);
                    }
                    Some(_) => after_cut += 1,
                    None => {}
                }
            }
        }
        if after_cut > 0 {
            findings.skipped(Rule::Candles, format!("{after_cut} candles that end after the cut"));
        }
    }
}

/// Returns start and end of the interval that contains an instant. Eastern time differs from UTC by whole hours, so
/// intervals of up to an hour are aligned to both clocks.
fn span_of(interval: Interval, at: i64, day: Option<(i64, i64)>) -> Option<(i64, i64)> {
    let minutes = match interval {
        Interval::OneMinute => 1,
        Interval::FiveMinutes => 5,
        Interval::FifteenMinutes => 15,
        Interval::OneHour => 60,
        Interval::OneDay => return day,
    };
    let length = minutes * 60_000_000;
    let start = at - at.rem_euclid(length);
    Some((start, start + length))
}

fn slots_of(
    building: &mut Vec<[Option<Building>; Interval::ALL.len()]>,
    symbol: u16,
) -> &mut [Option<Building>; Interval::ALL.len()] {
    let index = usize::from(symbol);
    if index >= building.len() {
        building.resize(index + 1, [None; Interval::ALL.len()]);
    }
    &mut building[index]
}

/// Checks a candle without looking at its executions.
fn check_shape(candle: &MarketData, known: Option<&AuditSymbol>, findings: &mut Findings) {
    let within = |price: Price| candle.low <= price && price <= candle.high;
    if !(within(candle.open) && within(candle.close) && within(candle.vwap)) || candle.volume == 0 {
        findings.violated(Rule::Candles, || {
            format!(
                "{} is inconsistent: open {} high {} low {} close {} volume {} vwap {}",
                describe(candle),
                candle.open,
                candle.high,
                candle.low,
                candle.close,
                candle.volume,
                candle.vwap,
            )
        });
    }
    if let Some(known) = known.filter(|known| known.listing != candle.exchange) {
        findings.violated(Rule::Candles, || {
            format!(
                "{} has exchange {}, not its listing {}",
                describe(candle),
                candle.exchange,
                known.listing
            )
        });
    }
}

fn check_equal(candle: &MarketData, building: &Building, findings: &mut Findings) {
    // half up: floor((2n + v) / 2v)
    let volume = u128::from(building.volume);
    let vwap = (2 * building.notional + volume) / (2 * volume);
    let vwap = i64::try_from(vwap).expect("an average is between prices");
    for (name, found, expected) in [
        ("open", candle.open, building.open),
        ("high", candle.high, building.high),
        ("low", candle.low, building.low),
        ("close", candle.close, building.close),
        ("vwap", candle.vwap, vwap),
    ] {
        if found.units() != expected {
            findings.violated(Rule::Candles, || {
                let expected = Price::from_units(expected).expect("made of prices");
                format!("{} has {name} {found}, its executions have {expected}", describe(candle))
            });
        }
    }
    if candle.volume != building.volume {
        findings.violated(Rule::Candles, || {
            let executed = building.volume;
            format!("{} has volume {}, its executions have {executed}", describe(candle), candle.volume)
        });
    }
}

/// Reports a candle that was not emitted although there were executions.
fn missing(
    symbol: Symbol,
    interval: Interval,
    building: &Building,
    from: Option<i64>,
    findings: &mut Findings,
) {
    if from.is_some_and(|from| building.start < from) {
        return;
    }
    let start = Timestamp::from_micros(building.start).expect("the start of a candle is near its executions");
    findings.violated(Rule::Candles, || format!("the {interval} candle of {symbol} from {start} is missing"));
}

fn describe(candle: &MarketData) -> String {
    format!("the {} candle of {} from {}", candle.interval, candle.symbol, candle.timestamp)
}
