//! The permission to send commands.

use std::net::SocketAddr;

use hyper::{HeaderMap, StatusCode, header::AUTHORIZATION};

use crate::steering::Steering;

/// Headers with which a proxy marks a request as forwarded, in addition to all that begin with `x-forwarded`.
const FORWARDING: [&str; 14] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-originating-ip",
    "x-remote-addr",
    "x-remote-ip",
    "x-envoy-external-address",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "client-ip",
];

/// The reason for which a command is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// Commands are disabled.
    Off,
    /// A proxy forwarded it, so the address of the peer is not that of the sender.
    Forwarded(String),
    /// It does not come from this machine.
    NotLoopback,
    /// It has no token, or a wrong one.
    Unauthorized,
}

impl Denied {
    /// Returns the status, code and text of the answer.
    pub(super) fn answer(&self) -> (StatusCode, &'static str, String) {
        let forbidden = |code, text: &str| (StatusCode::FORBIDDEN, code, text.to_owned());
        match self {
            Denied::Off => {
                forbidden("control_off", "this server does not accept commands over HTTP (--control)")
            }
            Denied::Forwarded(header) => forbidden(
                "forwarded",
                &format!("forwarded commands are not accepted: found the header {header}"),
            ),
            Denied::NotLoopback => {
                forbidden("not_loopback", "commands are only accepted from loopback addresses")
            }
            Denied::Unauthorized => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "commands require the control token: send Authorization: Bearer TOKEN".to_owned(),
            ),
        }
    }
}

/// Checks the sender of a command.
pub(super) fn check(steering: &Steering, peer: SocketAddr, headers: &HeaderMap) -> Result<(), Denied> {
    if *steering == Steering::Off {
        return Err(Denied::Off);
    }
    let is_forwarding = |name: &&str| name.starts_with("x-forwarded") || FORWARDING.contains(name);
    if let Some(name) = headers.keys().map(|name| name.as_str()).find(is_forwarding) {
        return Err(Denied::Forwarded(name.to_owned()));
    }
    match steering {
        Steering::Off => Err(Denied::Off),
        // an IPv4 peer of an IPv6 socket has an IPv4-mapped address
        Steering::Loopback if peer.ip().to_canonical().is_loopback() => Ok(()),
        Steering::Loopback => Err(Denied::NotLoopback),
        Steering::Token(token) => match bearer(headers) {
            Some(given) if token.is(given) => Ok(()),
            _ => Err(Denied::Unauthorized),
        },
    }
}

/// Returns the token of the only `Authorization` header (RFC 6750, section 2.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn without_a_token_commands_are_taken_from_loopback_only() {
        for (peer, expected) in [
            ("127.0.0.1:1", Ok(())),
            ("127.9.9.9:1", Ok(())),
            ("[::1]:1", Ok(())),
            ("[::ffff:127.0.0.1]:1", Ok(())),
            ("192.168.0.7:1", Err(Denied::NotLoopback)),
            ("[::ffff:192.168.0.7]:1", Err(Denied::NotLoopback)),
            ("[fe80::1]:1", Err(Denied::NotLoopback)),
        ] {
            let peer = peer.parse().unwrap();
            assert_eq!(check(&Steering::Loopback, peer, &HeaderMap::new()), expected, "{peer}");
            assert_eq!(check(&Steering::Off, peer, &HeaderMap::new()), Err(Denied::Off), "{peer}");
        }
    }

    #[test]
    fn a_token_is_asked_of_everyone() {
        let steering = Steering::Token("correct-horse-battery".parse().unwrap());
        let good = ("authorization", "Bearer correct-horse-battery");
        for (lines, expected) in [
            (&[good][..], Ok(())),
            (&[("authorization", "bearer  correct-horse-battery")], Ok(())),
            (&[], Err(Denied::Unauthorized)),
            (&[("authorization", "Bearer correct-horse-batterz")], Err(Denied::Unauthorized)),
            (&[("authorization", "Basic correct-horse-battery")], Err(Denied::Unauthorized)),
            (&[("authorization", "correct-horse-battery")], Err(Denied::Unauthorized)),
            (&[good, good], Err(Denied::Unauthorized)),
            (&[good, ("x-forwarded-for", "10.0.0.1")], Err(Denied::Forwarded("x-forwarded-for".to_owned()))),
        ] {
            for peer in ["127.0.0.1:1", "192.168.0.7:1"] {
                assert_eq!(check(&steering, peer.parse().unwrap(), &headers(lines)), expected, "{lines:?}");
            }
        }
    }

    #[test]
    fn what_a_proxy_hands_on_is_not_taken() {
        for name in [
            "forwarded",
            "via",
            "x-real-ip",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "cf-connecting-ip",
        ] {
            let found = check(&Steering::Loopback, "127.0.0.1:1".parse().unwrap(), &headers(&[(name, "x")]));
            assert_eq!(found, Err(Denied::Forwarded(name.to_owned())));
        }
    }
}
