//! The host names under which the server may be requested.
//!
//! A page can have its own name resolve to 127.0.0.1 once it is loaded (DNS rebinding). The browser then treats the
//! server as part of the page's own origin, and only `Host` contains the requested name.

use std::net::IpAddr;

use hyper::{HeaderMap, header::HOST, http::request::Parts};

use super::authority::Host;

/// The reason for which the host of a request is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHost {
    /// The request names several hosts.
    Several,
    /// The request names a host that is not this server.
    Foreign,
}

/// Checks the host of a request that arrived at the address `local`: it must be a loopback name, that address, or one
/// of `allowed`. A request without a host is accepted, because browsers never send one.
pub(super) fn check(request: &Parts, local: IpAddr, allowed: &[String]) -> Result<(), BadHost> {
    let accepts = |text: &str| is_accepted(text, local, allowed);
    // a request with an absolute URL is for the host in that URL (RFC 9112, section 3.2.2); its header must be valid
    // as well
    let target = request.uri.authority().is_none_or(|authority| accepts(authority.as_str()));
    let named = named(&request.headers)?;
    match target && named.is_none_or(|named| named.is_some_and(accepts)) {
        true => Ok(()),
        false => Err(BadHost::Foreign),
    }
}

/// Returns the only `Host` header, as a text if it is one.
fn named(headers: &HeaderMap) -> Result<Option<Option<&str>>, BadHost> {
    let mut hosts = headers.get_all(HOST).iter();
    let first = hosts.next();
    if hosts.next().is_some() {
        return Err(BadHost::Several);
    }
    Ok(first.map(|host| host.to_str().ok()))
}

fn is_accepted(text: &str, local: IpAddr, allowed: &[String]) -> bool {
    let Some(host) = Host::parse(text) else { return false };
    host.is_loopback()
        || host == Host::Address(local.to_canonical())
        || allowed.iter().any(|allowed| Host::parse(allowed).as_ref() == Some(&host))
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[track_caller]
    fn check_host(uri: &str, hosts: &[&str], expected: Result<(), BadHost>) {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let parts = request.body(()).unwrap().into_parts().0;
        let allowed = ["replay".to_owned(), "Charts.Example:8080".to_owned(), "2001:db8::7".to_owned()];
        assert_eq!(check(&parts, "192.168.0.7".parse().unwrap(), &allowed), expected, "{uri} {hosts:?}");
    }

    #[test]
    fn this_machine_the_bound_address_and_allowed_names_are_answered() {
        check_host("/", &[], Ok(()));
        for host in [
            "localhost",
            "LOCALHOST:8765",
            "127.0.0.1",
            "127.0.0.1:8765",
            "127.1.2.3:1",
            "[::1]:8765",
            "[::ffff:127.0.0.1]",
            "192.168.0.7:8765",
            "replay:8765",
            "charts.example",
        ] {
            check_host("/status", &[host], Ok(()));
        }
        check_host("http://localhost/", &["localhost"], Ok(()));
    }

    #[test]
    fn other_names_are_not() {
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost@evil.example",
            "localhost:80@evil.example",
            "localhost:",
            "localhost:99999",
            "localhost evil.example",
            "192.168.0.8",
            "0.0.0.0",
            "[::2]:8765",
            "[::1",
            "::1",
            "replay.evil.example",
            "charts.example.",
        ] {
            check_host("/", &[host], Err(BadHost::Foreign));
        }
        check_host("http://evil.example/", &["localhost"], Err(BadHost::Foreign));
        check_host("http://localhost/", &["evil.example"], Err(BadHost::Foreign));
        check_host("/", &["localhost", "localhost"], Err(BadHost::Several));
    }
}
