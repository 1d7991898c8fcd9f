//! Maps the symbol of every record to its index in the symbol table, with a small open-addressing hash table.

use tradesim_schemas::{Exchange, Price, Symbol};

/// The facts about a symbol that an audit uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AuditSymbol {
    /// The ticker symbol.
    pub symbol: Symbol,
    /// The listing venue, which is the exchange of its candles.
    pub listing: Exchange,
    /// The tick size: prices are multiples of it.
    pub tick_size: Price,
    /// The previous close.
    pub base_price: Price,
    /// The weight of the symbol in an index of all symbols.
    pub weight: f64,
}

/// The symbol table of an audit.
#[derive(Debug)]
pub(super) struct SymbolTable {
    /// In table order, or in the order of appearance if the stream has no table.
    symbols: Vec<Symbol>,
    known: Vec<AuditSymbol>,
    /// Keys and indices of symbols. The length is a power of two, and at most a quarter is in use.
    slots: Vec<Option<(u128, u16)>>,
}

impl SymbolTable {
    /// The maximum number of symbols of a stream without a table, so that input cannot exhaust memory.
    pub(super) const SYMBOLS_MAX: usize = 1 << 14;

    /// Creates the table of an origin, empty if it is not known. It starts small: an archive may have 65,535 origins.
    pub(super) fn new(known: Vec<AuditSymbol>) -> SymbolTable {
        let mut table = SymbolTable { symbols: Vec::new(), known, slots: vec![None; 8] };
        for index in 0..table.known.len().min(usize::from(u16::MAX)) {
            table.insert(table.known[index].symbol);
        }
        table
    }

    /// Returns true if the symbol table is known.
    pub(super) fn is_given(&self) -> bool {
        !self.known.is_empty()
    }

    /// Returns the index of a symbol, or `None` if the table does not contain it.
    #[inline]
    pub(super) fn index(&mut self, symbol: Symbol) -> Option<u16> {
        let key = symbol.key();
        let mut at = slot_of(key, self.slots.len());
        loop {
            match self.slots[at] {
                Some((found, index)) if found == key => return Some(index),
                Some(_) => at = (at + 1) & (self.slots.len() - 1),
                None => break,
            }
        }
        if self.is_given() || self.symbols.len() >= SymbolTable::SYMBOLS_MAX {
            return None;
        }
        self.insert(symbol);
        Some((self.symbols.len() - 1) as u16)
    }

    /// Returns the facts about the symbol at an index, if the symbol table is known.
    #[inline]
    pub(super) fn known(&self, index: u16) -> Option<&AuditSymbol> {
        self.known.get(usize::from(index))
    }

    /// Returns the symbol at an index.
    pub(super) fn symbol(&self, index: usize) -> Symbol {
        self.symbols[index]
    }

    fn insert(&mut self, symbol: Symbol) {
        self.symbols.push(symbol);
        if self.symbols.len() * 4 > self.slots.len() {
            let len = self.slots.len() * 2;
            self.slots.clear();
            self.slots.resize(len, None);
            for index in 0..self.symbols.len() {
                self.place(index);
            }
        } else {
            self.place(self.symbols.len() - 1);
        }
    }

    fn place(&mut self, index: usize) {
        let key = self.symbols[index].key();
        let mut at = slot_of(key, self.slots.len());
        while let Some((found, _)) = self.slots[at] {
            if found == key {
                return;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = Some((key, index as u16));
    }
}

/// Multiplicative hashing: the high bits of the folded key times 2⁶⁴ divided by the golden ratio.
#[inline]
fn slot_of(key: u128, slots: usize) -> usize {
    let folded = (key >> 64) as u64 ^ (key as u64);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (slots - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(number: usize) -> Symbol {
        Symbol::new(&format!("S{number}")).unwrap()
    }

    #[test]
    fn a_given_table_knows_its_symbols_and_no_other() {
        let known = |number| AuditSymbol {
            symbol: symbol(number),
            listing: Exchange::Nyse,
            tick_size: Price::from_units(100).unwrap(),
            base_price: Price::from_units(1_000_000).unwrap(),
            weight: 1.0,
        };
        // the maximum of an archive's table
        let count = usize::from(u16::MAX);
        let mut table = SymbolTable::new((0..count).map(known).collect());
        for number in 0..count {
            assert_eq!(table.index(symbol(number)), Some(number as u16));
            assert_eq!(table.known(number as u16), Some(&known(number)));
        }
        assert_eq!(table.index(symbol(count)), None);
    }

    #[test]
    fn without_a_table_symbols_are_admitted_as_they_come_up_to_a_limit() {
        let mut table = SymbolTable::new(Vec::new());
        for round in 0..2 {
            for number in 0..SymbolTable::SYMBOLS_MAX {
                assert_eq!(table.index(symbol(number)), Some(number as u16), "round {round}");
            }
        }
        assert_eq!(table.index(symbol(SymbolTable::SYMBOLS_MAX)), None);
        assert_eq!(table.known(0), None);
    }
}
