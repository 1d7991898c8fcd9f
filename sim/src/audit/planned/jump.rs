//! Jumps: news moves the mid price by about what the label states.

use tradesim_schemas::Event;

use super::{Check, Incomplete, Place, SECOND, Seen, State, direction, number, phase};
use crate::{
    Label,
    audit::report::{Findings, Rule},
};

/// The time after the jump in which the quote may follow.
const FOLLOWS_WITHIN: i64 = 60 * SECOND;

/// A jump.
#[derive(Debug)]
struct Jump {
    id: String,
    symbol: u16,
    from: i64,
    settled: i64,
    /// The jump that the label states, as a fraction with its sign.
    stated: f64,
    before: Option<i64>,
    after: Option<i64>,
}

pub(super) fn check(label: &Label, place: &Place<'_>) -> Option<Box<dyn Check + Send>> {
    if label.kind != "news" {
        return None;
    }
    let made = || {
        Some(Jump {
            id: label.id.clone(),
            symbol: place.symbol?,
            from: label.from.micros(),
            settled: phase(label, "settled")?,
            stated: direction(label)? * number(label, "move")?,
            before: None,
            after: None,
        })
    };
    Some(made().map_or_else(|| Incomplete::of(label), |jump| Box::new(jump) as Box<dyn Check + Send>))
}

impl Check for Jump {
    fn record(&mut self, seen: &Seen<'_>, _: &mut Findings) {
        let Event::OrderBook(book) = seen.event else { return };
        if seen.symbol != self.symbol {
            return;
        }
        let double = book.bid_price.units() + book.ask_price.units();
        if seen.at < self.from {
            self.before = Some(double);
        } else if (self.settled..self.settled + FOLLOWS_WITHIN).contains(&seen.at) {
            self.after = Some(double);
        }
    }

    fn finish(&mut self, _: &State, findings: &mut Findings) {
        let (Some(before), Some(after)) = (self.before, self.after) else {
            findings.skipped(Rule::Planned, format!("the jump of {}: no quote before or after it", self.id));
            return;
        };
        findings.checked(Rule::Planned);
        let moved = after as f64 / before as f64 - 1.0;
        if !(0.5..=1.5).contains(&(moved / self.stated)) {
            let (id, stated) = (&self.id, self.stated);
            findings.violated(Rule::Planned, || {
                format!("the price moves by {moved:+.4} in {id}, stated {stated:+}")
            });
        }
    }
}
