//! The names in queries and control messages: symbols, event types and keys.

use tradesim_schemas::{EventType, Symbol, text::nearest};

use crate::refusal::{Refusal, shown};

/// Parses the symbol that `field` contains as `text`.
pub(crate) fn symbol(field: &str, text: &str) -> Result<Symbol, Refusal> {
    Symbol::new(text).ok_or_else(|| {
        let detail = format!("{field}: expected symbols of 1 to 10 characters, found {}", shown(text));
        Refusal::new("bad_value", detail)
    })
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
pub fn hint<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let nearest = if text.len() > COMPARED_BYTES_MAX { None } else { nearest(text, candidates) };
    nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_symbol_has_one_to_ten_characters() {
        assert_eq!(symbol("symbols", "XQ").unwrap().as_str(), "XQ");
        assert_eq!(
            symbol("symbols", "").unwrap_err().to_string(),
            "bad_value: symbols: expected symbols of 1 to 10 characters, found \"\""
        );
        assert_eq!(symbol("symbols", "ABCDEFGHIJK").unwrap_err().code, "bad_value");
    }

    #[test]
    fn long_texts_are_not_compared() {
        assert_eq!(hint(&"a".repeat(33), ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"].into_iter()), "");
    }
}
