//! Sweeps: the orders of a mistake are one trader's, on one side, of the stated size, and end on a band's price.

use tradesim_schemas::{Event, TradeStatus, TradeType};

use super::{Check, Incomplete, Place, Seen, State, count, direction, phase};
use crate::{
    Label,
    audit::report::{Findings, Rule},
};

/// The largest distance of the price at the end from that at the start, as a fraction.
const BACK_WITHIN: f64 = 0.01;

/// A sweep.
#[derive(Debug)]
struct Sweep {
    id: String,
    symbol: u16,
    from: i64,
    limit: i64,
    end: i64,
    side: TradeType,
    trader: String,
    shares: u64,
    found: u64,
    /// The number of orders that the label states, and of those that were found.
    orders: (i64, i64),
    /// The sum of bid and ask before the sweep.
    start: i64,
    /// The same at the end.
    last: i64,
}

pub(super) fn check(label: &Label, place: &Place<'_>) -> Option<Box<dyn Check + Send>> {
    if label.kind != "fat-finger" {
        return None;
    }
    let made = || {
        Some(Sweep {
            id: label.id.clone(),
            symbol: place.symbol?,
            from: label.from.micros(),
            limit: phase(label, "limit")?,
            end: phase(label, "end")?,
            side: if direction(label)? > 0.0 { TradeType::Buy } else { TradeType::Sell },
            trader: label.parameters.get("trader")?.clone(),
            shares: label.parameters.get("shares")?.parse().ok()?,
            found: 0,
            orders: (count(label, "orders", 1..=1_000_000)?, 0),
            start: 0,
            last: 0,
        })
    };
    Some(made().map_or_else(|| Incomplete::of(label), |sweep| Box::new(sweep) as Box<dyn Check + Send>))
}

impl Check for Sweep {
    fn record(&mut self, seen: &Seen<'_>, _: &mut Findings) {
        if seen.symbol != self.symbol || seen.at > self.end {
            return;
        }
        match seen.event {
            Event::OrderBook(book) => {
                let double = book.bid_price.units() + book.ask_price.units();
                if seen.at < self.from {
                    self.start = double;
                }
                self.last = double;
            }
            Event::Trade(trade)
                if trade.status.is_execution()
                    && (self.from..=self.limit).contains(&seen.at)
                    && trade.trade_type == self.side
                    && trade.trader_id.to_string() == self.trader =>
            {
                self.found += u64::from(trade.quantity.get());
                self.orders.1 += i64::from(trade.status == TradeStatus::Filled);
            }
            Event::Trade(_) | Event::MarketData(_) => {}
        }
    }

    fn finish(&mut self, _: &State, findings: &mut Findings) {
        findings.checked(Rule::Planned);
        let (id, found, shares) = (&self.id, self.found, self.shares);
        // the trader may have had other orders in that moment
        if found < shares {
            findings.violated(Rule::Planned, || {
                format!("the trader of {id} executes {found} shares, the label states {shares}")
            });
        }
        let (orders, found) = self.orders;
        if found < orders {
            findings.violated(Rule::Planned, || {
                format!("the trader of {id} executes {found} orders, the label states {orders}")
            });
        }
        let moved = self.last as f64 / self.start as f64 - 1.0;
        if self.start > 0 && moved.abs() > BACK_WITHIN {
            findings
                .violated(Rule::Planned, || format!("the price is not back at the end of {id}: {moved:+.4}"));
        }
    }
}
