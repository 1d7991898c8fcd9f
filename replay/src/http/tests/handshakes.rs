use super::*;
use fixture::{GOODBYE, within};
use tradesim_protocol::SUBPROTOCOL;

#[tokio::test]
async fn a_handshake_is_answered_as_in_the_rfc_and_its_client_run() {
    let fixture = Fixture::start().await;
    let mut peer = fixture.connect().await;
    peer.send(handshake("/?from_seq=3&symbols=AAPL", "")).await;
    let answer = peer.answer().await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    assert_eq!(answer.header("connection"), Some("Upgrade"));
    assert_eq!(answer.header("sec-websocket-protocol"), None);
    assert_eq!(answer.header("tradesim-run"), Some("Zürich"));
    assert_eq!(answer.header("tradesim-stream"), None, "invalid header values are left out");
    let admitted = fixture.backend.admitted.lock().unwrap().pop().unwrap();
    assert_eq!((admitted.query.as_str(), admitted.wants_v1), ("from_seq=3&symbols=AAPL", false));
    assert_eq!(admitted.peer, peer.socket.local_addr().unwrap());
    assert!(matches!(admitted.asks, Asks::Own) && fixture.backend.admitted.lock().unwrap().is_empty());
    peer.send("hello").await;
    assert_eq!(peer.exactly(5).await, b"hello");
    within(peer.socket.shutdown()).await.unwrap();
    assert_eq!(peer.rest().await, GOODBYE);
}

#[tokio::test]
async fn what_comes_with_the_handshake_is_not_lost() {
    let fixture = Fixture::start().await;
    let early: String = (0..9_000).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let mut peer = fixture.connect().await;
    peer.send(handshake("/", "") + &early).await;
    assert_eq!(peer.answer().await.status, 101);
    assert_eq!(peer.exactly(early.len()).await, early.as_bytes());
}

#[tokio::test]
async fn a_handshake_may_come_byte_by_byte_and_in_other_spellings() {
    let fixture = Fixture::start().await;
    let request = "GET http://localhost/ HTTP/1.1\r\nhost: localhost\r\nupgrade: h2c, WebSocket\r\nconnection: keep-alive\r\n\
                   connection: Foo,UPGRADE\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let mut peer = fixture.connect().await;
    peer.socket.set_nodelay(true).unwrap();
    for byte in request.bytes() {
        peer.send([byte]).await;
    }
    let answer = peer.answer().await;
    assert_eq!(answer.status, 101);
    assert_eq!(answer.header("sec-websocket-extensions"), None);
}

#[tokio::test]
async fn a_real_client_gets_in_and_gets_its_subprotocol() {
    use tungstenite::{client::IntoClientRequest, http::HeaderValue};

    let fixture = Fixture::start().await;
    let mut request = format!("ws://{}/?symbols=MSFT", fixture.address).into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    let (_socket, response) = within(tokio_tungstenite::connect_async(request)).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], SUBPROTOCOL);
    let admitted = fixture.backend.admitted.lock().unwrap();
    assert!(admitted[0].wants_v1 && admitted[0].query == "symbols=MSFT");
}

#[tokio::test]
async fn the_subprotocol_is_chosen_where_it_is_offered() {
    let fixture = Fixture::start().await;
    for (lines, chosen) in [
        ("Sec-WebSocket-Protocol: tradesim.v1\r\n", true),
        ("Sec-WebSocket-Protocol: chat, tradesim.v1 ,x\r\n", true),
        ("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: tradesim.v1\r\n", true),
        ("Sec-WebSocket-Protocol: chat\r\n", false),
        ("Sec-WebSocket-Protocol: tradesim.v2, tradesim.v10, xtradesim.v1\r\n", false),
        ("Sec-WebSocket-Protocol: TRADESIM.V1\r\n", false),
        ("", false),
    ] {
        let answer = fixture.ask(handshake("/", lines)).await;
        assert_eq!(answer.status, 101);
        assert_eq!(answer.header("sec-websocket-protocol"), chosen.then_some(SUBPROTOCOL), "{lines}");
        assert_eq!(fixture.backend.admitted.lock().unwrap().pop().unwrap().wants_v1, chosen);
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_told_why() {
    let fixture = Fixture::start().await;
    let good = handshake("/", "");
    let without = |name: &str| -> String {
        good.split_inclusive("\r\n").filter(|line| !line.starts_with(name)).collect()
    };
    for (request, status) in [
        (without("Sec-WebSocket-Key"), 400),
        (good.replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400),
        (good.replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ!="), 400),
        (handshake("/", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"), 400),
        (without("Connection"), 400),
        (good.replace("Connection: Upgrade", "Connection: keep-alive"), 400),
        (without("Host"), 400),
        (handshake("/", "Host: elsewhere\r\n"), 400),
        (handshake("/", "Content-Length: 5\r\n") + "hello", 400),
        (good.replace("HTTP/1.1", "HTTP/1.0"), 400),
        (without("Upgrade"), 426),
        (good.replace("Upgrade: websocket", "Upgrade: h2c"), 426),
        (without("Sec-WebSocket-Version"), 426),
        (good.replace("Version: 13", "Version: 8"), 426),
        (good.replace("Version: 13", "Version: 13, 8"), 426),
        (handshake("/", "Sec-WebSocket-Version: 8\r\n"), 426),
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 426),
        (good.replace("GET", "POST"), 405),
        (handshake("/elsewhere", ""), 404),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n".to_owned(), 400),
    ] {
        let answer = fixture.ask(&request).await;
        assert_eq!(answer.status, status, "{request}\n{answer:?}");
        if status == 426 {
            assert_eq!(answer.header("upgrade"), Some("websocket"));
            assert_eq!(answer.header("sec-websocket-version"), Some("13"));
        }
        if status == 405 {
            assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        }
    }
    assert!(fixture.backend.admitted.lock().unwrap().is_empty());
    // all but the plain GET, the POST and the other path; a malformed request is counted when its connection ends
    let counted = async {
        while fixture.refused("bad_request") != 17 {
            tokio::task::yield_now().await;
        }
    };
    within(counted).await;
}

#[tokio::test]
async fn a_handshake_may_follow_one_that_was_refused() {
    let fixture = Fixture::start().await;
    let mut peer = fixture.connect().await;
    peer.send(handshake("/", "").replace("Version: 13", "Version: 8")).await;
    assert_eq!(peer.answer().await.status, 426);
    peer.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(peer.answer().await.status, 200);
    peer.send(handshake("/", "") + "hi").await;
    assert_eq!(peer.answer().await.status, 101);
    assert_eq!(peer.exactly(2).await, b"hi");
}

#[tokio::test]
async fn pages_of_other_hosts_are_kept_out() {
    let fixture = Fixture::with(|limits| limits.origins = vec!["https://charts.example".to_owned()]).await;
    for (origin, status) in [
        ("http://localhost:3000", 101),
        ("http://[::1]:3000", 101),
        ("https://charts.example", 101),
        ("http://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("null", 403),
    ] {
        let answer = fixture.ask(handshake("/", &format!("Origin: {origin}\r\n"))).await;
        assert_eq!(answer.status, status, "{origin}");
    }
    assert_eq!(fixture.backend.admitted.lock().unwrap().len(), 3);
    assert_eq!(fixture.refused("origin"), 3);
}
