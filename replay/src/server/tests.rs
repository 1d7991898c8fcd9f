//! Tests of the server on real sockets, with a client of another library.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, handshake::client::Response},
};
use tradesim_schemas::{ContentDigest, EventType};

use super::*;
use crate::{
    LoopBounds, OnSlow, Speed,
    sample::{SYMBOLS, Sample},
};
use tradesim_protocol::{Notice, PingPayload, SUBPROTOCOL};

/// The limit of every wait; far longer than anything should take on the slowest machine.
const TIMEOUT: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Running {
    handle: Handle,
    address: SocketAddr,
    report: tokio::task::JoinHandle<Result<Report, ServerError>>,
}

fn options() -> Options {
    Options { speed: Speed::Max, ..Options::new("test") }
}

fn start(source: Sample, options: Options) -> Running {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), Arc::new(source), options).unwrap();
    let (handle, address) = (server.handle(), server.local_addr());
    Running { handle, address, report: tokio::spawn(server.run()) }
}

impl Running {
    async fn connect(&self, query: &str) -> (Socket, Response) {
        timeout(TIMEOUT, connect_async(format!("ws://{}/?{query}", self.address))).await.unwrap().unwrap()
    }

    async fn connect_v1(&self, query: &str) -> Socket {
        let mut request = format!("ws://{}/?{query}", self.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        timeout(TIMEOUT, connect_async(request)).await.unwrap().unwrap().0
    }

    async fn report(self) -> Report {
        timeout(TIMEOUT, self.report).await.unwrap().unwrap().unwrap()
    }
}

/// The messages of a client until its connection was closed.
#[derive(Debug, Default)]
struct Got {
    texts: Vec<String>,
    notices: Vec<Notice>,
    pings: Vec<PingPayload>,
    close: Option<(u16, String)>,
}

impl Got {
    fn digest(&self) -> ContentDigest {
        ContentDigest::of(&self.texts)
    }

