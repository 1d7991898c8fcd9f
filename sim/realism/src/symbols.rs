//! The indices of symbols.

use tradesim_schemas::Symbol;

/// The maximum number of symbols that are measured: it bounds memory, and the pairs of a correlation matrix.
pub(crate) const SYMBOLS_MAX: usize = 512;

/// Symbols in the order of their first appearance.
#[derive(Clone, Debug, Default)]
pub(crate) struct SymbolIndex {
    names: Vec<Symbol>,
    /// Keys and indices, ascending by key.
    sorted: Vec<(u128, usize)>,
    last: Option<(u128, usize)>,
}

impl SymbolIndex {
    /// Returns the index of a symbol, or `None` if there are too many symbols already.
    #[inline]
    pub(crate) fn index(&mut self, symbol: Symbol) -> Option<usize> {
        let key = symbol.key();
        if let Some((last, index)) = self.last
            && last == key
        {
            return Some(index);
        }
        let index = match self.sorted.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(found) => self.sorted[found].1,
            Err(_) if self.names.len() == SYMBOLS_MAX => return None,
            Err(place) => {
                self.sorted.insert(place, (key, self.names.len()));
                self.names.push(symbol);
                self.names.len() - 1
            }
        };
        self.last = Some((key, index));
        Some(index)
    }

    pub(crate) fn names(&self) -> &[Symbol] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_keep_their_index_and_are_bounded() {
        let mut index = SymbolIndex::default();
        let symbol = |number: usize| Symbol::new(&format!("S{number}")).unwrap();
        for number in 0..SYMBOLS_MAX {
            assert_eq!(index.index(symbol(number)), Some(number));
        }
        assert_eq!(index.index(symbol(3)), Some(3));
        assert_eq!(index.index(symbol(SYMBOLS_MAX)), None);
        assert_eq!(index.names().len(), SYMBOLS_MAX);
    }
}
