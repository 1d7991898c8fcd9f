//! Hosts in URLs and `Host` headers (RFC 3986, section 3.2.2).

use std::net::{IpAddr, Ipv6Addr};

/// The host of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A name, in lower case.
    Name(String),
    /// An address; an IPv4-mapped IPv6 address is stored as IPv4.
    Address(IpAddr),
}

impl Host {
    /// Parses `host` or `host:port`; `None` if it is neither.
    pub(super) fn parse(authority: &str) -> Option<Host> {
        if let Some(rest) = authority.strip_prefix('[') {
            let (host, after) = rest.split_once(']')?;
            let address: Ipv6Addr = host.parse().ok()?;
            return is_port(after).then_some(Host::Address(IpAddr::V6(address).to_canonical()));
        }
        let (host, after) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_name) || !is_port(after) {
            return None;
        }
        Some(match host.parse() {
            Ok(address) => Host::Address(IpAddr::V4(address)),
            Err(_) => Host::Name(host.to_ascii_lowercase()),
        })
    }

    /// Returns true for a loopback name or address.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Host::Name(name) => name == "localhost",
            Host::Address(address) => address.is_loopback(),
        }
    }
}

/// Returns true if a text is empty, or a colon and a port.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}
