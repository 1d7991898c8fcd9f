//! Names of dialects.

use tradesim_dialects::{Dialect, REGISTRY, Transport};
use tradesim_schemas::text::nearest;

use super::Invalid;

/// The value that stands for an empty list.
const NONE: &str = "none";

/// The dialects that a server speaks on its port.
#[derive(Clone, Debug)]
pub(crate) struct DialectNames(pub(crate) Vec<&'static Dialect>);

/// Parses a list of dialects on WebSocket, or `none`.
pub(crate) fn dialects(text: &str) -> Result<DialectNames, Invalid> {
    if text == NONE {
        return Ok(DialectNames(Vec::new()));
    }
    text.split(',').map(|name| dialect(name.trim())).collect::<Result<_, _>>().map(DialectNames)
}

/// Parses the name of a dialect on WebSocket.
pub(crate) fn dialect(text: &str) -> Result<&'static Dialect, Invalid> {
    let spoken =
        || REGISTRY.iter().filter(|dialect| matches!(dialect.transport, Transport::WebSocket { .. }));
    spoken().copied().find(|dialect| dialect.name == text).ok_or_else(|| {
        let names: Vec<&str> = spoken().map(|dialect| dialect.name).collect();
        let meant = nearest(text, names.iter().copied());
        let meant = meant.map(|name| format!(" (did you mean {name}?)")).unwrap_or_default();
        Invalid { expected: format!("one of {}{meant}", names.join(", ")).into() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_are_listed_by_name() {
        let names =
            |text| dialects(text).map(|list| list.0.iter().map(|dialect| dialect.name).collect::<Vec<_>>());
        assert_eq!(names("massive, alpaca"), Ok(vec!["massive", "alpaca"]));
        assert_eq!(names("none"), Ok(vec![]));
        for (text, expected) in [
            ("alpac", "one of massive, alpaca, finnhub (did you mean alpaca?)"),
            ("", "one of massive, alpaca, finnhub"),
            // on a port of its own
            ("databento", "one of massive, alpaca, finnhub"),
        ] {
            assert_eq!(names(text).unwrap_err().expected, expected, "{text}");
        }
    }
}
