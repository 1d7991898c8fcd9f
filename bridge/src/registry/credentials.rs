//! Credentials for a registry.

use std::str::FromStr;

use tradesim_client::secret::Secret;

/// Credentials for a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A user and a password, in every request (RFC 7617).
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token, in every request (RFC 6750).
    Bearer {
        /// The token.
        token: Secret,
    },
}

/// The text does not contain credentials. It is not repeated, because it may contain a part of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `basic USER:PASSWORD` or `bearer TOKEN`")]
pub struct ParseCredentialsError;

impl FromStr for Credentials {
    type Err = ParseCredentialsError;

    fn from_str(text: &str) -> Result<Credentials, ParseCredentialsError> {
        let (scheme, rest) = text.trim().split_once(char::is_whitespace).ok_or(ParseCredentialsError)?;
        let rest = rest.trim_start();
        let sendable = !rest.is_empty() && !rest.contains(char::is_control);
        match scheme.to_ascii_lowercase().as_str() {
            "basic" if sendable => {
                let (user, password) = rest.split_once(':').ok_or(ParseCredentialsError)?;
                if user.is_empty() {
                    return Err(ParseCredentialsError);
                }
                Ok(Credentials::Basic { user: user.to_owned(), password: Secret::new(password) })
            }
            "bearer" if sendable && rest.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Credentials::Bearer { token: Secret::new(rest) })
            }
            _ => Err(ParseCredentialsError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_a_scheme_and_what_it_needs() {
        let basic = |user: &str, password| Credentials::Basic {
            user: user.to_owned(),
            password: Secret::new(password),
        };
        assert_eq!("basic alice:hush:hush".parse(), Ok(basic("alice", "hush:hush")));
        assert_eq!(" Basic  bob: ".parse(), Ok(basic("bob", "")));
        assert_eq!("BEARER a.b.c".parse(), Ok(Credentials::Bearer { token: Secret::new("a.b.c") }));
        for text in
            ["", "basic", "basic alice", "basic :hush", "bearer", "bearer a b", "alice:hush", "basic a:\u{7}"]
        {
            assert_eq!(text.parse::<Credentials>(), Err(ParseCredentialsError), "{text:?}");
        }
        assert!(!format!("{:?}", "basic alice:hush".parse::<Credentials>()).contains("hush"));
    }
}
