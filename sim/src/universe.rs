//! The fifty simulated symbols, and the selection of a part of them.

mod table;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::NaiveDate;
use tradesim_schemas::{Exchange, Price, Symbol};

use crate::session::{round_lot, tick_size};

/// The economic sector of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sector {
    /// Hardware, software and internet companies.
    Technology,
    /// Banks, payment networks, exchanges, and funds of them.
    Finance,
    /// Health insurance and pharmaceuticals.
    Healthcare,
    /// Consumer goods and services.
    Consumer,
    /// Oil and gas.
    Energy,
    /// Machinery, aircraft and freight.
    Industrials,
}

impl Sector {
    /// All sectors, in the order of the symbol table.
    pub const ALL: &[Sector] = &[
        Sector::Technology,
        Sector::Finance,
        Sector::Healthcare,
        Sector::Consumer,
        Sector::Energy,
        Sector::Industrials,
    ];

    /// Returns the sector's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Sector::Technology => "Technology",
            Sector::Finance => "Finance",
            Sector::Healthcare => "Healthcare",
            Sector::Consumer => "Consumer",
            Sector::Energy => "Energy",
            Sector::Industrials => "Industrials",
        }
    }
}

impl fmt::Display for Sector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The parameters of a symbol on one date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SymbolInfo {
    /// The ticker symbol.
    pub symbol: Symbol,
    /// The issuer's or fund's name.
    pub name: &'static str,
    /// The listing venue.
    pub exchange: Exchange,
    /// The economic sector.
    pub sector: Sector,
    /// The price at which every day starts.
    pub base_price: Price,
    /// The standard deviation of the log return of one trading day: 0.02 is 2 %.
    pub volatility: f64,
    /// The number of shares traded on an average day in the real market.
    pub avg_daily_volume: u64,
    /// The minimum price increment.
    pub tick_size: Price,
    /// The round lot, in shares.
    pub lot_size: u32,
    /// The fraction of all orders. The weights of a universe sum to 1, except for rounding in the last place.
    pub weight: f64,
}

/// The symbols of a simulation, in the order of the symbol table.
#[derive(Clone, Debug, PartialEq)]
pub struct Universe {
    symbols: Vec<SymbolInfo>,
    /// The weights in ten-thousandths of all orders of the whole table, in the order of `symbols`.
    weights: Vec<u32>,
}

impl Universe {
    /// The number of symbols in the whole table.
    pub const SYMBOLS_MAX: usize = table::TABLE.len();

    /// Returns the whole table, with the tick sizes and round lots of a date.
    pub fn on(date: NaiveDate) -> Universe {
        let info = |row: &table::Row| {
            let base_price = Price::parse(row.base_price.as_bytes()).expect("the table's prices are valid");
            SymbolInfo {
                symbol: Symbol::new(row.symbol).expect("the table's symbols are valid"),
                name: row.name,
                exchange: row.exchange,
                sector: row.sector,
                base_price,
                volatility: row.volatility,
                avg_daily_volume: row.avg_daily_volume,
                tick_size: tick_size(base_price, date),
                lot_size: round_lot(base_price, date),
                weight: f64::from(row.weight) / f64::from(table::WEIGHT_TOTAL),
            }
        };
        Universe {
            symbols: table::TABLE.iter().map(info).collect(),
            weights: table::TABLE.iter().map(|row| row.weight).collect(),
        }
    }

    /// Returns the `count` symbols of greatest weight, in table order, with their weights scaled to sum to 1. Of equal
    /// weights, the first in the table is selected. A `count` above the size of the table selects all symbols.
    pub fn heaviest(&self, count: usize) -> Universe {
        let mut chosen: Vec<usize> = (0..self.symbols.len()).collect();
        chosen.sort_by_key(|&index| (std::cmp::Reverse(self.weights[index]), index));
        chosen.truncate(count);
        chosen.sort_unstable();
        let weights: Vec<u32> = chosen.iter().map(|&index| self.weights[index]).collect();
        let total: u32 = weights.iter().sum();
        let scaled = |(&index, &weight): (&usize, &u32)| SymbolInfo {
            weight: f64::from(weight) / f64::from(total),
            ..self.symbols[index]
        };
        Universe { symbols: chosen.iter().zip(&weights).map(scaled).collect(), weights }
    }

    /// Returns the same symbols after changing each of them.
    pub(crate) fn changed(mut self, change: impl Fn(&mut SymbolInfo)) -> Universe {
        self.symbols.iter_mut().for_each(change);
        self
    }

    /// Returns some of the symbols, with their weights in this universe.
    #[cfg(test)]
    pub(crate) fn only(&self, names: &[Symbol]) -> Universe {
        let kept = |&(info, _): &(&SymbolInfo, &u32)| names.contains(&info.symbol);
        let (symbols, weights) =
            self.symbols.iter().zip(&self.weights).filter(kept).unzip::<_, _, Vec<_>, Vec<_>>();
        Universe {
            symbols: symbols.into_iter().copied().collect(),
            weights: weights.into_iter().copied().collect(),
        }
    }

    /// Returns the symbols, in table order.
    pub fn symbols(&self) -> &[SymbolInfo] {
        &self.symbols
    }

    /// Returns the weights in ten-thousandths of all orders of the whole table, in the order of [`Universe::symbols`]. They
    /// are integers, so what is decided by them is the same on every machine.
    pub fn weight_units(&self) -> &[u32] {
        &self.weights
    }

    /// Returns the index of a symbol in the table, from 0.
    pub fn index_of(&self, symbol: Symbol) -> Option<usize> {
        self.symbols.iter().position(|info| info.symbol == symbol)
    }

    /// Returns the parameters of a symbol.
    pub fn get(&self, symbol: Symbol) -> Option<&SymbolInfo> {
        self.symbols.iter().find(|info| info.symbol == symbol)
    }

    /// Returns the ticker symbols as text, in table order, for lists and for suggestions after a typing error.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.symbols.iter().map(|info| info.symbol.as_str())
    }
}
