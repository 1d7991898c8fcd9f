//! What a client requests, and how it is described.

use super::*;

#[tokio::test]
async fn filters_in_the_url_make_a_stream_of_their_own() {
    let sample = Sample::new(3_000, 10);
    let wanted: Vec<u64> = (0..3_000)
        .filter(|&seq| {
            let (symbol, event_type) = Sample::kind(seq);
            symbol.as_str() == SYMBOLS[1] && event_type != EventType::Trade
        })
        .collect();
    let server = start(sample, Options { stay: true, ..options() });
    let query = "symbols=MSFT&events=orderbook,marketdata";
    let (mut socket, response) = server.connect(query).await;
    let (_, plain) = server.connect("").await;
    assert_ne!(header(&response, "tradesim-stream"), header(&plain, "tradesim-stream"));
    assert!(!response.headers().contains_key("tradesim-digest"));
    assert_eq!(all(&mut socket).await.numbers(), wanted);
    let (mut socket, response) = server.connect(&format!("{query}&from_seq=100")).await;
    assert_eq!(header(&response, "tradesim-start-seq"), "100");
    assert_eq!(all(&mut socket).await.numbers(), wanted[100..]);
    let (mut socket, _) = server.connect(&format!("{query}&from_seq={}", wanted.len())).await;
    assert_eq!(all(&mut socket).await.close.unwrap().0, 1000);
    let (mut socket, _) = server.connect(&format!("{query}&from_seq={}", wanted.len() + 1)).await;
    assert_eq!(all(&mut socket).await.close.unwrap().0, 1008);
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

#[tokio::test]
async fn what_cannot_be_meant_is_closed_with_a_reason() {
    let server = start(Sample::new(10, 10), Options { stay: true, start_paused: true, ..options() });
    for (query, reason) in [
        ("from_seq=11", "beyond_end: from_seq: 11 is past the end of the stream: it has 10 messages"),
        ("from_seq=x", "bad_value: from_seq"),
        ("symbols=AAPX", "unknown_symbol: symbols"),
        ("seq=1", "unknown_parameter"),
        ("digest=blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "digest_mismatch"),
    ] {
        let got = all(&mut server.connect(query).await.0).await;
        let (code, text) = got.close.unwrap();
        assert_eq!(code, 1008);
        assert!(text.starts_with(reason), "{text}");
    }
    let mut socket = server.connect("").await.0;
    socket.send(Message::text(r#"{"action":"buy"}"#)).await.unwrap();
    let (code, text) = all(&mut socket).await.close.unwrap();
    assert_eq!(code, 1008);
    assert!(text.starts_with("unknown_action"), "{text}");
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

#[tokio::test]
async fn the_subprotocol_has_notices_and_pings() {
    let sample = Sample::new(300, 1_000);
    let digest = sample.digest(0..300);
    let server = start(sample, Options { speed: Speed::REAL_TIME, start_paused: true, ..options() });
    let mut socket = server.connect_v1("").await;
    socket.send(Message::text("?")).await.unwrap();
    socket.send(Message::binary(vec![1])).await.unwrap();
    let next = async |socket: &mut Socket| loop {
        let message = timeout(TIMEOUT, socket.next()).await.unwrap().unwrap().unwrap();
        if let Message::Text(text) = message {
            break Notice::parse(&text).unwrap().unwrap();
        }
    };
    assert!(matches!(next(&mut socket).await, Notice::Start { seq: StreamSeq(0), digest: Some(_), .. }));
    for expected in ["not_json", "not_text"] {
        loop {
            match next(&mut socket).await {
                Notice::Error { code, .. } => break assert_eq!(code, expected),
                Notice::Position { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    server.handle.command(Command::Resume).await.unwrap();
    let got = all(&mut socket).await;
    assert_eq!((got.texts.len(), got.digest()), (300, digest));
    let plays = |notice: &Notice| matches!(notice, Notice::Position { state: State::Playing, .. });
    assert!(got.notices.iter().any(plays));
    assert_eq!(
        got.notices.last(),
        Some(&Notice::End { seq: StreamSeq(300), sent: 300, digest: Some(digest) })
    );
    assert!(got.pings.iter().any(|ping| ping.due_us.is_some_and(|due| due <= ping.sent_us)));
    assert!(got.pings.windows(2).all(|pair| pair[0].seq <= pair[1].seq));
    let report = server.report().await;
    assert!(report.status.late_ms.unwrap().max >= 0.0);
}

#[tokio::test]
async fn subscriptions_narrow_and_widen() {
    let server = start(Sample::new(600, 10), Options { start_paused: true, ..options() });
    let mut socket = server.connect_v1("").await;
    socket.send(Message::text(r#"{"action":"subscribe","symbols":["AAPL"]}"#)).await.unwrap();
    loop {
        let message = timeout(TIMEOUT, socket.next()).await.unwrap().unwrap().unwrap();
        if let Message::Text(text) = message
            && let Ok(Some(Notice::Subscribed { seq, symbols, .. })) = Notice::parse(&text)
        {
            assert_eq!((seq, symbols.unwrap().len()), (StreamSeq(0), 1));
            break;
        }
    }
    server.handle.command(Command::Resume).await.unwrap();
    let got = all(&mut socket).await;
    assert_eq!(got.numbers(), (0..600).step_by(3).collect::<Vec<_>>());
    assert!(matches!(got.notices.last(), Some(Notice::End { seq: StreamSeq(600), sent: 200, .. })));
    server.report().await;
}

#[tokio::test]
async fn a_client_is_described_and_its_lag_has_a_time() {
    let server = start(Sample::new(1_000, 10), Options { stay: true, start_paused: true, ..options() });
    let mut v1 = server.connect_v1("symbols=AAPL,MSFT").await;
    v1.send(Message::text(r#"{"action":"subscribe","events":["trade"]}"#)).await.unwrap();
    timeout(TIMEOUT, async {
        let described = || server.handle.status().clients.first().and_then(|client| client.selection.clone());
        while described().as_deref() != Some("AAPL, MSFT; trade") {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let status = server.handle.status();
    assert_eq!((status.clients[0].lag_seconds, status.control.as_ref()), (Some(0.0), "loopback"));
    server.handle.command(Command::Step(3)).await.unwrap();
    let sent = server.handle.status().digest_sent.unwrap();
    assert_eq!((sent.messages, sent.digest), (3, Sample::new(1_000, 10).digest(0..3).to_string()));
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}
