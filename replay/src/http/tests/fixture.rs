//! A server with a small backend, and a peer that sends and receives bytes.

use std::sync::Mutex;

use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use tradesim_protocol::{Position, State};
use tradesim_schemas::StreamSeq;

use super::*;
use crate::{outline::OutlineError, source::SourceError};

/// The limit of every wait in these tests, so that none hangs. Far longer than anything takes.
const BOUND: Duration = Duration::from_secs(20);

pub(super) async fn within<T>(what: impl Future<Output = T>) -> T {
    timeout(BOUND, what).await.expect("a result within the time limit")
}

/// Echoes what its clients send, byte for byte, until they close their side; then it closes with 1000.
#[derive(Debug, Default)]
pub(super) struct Echo {
    pub(super) admitted: Mutex<Vec<ClientRequest>>,
    pub(super) commands: Mutex<Vec<Command>>,
    /// Notified to complete the admission of a query that is `slow`.
    pub(super) go_on: Notify,
    /// The metrics page.
    pub(super) page: Mutex<String>,
}

/// A close frame with 1000.
pub(super) const GOODBYE: [u8; 4] = [0x88, 2, 0x03, 0xe8];

impl Backend for Echo {
    type Client = String;

    async fn admit(&self, request: ClientRequest) -> AdmittedClient<String> {
        self.admitted.lock().unwrap().push(request.clone());
        if request.query == "slow" {
            self.go_on.notified().await;
        }
        let headers = vec![("tradesim-run", "Zürich".to_owned()), ("tradesim-stream", "a\nb".to_owned())];
        AdmittedClient { headers, client: request.query }
    }

    async fn run(&self, client: String, mut socket: TcpStream, early: Bytes) {
        assert!(client != "panic", "the test requested a panic");
        let _ = socket.write_all(&early).await;
        let (mut reader, mut writer) = socket.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
        let _ = writer.write_all(&GOODBYE).await;
    }

    async fn command(&self, command: Command) -> Result<Status, CommandError> {
        self.commands.lock().unwrap().push(command);
        match command {
            Command::Seek(Position::Seq(seq)) => Err(SourceError::BeyondEnd { seq, messages: 10 }.into()),
            Command::Seek(Position::Time(_)) => Err(SourceError::Read("the disk was removed".into()).into()),
            Command::Step(_) => Err(CommandError::Over),
            _ => Ok(self.status()),
        }
    }

    fn status(&self) -> Status {
        Status {
            schema_version: 1,
            state: State::Playing,
            stream: "s".to_owned(),
            run: "r".to_owned(),
            digest: None,
            seq: StreamSeq(7),
            messages: None,
            time: None,
            speed: "1x".to_owned(),
            speed_achieved: None,
            seconds: 0.0,
            sent: 7,
            looped: None,
            digest_sent: None,
            control: "loopback".into(),
            late_ms: None,
            clients: Vec::new(),
        }
    }

    async fn timeline(&self) -> Result<Arc<[u8]>, OutlineError> {
        match self.page.lock().unwrap().as_str() {
            "damaged" => Err(OutlineError::Source("row group 3 is damaged".to_owned())),
            "stopping" => Err(OutlineError::Stopping),
            _ => Ok(b"{\"segments\":[]}\n".as_slice().into()),
        }
    }

    fn metrics(&self) -> String {
        self.page.lock().unwrap().clone()
    }
}

/// A running server.
pub(super) struct Fixture {
    pub(super) backend: Arc<Echo>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) address: SocketAddr,
    pub(super) stop: watch::Sender<bool>,
    pub(super) served: JoinHandle<()>,
}

impl Fixture {
    /// Starts a server with the documented limits.
    pub(super) async fn start() -> Fixture {
        Fixture::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut ConnectionLimits)) -> Fixture {
        let mut limits = ConnectionLimits::new(&Options::new("r"));
        change(&mut limits);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let backend = Arc::new(Echo::default());
        let metrics = Arc::new(Metrics::new());
        let (stop, stopped) = watch::channel(false);
        let slots = limits.slots();
        let serve = serve(listener, Arc::clone(&backend), Arc::clone(&metrics), limits, slots, stopped);
        Fixture { backend, metrics, address, stop, served: tokio::spawn(serve) }
    }

    pub(super) async fn connect(&self) -> Peer {
        Peer::of(within(TcpStream::connect(self.address)).await.unwrap())
    }

    /// Sends a request on a connection of its own, and returns the answer.
    pub(super) async fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut peer = self.connect().await;
        peer.send(request).await;
        peer.answer().await
    }

    /// Returns the number of handshakes that were refused for a reason.
    pub(super) fn refused(&self, reason: &str) -> u64 {
        let start = format!("tradesim_replay_handshakes_refused_total{{reason=\"{reason}\"}} ");
        let page = self.metrics.page();
        page.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse().unwrap()
    }
}

/// The other end of a connection.
pub(super) struct Peer {
    pub(super) socket: TcpStream,
    unread: Vec<u8>,
}

/// An answer of the server.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// Returns `error.code` of a body in JSON.
    pub(super) fn code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert!(!body["error"]["text"].as_str().unwrap().is_empty());
        body["error"]["code"].as_str().unwrap().to_owned()
    }
}

impl Peer {
    pub(super) fn of(socket: TcpStream) -> Peer {
        Peer { socket, unread: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.socket.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Reads one answer, with the number of bytes of body that its length states.
    pub(super) async fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(self.read_some().await, "closed without an answer: {:?}", self.unread);
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        let len = answer.header("content-length").map_or(0, |len| len.parse().unwrap());
        answer.body = String::from_utf8(self.exactly(len).await).unwrap();
        answer
    }

    /// Reads that many bytes.
    pub(super) async fn exactly(&mut self, len: usize) -> Vec<u8> {
        while self.unread.len() < len {
            assert!(self.read_some().await, "closed after {} bytes of {len}", self.unread.len());
        }
        self.unread.drain(..len).collect()
    }

    /// Waits until the other side closes in order, without a reset and without further data.
    pub(super) async fn end(&mut self) {
        let count = within(self.socket.read_buf(&mut self.unread)).await.unwrap();
        assert_eq!((count, self.unread.as_slice()), (0, &[][..]));
    }

    /// Reads everything until the other side closes, in order or not.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        while self.read_some().await {}
        std::mem::take(&mut self.unread)
    }

    async fn read_some(&mut self) -> bool {
        let some = within(self.socket.read_buf(&mut self.unread)).await;
        some.is_ok_and(|count| count > 0)
    }
}

/// Returns a valid handshake: that of RFC 6455, section 1.3, with additional lines.
pub(super) fn handshake(target: &str, lines: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n"
    )
}
