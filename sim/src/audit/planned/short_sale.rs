//! Short sales: the price reaches ten percent below the previous close at the instant of the label, and not before.

use tradesim_schemas::Event;

use super::{Check, Incomplete, Place, Seen, State, number, phase, shown};
use crate::{
    Label,
    audit::{
        Scope,
        report::{Findings, Rule},
    },
};

/// A restriction by Rule 201 of Regulation SHO. Prices are in units of 0.0001.
#[derive(Debug)]
struct Restriction {
    id: String,
    symbol: u16,
    /// The start of the core session: what happens before it does not count.
    open: i64,
    at: i64,
    trigger: i64,
    stated: f64,
    /// An execution at the instant was at the trigger or below.
    triggered: bool,
    has_instant: bool,
    fault: bool,
}

pub(super) fn check(label: &Label, place: &Place<'_>, scope: &Scope) -> Option<Box<dyn Check + Send>> {
    if label.kind != "short-sale" {
        return None;
    }
    let made = || {
        let at = phase(label, "restricted")?;
        let close = place.info()?.base_price.units();
        let (open, core_close) = (place.day.core_open().micros(), place.day.core_close().micros());
        Some(Restriction {
            id: label.id.clone(),
            symbol: place.symbol?,
            open,
            at,
            // 90 % of a price in cents is a whole number of units
            trigger: close - close / 10,
            stated: number(label, "trigger")?,
            triggered: false,
            has_instant: !scope.limited
                && scope.from.is_none_or(|from| from.micros() <= at)
                && scope.to.is_none_or(|to| to.micros() > at),
            // the restriction lasts for the rest of the day, so nothing ends it before the market closes
            fault: !(open..core_close).contains(&at) || label.to.micros() < core_close,
        })
    };
    Some(made().map_or_else(|| Incomplete::of(label), |found| Box::new(found) as Box<dyn Check + Send>))
}

impl Check for Restriction {
    fn record(&mut self, seen: &Seen<'_>, findings: &mut Findings) {
        if seen.symbol != self.symbol || seen.at < self.open || seen.at > self.at {
            return;
        }
        let Event::Trade(trade) = seen.event else { return };
        if !trade.status.is_execution() {
            return;
        }
        findings.checked(Rule::Planned);
        let is_at_trigger = trade.price.units() <= self.trigger;
        if seen.at == self.at {
            self.triggered |= is_at_trigger;
        } else if is_at_trigger {
            let id = &self.id;
            findings.violated(Rule::Planned, || {
                let (symbol, price, at) = (trade.symbol, trade.price, trade.timestamp);
                format!("{symbol} executes at {price} at {at}, before the restriction of {id}")
            });
        }
    }

    fn finish(&mut self, state: &State, findings: &mut Findings) {
        findings.checked(Rule::Planned);
        let (id, trigger, stated) = (&self.id, self.trigger, self.stated);
        if (stated * 10_000.0 - trigger as f64).abs() > 0.5 {
            findings.violated(Rule::Planned, || {
                format!("{id} states a trigger of {stated}, the rule has {}", shown(trigger))
            });
        }
        if self.fault {
            findings.violated(Rule::Planned, || format!("{id} does not last for the rest of a core session"));
        }
        // a cut by symbol has no event of the symbol at all
        let is_present = state.last[usize::from(self.symbol)] != 0;
        if self.has_instant && is_present && !self.triggered {
            findings.violated(Rule::Planned, || {
                format!("no execution at the restriction of {id} is at {} or below", shown(trigger))
            });
        }
    }
}
