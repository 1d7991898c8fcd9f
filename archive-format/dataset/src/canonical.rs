//! Canonical JSON: keys in order, no white space, one line end. So two files say the same if their bytes are equal.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Returns the canonical text of a value.
pub(crate) fn to_text(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).expect("documents have only texts, numbers and lists");
    let mut out = String::new();
    write(&value, &mut out);
    out.push('\n');
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                separate(index, out);
                write(&Value::from(key.as_str()), out);
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                separate(index, out);
                write(value, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn separate(index: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
}

/// Reads a document from its canonical text. Any other text is refused, so a document that is read is the one that was written.
pub(crate) fn from_text<T: Serialize + DeserializeOwned>(text: &str) -> Result<T, String> {
    let read: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if to_text(&read) == text { Ok(read) } else { Err("it is not in canonical form".to_owned()) }
}

/// Returns the first difference between two documents: the path of a member, and both of its values.
pub(crate) fn difference(there: &impl Serialize, asked: &impl Serialize) -> Option<String> {
    let value = |result: Result<Value, _>| result.expect("documents have only texts, numbers and lists");
    let (there, asked) = (value(serde_json::to_value(there)), value(serde_json::to_value(asked)));
    first_difference(&there, &asked, String::new())
}

fn first_difference(there: &Value, asked: &Value, path: String) -> Option<String> {
    match (there, asked) {
        (Value::Object(left), Value::Object(right)) => {
            let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
            keys.sort_unstable();
            keys.dedup();
            keys.into_iter().find_map(|key| {
                let member =
                    |of: &serde_json::Map<String, Value>| of.get(key).cloned().unwrap_or(Value::Null);
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                first_difference(&member(left), &member(right), path)
            })
        }
        (left, right) if left == right => None,
        (left, right) => Some(format!("{path} is {}, asked for {}", short(left), short(right))),
    }
}

fn short(value: &Value) -> String {
    const CHARACTERS: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_text_has_keys_in_order_and_no_white_space() {
        let value: Value = serde_json::from_str(r#"{"b": [1, {"d":null,"c":"x\n"}], "a": true}"#).unwrap();
        assert_eq!(to_text(&value), "{\"a\":true,\"b\":[1,{\"c\":\"x\\n\",\"d\":null}]}\n");
        assert!(from_text::<Value>("{\"a\":1}").is_err());
        assert!(from_text::<Value>("{\"a\":1}\n").is_ok());
        assert!(from_text::<Value>("{\"a\": 1}\n").is_err());
    }

    #[test]
    fn a_difference_is_named_with_its_path() {
        let value = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
        let left = value(r#"{"a":1,"b":{"c":"x","d":2}}"#);
        assert_eq!(difference(&left, &left), None);
        let right = value(r#"{"a":1,"b":{"c":"y","d":2}}"#);
        assert_eq!(difference(&left, &right).unwrap(), r#"b.c is "x", asked for "y""#);
        let more = value(r#"{"a":1,"b":{"c":"x","d":2},"e":3}"#);
        assert_eq!(difference(&left, &more).unwrap(), "e is null, asked for 3");
    }
}
