//! Planned events: the recording follows the rule of each label.
//!
//! What a label states is compared with the records and with rules that are written down here a second time, so that a wrong
//! rule in the simulator is found.

mod bands;
mod cross;
mod first_trade;
mod halts;
mod index;
mod jump;
mod outage;
mod short_sale;
mod split;
mod stated;
mod sweep;

use std::{fmt::Debug, ops::RangeInclusive};

use tradesim_schemas::{Event, Price, Timestamp};

use super::{
    Scope,
    report::{Findings, Rule},
    symbols::AuditSymbol,
};
use crate::{EventKind, Label, session::TradingDay};

/// Microseconds in a second.
const SECOND: i64 = 1_000_000;

/// A check of one label. It sees all records of the origin in order.
trait Check: Debug {
    /// Sees a record before the state of the market includes it.
    fn record(&mut self, seen: &Seen<'_>, findings: &mut Findings);
    /// Sees the end of the stream.
    fn finish(&mut self, state: &State, findings: &mut Findings);
}

/// A record, and the market before it.
#[derive(Debug)]
struct Seen<'a> {
    at: i64,
    event: &'a Event,
    symbol: u16,
    state: &'a State,
}

/// The market after the records so far.
#[derive(Debug)]
struct State {
    symbols: Vec<AuditSymbol>,
    /// The sum of bid and ask of each symbol, in units of 0.0001; 0 before its first snapshot.
    doubles: Vec<i64>,
    /// The price of each symbol's last execution, in the same units; 0 before it.
    last: Vec<i64>,
}

impl State {
    fn take(&mut self, event: &Event, symbol: u16) {
        let symbol = usize::from(symbol);
        match event {
            Event::OrderBook(book) => {
                if let Some(double) = self.doubles.get_mut(symbol) {
                    *double = book.bid_price.units() + book.ask_price.units();
                }
            }
            Event::Trade(trade) if trade.status.is_execution() => {
                if let Some(last) = self.last.get_mut(symbol) {
                    *last = trade.price.units();
                }
            }
            Event::Trade(_) | Event::MarketData(_) => {}
        }
    }

    /// Returns the index: the mean of mid price over previous close, less 1. `None` if a symbol has no book, or no close.
    fn index(&self) -> Option<f64> {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (info, &double) in self.symbols.iter().zip(&self.doubles) {
            if double == 0 || info.base_price.units() == 0 {
                return None;
            }
            sum += info.weight * (double as f64 / (2 * info.base_price.units()) as f64 - 1.0);
            weights += info.weight;
        }
        (weights > 0.0).then(|| sum / weights)
    }
}

/// The checks of all labels of one origin.
#[derive(Debug)]
pub(super) struct Planned {
    checks: Vec<Box<dyn Check + Send>>,
    state: State,
}

