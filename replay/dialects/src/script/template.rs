//! Messages of a script, with placeholders for parts of a client's message.

use serde_json::Value;

/// A message.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// A text message.
    Text(Vec<Part>),
    /// A binary message.
    Binary(Vec<u8>),
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A fixed text.
    Literal(String),
    /// The value at a JSON pointer; `null` if there is none.
    Json(String, Form),
    /// The text that a star of the pattern stands for, counted from 1.
    Star(usize),
    /// The element that is answered.
    Each(Form),
    /// Milliseconds since the Unix epoch.
    UnixMs,
}

/// The form of a JSON value in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Json,
    /// The inside of a JSON text, without its quotes. Other values are written as JSON.
    Inside,
}

impl Form {
    fn push(self, value: Option<&Value>, text: &mut String) {
        let json = value.unwrap_or(&Value::Null).to_string();
        *text += match self {
            Form::Inside if json.starts_with('"') => &json[1..json.len() - 1],
            _ => &json,
        };
    }
}

/// The values of placeholders.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Values<'a> {
    pub(super) json: Option<&'a Value>,
    pub(super) stars: &'a [&'a str],
    pub(super) each: Option<&'a Value>,
    pub(super) unix_ms: u64,
}

/// The placeholders that a message may have.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    /// True if the message is JSON.
    pub json: bool,
    /// The number of stars of the pattern.
    pub stars: usize,
    /// True if elements are answered.
    pub each: bool,
}

/// An invalid placeholder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A placeholder does not end.
    #[error("a placeholder without }}: `$${{` stands for `${{`")]
    Unclosed,
    /// No elements are answered.
    #[error("${{each}} needs the key `each`")]
    Each,
    /// The pattern has fewer stars.
    #[error("${{{star}}} needs a pattern in `text` with that many stars")]
    Star {
        /// The number of the star, as it is written.
        star: String,
    },
    /// The message has no named values.
    #[error("${{{name}}} needs the key `json`, whose messages have named values")]
    Value {
        /// The name.
        name: String,
    },
    /// A name is missing.
    #[error("expected a key, or a JSON pointer such as /params/0")]
    Name,
}

impl Template {
    /// Parses a text message with placeholders. `$${` stands for `${`.
    ///
    /// # Errors
    /// Fails on a placeholder that does not end or is not allowed.
    pub fn parse(text: &str, allowed: Allowed) -> Result<Template, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                literal += before;
                literal += "${";
                rest = &rest[at + 2..];
                continue;
            }
            literal += &rest[..at];
            let (name, behind) = rest[at + 2..].split_once('}').ok_or(TemplateError::Unclosed)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(placeholder(name, allowed)?);
            rest = behind;
        }
        literal += rest;
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Template::Text(parts))
    }

    /// Returns the number of bytes that the message has at least: without its placeholders.
    pub fn fixed_len(&self) -> usize {
        let literal = |part: &Part| match part {
            Part::Literal(text) => text.len(),
            _ => 0,
        };
        match self {
            Template::Text(parts) => parts.iter().map(literal).sum(),
            Template::Binary(bytes) => bytes.len(),
        }
    }

    /// Returns a text with the values of its placeholders, or `None` if it would become longer than `bytes_max`.
    pub(super) fn text(parts: &[Part], values: Values<'_>, bytes_max: usize) -> Option<String> {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Literal(literal) => text += literal,
                Part::Json(pointer, form) => {
                    form.push(values.json.and_then(|json| json.pointer(pointer)), &mut text);
                }
                Part::Star(star) => {
                    text += values.stars.get(star.wrapping_sub(1)).copied().unwrap_or_default()
                }
                Part::Each(form) => form.push(values.each, &mut text),
                Part::UnixMs => text += &values.unix_ms.to_string(),
            }
            if text.len() > bytes_max {
                return None;
            }
        }
        Some(text)
    }
}

fn placeholder(name: &str, allowed: Allowed) -> Result<Part, TemplateError> {
    if name == "unix_ms" {
        return Ok(Part::UnixMs);
    }
    let (name, form) = match name.strip_prefix("text ") {
        Some(name) => (name, Form::Inside),
        None => (name, Form::Json),
    };
    if name == "each" {
        return allowed.each.then_some(Part::Each(form)).ok_or(TemplateError::Each);
    }
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return match name.parse() {
            Ok(star) if (1..=allowed.stars).contains(&star) => Ok(Part::Star(star)),
            _ => Err(TemplateError::Star { star: name.to_owned() }),
        };
    }
    match allowed.json {
        true => Ok(Part::Json(pointer(name)?, form)),
        false => Err(TemplateError::Value { name: name.to_owned() }),
    }
}

/// Returns the JSON pointer (RFC 6901) of a key or a pointer.
///
/// # Errors
/// [`TemplateError::Name`] if there is none.
pub fn pointer(name: &str) -> Result<String, TemplateError> {
    match name {
        "" => Err(TemplateError::Name),
        _ if name.starts_with('/') => Ok(name.to_owned()),
        _ => Ok(format!("/{}", name.replace('~', "~0").replace('/', "~1"))),
    }
}
