//! `venue-outage`: a venue is silent. The symbols that are listed on it trade on other venues.

use tradesim_schemas::Exchange;

use super::{
    EventKind, SECOND,
    kind::{Definition, Parameter, Reach, Usual, VENUES, Values},
    plan::PlannedEvent,
    scene::Scene,
};
use crate::universe::{SymbolInfo, Universe};

pub(super) const DEFINITION: Definition = Definition {
    name: "venue-outage",
    parameters: &[
        Parameter {
            name: "venue",
            values: Values::OneOf(VENUES),
            usual: Usual::Listing,
            help: "the venue that is silent; a symbol of the recording is listed on it",
        },
        Parameter {
            name: "length",
            values: Values::Number { min: 60.0, max: 18_000.0 },
            usual: Usual::Drawn(900.0, 5_400.0),
            help: "seconds that the outage lasts",
        },
    ],
    rule: "none of the market: as on 2015-07-08, when NYSE suspended trading from 11:32 to 15:10, the symbols that it lists \
           traded on the other venues, and its closing auctions were held. Nothing is quoted or traded on the venue; orders stay \
           open and continue elsewhere",
    reach: Reach::Venue,
    without: |_| None,
    window: |scene| {
        let (open, close) = scene.core();
        // crosses are auctions of the listing venue
        (open + 60 * SECOND, close - scene.micros("length") - 60 * SECOND)
    },
    usual: |scene| {
        let (open, close) = scene.core();
        let from = open + 900 * SECOND;
        (from, (close - scene.micros("length") - 1_800 * SECOND).max(from))
    },
    fault: |scene| {
        listed(scene).is_empty().then(|| {
            let mut venues: Vec<Exchange> = Vec::new();
            for info in scene.universe.symbols() {
                if !venues.contains(&info.exchange) {
                    venues.push(info.exchange);
                }
            }
            let others: Vec<String> = venues.iter().map(|venue| format!("venue={venue}")).collect();
            format!("no simulated symbol is listed on {}: use {}", venue(scene.event), others.join(" or "))
        })
    },
    phases: |scene| vec![("outage", scene.at()), ("end", scene.at() + scene.micros("length"))],
    busy: |scene| Some((scene.at(), scene.at() + scene.micros("length"))),
    facts: |scene| vec![("listed", listed(scene).join("/"))],
    legs: |_, _| Vec::new(),
};

/// Returns the venue of an outage.
pub(super) fn venue(event: &PlannedEvent) -> Exchange {
    let name = VENUES[event.values[0] as usize];
    Exchange::parse(name.as_bytes()).expect("the venues of outages are venues")
}

/// Returns the symbols that are listed on the venue.
fn listed<'a>(scene: &Scene<'a>) -> Vec<&'a str> {
    let venue = venue(scene.event);
    let universe: &'a Universe = scene.universe;
    let listed = universe.symbols().iter().filter(|info| info.exchange == venue);
    listed.map(|info: &'a SymbolInfo| info.symbol.as_str()).collect()
}

/// A span in which a venue is silent, in microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outage {
    pub(crate) venue: Exchange,
    pub(crate) from: i64,
    /// Exclusive.
    pub(crate) to: i64,
}

/// Returns the outages among planned events.
pub(crate) fn outages(events: &[PlannedEvent]) -> Vec<Outage> {
    let outages = events.iter().filter(|event| event.kind == EventKind::VenueOutage);
    outages
        .map(|event| {
            let from = event.at.micros();
            Outage { venue: venue(event), from, to: from + (event.values[1] * SECOND as f64) as i64 }
        })
        .collect()
}