impl Planned {
    pub(super) fn new(
        labels: Vec<Label>,
        day: Option<TradingDay>,
        symbols: &[AuditSymbol],
        scope: &Scope,
        findings: &mut Findings,
    ) -> Planned {
        let mut checks: Vec<Box<dyn Check + Send>> = Vec::new();
        for label in &labels {
            let mut skip = |what: &str, why: &str| {
                findings.skipped(Rule::Planned, format!("{what} of {}: {why}", label.id));
            };
            let Some(day) = day else {
                skip("all", "the trading day is not known");
                continue;
            };
            if EventKind::of_name(&label.kind).is_none() {
                skip("all", "this program does not know the kind");
                continue;
            }
            if symbols.is_empty() {
                skip("all", "the recording has no symbol table");
                continue;
            }
            let symbol =
                label.symbol.and_then(|symbol| symbols.iter().position(|info| info.symbol == symbol));
            if label.symbol.is_some() != symbol.is_some() {
                skip("all", "the symbol table does not have the symbol");
                continue;
            }
            let place = Place { day, symbol: symbol.map(|index| index as u16), symbols };
            match stated::check(label, &place) {
                Some(check) => checks.push(check),
                None => {
                    checks.push(Incomplete::of(label));
                    continue;
                }
            }
            if !scope.trades {
                skip("events", "the stream has no trades");
                continue;
            }
            checks.extend(halts::check(label, &place, scope));
            let alone = [
                split::check(label, &place),
                first_trade::check(label, &place, scope),
                outage::check(label, &place, scope),
                short_sale::check(label, &place, scope),
            ];
            if alone.iter().any(Option::is_some) {
                // these checks hold in each part of the stream
                checks.extend(alone.into_iter().flatten());
                continue;
            }
            // the other checks look at what was before the event, and at its end
            let begun = scope.from.is_none_or(|from| from.micros() <= label.from.micros() - 300 * SECOND);
            let ended = !scope.limited && scope.to.is_none_or(|to| to > label.to);
            if !(begun && ended) {
                skip("prices", "the stream does not have the event from five minutes before it to its end");
                continue;
            }
            checks.extend(bands::check(label, &place, scope));
            checks.extend(sweep::check(label, &place));
            if scope.order_books {
                checks.extend(jump::check(label, &place));
                checks.extend(index::check(label, &place));
            } else {
                skip("quotes", "the stream has no order book snapshots");
            }
            match scope.from {
                None => checks.extend(cross::check(label, &place)),
                Some(_) if label.kind == "rebalance" => {
                    skip("volume", "the stream does not begin with the day")
                }
                Some(_) => {}
            }
        }
        let symbols = if checks.is_empty() { Vec::new() } else { symbols.to_vec() };
        let state = State { doubles: vec![0; symbols.len()], last: vec![0; symbols.len()], symbols };
        Planned { checks, state }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.checks.is_empty()
    }

    pub(super) fn record(&mut self, at: Timestamp, event: &Event, symbol: u16, findings: &mut Findings) {
        let seen = Seen { at: at.micros(), event, symbol, state: &self.state };
        for check in &mut self.checks {
            check.record(&seen, findings);
        }
        self.state.take(event, symbol);
    }

    pub(super) fn finish(mut self, findings: &mut Findings) {
        for check in &mut self.checks {
            check.finish(&self.state, findings);
        }
    }
}

/// Where a label applies.
struct Place<'a> {
    day: TradingDay,
    symbol: Option<u16>,
    symbols: &'a [AuditSymbol],
}

impl Place<'_> {
    /// Returns the facts about the symbol of the label.
    fn info(&self) -> Option<&AuditSymbol> {
        self.symbols.get(usize::from(self.symbol?))
    }
}

/// Returns the start of the first phase of a name, in microseconds.
fn phase(label: &Label, name: &str) -> Option<i64> {
    label.phase(name).map(Timestamp::micros)
}

/// Returns a parameter that is a number.
fn number(label: &Label, name: &str) -> Option<f64> {
    label.parameters.get(name)?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Returns a parameter that is a whole number within a range.
fn count(label: &Label, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
    label.parameters.get(name)?.parse().ok().filter(|number| range.contains(number))
}

/// Returns a parameter that is a price, in units of 0.0001.
fn price(label: &Label, name: &str) -> Option<i64> {
    Price::parse(label.parameters.get(name)?.as_bytes()).map(Price::units)
}

/// Returns the direction of the event: 1 up, −1 down.
fn direction(label: &Label) -> Option<f64> {
    match label.parameters.get("direction")?.as_str() {
        "up" => Some(1.0),
        "down" => Some(-1.0),
        _ => None,
    }
}

/// Returns a price as text.
fn shown(units: i64) -> String {
    Price::from_units(units).map_or_else(|| units.to_string(), |price| price.to_string())
}

/// A label that lacks what its kind requires.
#[derive(Debug)]
struct Incomplete {
    id: String,
}

impl Incomplete {
    fn of(label: &Label) -> Box<dyn Check + Send> {
        Box::new(Incomplete { id: label.id.clone() })
    }
}

impl Check for Incomplete {
    fn record(&mut self, _: &Seen<'_>, _: &mut Findings) {}

    fn finish(&mut self, _: &State, findings: &mut Findings) {
        findings.violated(Rule::Planned, || {
            format!("the label {} lacks a phase or a parameter of its kind", self.id)
        });
    }
}
