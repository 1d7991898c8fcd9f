//! Tests of the server on real sockets, with a client of another library.

mod breaking;
mod joining;
mod outline;
mod slow;
mod steering;

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
