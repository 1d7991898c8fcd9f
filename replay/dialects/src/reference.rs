//! Facts about a stream that vendors' messages state and our events do not.

use std::collections::BTreeMap;

use tradesim_schemas::{Exchange, Symbol, Timestamp};

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

/// The round lot of a symbol without a listing, in shares.
const USUAL_ROUND_LOT: u32 = 100;

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

    /// Returns true within a core session. Where no session is known that begins within a day before, there is
    /// nothing to compare with, and every time counts as core.
    pub(crate) fn is_core(&self, at: Timestamp) -> bool {
        const DAY_US: i64 = 86_400_000_000;
        let next = self.core_sessions.partition_point(|(start, _)| *start <= at);
        let within_a_day = |start: Timestamp| (at.micros() - start.micros()).abs() < DAY_US;
        match next.checked_sub(1).map(|last| self.core_sessions[last]) {
            Some((start, end)) if within_a_day(start) => at < end,
            _ => !self.core_sessions.get(next).is_some_and(|(start, _)| within_a_day(*start)),
        }
    }

    /// Returns the tape of a symbol; of a symbol without a listing, the tape of an exchange.
    pub(crate) fn tape(&self, symbol: Symbol, exchange: Exchange) -> Tape {
        match self.listings.get(&symbol).map_or(exchange, |listing| listing.exchange) {
            Exchange::Nyse => Tape::A,
            Exchange::Nasdaq => Tape::C,
            Exchange::Amex | Exchange::Arca | Exchange::Bats => Tape::B,
        }
    }

    /// Returns the round lot of a symbol, in shares.
    pub(crate) fn round_lot(&self, symbol: Symbol) -> u32 {
        self.listings.get(&symbol).map_or(USUAL_ROUND_LOT, |listing| listing.round_lot)
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
            assert_eq!(reference.is_core(at(time)), is_core, "{time}");
        }
        assert!(Reference::default().is_core(at("2026-02-18T03:00:00Z")));
    }
}
