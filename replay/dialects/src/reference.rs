//! Facts about a stream that vendors' messages state and our events do not.

use std::collections::BTreeMap;

use tradesim_schemas::{Exchange, Symbol, Timestamp};

const DAY_US: i64 = 86_400_000_000;

/// The listing of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The exchange.
    pub exchange: Exchange,
    /// The round lot, in shares.
    pub round_lot: u32,
}

/// The consolidated tape that prints of a symbol are reported to. It follows from the listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tape {
    /// Listed at NYSE.
    A,
    /// Listed elsewhere.
    B,
    /// Listed at Nasdaq.
    C,
}

impl Tape {
    /// Returns the tape of what is listed at an exchange.
    pub(crate) fn of(exchange: Exchange) -> Tape {
        match exchange {
            Exchange::Nyse => Tape::A,
            Exchange::Nasdaq => Tape::C,
            Exchange::Amex | Exchange::Arca | Exchange::Bats => Tape::B,
        }
    }
}

/// Core sessions around a trading day: start and end of each, ascending.
#[derive(Clone, Debug, Default)]
pub(crate) struct CoreSessions(Vec<(Timestamp, Timestamp)>);

impl CoreSessions {
    /// Returns true within a session. Where none is known that begins within a day, there is nothing to compare with, and
    /// every time counts as core.
    pub(crate) fn contain(&self, at: Timestamp) -> bool {
        let next = self.0.partition_point(|(start, _)| *start <= at);
        let within_a_day = |start: Timestamp| (at.micros() - start.micros()).abs() < DAY_US;
        match next.checked_sub(1).map(|last| self.0[last]) {
            Some((start, end)) if within_a_day(start) => at < end,
            _ => !self.0.get(next).is_some_and(|(start, _)| within_a_day(*start)),
        }
    }
}

/// The facts about a stream.
#[derive(Clone, Debug, Default)]
pub struct Reference {
    symbols: Vec<Symbol>,
    ordinals: BTreeMap<Symbol, u32>,
    listings: BTreeMap<Symbol, Listing>,
    /// Start and end of each core session, ascending.
    core_sessions: Vec<(Timestamp, Timestamp)>,
}

impl Reference {
    /// Creates the facts: the symbols that occur (empty if any may occur), the listings that are known, and start and
    /// end of each core session, ascending.
    pub fn new(
        symbols: Vec<Symbol>,
        listings: BTreeMap<Symbol, Listing>,
        core_sessions: Vec<(Timestamp, Timestamp)>,
    ) -> Reference {
        let ordinals = symbols.iter().zip(0..).map(|(symbol, ordinal)| (*symbol, ordinal)).collect();
        Reference { symbols, ordinals, listings, core_sessions }
    }

    /// Returns the symbols that occur; empty if any may occur.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Returns the index of a symbol in the table.
    pub(crate) fn ordinal(&self, symbol: Symbol) -> Option<u32> {
        self.ordinals.get(&symbol).copied()
    }

    /// Returns the core sessions that times from `first` until a day later can be compared with: those that begin within
    /// a day of one of them.
    pub(crate) fn core_sessions_near(&self, first: Timestamp) -> CoreSessions {
        let after = |micros: i64| {
            self.core_sessions.partition_point(|(start, _)| start.micros() <= first.micros() + micros)
        };
        CoreSessions(self.core_sessions[after(-DAY_US)..after(2 * DAY_US)].to_vec())
    }

    /// Returns the listing of a symbol, if it is known.
    pub(crate) fn listing(&self, symbol: Symbol) -> Option<Listing> {
        self.listings.get(&symbol).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_sessions_are_compared_only_where_one_is_near() {
        let at = |text: &str| Timestamp::parse(text.as_bytes()).unwrap();
        let core = vec![(at("2026-02-18T14:30:00Z"), at("2026-02-18T21:00:00Z"))];
        let reference = Reference::new(Vec::new(), BTreeMap::new(), core);
        for (time, is_core) in [
            ("2026-02-18T14:29:59.999999Z", false),
            ("2026-02-18T14:30:00Z", true),
            ("2026-02-18T20:59:59.999999Z", true),
            ("2026-02-18T21:00:00Z", false),
            ("2026-02-17T15:00:00Z", false),
            ("2026-02-17T14:00:00Z", true),
            ("2026-03-18T03:00:00Z", true),
        ] {
            for first in [at(time).micros(), at(time).micros() - DAY_US + 1] {
                let sessions = reference.core_sessions_near(Timestamp::from_micros(first).unwrap());
                assert_eq!(sessions.contain(at(time)), is_core, "{time}");
            }
        }
        assert!(CoreSessions::default().contain(at("2026-02-18T03:00:00Z")));
    }
}
