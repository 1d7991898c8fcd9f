//! The symbols of a stream, which clients may name.

use tradesim_protocol::{Refusal, hint, shown};
use tradesim_schemas::Symbol;

/// The symbols that a source is known to have. If it is empty, any symbol may occur.
#[derive(Clone, Debug)]
pub(crate) struct KnownSymbols(Vec<Symbol>);

impl KnownSymbols {
    pub(crate) fn new(symbols: &[Symbol]) -> KnownSymbols {
        let mut symbols = symbols.to_vec();
        symbols.sort_unstable();
        symbols.dedup();
        KnownSymbols(symbols)
    }

    /// Returns the symbols, ascending, each once.
    pub(crate) fn as_slice(&self) -> &[Symbol] {
        &self.0
    }

    /// Checks the symbols that a client named.
    ///
    /// # Errors
    /// The first that does not occur.
    pub(crate) fn check(&self, named: Option<&[Symbol]>) -> Result<(), Refusal> {
        let unknown = |symbol: &&Symbol| !self.0.is_empty() && self.0.binary_search(symbol).is_err();
        let Some(symbol) = named.unwrap_or_default().iter().find(unknown) else { return Ok(()) };
        let meant = hint(symbol.as_str(), self.0.iter().map(Symbol::as_str));
        let text = format!("symbols: unknown symbol {}{meant}", shown(symbol.as_str()));
        Err(Refusal::new("unknown_symbol", text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(names: &[&str]) -> Vec<Symbol> {
        names.iter().map(|name| Symbol::new(name).unwrap()).collect()
    }

    #[test]
    fn a_symbol_that_does_not_occur_is_refused_with_the_nearest() {
        let known = KnownSymbols::new(&symbols(&["MSFT", "AAPL", "AAPL", "GOOGL"]));
        assert_eq!(known.as_slice().len(), 3);
        assert_eq!((known.check(None), known.check(Some(&symbols(&["AAPL"])))), (Ok(()), Ok(())));
        let refused = |text| known.check(Some(&symbols(&["MSFT", text]))).unwrap_err().to_string();
        assert_eq!(refused("aapl"), "unknown_symbol: symbols: unknown symbol \"aapl\"; did you mean AAPL?");
        assert_eq!(refused("XQ"), "unknown_symbol: symbols: unknown symbol \"XQ\"");
    }

    #[test]
    fn any_symbol_may_occur_where_none_is_known() {
        assert_eq!(KnownSymbols::new(&[]).check(Some(&symbols(&["XQ"]))), Ok(()));
    }
}
