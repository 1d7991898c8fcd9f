//! How far each symbol follows a fall of the whole market.

use crate::{
    rng::{Purpose, Stream},
    universe::{SymbolInfo, Universe},
};

/// The range of the factors before they are scaled.
const FACTORS: (f64, f64) = (0.8, 1.2);

/// Returns the return of a symbol for a return of 1 of the index: the mean over all symbols, weighted as orders are, is 1.
///
/// It is a function of the seed, the event and the symbol, so that every part of a day computes the same index.
pub(super) fn factor(seed: u64, event: &str, info: &SymbolInfo, universe: &Universe) -> f64 {
    let draw = |info: &SymbolInfo| {
        let name = format!("{event}/{}", info.symbol);
        Stream::new(seed, Purpose::Planned, &name).between(FACTORS.0, FACTORS.1)
    };
    let mean: f64 = universe.symbols().iter().map(|info| info.weight * draw(info)).sum();
    draw(info) / mean
}
