//! URLs as they may be shown: in logs, errors, reports and `/healthz`.

/// Returns a URL without parts that may be secret: user information, query and fragment. If a text is not a URL with
/// a host, everything after its scheme is hidden.
/// nothing between its scheme and its end is shown.
pub fn shown_url(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => (scheme, rest),
        _ => ("", url),
    };
    let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let (authority, path) = rest.split_at(rest.find(['/', '\\']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let separator = if scheme.is_empty() { "" } else { "://" };
    // a password that contains a slash or a question mark ends the authority too early
    if is_host_and_port(host) && !path.contains('@') {
        format!("{scheme}{separator}{host}{path}")
    } else {
        format!("{scheme}{separator}***")
    }
}

fn is_host_and_port(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((host, port)) = rest.split_once(']') else { return false };
            let is_address = !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.' | b'%'));
            (if is_address { host } else { "" }, port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = port.is_empty()
        || port
            .strip_prefix(':')
            .is_some_and(|digits| digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit()));
    !host.is_empty() && is_port
}

#[cfg(test)]
mod tests {
    use super::shown_url;

    #[test]
    fn a_url_is_shown_without_what_may_be_secret() {
        for (url, shown) in [
            ("http://localhost:8081", "http://localhost:8081"),
            ("https://registry.example.org/apis/ccompat/v7", "https://registry.example.org/apis/ccompat/v7"),
            ("https://user:hush@registry.example.org:443/a", "https://registry.example.org:443/a"),
            ("https://hush@registry.example.org", "https://registry.example.org"),
            ("https://a@b:hush@registry.example.org", "https://registry.example.org"),
            ("wss://feed.example.org/stocks?token=hush&x=1", "wss://feed.example.org/stocks"),
            ("wss://feed.example.org?token=a/b@hush", "wss://feed.example.org"),
            ("ws://[::1]:8765/#hush", "ws://[::1]:8765/"),
            ("user:hush@localhost:8081", "localhost:8081"),
            ("", "***"),
        ] {
            assert_eq!(shown_url(url), shown, "{url}");
        }
    }

    #[test]
    fn no_part_of_a_malformed_url_is_mistaken_for_its_host() {
        for url in [
            "http://user:hu/sh@host",
            "http://user:hu?sh@host",
            "http://user:hu#sh@host",
            "http://user:12/hush@host",
            "http:/user:hush@host",
            "http//user:hush@host",
            "http://user:hush",
            "http://[hush]@",
        ] {
            let shown = shown_url(url);
            assert!(!shown.contains("hu") && !shown.contains("sh@"), "{url}: {shown}");
        }
    }
}
