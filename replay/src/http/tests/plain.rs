use super::*;

#[tokio::test]
async fn paths_are_answered_one_after_another_on_one_connection() {
    let fixture = Fixture::start().await;
    "# EOF\n".clone_into(&mut fixture.backend.page.lock().unwrap());
    let mut peer = fixture.connect().await;
    for (path, content_type, body) in [
        ("/healthz", "text/plain; charset=utf-8", "ok\n"),
        ("/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8", "# EOF\n"),
        ("/healthz?x=1", "text/plain; charset=utf-8", "ok\n"),
    ] {
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let answer = peer.answer().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    peer.send("GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let answer = peer.answer().await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let status: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&status["state"], &status["seq"]), (&"playing".into(), &7.into()));
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let fixture = Fixture::start().await;
    for (path, status, len) in [("/healthz", 200, "3"), ("/status", 200, "198"), ("/", 426, "47")] {
        let mut peer = fixture.connect().await;
        peer.send(format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        let all = String::from_utf8(peer.rest().await).unwrap();
        assert!(all.starts_with(&format!("HTTP/1.1 {status} ")) && all.ends_with("\r\n\r\n"), "{all}");
        assert!(all.contains(&format!("content-length: {len}\r\n")), "{all}");
    }
}

#[tokio::test]
async fn a_half_closed_peer_gets_its_answer() {
    let fixture = Fixture::start().await;
    let mut peer = fixture.connect().await;
    peer.send("GET /healthz HTTP/1.0\r\n\r\n").await;
    fixture::within(peer.socket.shutdown()).await.unwrap();
    let all = String::from_utf8(peer.rest().await).unwrap();
    assert!(all.starts_with("HTTP/1.0 200 OK") && all.ends_with("ok\n"), "{all}");

    let mut peer = fixture.connect().await;
    peer.send(handshake("/?slow", "")).await;
    fixture::within(peer.socket.shutdown()).await.unwrap();
    // by the time that another one was served, the end of the first is long there
    let admitted = async {
        while fixture.backend.admitted.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    fixture::within(admitted).await;
    assert_eq!(fixture.ask("GET /healthz HTTP/1.1\r\n\r\n").await.status, 200);
    fixture.backend.go_on.notify_one();
    assert_eq!(peer.answer().await.status, 101);
    assert_eq!(peer.rest().await, fixture::GOODBYE);
}

#[tokio::test]
async fn other_paths_and_methods_are_told_what_there_is() {
    let fixture = Fixture::start().await;
    for (request, status, allow) in [
        ("GET /nothing", 404, None),
        ("GET /control/fly", 404, None),
        ("POST /control/", 404, None),
        ("POST /control/pause/now", 404, None),
        ("POST /status", 405, Some("GET, HEAD")),
        ("DELETE /metrics", 405, Some("GET, HEAD")),
        ("GET /control/pause", 405, Some("POST")),
        ("OPTIONS /control/pause", 405, Some("POST")),
    ] {
        let answer = fixture.ask(format!("{request} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        assert_eq!(answer.status, status, "{request}");
        assert_eq!(answer.header("allow"), allow);
        if status == 404 {
            assert!(answer.body.contains("GET /healthz\n") && answer.body.contains("POST /control/seek\n"));
        }
    }
    assert!(fixture.backend.commands.lock().unwrap().is_empty());
}

fn post(action: &str, lines: &str, body: &str) -> String {
    format!(
        "POST /control/{action} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{lines}\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn commands_are_carried_out_and_answered_with_the_status() {
    let fixture = Fixture::start().await;
    let mut peer = fixture.connect().await;
    for (request, command) in [
        (post("pause", "", ""), Command::Pause),
        ("POST /control/resume HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), Command::Resume),
        (post("speed", "", r#"{"speed":"10x"}"#), Command::Speed("10x".parse().unwrap())),
        (post("stop", "Origin: http://localhost:3000\r\n", "{}"), Command::Stop),
    ] {
        peer.send(request).await;
        let answer = peer.answer().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let status: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(status["schema_version"], 1);
        assert_eq!(fixture.backend.commands.lock().unwrap().pop(), Some(command));
    }
    let chunked =
        "POST /control/pause HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    peer.send(chunked).await;
    assert_eq!(peer.answer().await.status, 200);
}

#[tokio::test]
async fn what_the_backend_refuses_is_answered_with_its_code() {
    let fixture = Fixture::start().await;
    let beyond = fixture.ask(post("seek", "", r#"{"to":11}"#)).await;
    assert_eq!((beyond.status, beyond.code().as_str()), (400, "beyond_end"));
    let over = fixture.ask(post("step", "", "")).await;
    assert_eq!((over.status, over.code().as_str()), (409, "over"));
    let failed = fixture.ask(post("seek", "", r#"{"to":"10:00"}"#)).await;
    assert_eq!((failed.status, failed.code().as_str()), (400, "source_failed"));
    assert!(failed.body.contains("the source cannot be read: the disk is gone"), "{}", failed.body);
}

#[tokio::test]
async fn a_bad_command_does_not_reach_the_backend() {
    let fixture = Fixture::start().await;
    let large = format!("{{\"to\":\"{}\"}}", "x".repeat(70_000));
    let chunks = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let foreign = "Origin: http://evil.example\r\n";
    for (request, status, code) in [
        (post("seek", "", "{"), 400, "not_json"),
        (post("seek", "", r#"{"to":1,"x":2}"#), 400, "unknown_key"),
        (post("seek", "", &large), 413, "too_large"),
        (
            format!("POST /control/seek HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"),
            413,
            "too_large",
        ),
        (post("stop", foreign, ""), 403, "foreign_origin"),
        (post("stop", "Origin: null\r\n", ""), 403, "foreign_origin"),
    ] {
        let mut peer = fixture.connect().await;
        peer.send(&request).await;
        let answer = peer.answer().await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code));
        if status != 400 {
            assert_eq!(answer.header("connection"), Some("close"));
            peer.end().await;
        }
    }
    assert!(fixture.backend.commands.lock().unwrap().is_empty());
}

/// The peer's address is given by the kernel, and tests keep to loopback: the rule is tested by itself.
#[tokio::test]
async fn commands_are_taken_from_loopback_only() {
    for (peer, expected) in [
        ("127.0.0.1:1", true),
        ("127.9.9.9:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("192.168.0.7:1", false),
        ("[::ffff:192.168.0.7]:1", false),
        ("[fe80::1]:1", false),
    ] {
        assert_eq!(routes::may_command(peer.parse().unwrap()), expected, "{peer}");
    }
}
