//! What the messages of vendors' dialects state about a stream beside its events.

use std::collections::BTreeMap;

use tradesim_archive::Metadata;
use tradesim_dialects::{Listing, Reference};
use tradesim_schemas::Symbol;
use tradesim_sim::{session::trading_days, universe::Universe};

/// The listings of symbols.
pub(crate) type Listings = BTreeMap<Symbol, Listing>;

/// Adds the listings in the symbol tables of an archive. A capture has none.
pub(crate) fn add_listings(metadata: &Metadata, listings: &mut Listings) {
    for entry in metadata.provenance().origins.iter().flat_map(|origin| &origin.symbols) {
        let listing = Listing { exchange: entry.exchange, round_lot: entry.lot_size };
        listings.entry(entry.symbol).or_insert(listing);
    }
}

/// Returns the listings of a universe.
pub(crate) fn listings_of(universe: &Universe) -> Listings {
    let listing = |info: &tradesim_sim::universe::SymbolInfo| {
        (info.symbol, Listing { exchange: info.exchange, round_lot: info.lot_size })
    };
    universe.symbols().iter().map(listing).collect()
}

/// Returns the facts about a stream of these symbols; none, if any symbol may occur.
pub(crate) fn reference(symbols: &[Symbol], listings: Listings) -> Reference {
    let core_sessions = trading_days().map(|day| (day.core_open(), day.core_close())).collect();
    Reference::new(symbols.to_vec(), listings, core_sessions)
}
