//! The URL of a registry, without secrets.

use super::Credentials;
use tradesim_client::secret::Secret;

/// The number of characters that are shown of a URL from a server.
const SHOWN_CHARS_MAX: usize = 200;

/// Splits off the user information: returns the URL without it, and the credentials. A query or fragment, which no
/// path of the API could follow, is removed as well, and so are slashes at the end.
pub(super) fn split(url: &str) -> (String, Option<Credentials>) {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = url[..end].trim_end_matches('/');
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let Some(at) = rest[..authority_end].rfind('@') else { return (url.to_owned(), None) };
    let (user, password) = rest[..at].split_once(':').unwrap_or((&rest[..at], ""));
    let credentials =
        Credentials::Basic { user: unescaped(user), password: Secret::new(unescaped(password)) };
    (format!("{scheme}://{}", &rest[at + 1..]), Some(credentials))
}

/// Returns a URL from a server in a form that is safe to show: without user information, query and control
/// characters, and shortened if it is too long.
pub(super) fn shown(url: &str) -> String {
    let (url, _) = split(url);
    let visible = |c: char| if c.is_ascii_graphic() { c } else { char::REPLACEMENT_CHARACTER };
    url.chars().take(SHOWN_CHARS_MAX).map(visible).collect()
}

/// Decodes percent-encoding (RFC 3986, section 2.1); invalid sequences stay as they are.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |place: usize| char::from(*bytes.get(place)?).to_digit(16);
        match (bytes[at], digit(at + 1).zip(digit(at + 2))) {
            (b'%', Some((high, low))) => {
                plain.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, _) => {
                plain.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information_is_split_off_and_never_shown() {
        let basic = |user: &str, password: &str| {
            Some(Credentials::Basic { user: user.to_owned(), password: Secret::new(password) })
        };
        for (url, plain, credentials) in [
            ("http://localhost:8081/", "http://localhost:8081", None),
            ("https://h/apis/ccompat/v7//", "https://h/apis/ccompat/v7", None),
            ("https://h/a@b", "https://h/a@b", None),
            ("https://alice:hush@h:1/x", "https://h:1/x", basic("alice", "hush")),
            ("https://a%40b:p%3Aw%2@h", "https://h", basic("a@b", "p:w%2")),
            ("https://alice@h", "https://h", basic("alice", "")),
            ("https://a:b@c@h?key=hush#x", "https://h", basic("a", "b@c")),
            ("no url", "no url", None),
        ] {
            assert_eq!(split(url), (plain.to_owned(), credentials), "{url}");
        }
        assert_eq!(shown("https://a:b@h/p?token=hush\u{1b}[2J"), "https://h/p");
        assert_eq!(shown("/login\u{7}\u{202e}"), "/login\u{fffd}\u{fffd}");
        assert_eq!(shown(&"x".repeat(1_000)).len(), SHOWN_CHARS_MAX);
    }
}
