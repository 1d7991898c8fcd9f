//! Outages: nothing is quoted or traded on a venue that is silent, and it comes back.

use tradesim_schemas::{Event, Exchange};

use super::{Check, Incomplete, Place, Seen, State, phase};
use crate::{
    Label,
    audit::{
        Scope,
        report::{Findings, Rule},
    },
};

/// The number of events after the outage of which one must be on the venue.
const BACK_WITHIN: u64 = 20;

/// An outage of a venue.
#[derive(Debug)]
struct Outage {
    id: String,
    venue: Exchange,
    from: i64,
    to: i64,
    /// The end of the core session, until which all venues are open.
    close: i64,
    /// The symbols that the label states as listed on the venue.
    stated: String,
    /// The symbols of the table that are.
    listed: String,
    /// The events of symbols that are listed on the venue, after the outage: all, and those on the venue.
    after: (u64, u64),
    has_end: bool,
}

pub(super) fn check(label: &Label, place: &Place<'_>, scope: &Scope) -> Option<Box<dyn Check + Send>> {
    if label.kind != "venue-outage" {
        return None;
    }
    let made = || {
        let venue = Exchange::parse(label.parameters.get("venue")?.as_bytes())?;
        let listed = place.symbols.iter().filter(|info| info.listing == venue);
        Some(Outage {
            id: label.id.clone(),
            venue,
            from: phase(label, "outage")?,
            to: phase(label, "end")?,
            close: place.day.core_close().micros(),
            stated: label.parameters.get("listed")?.clone(),
            listed: listed.map(|info| info.symbol.to_string()).collect::<Vec<_>>().join("/"),
            after: (0, 0),
            has_end: !scope.limited && scope.to.is_none(),
        })
    };
    Some(made().map_or_else(|| Incomplete::of(label), |outage| Box::new(outage) as Box<dyn Check + Send>))
}

impl Outage {
    /// Returns true if the venue lists the symbol of a record. A stream without a symbol table has no listings.
    fn is_listed(&self, seen: &Seen<'_>) -> bool {
        seen.state.symbols.get(usize::from(seen.symbol)).is_some_and(|info| info.listing == self.venue)
    }
}

impl Check for Outage {
    fn record(&mut self, seen: &Seen<'_>, findings: &mut Findings) {
        if seen.at < self.from || seen.at >= self.close {
            return;
        }
        let (exchange, symbol) = match seen.event {
            Event::Trade(trade) => (trade.exchange, trade.symbol),
            Event::OrderBook(book) => (book.exchange, book.symbol),
            // a candle has the executions of all venues
            Event::MarketData(_) => return,
        };
        if seen.at < self.to {
            findings.checked(Rule::Planned);
            if exchange == self.venue {
                let id = &self.id;
                findings.violated(Rule::Planned, || {
                    format!("{symbol} has an event on {exchange} in the outage of {id}")
                });
            }
        } else if self.is_listed(seen) {
            self.after.0 += 1;
            self.after.1 += u64::from(exchange == self.venue);
        }
    }

    fn finish(&mut self, _: &State, findings: &mut Findings) {
        findings.checked(Rule::Planned);
        let (id, venue) = (&self.id, self.venue);
        if self.stated != self.listed {
            let (stated, listed) = (&self.stated, &self.listed);
            findings.violated(Rule::Planned, || {
                format!("{id} states that {venue} lists {stated}, the symbol table has {listed}")
            });
        }
        if self.has_end && self.after.0 >= BACK_WITHIN && self.after.1 == 0 {
            findings.violated(Rule::Planned, || format!("{venue} is silent after the outage of {id}"));
        }
    }
}