    /// Returns the numbers in the messages.
    fn numbers(&self) -> Vec<u64> {
        let number = |text: &String| text[5..].split(',').next().unwrap().parse().unwrap();
        self.texts.iter().map(number).collect()
    }
}

/// Receives until there are `enough` messages, or until the end.
async fn receive(socket: &mut Socket, enough: usize) -> Got {
    let mut got = Got::default();
    while got.texts.len() < enough {
        match timeout(TIMEOUT, socket.next()).await.expect("a message or an end") {
            Some(Ok(Message::Text(text))) => match Notice::parse(&text) {
                Ok(notice) => got.notices.extend(notice),
                Err(_) => got.texts.push(text.to_string()),
            },
            Some(Ok(Message::Ping(payload))) => got.pings.extend(PingPayload::parse(&payload)),
            Some(Ok(Message::Close(Some(frame)))) => {
                got.close = Some((frame.code.into(), frame.reason.to_string()))
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break,
        }
    }
    got
}

async fn all(socket: &mut Socket) -> Got {
    receive(socket, usize::MAX).await
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

#[tokio::test]
async fn a_client_gets_the_recording_and_its_proof() {
    let sample = Sample::new(5_000, 10);
    let digest = sample.digest(0..5_000);
    let server = start(sample, options());
    let (mut socket, response) = server.connect("").await;
    assert_eq!(header(&response, "tradesim-run"), "test");
    assert_eq!(header(&response, "tradesim-start-seq"), "0");
    assert_eq!(header(&response, "tradesim-digest"), digest.to_string());
    assert_eq!(header(&response, "tradesim-stream").len(), 32);
    let got = all(&mut socket).await;
    assert_eq!((got.texts.len(), got.digest()), (5_000, digest));
    assert_eq!(got.close, Some((1000, "delivered".to_owned())));
    assert!(got.notices.is_empty());
    let report = server.report().await;
    assert!(report.complete);
    assert_eq!((report.status.sent, report.digest), (5_000, Some(digest)));
    let client = &report.status.clients[0];
    assert_eq!(
        (client.sent, client.seq, client.delivered, client.closed),
        (5_000, StreamSeq(5_000), true, Some(1000))
    );
}

#[tokio::test]
async fn several_clients_get_the_same_and_wait_for_each_other() {
    let sample = Sample::new(3_000, 10);
    let digest = sample.digest(0..3_000);
    let server = start(sample, Options { wait_clients: 3, on_slow: OnSlow::Wait, ..options() });
    let mut clients = Vec::new();
    for _ in 0..3 {
        let (mut socket, _) = server.connect("").await;
        clients.push(tokio::spawn(async move { all(&mut socket).await.digest() }));
    }
    for client in clients {
        assert_eq!(client.await.unwrap(), digest);
    }
    assert_eq!(server.report().await.clients_total, 3);
}

#[tokio::test]
async fn a_client_that_is_cut_a_hundred_times_has_each_message_once() {
    let sample = Sample::new(20_000, 10);
    let digest = sample.digest(0..20_000);
    let server = start(sample, Options { buffer_bytes: 8 << 20, ..options() });
    let mut got = Got::default();
    for cut in 1..=100 {
        let (mut socket, response) =
            server.connect(&format!("from_seq={}&digest={digest}", got.texts.len())).await;
        assert_eq!(header(&response, "tradesim-start-seq"), got.texts.len().to_string());
        got.texts.extend(receive(&mut socket, 37 * cut % 190).await.texts);
        // dropped without a close
    }
    let (mut socket, _) = server.connect(&format!("from_seq={}", got.texts.len())).await;
    got.texts.extend(all(&mut socket).await.texts);
    assert_eq!((got.texts.len(), got.digest()), (20_000, digest));
    assert!(server.report().await.complete);
}

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
async fn a_seek_is_a_notice_or_a_close() {
    let server = start(Sample::new(1_000, 10), Options { stay: true, start_paused: true, ..options() });
    let mut v1 = server.connect_v1("").await;
    let (mut plain, _) = server.connect("").await;
    server.handle.command(Command::Step(10)).await.unwrap();
    let got = receive(&mut plain, 10).await;
    assert_eq!(got.numbers(), (0..10).collect::<Vec<_>>());
    server.handle.command(Command::Seek("1970-01-01T00:00:00.009Z".parse().unwrap())).await.unwrap();
    assert_eq!(all(&mut plain).await.close, Some((1012, "seek to seq 900".to_owned())));
    let (mut back, response) = server.connect("").await;
    assert_eq!(header(&response, "tradesim-start-seq"), "900");
    assert!(server.handle.command(Command::Seek(Position::Seq(StreamSeq(1_001)))).await.is_err());
    server.handle.command(Command::Resume).await.unwrap();
    let expected: Vec<u64> = (0..10).chain(900..1_000).collect();
    let got = all(&mut v1).await;
    assert_eq!(got.numbers(), expected);
    assert!(got.notices.contains(&Notice::Seek { seq: StreamSeq(900) }));
    assert!(matches!(got.notices.last(), Some(Notice::End { seq: StreamSeq(1_000), digest: None, .. })));
    assert_eq!(all(&mut back).await.numbers(), (900..1_000).collect::<Vec<_>>());
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

fn repeat(from: u64, to: u64) -> Command {
    let [from, to] = [from, to].map(|seq| Position::Seq(StreamSeq(seq)));
    Command::Loop(Some(LoopRange { from, to }))
}

#[tokio::test]
async fn a_loop_repeats_its_messages_until_it_is_ended() {
    let server = start(Sample::new(1_000, 10), Options { stay: true, start_paused: true, ..options() });
    let mut v1 = server.connect_v1("").await;
    server.handle.command(Command::Step(1)).await.unwrap();
    let status = server.handle.command(repeat(10, 13)).await.unwrap();
    let bounds = LoopBounds { from: StreamSeq(10), to: StreamSeq(13) };
    assert_eq!((status.seq, status.looped, status.digest_sent), (StreamSeq(10), Some(bounds), None));
    // steps go on at the beginning
    let status = server.handle.command(Command::Step(5)).await.unwrap();
    assert_eq!((status.seq, status.state), (StreamSeq(12), State::Paused));
    server.handle.command(Command::Resume).await.unwrap();
    let got = receive(&mut v1, 10).await;
    assert_eq!(got.numbers(), [0, 10, 11, 12, 10, 11, 12, 10, 11, 12]);
    assert!(got.notices.contains(&Notice::Seek { seq: StreamSeq(10) }));
    // with a seek to another place the rest follows
    let status = server.handle.command(Command::Seek(Position::Seq(StreamSeq(990)))).await.unwrap();
    assert_eq!(status.looped, None);
    let rest = all(&mut v1).await;
    assert_eq!(rest.numbers()[rest.texts.len() - 10..], (990..1_000).collect::<Vec<_>>());
    assert_eq!(rest.close, Some((1000, "delivered".to_owned())));
    // the end of the stream can be the end of a loop, and a loop begins again after the end
    let status = server.handle.command(repeat(998, 1_000)).await.unwrap();
    assert_eq!(status.state, State::Playing);
    let status = server.handle.command(Command::Loop(None)).await.unwrap();
    assert_eq!(status.looped, None);
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

#[tokio::test]
async fn a_loop_needs_messages_that_exist() {
    let server = start(Sample::new(1_000, 10), Options { stay: true, start_paused: true, ..options() });
    for (from, to, code) in [(13, 13, "empty_loop"), (13, 10, "empty_loop"), (10, 1_001, "beyond_end")] {
        let error = server.handle.command(repeat(from, to)).await.unwrap_err();
        assert_eq!(error.code(), code, "{from} {to}: {error}");
        assert!(!error.is_conflict());
    }
    assert_eq!(server.handle.status().looped, None);
    server.handle.command(Command::Stop).await.unwrap();
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

#[tokio::test]
async fn a_source_without_an_outline_has_an_empty_timeline() {
    let server = start(Sample::new(10, 10), Options { start_paused: true, ..options() });
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(b"GET /timeline HTTP/1.0\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(TIMEOUT, socket.read_to_string(&mut answer)).await.unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        (&body["schema_version"], &body["live"], &body["messages"]),
        (&1.into(), &false.into(), &10.into())
    );
    assert_eq!(body["segments"], serde_json::json!([]));
    assert_eq!(body["stream"], server.handle.status().stream);
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

#[tokio::test]
async fn a_seek_before_the_first_message_moves_those_who_wait_for_it() {
    let sample = Sample::new(1_000, 10);
    let digest = sample.digest(900..1_000);
    let server = start(sample, Options { start_paused: true, ..options() });
    let mut socket = server.connect_v1("").await;
    // the first notice promises message 0
    let first = timeout(TIMEOUT, socket.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(
        Notice::parse(first.to_text().unwrap()),
        Ok(Some(Notice::Start { seq: StreamSeq(0), .. }))
    ));
    timeout(TIMEOUT, async {
        while server.handle.status().state != State::Paused {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    server.handle.command(Command::Seek(Position::Seq(StreamSeq(900)))).await.unwrap();
    server.handle.command(Command::Resume).await.unwrap();
    let got = all(&mut socket).await;
    assert!(got.notices.contains(&Notice::Seek { seq: StreamSeq(900) }));
    assert_eq!(got.numbers(), (900..1_000).collect::<Vec<_>>());
    let report = server.report().await;
    assert_eq!((report.first_seq, report.digest), (StreamSeq(900), Some(digest)));
}

#[tokio::test]
async fn a_stop_that_comes_before_the_play_ends_it_too() {
    let source = Arc::new(Sample::new(10, 10));
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), source, options()).unwrap();
    server.handle().command(Command::Stop).await.unwrap();
    let report = timeout(TIMEOUT, server.run()).await.unwrap().unwrap();
    assert_eq!((report.complete, report.status.sent), (false, 0));
}

#[tokio::test]
async fn a_stop_closes_clients_with_the_next_seq() {
    let server = start(Sample::new(1_000, 10), Options { start_paused: true, ..options() });
    let (mut socket, _) = server.connect("").await;
    server.handle.command(Command::Step(5)).await.unwrap();
    assert_eq!(receive(&mut socket, 5).await.texts.len(), 5);
    server.handle.command(Command::Stop).await.unwrap();
    assert_eq!(all(&mut socket).await.close, Some((1001, "the server stops; next seq 5".to_owned())));
    let report = server.report().await;
    assert!(!report.complete);
    assert_eq!(report.digest, Some(Sample::new(1_000, 10).digest(0..5)));
}

#[tokio::test]
async fn a_source_that_fails_is_told_to_everyone() {
    let server = start(Sample::failing_at(1_000, 10, 500), options());
    let (mut socket, _) = server.connect("").await;
    let got = all(&mut socket).await;
    let (code, reason) = got.close.clone().unwrap();
    assert_eq!(code, 1011);
    assert!(reason.ends_with("the disk is on fire"), "{reason}");
    assert_eq!(got.numbers(), (0..got.texts.len() as u64).collect::<Vec<_>>());
    let error = timeout(TIMEOUT, server.report).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(error, ServerError::Source { .. }));
}

#[tokio::test]
async fn a_stalled_client_is_closed_and_harms_nobody() {
    let sample = Sample::padded(20_000, 10, 2_000);
    let digest = sample.digest(0..20_000);
    let stall = Duration::from_millis(300);
    let server = start(sample, Options { wait_clients: 2, stall, ..options() });
    let (mut stalled, _) = server.connect("").await;
    let (mut socket, _) = server.connect("").await;
    let got = all(&mut socket).await;
    assert_eq!((got.texts.len(), got.digest()), (20_000, digest));
    // once it is being closed, nothing is held for it
    let closing = async {
        while !server
            .handle
            .status()
            .clients
            .iter()
            .any(|one| one.seq < StreamSeq(20_000) && one.lag_bytes == 0)
        {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, closing).await.unwrap();
    // it resumes reading at the end
    let got = all(&mut stalled).await;
    let (code, reason) = got.close.clone().unwrap();
    assert_eq!(code, 1013);
    let last = got.texts.len() - 1;
    assert_eq!(reason, format!("last seq {last}; too slow, resume with from_seq={}", last + 1));
    assert_eq!(got.texts.len() as u64, got.numbers().last().unwrap() + 1);
    // it then resumes where it was
    let (mut again, _) = server.connect(&format!("from_seq={}", last + 1)).await;
    assert_eq!(all(&mut again).await.texts.len() + last + 1, 20_000);
    let report = server.report().await;
    assert_eq!(report.closed_slow, 1);
}

#[tokio::test]
async fn a_client_that_falls_far_behind_gets_everything_all_the_same() {
    let sample = Sample::padded(20_000, 10, 2_000);
    let digest = sample.digest(0..20_000);
    // far less is held than the client is behind
    let buffer_bytes = 1 << 20;
    let server = start(sample, Options { wait_clients: 2, buffer_bytes, stall: TIMEOUT, ..options() });
    let (mut slow, _) = server.connect("").await;
    let (mut fast, _) = server.connect("").await;
    assert_eq!(all(&mut fast).await.digest(), digest);
    let got = all(&mut slow).await;
    assert_eq!((got.texts.len(), got.digest()), (20_000, digest));
    assert_eq!(got.close, Some((1000, "delivered".to_owned())));
    let report = server.report().await;
    assert_eq!((report.closed_slow, report.complete), (0, true));
}

#[tokio::test]
async fn what_the_kernel_holds_for_a_client_is_bounded() {
    let server = start(Sample::padded(20_000, 10, 2_000), Options { stall: TIMEOUT, ..options() });
    // it accepts nothing, and its own buffer is as small as that of a client may be
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut socket = socket.connect(server.address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let (mut other, _) = server.connect("").await;
    assert_eq!(all(&mut other).await.close.unwrap().0, 1000);
    let left = async {
        while server.handle.status().clients.len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, left).await.unwrap();
    let sent = server.handle.status().clients[0].sent;
    assert!(sent * 2_000 < 1 << 20, "{sent} messages of 2 kB are in the kernel");
    drop(socket);
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

#[tokio::test]
async fn a_step_is_answered_with_how_things_stand_after_it() {
    let server = start(Sample::new(3_000, 10), Options { start_paused: true, stay: true, ..options() });
    let (mut socket, _) = server.connect("").await;
    let mut seq = 0;
    // over several blocks at a time, to the end and past it
    for steps in [1, 1, 700, 1_500, 797] {
        let status = server.handle.command(Command::Step(steps)).await.unwrap();
        seq += steps;
        assert_eq!((status.seq, status.sent, status.state), (StreamSeq(seq), seq, State::Paused));
        assert_eq!(receive(&mut socket, steps as usize).await.texts.len(), steps as usize);
    }
    let status = server.handle.command(Command::Step(5)).await.unwrap();
    assert_eq!((status.seq, status.state), (StreamSeq(3_000), State::Ended));
    let status = server.handle.command(Command::Seek(Position::Seq(StreamSeq(10)))).await.unwrap();
    assert_eq!((status.seq, status.state), (StreamSeq(10), State::Paused));
    server.handle.command(Command::Stop).await.unwrap();
    server.report().await;
}

/// Returns a raw client after its handshake, of which it has read everything and nothing more.
async fn raw(address: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(timeout(TIMEOUT, socket.read_u8()).await.unwrap().unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    socket
}

#[tokio::test]
async fn behind_a_fault_the_server_hangs_up_first() {
    let server = start(Sample::new(10, 10), Options { start_paused: true, ..options() });
    let mut socket = raw(server.address).await;
    const RESERVED: [u8; 6] = [0x83, 0x80, 0, 0, 0, 0];
    socket.write_all(&RESERVED).await.unwrap();
    let mut rest = Vec::new();
    timeout(TIMEOUT, socket.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert_eq!((rest[0], &rest[2..4]), (0x88, &1002_u16.to_be_bytes()[..]));
    // its side is shut down while it still waits for the server's: it did not wait for the timeout
    assert_eq!(server.handle.status().clients.len(), 1);
    drop(socket);
    server.handle.command(Command::Stop).await.unwrap();
    assert_eq!(server.report().await.clients_total, 1);
}

#[tokio::test]
async fn what_a_reset_destroyed_was_not_delivered() {
    let server = start(Sample::new(500, 10), options());
    let socket = raw(server.address).await;
    let written = async {
        while server.handle.status().clients[0].sent < 500 {
            tokio::task::yield_now().await;
        }
    };
    timeout(TIMEOUT, written).await.unwrap();
    // all of it is in the buffers of the kernel, and is lost with them
    socket.set_zero_linger().unwrap();
    drop(socket);
    let (mut again, _) = server.connect("from_seq=0").await;
    assert_eq!(all(&mut again).await.texts.len(), 500);
    let report = server.report().await;
    let delivered: Vec<bool> = report.status.clients.iter().map(|client| client.delivered).collect();
    assert_eq!(delivered, [false, true]);
}

#[tokio::test]
async fn the_end_states_no_digest_that_no_client_can_have() {
    for (from_seq, states_one) in [(0, true), (7, false)] {
        let server = start(Sample::new(20, 10), options());
        let mut socket = server.connect_v1(&format!("from_seq={from_seq}")).await;
        let got = all(&mut socket).await;
        let Some(Notice::End { digest, .. }) = got.notices.last() else { panic!("{:?}", got.notices) };
        assert_eq!(*digest, Some(got.digest()).filter(|_| states_one));
        assert!(server.report().await.digest.is_some(), "the report has the digest of what was played");
    }
}
