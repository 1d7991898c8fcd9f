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
        peer.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let answer = peer.answer().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
        assert_eq!(answer.header("content-type"), Some(content_type));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    peer.send("GET /status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    let answer = peer.answer().await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let status: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((&status["state"], &status["seq"]), (&"playing".into(), &7.into()));
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let fixture = Fixture::start().await;
    for (path, status, len) in [("/healthz", 200, "3"), ("/status", 200, "250"), ("/", 426, "47")] {
        let mut peer = fixture.connect().await;
        peer.send(format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).await;
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
}

#[tokio::test]
async fn a_client_that_hangs_up_is_not_admitted_any_further() {
    for early in ["", "and something after it"] {
        let fixture = Fixture::with(|limits| limits.per_address_max = 1).await;
        let mut peer = fixture.connect().await;
        peer.send(handshake("/?slow", "") + early).await;
        let admitted = async {
            while fixture.backend.admitted.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        fixture::within(admitted).await;
        assert_eq!(fixture.ask(handshake("/", "")).await.status, 503, "its slot is taken");
        fixture::within(peer.socket.shutdown()).await.unwrap();
        assert_eq!(peer.rest().await, b"");
        assert_eq!(fixture.ask(handshake("/", "")).await.status, 101);
        assert_eq!(fixture.backend.admitted.lock().unwrap().len(), 2);
    }
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
        let answer = fixture.ask(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
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
        "POST /control/{action} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{lines}\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn commands_are_carried_out_and_answered_with_the_status() {
    let fixture = Fixture::start().await;
    let mut peer = fixture.connect().await;
    for (request, command) in [
        (post("pause", "", ""), Command::Pause),
        ("POST /control/resume HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), Command::Resume),
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
    let chunked = "POST /control/pause HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
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
    assert!(failed.body.contains("cannot read the source: the disk was removed"), "{}", failed.body);
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
            format!(
                "POST /control/seek HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
            ),
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

#[tokio::test]
async fn requests_for_other_hosts_are_not_answered() {
    let fixture = Fixture::with(|limits| limits.hosts = vec!["replay".to_owned()]).await;
    for (host, status) in [
        ("localhost:8765", 200),
        ("127.0.0.1", 200),
        ("[::1]:8765", 200),
        ("replay:8765", 200),
        ("rebound.example:8765", 403),
        ("replay.example", 403),
        ("", 403),
    ] {
        for path in ["/healthz", "/status", "/metrics"] {
            let answer = fixture.ask(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
            assert_eq!(answer.status, status, "{host} {path}");
        }
    }
    let several = "GET /status HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n";
    assert_eq!(fixture.ask(several).await.status, 400);
    let whole = "GET http://rebound.example/status HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(fixture.ask(whole).await.status, 403);
    let command = post("stop", "", "").replace("Host: localhost", "Host: rebound.example");
    let answer = fixture.ask(command).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_host"));
    assert!(fixture.backend.commands.lock().unwrap().is_empty());
    let client = handshake("/", "").replace("Host: localhost", "Host: rebound.example");
    assert_eq!(fixture.ask(client).await.status, 403);
    assert_eq!(fixture.refused("host"), 1);
}

#[tokio::test]
async fn commands_are_taken_from_whom_the_server_was_told() {
    let token = "correct-horse-battery";
    let steerings = [Steering::Off, Steering::Loopback, Steering::Token(token.parse().unwrap())];
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for (steering, expected) in steerings.into_iter().zip([
        [(403, "control_off"), (403, "control_off"), (403, "control_off")],
        [(200, ""), (200, ""), (403, "forwarded")],
        [(401, "unauthorized"), (200, ""), (403, "forwarded")],
    ]) {
        let fixture = Fixture::with(|limits| limits.steering = steering.clone()).await;
        let forwarded = format!("{bearer}X-Forwarded-For: 10.0.0.1\r\n");
        for (lines, (status, code)) in ["", &bearer, &forwarded].into_iter().zip(expected) {
            let answer = fixture.ask(post("pause", lines, "")).await;
            assert_eq!(answer.status, status, "{steering:?} {lines}");
            if status == 200 {
                assert_eq!(fixture.backend.commands.lock().unwrap().pop(), Some(Command::Pause));
            } else {
                assert_eq!(answer.code(), code);
                assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Bearer"));
            }
        }
        assert!(fixture.backend.commands.lock().unwrap().is_empty());
        assert_eq!(fixture.ask("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n").await.status, 200);
    }
}
