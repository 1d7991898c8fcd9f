//! Halts: nothing executes in a halt, it has the length that its rule says, and a symbol reopens in one cross.

use tradesim_schemas::{Event, OrderType, TradeStatus};

use super::{Check, Incomplete, Place, SECOND, Seen, State, count};
use crate::{
    Label,
    audit::{
        Scope,
        report::{Findings, Rule},
    },
};

/// The longest time between the end of a market-wide halt and the cross of a symbol, in microseconds.
const CROSSES_WITHIN: i64 = 300 * SECOND;

/// A halt of one symbol or of all.
#[derive(Debug)]
struct Halt {
    id: String,
    symbol: Option<u16>,
    from: i64,
    /// The reopening; `None` for the rest of the day.
    to: Option<i64>,
    /// The longest time after the reopening until a symbol trades.
    within: i64,
    /// The stream has the time after the halt.
    has_end: bool,
    /// The time and the price of the cross of each symbol.
    crosses: Vec<Option<(i64, i64)>>,
    /// The symbols that had records, so that they are part of the stream.
    present: Vec<bool>,
    fault: Option<String>,
}

/// Returns the checks of the halts of a label.
pub(super) fn check(label: &Label, place: &Place<'_>, scope: &Scope) -> Vec<Box<dyn Check + Send>> {
    let mut halts: Vec<Box<dyn Check + Send>> = Vec::new();
    let phases = &label.phases;
    for (index, phase) in phases.iter().enumerate().filter(|(_, phase)| phase.name == "halt") {
        let from = phase.at.micros();
        let next = phases.get(index + 1).filter(|next| next.name == "reopen");
        let to = next.map(|next| next.at.micros());
        let fault = match label.kind.as_str() {
            "luld" => {
                let Some(extensions) = count(label, "extensions", 0..=100) else {
                    halts.push(Incomplete::of(label));
                    continue;
                };
                // a limit state of 15 s, then five minutes and five more for each extension
                let limit = label.phase("limit").map(|at| from - at.micros());
                let length = 300 * SECOND * (1 + extensions);
                (limit != Some(15 * SECOND) || to != Some(from + length))
                    .then(|| "the limit state or the pause has another length".to_owned())
            }
            "circuit-breaker" => of_breaker(label, place, index, from, to),
            "ipo" => to.is_none().then(|| "the halt of a first trade has no reopening".to_owned()),
            _ => None,
        };
        let within = if label.symbol.is_some() { 0 } else { CROSSES_WITHIN };
        let has_end = !scope.limited
            && to.is_some_and(|to| scope.to.is_none_or(|end| end.micros() > to + within))
            && scope.from.is_none_or(|start| start.micros() <= from);
        halts.push(Box::new(Halt {
            id: label.id.clone(),
            symbol: place.symbol,
            from,
            to,
            within,
            has_end,
            crosses: vec![None; place.symbols.len()],
            present: vec![false; place.symbols.len()],
            fault,
        }));
    }
    halts
}

/// Returns what is wrong with a halt of the circuit breaker: levels 1 and 2 halt for 15 minutes, and only until 35 minutes
/// before the close; level 3 halts for the day.
fn of_breaker(label: &Label, place: &Place<'_>, index: usize, from: i64, to: Option<i64>) -> Option<String> {
    // each level that was reached has a phase, whether or not trading stopped
    let reached =
        label.phases[..=index].iter().filter(|phase| phase.name == "halt" || phase.name == "passed");
    let level = reached.count();
    let (open, close) = (place.day.core_open().micros(), place.day.core_close().micros());
    if level > 3 {
        return Some("there is no fourth level".to_owned());
    }
    if level == 3 {
        return (to.is_some() || from >= close).then(|| "level 3 halts for the rest of the day".to_owned());
    }
    if from <= open || from > close - 2_100 * SECOND {
        return Some(format!("level {level} does not halt at this time"));
    }
    (to != Some(from + 900 * SECOND)).then(|| format!("level {level} halts for 15 minutes"))
}

impl Check for Halt {
    fn record(&mut self, seen: &Seen<'_>, findings: &mut Findings) {
        if self.symbol.is_some_and(|symbol| symbol != seen.symbol) {
            return;
        }
        let index = usize::from(seen.symbol);
        if let Some(present) = self.present.get_mut(index) {
            *present = true;
        }
        let Event::Trade(trade) = seen.event else { return };
        if !trade.status.is_execution() || seen.at < self.from {
            return;
        }
        let id = &self.id;
        findings.checked(Rule::Planned);
        if self.to.is_none_or(|to| seen.at < to) {
            findings.violated(Rule::Planned, || {
                format!("{} executes at {} in the halt of {id}", trade.symbol, trade.timestamp)
            });
            return;
        }
        let Some(cross) = self.crosses.get_mut(index) else { return };
        match *cross {
            None => {
                *cross = Some((seen.at, trade.price.units()));
                let late = self.to.is_some_and(|to| seen.at > to + self.within);
                if self.has_end && late {
                    findings.violated(Rule::Planned, || {
                        format!("{} reopens at {}, too late for {id}", trade.symbol, trade.timestamp)
                    });
                }
                if self.has_end && (trade.order_type, trade.status) != (OrderType::Limit, TradeStatus::Filled)
                {
                    findings.violated(Rule::Planned, || {
                        format!("{} does not reopen with a cross after the halt of {id}", trade.symbol)
                    });
                }
            }
            Some((at, price)) if at == seen.at && price != trade.price.units() => {
                findings.violated(Rule::Planned, || {
                    format!("{} reopens at two prices after the halt of {id}", trade.symbol)
                });
            }
            Some(_) => {}
        }
    }

    fn finish(&mut self, state: &State, findings: &mut Findings) {
        findings.checked(Rule::Planned);
        if let Some(fault) = self.fault.take() {
            findings.violated(Rule::Planned, || format!("{}: {fault}", self.id));
        }
        if !self.has_end {
            return;
        }
        for (index, (cross, &present)) in self.crosses.iter().zip(&self.present).enumerate() {
            let concerned = self.symbol.is_none_or(|symbol| usize::from(symbol) == index);
            if concerned && present && cross.is_none() {
                findings.violated(Rule::Planned, || {
                    format!("{} does not reopen after the halt of {}", state.symbols[index].symbol, self.id)
                });
            }
        }
    }
}
