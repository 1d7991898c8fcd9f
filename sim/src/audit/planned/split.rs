//! Splits: the price in the symbol table is the adjusted close, and the stream has prices near it.

use tradesim_schemas::{Event, Price};

use super::{Check, Incomplete, Place, Seen, State, count, price, shown};
use crate::{
    Label,
    audit::report::{Findings, Rule},
};

/// A split of a symbol. Prices are in units of 0.0001.
#[derive(Debug)]
struct Split {
    id: String,
    symbol: u16,
    /// The close of the day before, as the label states it.
    close: i64,
    /// That close after the split.
    adjusted: i64,
    /// The price in the symbol table.
    base: i64,
    /// The first price of the stream.
    first: Option<i64>,
}

pub(super) fn check(label: &Label, place: &Place<'_>) -> Option<Box<dyn Check + Send>> {
    if label.kind != "split" {
        return None;
    }
    let made = || {
        let close = price(label, "close").filter(|close| *close > 0)?;
        let ratio = count(label, "ratio", 2..=50)?;
        // rounded half up to cents
        let adjusted = match label.parameters.get("form")?.as_str() {
            "forward" => (close + 50 * ratio) / (100 * ratio) * 100,
            "reverse" => (close * ratio + 50) / 100 * 100,
            _ => return None,
        };
        // the whole day is one phase
        if label.from != place.day.start() {
            return None;
        }
        Some(Split {
            id: label.id.clone(),
            symbol: place.symbol?,
            close,
            adjusted,
            base: place.info()?.base_price.units(),
            first: None,
        })
    };
    Some(made().map_or_else(|| Incomplete::of(label), |split| Box::new(split) as Box<dyn Check + Send>))
}

impl Check for Split {
    fn record(&mut self, seen: &Seen<'_>, _: &mut Findings) {
        if self.first.is_some() || seen.symbol != self.symbol {
            return;
        }
        self.first = match seen.event {
            Event::OrderBook(book) => Some(i64::midpoint(book.bid_price.units(), book.ask_price.units())),
            Event::Trade(trade) => Some(trade.price.units()),
            Event::MarketData(candle) => Some(candle.close.units()),
        };
    }

    fn finish(&mut self, _: &State, findings: &mut Findings) {
        findings.checked(Rule::Planned);
        let (id, base, adjusted) = (&self.id, self.base, self.adjusted);
        if base != adjusted {
            findings.violated(Rule::Planned, || {
                format!("the symbol table has {} after {id}, the rule has {}", shown(base), shown(adjusted))
            });
        }
        let Some(first) = self.first else { return };
        findings.checked(Rule::Planned);
        // nearer to the adjusted close than to the other one, as ratios
        let distance = |other: i64| (first as f64 / other as f64).max(other as f64 / first as f64);
        if distance(self.adjusted) >= distance(self.close) {
            findings.violated(Rule::Planned, || {
                let first = Price::from_units(first).unwrap_or_default();
                format!("the first price after {id} is {first}, which is not adjusted")
            });
        }
    }
}
