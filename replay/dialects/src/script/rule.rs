//! Rules: which messages of a client they match.

use std::cell::OnceCell;

use serde_json::Value;
use tradesim_schemas::pattern::Pattern;

use super::{ELEMENTS_MAX, template::Template};
use crate::session::Incoming;

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The messages that it is for.
    pub matcher: Matcher,
    /// The index of its name.
    pub name: Option<usize>,
    /// The index of the name of a rule that must have matched before.
    pub after: Option<usize>,
    /// The pointer to the elements of which each is answered.
    pub each: Option<String>,
    /// The answer.
    pub send: Vec<Template>,
    /// The effect after the answer.
    pub then: Then,
}

/// The effect of a rule after its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// None.
    Nothing,
    /// The client receives the recording from now on.
    Start,
    /// The connection is closed.
    Close,
}

/// Decides which messages a rule is for.
#[derive(Clone, Debug)]
pub enum Matcher {
    /// All.
    Any,
    /// Texts that match a pattern.
    Text(Pattern),
    /// JSON whose values at these pointers are as expected.
    Json(Vec<(String, Expected)>),
    /// Messages with these bytes, or that begin with them.
    Bytes {
        /// The bytes.
        bytes: Vec<u8>,
        /// True if they are only the beginning of messages.
        begin: bool,
    },
}

/// An expected JSON value.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Any.
    Present,
    /// A text that matches a pattern.
    Text(Pattern),
    /// This integer.
    Integer(i64),
    /// This truth value.
    Boolean(bool),
}

impl Expected {
    fn is(&self, value: &Value) -> bool {
        match self {
            Expected::Present => true,
            Expected::Text(pattern) => value.as_str().is_some_and(|text| pattern.is(text)),
            Expected::Integer(number) => value.as_i64() == Some(*number),
            Expected::Boolean(is) => value.as_bool() == Some(*is),
        }
    }
}

/// A message of a client. It is parsed at most once, however many rules look at it.
#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    text: OnceCell<Option<&'a str>>,
    json: OnceCell<Option<Value>>,
}

impl<'a> Input<'a> {
    pub(super) fn new(message: Incoming<'a>) -> Input<'a> {
        let (bytes, text) = match message {
            Incoming::Text(text) => (text.as_bytes(), OnceCell::from(Some(text))),
            Incoming::Binary(bytes) | Incoming::Bytes(bytes) => (bytes, OnceCell::new()),
        };
        Input { bytes, text, json: OnceCell::new() }
    }

    /// Returns the text. A binary message has one if its bytes are UTF-8.
    fn text(&self) -> Option<&'a str> {
        *self.text.get_or_init(|| std::str::from_utf8(self.bytes).ok())
    }

    /// Returns the JSON value, if the message is one.
    fn json(&self) -> Option<&Value> {
        self.json.get_or_init(|| serde_json::from_str(self.text()?).ok()).as_ref()
    }
}

/// A match: what the placeholders of the rule's messages stand for.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) json: Option<&'a Value>,
    pub(super) stars: Vec<&'a str>,
    /// The elements, of a rule with `each`.
    pub(super) elements: Option<Vec<Value>>,
}

impl Rule {
    /// Returns what a message is to this rule, if it matches.
    pub(super) fn find<'a>(&self, input: &'a Input<'_>) -> Option<Found<'a>> {
        let mut found = Found { json: None, stars: Vec::new(), elements: None };
        match &self.matcher {
            Matcher::Any => {}
            Matcher::Text(pattern) => found.stars = pattern.stars(input.text()?)?,
            Matcher::Bytes { bytes, begin: false } if input.bytes == *bytes => {}
            Matcher::Bytes { bytes, begin: true } if input.bytes.starts_with(bytes) => {}
            Matcher::Bytes { .. } => return None,
            Matcher::Json(values) => {
                let json = input.json()?;
                let is = |(pointer, expected): &(String, Expected)| {
                    json.pointer(pointer).is_some_and(|value| expected.is(value))
                };
                if !values.iter().all(is) {
                    return None;
                }
                found.json = Some(json);
                if let Some(pointer) = &self.each {
                    found.elements = Some(elements(json.pointer(pointer)?)?);
                }
            }
        }
        Some(found)
    }
}

/// Returns the elements of an array, or the parts of a text between commas.
fn elements(value: &Value) -> Option<Vec<Value>> {
    let elements: Vec<Value> = match value {
        Value::Array(elements) => elements.iter().take(ELEMENTS_MAX + 1).cloned().collect(),
        Value::String(text) => {
            text.split(',').take(ELEMENTS_MAX + 1).map(|part| part.trim().into()).collect()
        }
        _ => return None,
    };
    Some(elements)
}
