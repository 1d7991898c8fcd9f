//! Names in queries and control messages of clients: symbols, event types and keys.

use tradesim_schemas::{EventType, Symbol, text::nearest};

use crate::refusal::{Refusal, shown};

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

    /// Parses the symbol that `field` contains as `text`.
    pub(crate) fn read(&self, field: &str, text: &str) -> Result<Symbol, Refusal> {
        let Some(symbol) = Symbol::new(text) else {
            let detail = format!("{field}: expected symbols of 1 to 10 characters, found {}", shown(text));
            return Err(Refusal::new("bad_value", detail));
        };
        if self.0.is_empty() || self.0.binary_search(&symbol).is_ok() {
            return Ok(symbol);
        }
        let meant = hint(text, self.0.iter().map(Symbol::as_str));
        Err(Refusal::new("unknown_symbol", format!("{field}: unknown symbol {}{meant}", shown(text))))
    }
}

/// Parses the event type that `field` contains as `text`.
pub(crate) fn event_type(field: &str, text: &str) -> Result<EventType, Refusal> {
    EventType::parse(text.as_bytes()).ok_or_else(|| {
        let names = EventType::ALL.iter().map(|event_type| event_type.as_str());
        let detail = match hint(text, names) {
            meant if meant.is_empty() => "; expected trade, orderbook or marketdata".to_owned(),
            meant => meant,
        };
        Refusal::new("unknown_event_type", format!("{field}: unknown event type {}{detail}", shown(text)))
    })
}

/// The size limit of a text that is compared with others: names are shorter, and the cost is proportional to its
/// length times theirs.
const COMPARED_BYTES_MAX: usize = 32;

/// Returns `; did you mean X?` if a candidate is similar enough, or an empty text.
pub(crate) fn hint<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let nearest = if text.len() > COMPARED_BYTES_MAX { None } else { nearest(text, candidates) };
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> KnownSymbols {
        KnownSymbols::new(&names.iter().map(|name| Symbol::new(name).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn a_symbol_that_does_not_occur_is_refused_with_the_nearest() {
        let known = known(&["MSFT", "AAPL", "AAPL", "GOOGL"]);
        assert_eq!(known.as_slice().len(), 3);
        assert_eq!(known.read("symbols", "AAPL").unwrap().as_str(), "AAPL");
        let refused = |text| known.read("symbols", text).unwrap_err().to_string();
        assert_eq!(refused("aapl"), "unknown_symbol: symbols: unknown symbol \"aapl\"; did you mean AAPL?");
        assert_eq!(refused("XQ"), "unknown_symbol: symbols: unknown symbol \"XQ\"");
        assert_eq!(refused(""), "bad_value: symbols: expected symbols of 1 to 10 characters, found \"\"");
    }

    #[test]
    fn any_symbol_may_occur_where_none_is_known() {
        assert_eq!(known(&[]).read("symbols", "XQ").unwrap().as_str(), "XQ");
        assert_eq!(known(&[]).read("symbols", "ABCDEFGHIJK").unwrap_err().code, "bad_value");
    }

    #[test]
    fn an_unknown_event_type_is_refused_with_the_nearest_or_with_all() {
        assert_eq!(event_type("events", "orderbook"), Ok(EventType::OrderBook));
        let refused = |text| event_type("events", text).unwrap_err().to_string();
        assert_eq!(
            refused("Trades"),
            "unknown_event_type: events: unknown event type \"Trades\"; did you mean trade?"
        );
        assert_eq!(
            refused("x"),
            "unknown_event_type: events: unknown event type \"x\"; expected trade, orderbook or marketdata"
        );
    }

    #[test]
    fn long_texts_are_not_compared() {
        assert_eq!(hint(&"a".repeat(33), ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"].into_iter()), "");
    }
}
