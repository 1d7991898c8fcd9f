//! Symbols, by name or by number.

use tradesim_schemas::Symbol;

use super::{Invalid, symbol_count};

const NAMES: Invalid = Invalid::expected("symbols as AAPL,MSFT");

/// What `record --symbols` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SymbolChoice {
    /// The n heaviest symbols make up the market.
    Heaviest(u16),
    /// The market stays whole; only messages of these symbols are kept.
    Only(Vec<Symbol>),
}

/// A number of symbols, or names with commas.
pub(crate) fn symbol_choice(text: &str) -> Result<SymbolChoice, Invalid> {
    const FORMS: Invalid = Invalid::expected("a number of symbols, 1 to 50, or names as AAPL,MSFT");
    // with a sign it is meant as a number, too, though none that is valid
    if text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit()) {
        symbol_count(text).map(SymbolChoice::Heaviest).map_err(|_| FORMS)
    } else {
        symbol_list(text).map(SymbolChoice::Only).map_err(|_| FORMS)
    }
}

/// Names with commas, each once, in the order given.
pub(crate) fn symbol_list(text: &str) -> Result<Vec<Symbol>, Invalid> {
    let mut symbols = Vec::new();
    for name in text.split(',') {
        let symbol = Symbol::new(name.trim()).ok_or(NAMES)?;
        if !symbols.contains(&symbol) {
            symbols.push(symbol);
        }
    }
    Ok(symbols)
}
