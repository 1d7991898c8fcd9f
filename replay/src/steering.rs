//! Permission to control a playback over HTTP.

use std::{fmt, hint::black_box, str::FromStr};

use tradesim_schemas::ByteHash;

/// Permission to control a playback over HTTP (docs/PROTOCOL.md, section 6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Steering {
    /// No client.
    Off,
    /// Clients that connect from a loopback address.
    #[default]
    Loopback,
    /// Clients that send the token, from anywhere.
    Token(ControlToken),
}

impl Steering {
    /// Returns the name of the mode, as the command line and `/status` have it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Steering::Off => "off",
            Steering::Loopback => "loopback",
            Steering::Token(_) => "token",
        }
    }
}

/// A secret that permits a client to control the playback. `Debug` does not show it, and only its hash is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct ControlToken(ByteHash);

/// The number of characters of a token: enough not to be guessed, and few enough for a header.
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 16..=512;

/// The text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a control token must have 16 to 512 visible ASCII characters without spaces")]
pub struct InvalidToken;

impl ControlToken {
    /// Returns true if a text is the token. The time that this takes reveals nothing about the token.
    pub(crate) fn is(&self, text: &str) -> bool {
        // hashes have equal lengths, and a common prefix of two hashes reveals nothing about the texts
        let (wanted, found) = (self.0.as_bytes(), ByteHash::of(text.as_bytes()));
        let differing =
            wanted.iter().zip(found.as_bytes()).fold(0, |bits, (left, right)| bits | (left ^ right));
        black_box(differing) == 0
    }
}

impl FromStr for ControlToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<ControlToken, InvalidToken> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || !TOKEN_CHARS.contains(&text.len()) {
            return Err(InvalidToken);
        }
        Ok(ControlToken(ByteHash::of(text.as_bytes())))
    }
}

impl fmt::Debug for ControlToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ControlToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_text_and_shown_to_nobody() {
        let token: ControlToken = "correct-horse-battery".parse().unwrap();
        assert!(token.is("correct-horse-battery"));
        for other in ["", "correct-horse-batterz", "correct-horse-battery ", "Correct-horse-battery"] {
            assert!(!token.is(other), "{other:?}");
        }
        assert_eq!(format!("{:?}", Steering::Token(token)), "Token(ControlToken)");
    }

    #[test]
    fn what_could_be_guessed_or_not_be_sent_is_not_a_token() {
        for text in [
            "",
            "short",
            "fifteen-chars-x",
            "a space in a token",
            "a token of süd 123",
            "line\nbreak-1234567",
        ] {
            assert_eq!(text.parse::<ControlToken>(), Err(InvalidToken), "{text:?}");
        }
        assert!("x".repeat(512).parse::<ControlToken>().is_ok());
        assert!("x".repeat(513).parse::<ControlToken>().is_err());
    }
}
