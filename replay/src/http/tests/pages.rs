//! The page and the timeline, as a browser requests them.

use super::*;

const BROWSER: &str = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n";

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")
}

#[tokio::test]
async fn a_browser_gets_the_page_with_its_policy() {
    let fixture = Fixture::start().await;
    let answer = fixture.ask(get("/", BROWSER)).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.starts_with("<!doctype html>"), "{}", answer.body);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("vary", "Accept, Accept-Encoding"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    for part in ["default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert!(fixture.backend.admitted.lock().unwrap().is_empty(), "a page is not a client");
    // a query does not change that
    assert_eq!(fixture.ask(get("/?symbol=AAPL", BROWSER)).await.status, 200);
}

#[tokio::test]
async fn the_page_is_compressed_for_a_browser_that_accepts_it() {
    let fixture = Fixture::start().await;
    let mut peer = fixture.connect().await;
    peer.send(get("/", &format!("{BROWSER}Accept-Encoding: gzip, deflate, br\r\nConnection: close\r\n")))
        .await;
    let bytes = peer.rest().await;
    let end = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
    let body = &bytes[end..];
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
    assert_eq!(body, crate::page::Page::get().gzip);
}

#[tokio::test]
async fn others_get_what_they_got_before() {
    let fixture = Fixture::start().await;
    for lines in ["", "Accept: */*\r\n", "Accept: application/json\r\n"] {
        assert_eq!(fixture.ask(get("/", lines)).await.status, 426, "{lines}");
    }
    assert_eq!(fixture.ask(handshake("/", BROWSER)).await.status, 101, "a client may accept anything");
    let broken = fixture.ask(get("/", &format!("{BROWSER}Upgrade: websocket\r\n"))).await;
    assert_eq!(broken.status, 400, "a broken handshake is not a page");
    let post = fixture.ask(format!("POST / HTTP/1.1\r\nHost: localhost\r\n{BROWSER}\r\n")).await;
    assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    let page_off = Fixture::with(|limits| limits.page = false).await;
    assert_eq!(page_off.ask(get("/", BROWSER)).await.status, 426);
    assert_eq!(page_off.ask(get("/timeline", "")).await.status, 200, "programs may use it all the same");
}

#[tokio::test]
async fn a_rebound_host_gets_neither_the_page_nor_the_timeline() {
    let fixture = Fixture::start().await;
    for path in ["/", "/timeline"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n{BROWSER}\r\n");
        assert_eq!(fixture.ask(request).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn the_page_may_steer_under_the_name_by_which_it_was_requested() {
    let fixture = Fixture::with(|limits| limits.hosts.push("replay".to_owned())).await;
    let pause = |origin: &str| {
        format!(
            "POST /control/pause HTTP/1.1\r\nHost: replay:8765\r\nOrigin: {origin}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    assert_eq!(fixture.ask(pause("http://replay:8765")).await.status, 200);
    for origin in
        ["http://replay:8766", "http://replay", "http://evil.example", "https://replay:8765", "null"]
    {
        let answer = fixture.ask(pause(origin)).await;
        assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_origin"), "{origin}");
    }
    // a page whose name was rebound to this server names itself as the host, which is not ours
    let rebound = pause("http://evil.example").replace("Host: replay:8765", "Host: evil.example");
    assert_eq!(fixture.ask(rebound).await.code(), "foreign_host");
}

#[tokio::test]
async fn the_timeline_is_json_or_says_why_there_is_none() {
    let fixture = Fixture::start().await;
    let answer = fixture.ask(get("/timeline", "")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(
        (answer.header("cache-control"), answer.body.as_str()),
        (Some("no-store"), "{\"segments\":[]}\n")
    );
    "damaged".clone_into(&mut fixture.backend.page.lock().unwrap());
    let answer = fixture.ask(get("/timeline", "")).await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "source_failed"));
    assert!(answer.body.contains("row group 3 is damaged"));
    "stopping".clone_into(&mut fixture.backend.page.lock().unwrap());
    let answer = fixture.ask(get("/timeline", "")).await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "stopping"));
    let post = fixture.ask("POST /timeline HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(post.await.status, 405);
}
