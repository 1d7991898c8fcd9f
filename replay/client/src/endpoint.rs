//! URLs of servers, for client commands.

use std::{fmt, str::FromStr};

use tradesim_protocol::FeedQuery;

/// The default port of `replay` and `serve`, for addresses without a scheme and a port.
const DEFAULT_PORT: u16 = 8765;

/// The URL of a server for WebSocket and HTTP, in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// True for `wss` and `https`.
    pub tls: bool,
    /// A host name or an address; an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path, which starts with a slash.
    pub path: String,
    /// The parts of the query between ampersands.
    pub query: Vec<String>,
}

/// The text is not a valid URL of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is not a URL of a server.
    #[error("expected a URL such as ws://127.0.0.1:8765, http://127.0.0.1:8765 or 127.0.0.1:8765")]
    Form,
    /// It requests TLS, which the server does not support.
    #[error("`replay` and `serve` do not support TLS: expected ws:// or http://")]
    Tls,
    /// It has a fragment.
    #[error("URLs with a fragment (#…) are not supported: expected for example ws://127.0.0.1:8765")]
    Fragment,
    /// It contains user information.
    #[error("user names and passwords in URLs are not supported: expected for example ws://127.0.0.1:8765")]
    UserInfo,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    /// Parses the URL of a server; `HOST` and `HOST:PORT` are accepted as well.
    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
            None => (None, text),
        };
        let (tls, default_port) = match scheme.as_deref() {
            None => (false, DEFAULT_PORT),
            Some("ws" | "http") => (false, 80),
            Some("wss" | "https") => (true, 443),
            Some(_) => return Err(EndpointError::Form),
        };
        // the rest is sent in the request without escaping
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EndpointError::Form);
        }
        if rest.contains('#') {
            return Err(EndpointError::Fragment);
        }
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(EndpointError::UserInfo);
        }
        let (host, port) = host_and_port(authority, default_port).ok_or(EndpointError::Form)?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Ok(Endpoint {
            tls,
            host: host.to_owned(),
            port,
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            query: query.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        })
    }
}

fn host_and_port(authority: &str, default_port: u16) -> Option<(&str, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            let name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            if host.is_empty() || !host.bytes().all(name) {
                return None;
            }
            (host, port)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Some((host, default_port)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port > 0).map(|port| (host, port))
        }
        _ => None,
    }
}

impl Endpoint {
    /// Parses the URL of a server without TLS.
    ///
    /// # Errors
    /// A text that is not such a URL.
    pub fn plain(text: &str) -> Result<Endpoint, EndpointError> {
        text.parse()
            .and_then(|endpoint: Endpoint| if endpoint.tls { Err(EndpointError::Tls) } else { Ok(endpoint) })
    }

    /// Removes a parameter from the query and returns its value.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let value = |part: &str| {
            part.split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
        };
        let at = self.query.iter().position(|part| value(part).is_some())?;
        value(&self.query.remove(at))
    }

    /// Returns whether the query has a parameter with this name.
    pub fn has(&self, name: &str) -> bool {
        self.query.iter().any(|part| part.split('=').next() == Some(name))
    }

    /// Returns host and port in the form of URLs.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Returns the value of the `Host` header: with a port only if it is not the default port of the scheme.
    pub fn host_header(&self) -> String {
        let mut authority = self.authority();
        if self.port == if self.tls { 443 } else { 80 } {
            authority.truncate(authority.rfind(':').unwrap_or(authority.len()));
        }
        authority
    }

    /// Returns path and query in the form of requests, extended by another query.
    pub fn target(&self, query: &FeedQuery) -> String {
        let mut target = self.path.clone();
        let more = query.to_string();
        let parts = self.query.iter().chain(Some(&more).filter(|more| !more.is_empty()));
        for (index, part) in parts.enumerate() {
            target.push(if index == 0 { '?' } else { '&' });
            target.push_str(part);
        }
        target
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::StreamSeq;

    use super::*;

    fn endpoint(text: &str) -> Result<Endpoint, EndpointError> {
        text.parse()
    }

    #[track_caller]
    fn check(text: &str, authority: &str, target: &str) {
        let endpoint = endpoint(text).unwrap();
        assert_eq!(
            (endpoint.authority().as_str(), endpoint.target(&FeedQuery::default()).as_str()),
            (authority, target),
            "{text}"
        );
    }

    #[test]
    fn urls_are_read_in_every_form() {
        check("ws://127.0.0.1:8765", "127.0.0.1:8765", "/");
        check("WS://localhost:9000/feed", "localhost:9000", "/feed");
        check("http://localhost/", "localhost:80", "/");
        check("localhost", "localhost:8765", "/");
        check("127.0.0.1:1?from_seq=3", "127.0.0.1:1", "/?from_seq=3");
        check("ws://[::1]:8765/a?b&c=d", "[::1]:8765", "/a?b&c=d");
        check("[::1]", "[::1]:8765", "/");
        check("wss://x/feed", "x:443", "/feed");
        let header = |text: &str| endpoint(text).unwrap().host_header();
        assert_eq!(
            (header("wss://x"), header("ws://x"), header("x")),
            ("x".into(), "x".into(), "x:8765".into())
        );
        assert_eq!((header("wss://[::1]"), header("wss://x:80")), ("[::1]".into(), "x:80".into()));
        assert!(endpoint("wss://x").unwrap().tls && !endpoint("ws://x").unwrap().tls);
    }

    #[test]
    fn invalid_urls_are_refused() {
        for text in [
            "",
            "ws://",
            ":8765",
            "ftp://x",
            "ws://x:0",
            "ws://x:65536",
            "ws://x:+1",
            "ws://x:",
            "ws://a b",
            "[x]",
            "a/\r\nb",
            "ws://ü",
        ] {
            assert_eq!(endpoint(text), Err(EndpointError::Form), "{text}");
        }
        assert_eq!(Endpoint::plain("wss://x"), Err(EndpointError::Tls));
        assert_eq!(endpoint("ws://x/#a"), Err(EndpointError::Fragment));
        assert_eq!(endpoint("ws://a:b@x"), Err(EndpointError::UserInfo));
    }

    #[test]
    fn a_parameter_is_removed_from_the_query() {
        let mut parsed = endpoint("ws://x:1/?symbols=AAPL&from_seq=7&a").unwrap();
        assert_eq!(parsed.take("from_seq").as_deref(), Some("7"));
        assert_eq!(parsed.take("from_seq"), None);
        assert!(parsed.has("symbols") && parsed.has("a") && !parsed.has("from_seq"));
        assert_eq!(parsed.target(&FeedQuery::default()), "/?symbols=AAPL&a");
        assert_eq!(parsed.target(&FeedQuery::from_seq(StreamSeq(7))), "/?symbols=AAPL&a&from_seq=7");
        assert_eq!(endpoint("x/a").unwrap().target(&FeedQuery::from_seq(StreamSeq(0))), "/a?from_seq=0");
    }
}
