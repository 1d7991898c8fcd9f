//! First trades: nothing happens in a symbol before its initial public offering is released, in one cross at one price.

use tradesim_schemas::{Event, OrderType, TradeStatus};

use super::{Check, Incomplete, Place, SECOND, Seen, State, number, phase, shown};
use crate::{
    Label,
    audit::{
        Scope,
        report::{Findings, Rule},
    },
};

/// An initial public offering.
#[derive(Debug)]
struct FirstTrade {
    id: String,
    symbol: u16,
    cross: i64,
    /// The price that follows from offer and move, in units of 0.0001.
    stated: f64,
    /// The price of the first execution.
    price: Option<i64>,
    /// The stream has the cross.
    has_cross: bool,
    fault: Option<String>,
}

pub(super) fn check(label: &Label, place: &Place<'_>, scope: &Scope) -> Option<Box<dyn Check + Send>> {
    if label.kind != "ipo" {
        return None;
    }
    let made = || {
        let cross = phase(label, "reopen")?;
        let info = place.info()?;
        let offer = number(label, "offer")?;
        let (open, close) = (place.day.core_open().micros(), place.day.core_close().micros());
        let fault = if !(open..close).contains(&cross) {
            Some("the first trade is outside the core session".to_owned())
        } else if (offer * 10_000.0 - info.base_price.units() as f64).abs() > 0.5 {
            Some(format!("the offer is {offer}, the symbol table has {}", info.base_price))
        } else if label.from != place.day.start() {
            Some("the label does not begin with the day".to_owned())
        } else {
            None
        };
        Some(FirstTrade {
            id: label.id.clone(),
            symbol: place.symbol?,
            cross,
            stated: offer * 10_000.0 * (1.0 + number(label, "move")?),
            price: None,
            has_cross: !scope.limited
                && scope.from.is_none_or(|from| from.micros() <= cross)
                && scope.to.is_none_or(|to| to.micros() > cross),
            fault,
        })
    };
    Some(made().map_or_else(|| Incomplete::of(label), |first| Box::new(first) as Box<dyn Check + Send>))
}

impl Check for FirstTrade {
    fn record(&mut self, seen: &Seen<'_>, findings: &mut Findings) {
        if seen.symbol != self.symbol || seen.at > self.cross + SECOND {
            return;
        }
        let id = &self.id;
        findings.checked(Rule::Planned);
        if seen.at < self.cross {
            findings.violated(Rule::Planned, || {
                format!("{} has an event before its first trade of {id}", seen.event.symbol())
            });
            return;
        }
        let Event::Trade(trade) = seen.event else { return };
        if !trade.status.is_execution() || seen.at > self.cross || !self.has_cross {
            return;
        }
        match self.price {
            None => {
                self.price = Some(trade.price.units());
                if (trade.order_type, trade.status) != (OrderType::Limit, TradeStatus::Filled) {
                    findings.violated(Rule::Planned, || format!("the first trade of {id} is not a cross"));
                }
            }
            Some(price) if price != trade.price.units() => {
                findings.violated(Rule::Planned, || format!("{id} is released at two prices"));
            }
            Some(_) => {}
        }
    }

    fn finish(&mut self, state: &State, findings: &mut Findings) {
        findings.checked(Rule::Planned);
        let id = &self.id;
        if let Some(fault) = self.fault.take() {
            findings.violated(Rule::Planned, || format!("{id}: {fault}"));
        }
        if !self.has_cross {
            return;
        }
        let Some(price) = self.price else {
            // a cut by symbol has no event of the symbol at all
            if state.last[usize::from(self.symbol)] != 0 {
                findings.violated(Rule::Planned, || format!("{id} is not released at its time"));
            }
            return;
        };
        // within the quote, of which the middle is rounded to ticks
        let slack = 100.0 + 0.01 * self.stated;
        if (price as f64 - self.stated).abs() > slack {
            let stated = self.stated as i64;
            findings.violated(Rule::Planned, || {
                format!("{id} is released at {}, the label states {}", shown(price), shown(stated))
            });
        }
    }
}
