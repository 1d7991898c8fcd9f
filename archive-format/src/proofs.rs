//! The digest of each symbol and the sums of each slice of time, computed beside the content digest.

use std::collections::BTreeMap;

use tradesim_schemas::{ContentHasher, Symbol};

use crate::{KeyDigest, RowRef, SliceGrid, Slices};

/// Computes the digests of symbols and the sums of slices.
#[derive(Clone, Debug)]
pub(crate) struct Proofs {
    /// The place of each symbol in `keys`.
    places: BTreeMap<Symbol, usize>,
    keys: Vec<Key>,
    grid: SliceGrid,
    slices: Slices,
    /// The symbol of the first message that has a symbol or a time outside of what was expected.
    stray: Option<Option<Symbol>>,
    /// The symbol of the previous message: the events of an order follow each other.
    last: Option<(Symbol, usize)>,
}

#[derive(Clone, Debug)]
struct Key {
    symbol: Symbol,
    digest: ContentHasher,
    bytes: u64,
}

/// The results of [`Proofs`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proved {
    /// The symbols that have messages, in the order of the symbol table.
    pub(crate) keys: Vec<KeyDigest>,
    pub(crate) slices: Slices,
    /// The symbol of the first message that belongs to no symbol or slice; `Some(None)` if it has no symbol.
    pub(crate) stray: Option<Option<Symbol>>,
}

impl Proofs {
    /// Starts the digests of these symbols, which are in the order of the symbol table, and the sums of these slices.
    pub(crate) fn new(symbols: impl IntoIterator<Item = Symbol>, grid: SliceGrid) -> Proofs {
        let key = |symbol| Key { symbol, digest: ContentHasher::of_key(), bytes: 0 };
        let keys: Vec<Key> = symbols.into_iter().map(key).collect();
        let places = keys.iter().enumerate().map(|(place, key)| (key.symbol, place)).collect();
        Proofs { places, keys, grid, slices: Slices::new(grid), stray: None, last: None }
    }

    /// Adds a row. `message` is its text after its length.
    #[inline]
    pub(crate) fn push(&mut self, row: RowRef<'_>, message: &[u8]) {
        let symbol = row.event().filter(|_| row.raw().is_none()).map(|event| event.symbol());
        let place = symbol.and_then(|symbol| self.place(symbol));
        match (place, self.grid.index_of(row.timestamp())) {
            (Some(place), Some(slice)) => {
                let key = &mut self.keys[place];
                key.digest.push_appended(message);
                key.bytes += message.len() as u64;
                self.slices.messages[slice] += 1;
                self.slices.bytes[slice] += message.len() as u64;
            }
            _ => {
                self.stray.get_or_insert(symbol);
            }
        }
    }

    #[inline]
    fn place(&mut self, symbol: Symbol) -> Option<usize> {
        match self.last {
            Some((last, place)) if last == symbol => Some(place),
            _ => {
                let place = *self.places.get(&symbol)?;
                self.last = Some((symbol, place));
                Some(place)
            }
        }
    }

    /// Returns the results for all rows so far.
    pub(crate) fn finish(&self) -> Proved {
        let keys = self.keys.iter().filter(|key| key.digest.messages() > 0).map(|key| KeyDigest {
            symbol: key.symbol,
            messages: key.digest.messages(),
            bytes: key.bytes,
            digest: key.digest.finish(),
        });
        Proved { keys: keys.collect(), slices: self.slices.clone(), stray: self.stray }
    }
}
