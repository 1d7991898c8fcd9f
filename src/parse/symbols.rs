//! Lists and numbers of symbols.

use tradesim_schemas::Symbol;

use super::{Invalid, symbol_count};

const NAMES: Invalid = Invalid::expected("symbols such as AAPL,MSFT");

/// The value of `record --symbols`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SymbolChoice {
    /// Only the n heaviest symbols are simulated.
    Heaviest(u16),
    /// All symbols are simulated, and only the messages of these are kept.
    Only(Vec<Symbol>),
}

/// Parses a number of symbols, or names with commas.
pub(crate) fn symbol_choice(text: &str) -> Result<SymbolChoice, Invalid> {
    const FORMS: Invalid = Invalid::expected("a number of symbols, 1 to 50, or names such as AAPL,MSFT");
    // a text with a sign is treated as a number too, so that the error fits
    if text.trim_start_matches(['-', '+']).bytes().all(|byte| byte.is_ascii_digit()) {
        symbol_count(text).map(SymbolChoice::Heaviest).map_err(|_| FORMS)
    } else {
        symbol_list(text).map(SymbolChoice::Only).map_err(|_| FORMS)
    }
}

/// Parses names with commas. Returns each name once, in the given order.
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
