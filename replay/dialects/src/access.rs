//! Who may subscribe.

use std::{fmt, str::FromStr};

/// The key that clients must present, and its secret if the dialect has one.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    key: String,
    secret: Option<String>,
}

/// The error of a text that is not an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected KEY or KEY:SECRET, each 1 to 128 visible ASCII characters")]
pub struct ParseApiKeyError;

/// The limit of a key or a secret, in bytes.
const KEY_BYTES_MAX: usize = 128;

impl FromStr for ApiKey {
    type Err = ParseApiKeyError;

    fn from_str(text: &str) -> Result<ApiKey, ParseApiKeyError> {
        let valid = |part: &str| {
            (1..=KEY_BYTES_MAX).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let (key, secret) = match text.split_once(':') {
            Some((key, secret)) => (key, Some(secret)),
            None => (text, None),
        };
        if !valid(key) || secret.is_some_and(|secret| !valid(secret)) {
            return Err(ParseApiKeyError);
        }
        Ok(ApiKey { key: key.to_owned(), secret: secret.map(str::to_owned) })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

/// The rule by which keys are accepted.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The only key that is accepted; `None` accepts any.
    pub key: Option<ApiKey>,
}

impl Access {
    /// Returns true if a client with this key and secret may subscribe. A dialect without secrets, or a key without
    /// one, compares the key alone.
    pub(crate) fn admits(&self, key: &str, secret: Option<&str>) -> bool {
        match &self.key {
            None => true,
            Some(expected) => {
                let secrets = expected.secret.as_deref().zip(secret);
                equal(&expected.key, key) & secrets.is_none_or(|(expected, found)| equal(expected, found))
            }
        }
    }

    /// Returns true if the key whose digest `prove` computes is the one that is expected, or if any is accepted.
    pub(crate) fn admits_proof(&self, proof: &str, prove: impl FnOnce(&str) -> String) -> bool {
        self.key.as_ref().is_none_or(|expected| equal(&prove(&expected.key), proof))
    }
}

/// Compares two texts in a time that does not depend on where they differ.
fn equal(one: &str, other: &str) -> bool {
    let differ = one.bytes().zip(other.bytes()).fold(0, |differ, (one, other)| differ | (one ^ other));
    one.len() == other.len() && differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_a_secret_are_compared_as_far_as_both_sides_have_them() {
        let access = |text: &str| Access { key: Some(text.parse().unwrap()) };
        assert!(Access::default().admits("anything", None));
        for (expected, key, secret, admitted) in [
            ("k", "k", None, true),
            ("k", "K", None, false),
            ("k", "kk", None, false),
            ("k", "", None, false),
            ("k", "k", Some("any"), true),
            ("k:s", "k", Some("s"), true),
            ("k:s", "k", Some("t"), false),
            ("k:s", "j", Some("s"), false),
            ("k:s", "k", None, true),
        ] {
            assert_eq!(access(expected).admits(key, secret), admitted, "{expected} {key} {secret:?}");
        }
        let digest = |key: &str| format!("<{key}>");
        assert!(access("k").admits_proof("<k>", digest) && !access("k").admits_proof("<j>", digest));
        assert!(Access::default().admits_proof("", digest));
    }

    #[test]
    fn a_key_is_short_visible_text_and_is_not_shown() {
        for text in ["", ":", "k:", ":s", "a b", "ä", &"k".repeat(129)] {
            assert_eq!(text.parse::<ApiKey>(), Err(ParseApiKeyError), "{text}");
        }
        let key: ApiKey = "k:s:t".parse().unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(…)");
        assert_eq!(key.secret.as_deref(), Some("s:t"));
    }
}
