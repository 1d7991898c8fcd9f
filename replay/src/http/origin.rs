//! The pages that may use the server (RFC 6454).
//!
//! A browser lets any page open a WebSocket to any address, including the user's own machine. Only `Origin` states
//! which page it is.

use hyper::{
    HeaderMap,
    header::{HOST, ORIGIN},
};

use super::authority::Host;

/// Returns true if a request does not come from a page, or comes from one on a loopback or allowed host, or from the page
/// of this server. The host of the request must have been checked before: only then is a page of the same host ours.
pub(super) fn is_accepted(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let listed = || allowed.iter().any(|one| one.trim_end_matches('/').eq_ignore_ascii_case(origin));
    origins.next().is_none() && (listed() || is_loopback(origin) || is_own(origin, headers))
}

/// Returns true if the origin is the host that is requested, which is how a browser treats our own page.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = origin.strip_prefix("http://");
    host.zip(authority).is_some_and(|(host, authority)| host.eq_ignore_ascii_case(authority))
}

fn is_loopback(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        && Host::parse(authority).is_some_and(|host| host.is_loopback())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn check(origins: &[&str], expected: bool) {
        let mut headers = HeaderMap::new();
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_bytes(origin.as_bytes()).unwrap());
        }
        let allowed = ["https://charts.example".to_owned(), "http://lab.example:8080/".to_owned()];
        assert_eq!(is_accepted(&headers, &allowed), expected, "{origins:?}");
    }

    #[test]
    fn pages_of_this_machine_and_allowed_ones_are_let_in() {
        check(&[], true);
        for origin in [
            "http://localhost",
            "http://localhost:3000",
            "https://LOCALHOST:8443",
            "http://127.0.0.1:5173",
            "http://127.8.9.10",
            "http://[::1]",
            "http://[::1]:3000",
            "https://charts.example",
            "HTTPS://Charts.Example",
            "http://lab.example:8080",
        ] {
            check(&[origin], true);
        }
    }

    #[test]
    fn the_page_of_this_server_is_let_in() {
        for (host, origin, expected) in [
            ("192.168.0.7:8765", "http://192.168.0.7:8765", true),
            ("Replay:8765", "http://replay:8765", true),
            ("192.168.0.7:8765", "http://192.168.0.7:8766", false),
            ("192.168.0.7:8765", "http://192.168.0.7", false),
            ("192.168.0.7:8765", "https://192.168.0.7:8765", false),
            ("replay:8765", "http://replay:8765.evil.example", false),
        ] {
            let headers =
                [(HOST, host), (ORIGIN, origin)].map(|(name, value)| (name, HeaderValue::from_static(value)));
            assert_eq!(is_accepted(&headers.into_iter().collect(), &[]), expected, "{host} {origin}");
        }
    }

    #[test]
    fn pages_of_others_are_not() {
        for origin in [
            "",
            "null",
            "localhost",
            "http://",
            "http://evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://localhost@evil.example",
            "http://localhost:80@evil.example",
            "http://localhost:",
            "http://localhost:99999",
            "http://localhost:+80",
            "http://localhost/",
            "http://128.0.0.1",
            "http://127.1",
            "http://[::2]",
            "http://[::1].evil.example",
            "http://[::1",
            "file://localhost",
            "https://charts.example:444",
            "http://charts.example",
            "http://löcalhost",
        ] {
            check(&[origin], false);
        }
        check(&["http://localhost", "http://evil.example"], false);
    }
}
