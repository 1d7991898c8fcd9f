//! Additional headers of a handshake, given as `Name: value`. The value is often a secret.

use std::fmt;

use tungstenite::http::{HeaderName, HeaderValue};

use crate::secret::{SecretError, SecretSource};

/// Headers of the handshake itself, and hop-by-hop headers.
const RESERVED: [&str; 13] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
const RESERVED_PREFIX: &str = "sec-websocket-";
/// The limits of headers and of a value. Most servers read 16 KiB at most.
const HEADERS_MAX: usize = 64;
const VALUE_BYTES_MAX: usize = 8 * 1024;

/// A header as it was given. Its `Debug` shows nothing, because any part may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderText(String);

impl From<&str> for HeaderText {
    fn from(text: &str) -> HeaderText {
        HeaderText(text.to_owned())
    }
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A header. Its `Debug` shows only the name.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    name: HeaderName,
    value: HeaderValue,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

/// A header that cannot be sent. No variant contains a value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// There is no colon. The text may be a secret.
    #[error("header {number} is not of the form 'Name: value'")]
    Form {
        /// The position of the header, from 1.
        number: usize,
    },
    /// The name is not a valid header name.
    #[error("header {number} has a name that is not a token of letters, digits and -_.!#$%&'*+^`|~")]
    Name {
        /// The position of the header, from 1.
        number: usize,
    },
    /// The header is reserved.
    #[error("the header {name} belongs to the handshake itself and cannot be set")]
    Reserved {
        /// Its name.
        name: String,
    },
    /// The value is not a valid header value.
    #[error(
        "the value of the header {name} contains a line break or another control character, or is longer than 8 KiB"
    )]
    Value {
        /// Its name.
        name: String,
    },
    /// The value cannot be read.
    #[error("the value of the header {name}")]
    Secret {
        /// Its name.
        name: String,
        /// The cause.
        source: SecretError,
    },
    /// There are too many headers.
    #[error("there are {count} headers, expected at most 64")]
    Count {
        /// The number of headers.
        count: usize,
    },
}

impl Header {
    /// Parses headers and reads the values that name a file or a variable.
    ///
    /// # Errors
    /// The first invalid header.
    pub fn read_all(texts: &[HeaderText]) -> Result<Vec<Header>, HeaderError> {
        if texts.len() > HEADERS_MAX {
            return Err(HeaderError::Count { count: texts.len() });
        }
        texts.iter().enumerate().map(|(index, text)| Header::read(index + 1, text)).collect()
    }

    fn read(number: usize, text: &HeaderText) -> Result<Header, HeaderError> {
        let (name, value) = text.0.split_once(':').ok_or(HeaderError::Form { number })?;
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Name { number })?;
        let owned = || name.as_str().to_owned();
        if RESERVED.contains(&name.as_str()) || name.as_str().starts_with(RESERVED_PREFIX) {
            return Err(HeaderError::Reserved { name: owned() });
        }
        let secret = SecretSource::from(value.trim_matches([' ', '\t']))
            .read()
            .map_err(|source| HeaderError::Secret { name: owned(), source })?;
        // of the control characters, only tabs are valid
        let value = HeaderValue::from_bytes(secret.expose().as_bytes())
            .ok()
            .filter(|value| value.len() <= VALUE_BYTES_MAX)
            .ok_or_else(|| HeaderError::Value { name: owned() })?;
        Ok(Header { name, value })
    }

    /// Returns the name, in lower case.
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// Writes the header as a line of a request.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(self.value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &str) -> Result<Header, HeaderError> {
        Header::read_all(&[text.into()]).map(|mut headers| headers.remove(0))
    }

    fn line(text: &str) -> String {
        let mut out = Vec::new();
        read(text).unwrap().write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_header_is_a_line_of_the_request() {
        assert_eq!(line("X-Key:  a b: c\t"), "x-key: a b: c\r\n");
        assert_eq!(line("Authorization: Bearer ü"), "authorization: Bearer ü\r\n");
        assert_eq!(line("Empty:"), "empty: \r\n");
    }

    #[test]
    fn a_value_comes_from_a_file_or_a_variable() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"Bearer hush\n").unwrap();
        let text = format!("Authorization: @{}", file.path().display());
        assert_eq!(line(&text), "authorization: Bearer hush\r\n");
        assert_eq!(line("Key: env:CARGO_PKG_NAME"), "key: tradesim-client\r\n");
        file.write_all(b"Injected: yes").unwrap();
        assert!(matches!(read(&text), Err(HeaderError::Value { .. })));
        let missing = read("Key: @/nowhere/at/all").unwrap_err();
        assert!(matches!(missing, HeaderError::Secret { .. }));
    }

    #[test]
    fn what_is_the_handshakes_own_or_breaks_a_line_is_refused_and_not_repeated() {
        for (text, expected) in [
            ("hush", "header 1 is not of the form 'Name: value'"),
            (": hush", "header 1 has a name"),
            ("a b: hush", "header 1 has a name"),
            ("a\r\nb: hush", "header 1 has a name"),
            ("Host: hush", "the header host belongs to the handshake itself"),
            ("Transfer-Encoding: hush", "the header transfer-encoding belongs"),
            ("SEC-WebSocket-Protocol: hush", "the header sec-websocket-protocol belongs"),
            ("Key: hush\r\nHost: b", "the value of the header key contains a line break"),
            ("Key: hush\nb", "the value of the header key"),
            ("Key: hush\0", "the value of the header key"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(expected) && !error.contains("hush"), "{text:?}: {error}");
        }
        let long = read(&format!("Key: {}", "x".repeat(8_193))).unwrap_err();
        assert!(matches!(long, HeaderError::Value { .. }));
        let many = vec![HeaderText::from("a: b"); 65];
        assert!(matches!(Header::read_all(&many), Err(HeaderError::Count { count: 65 })));
    }

    #[test]
    fn a_header_is_never_shown() {
        let text = HeaderText::from("Key: hush");
        let header = Header::read_all(std::slice::from_ref(&text)).unwrap();
        assert_eq!(format!("{text:?} {header:?}"), "*** [key: ***]");
    }
}
