//! Refusals of requests of clients.

/// A refusal: a stable code for programs, and a text for users that names the field and the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {text}")]
pub struct Refusal {
    /// The code, in snake case.
    pub code: &'static str,
    /// The text.
    pub text: String,
}

/// The number of characters of a received text that are shown: a refusal must fit into the reason of a close.
const SHOWN_CHARS_MAX: usize = 32;

impl Refusal {
    /// Returns a refusal.
    #[cold]
    pub fn new(code: &'static str, text: impl Into<String>) -> Refusal {
        Refusal { code, text: text.into() }
    }
}

/// Returns a received text in quotes, escaped and shortened.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_texts_are_shown_escaped_and_short() {
        assert_eq!(shown("A\n\"B"), r#""A\n\"B""#);
        assert_eq!(shown(&"ä".repeat(32)), format!("\"{}\"", "ä".repeat(32)));
        assert_eq!(shown(&"ä".repeat(33)), format!("\"{}\"…", "ä".repeat(32)));
    }
}
