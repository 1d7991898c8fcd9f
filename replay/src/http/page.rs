//! The page for people at `/`.

use std::net::IpAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Response,
    header::{
        ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        HeaderName, HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
    http::request::Parts,
};

use super::{handshake, host};
use crate::page::Page;

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Returns true if a request for `/` comes from a browser that shows a page: it accepts HTML, and does not upgrade.
pub(super) fn is_wanted(request: &Parts) -> bool {
    [Method::GET, Method::HEAD].contains(&request.method)
        && !handshake::is_meant(&request.headers)
        && lists(&request.headers, ACCEPT, "text/html")
}

/// Returns true if the host of a request that arrived at the address `local` is this machine: a loopback name, or that
/// address. A page can have its own name resolve to 127.0.0.1 once it is loaded (DNS rebinding).
pub fn is_for_this_machine(request: &Parts, local: IpAddr) -> bool {
    host::check(request, local, &[]).is_ok()
}

/// Returns the answer with a page, to a request with these headers.
pub fn answer(page: &Page, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let gzip = lists(headers, ACCEPT_ENCODING, "gzip");
    let mut answer = Response::new(Full::new(if gzip { page.gzip.clone() } else { page.html.clone() }));
    let policy = HeaderValue::from_str(&page.policy).expect("a policy is ASCII");
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for (name, value) in [
        (VARY, "Accept, Accept-Encoding"),
        // the next server on this port may have another page
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// Returns true if a list header contains a value that is not excluded with a weight of 0 (RFC 9110, section 12.4.2).
fn lists(headers: &HeaderMap, header: HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(header).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|member| {
        let mut parts = member.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        named && weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f64| weight > 0.0))
    })
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn parts(method: Method, lines: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn browsers_get_the_page_and_others_do_not() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (method, lines, expected) in [
            (Method::GET, &[("accept", browser)][..], true),
            (Method::HEAD, &[("accept", browser)], true),
            (Method::GET, &[("accept", "application/json"), ("accept", "TEXT/HTML;q=0.1")], true),
            (Method::POST, &[("accept", browser)], false),
            (Method::GET, &[], false),
            // what curl and many libraries send
            (Method::GET, &[("accept", "*/*")], false),
            (Method::GET, &[("accept", "text/html;q=0")], false),
            (Method::GET, &[("accept", browser), ("upgrade", "websocket")], false),
            (Method::GET, &[("accept", browser), ("sec-websocket-key", "x")], false),
        ] {
            assert_eq!(is_wanted(&parts(method, lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn it_is_compressed_for_those_who_accept_that() {
        for (encodings, expected) in
            [("gzip, deflate, br", true), ("br, gzip;q=0.5", true), ("gzip;q=0", false), ("br", false)]
        {
            let answer = answer(Page::get(), &parts(Method::GET, &[("accept-encoding", encodings)]).headers);
            let encoding = answer.headers().get(CONTENT_ENCODING);
            assert_eq!(encoding.is_some_and(|encoding| encoding == "gzip"), expected, "{encodings}");
        }
    }
}
