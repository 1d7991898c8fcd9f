//! Messages from clients: subscriptions (docs/PROTOCOL.md, section 3).

use std::{fmt, str::FromStr};

use serde::de::{Deserializer as _, MapAccess, Visitor};
use tradesim_schemas::{EventType, Symbol};

use crate::{
    refusal::{Refusal, shown},
    vocabulary,
};

/// A change of the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Adds to it.
    Subscribe,
    /// Removes from it.
    Unsubscribe,
}

/// A request to change a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlMessage {
    /// The change.
    pub action: Action,
    /// The symbols; `None` for all.
    pub symbols: Option<Vec<Symbol>>,
    /// The event types; `None` for all.
    pub events: Option<Vec<EventType>>,
}

const KEYS: [&str; 3] = ["action", "symbols", "events"];

impl FromStr for ControlMessage {
    type Err = Refusal;

    /// Parses a text message of a client. The refusal contains the field and the value.
    fn from_str(text: &str) -> Result<ControlMessage, Refusal> {
        let mut json = serde_json::Deserializer::from_str(text);
        let members = json.deserialize_any(Members).and_then(|members| json.end().map(|()| members));
        let members = members.map_err(|error| Refusal::new("not_json", error.to_string()))?;
        let members =
            members.ok_or_else(|| Refusal::new("bad_type", "the message: expected a JSON object"))?;
        let mut values: [Option<serde_json::Value>; KEYS.len()] = Default::default();
        for (key, value) in members {
            let Some(index) = KEYS.iter().position(|known| *known == key) else {
                let meant = vocabulary::hint(&key, KEYS.into_iter());
                return Err(Refusal::new("unknown_key", format!("no key {}{meant}", shown(&key))));
            };
            if values[index].replace(value).is_some() {
                return Err(Refusal::new("duplicate_key", format!("{key} is given twice")));
            }
        }
        let [action, symbols, events] = values;
        let action = match action {
            None => return Err(Refusal::new("missing_field", "action: expected subscribe or unsubscribe")),
            Some(serde_json::Value::String(action)) => match action.as_str() {
                "subscribe" => Action::Subscribe,
                "unsubscribe" => Action::Unsubscribe,
                other => {
                    let detail = format!("action: expected subscribe or unsubscribe, found {}", shown(other));
                    return Err(Refusal::new("unknown_action", detail));
                }
            },
            Some(other) => return Err(bad_type("action", "a text", &other)),
        };
        Ok(ControlMessage {
            action,
            symbols: symbols
                .map(|value| list("symbols", value, |name| vocabulary::symbol("symbols", name)))
                .transpose()?,
            events: events
                .map(|value| list("events", value, |name| vocabulary::event_type("events", name)))
                .transpose()?,
        })
    }
}

impl ControlMessage {
    /// Returns the refusal of a binary message.
    pub fn not_text() -> Refusal {
        Refusal::new("not_text", "control messages are text")
    }
}

fn list<T>(
    field: &str,
    value: serde_json::Value,
    read: impl Fn(&str) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let serde_json::Value::Array(items) = value else {
        return Err(bad_type(field, "a list of texts", &value));
    };
    if items.is_empty() {
        return Err(Refusal::new(
            "bad_value",
            format!("{field}: the list is empty; leave it out to mean all"),
        ));
    }
    let texts = items.iter().map(|item| match item {
        serde_json::Value::String(text) => read(text),
        other => Err(bad_type(field, "a list of texts", other)),
    });
    texts.collect()
}

fn bad_type(field: &str, expected: &str, found: &serde_json::Value) -> Refusal {
    Refusal::new("bad_type", format!("{field}: expected {expected}, found {}", shown(&found.to_string())))
}

/// The members of an object in order, so that a duplicate key is found; `None` for any other value.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Option<Vec<(String, serde_json::Value)>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Some(members))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(name: &str) -> Symbol {
        Symbol::new(name).unwrap()
    }

    fn read(text: &str) -> Result<ControlMessage, Refusal> {
        text.parse()
    }

    #[test]
    fn subscriptions_are_read() {
        assert_eq!(
            read(r#" {"events":["trade","orderbook"],"action":"subscribe","symbols":["AAPL"]} "#).unwrap(),
            ControlMessage {
                action: Action::Subscribe,
                symbols: Some(vec![symbol("AAPL")]),
                events: Some(vec![EventType::Trade, EventType::OrderBook]),
            }
        );
        let nothing = ControlMessage { action: Action::Unsubscribe, symbols: None, events: None };
        assert_eq!(read(r#"{"action":"unsubscribe"}"#).unwrap(), nothing);
    }

    #[test]
    fn what_is_not_understood_has_a_code() {
        for (text, code) in [
            ("", "not_json"),
            ("{", "not_json"),
            (r#"{"action":"subscribe"} x"#, "not_json"),
            ("[]", "bad_type"),
            ("[1,{}]", "bad_type"),
            ("null", "bad_type"),
            ("true", "bad_type"),
            ("-1", "bad_type"),
            ("1.5", "bad_type"),
            (r#""subscribe""#, "bad_type"),
            ("{}", "missing_field"),
            (r#"{"action":1}"#, "bad_type"),
            (r#"{"action":"buy"}"#, "unknown_action"),
            (r#"{"action":"subscribe","symbol":["AAPL"]}"#, "unknown_key"),
            (r#"{"action":"subscribe","action":"subscribe"}"#, "duplicate_key"),
            (r#"{"action":"subscribe","symbols":"AAPL"}"#, "bad_type"),
            (r#"{"action":"subscribe","symbols":[1]}"#, "bad_type"),
            (r#"{"action":"subscribe","symbols":null}"#, "bad_type"),
            (r#"{"action":"subscribe","symbols":[]}"#, "bad_value"),
            (r#"{"action":"subscribe","symbols":[""]}"#, "bad_value"),
            (r#"{"action":"subscribe","events":["trades"]}"#, "unknown_event_type"),
        ] {
            assert_eq!(read(text).unwrap_err().code, code, "{text}");
        }
    }
}
