//! Derives the ids of a simulated archive from its metadata.

use tradesim_schemas::{ArchiveKey, Symbol, SymbolIds};

use crate::metadata::Origin;

/// The id functions of all symbols of all origins.
#[derive(Clone, Debug)]
pub(crate) struct IdTable {
    origins: Vec<OriginIds>,
}

#[derive(Clone, Debug)]
struct OriginIds {
    index: SymbolIndex,
    ids: Vec<SymbolIds>,
}

impl IdTable {
    /// Creates the table, or returns `None` if a symbol table contains a symbol twice.
    pub(crate) fn new(origins: &[Origin]) -> Option<IdTable> {
        let mut tables = Vec::with_capacity(origins.len());
        for origin in origins {
            let key = ArchiveKey::derive(&origin.identity);
            let mut index = SymbolIndex::new();
            let mut ids = Vec::with_capacity(origin.symbols.len());
            for (ordinal, entry) in origin.symbols.iter().enumerate() {
                if index.insert(entry.symbol) as usize != ordinal {
                    return None;
                }
                ids.push(key.symbol_ids(entry.symbol, u16::try_from(ordinal).ok()?));
            }
            tables.push(OriginIds { index, ids });
        }
        Some(IdTable { origins: tables })
    }

    /// Returns the id functions of a symbol of an origin.
    #[inline]
    pub(crate) fn get(&self, origin: u16, symbol: Symbol) -> Option<&SymbolIds> {
        let table = self.origins.get(usize::from(origin))?;
        table.ids.get(table.index.get(symbol)? as usize)
    }

    /// Returns the number of origins.
    pub(crate) fn origins(&self) -> usize {
        self.origins.len()
    }
}

/// Numbers symbols in the order of their first appearance, with open addressing on [`Symbol::key`]: one multiplication and
/// nearly always one comparison. The numbers depend only on the order of insertions.
#[derive(Clone, Debug)]
pub(crate) struct SymbolIndex {
    /// Numbers plus one; 0 is a free slot. The length is a power of two and at least twice the number of symbols.
    slots: Vec<u32>,
    symbols: Vec<Symbol>,
}

impl SymbolIndex {
    pub(crate) fn new() -> SymbolIndex {
        SymbolIndex { slots: vec![0; 2], symbols: Vec::new() }
    }

    fn slot(&self, symbol: Symbol) -> usize {
        let key = symbol.key();
        let folded = (key >> 64) as u64 ^ (key as u64).rotate_left(32);
        let shift = 64 - self.slots.len().trailing_zeros();
        (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize
    }

    /// Returns the number of a symbol.
    #[inline]
    pub(crate) fn get(&self, symbol: Symbol) -> Option<u32> {
        let mut slot = self.slot(symbol);
        loop {
            match self.slots[slot] {
                0 => return None,
                number if self.symbols[number as usize - 1] == symbol => return Some(number - 1),
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Returns the number of a symbol, and assigns one to a new symbol.
    #[inline]
    pub(crate) fn insert(&mut self, symbol: Symbol) -> u32 {
        match self.get(symbol) {
            Some(number) => number,
            None => self.add(symbol),
        }
    }

    #[cold]
    fn add(&mut self, symbol: Symbol) -> u32 {
        self.symbols.push(symbol);
        if self.symbols.len() * 2 > self.slots.len() {
            self.slots = vec![0; self.slots.len() * 2];
            for number in 0..self.symbols.len() - 1 {
                self.place(number as u32);
            }
        }
        let number = self.symbols.len() as u32 - 1;
        self.place(number);
        number
    }

    fn place(&mut self, number: u32) {
        let mut slot = self.slot(self.symbols[number as usize]);
        while self.slots[slot] != 0 {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        self.slots[slot] = number + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_numbered_in_order_of_appearance() {
        let symbol = |n: u32| Symbol::new(&format!("S{n}")).unwrap();
        let mut index = SymbolIndex::new();
        for n in 0..5_000 {
            assert_eq!(index.get(symbol(n)), None);
            assert_eq!(index.insert(symbol(n)), n);
        }
        for n in 0..5_000 {
            assert_eq!(index.insert(symbol(n)), n);
        }
    }
}
