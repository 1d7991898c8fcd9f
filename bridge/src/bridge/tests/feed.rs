//! WebSocket servers that send what a test specifies.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use tungstenite::{
    Message, WebSocket, accept_hdr,
    handshake::server::{Request, Response},
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// Returns the symbol of a message.
pub(super) fn symbol(seq: u64) -> &'static str {
    ["AAPL", "MSFT", "F", "GOOGL", "BRK.B"][(seq % 5) as usize]
}

/// Returns the time of a message.
pub(super) fn emitted(seq: u64) -> i64 {
    1_771_425_000_000_000 + seq as i64 * 1_000
}

/// Returns a trade.
pub(super) fn message(seq: u64) -> String {
    let time = tradesim_schemas::Timestamp::from_micros(emitted(seq)).unwrap();
    format!(
        r#"{{"schema_version":1,"event_type":"trade","timestamp":"{time}","payload":{{"trade_id":"6ba7b810-9dad-41d1-80b4-{seq:012x}","symbol":"{}","trade_type":"BUY","order_type":"LIMIT","price":"178.50","quantity":100,"timestamp":"{time}","exchange":"NASDAQ","trader_id":"TRD-00042","account_id":"ACC-0008","status":"NEW","correlation_id":null}}}}"#,
        symbol(seq)
    )
}

struct Plan {
    messages: Vec<String>,
    /// The stream and run of a feed that numbers its messages.
    identity: Option<(&'static str, &'static str)>,
    /// The numbers of messages after which the first connections break.
    breaks: Vec<usize>,
    /// True if it keeps the connection open when everything is sent.
    stays: bool,
}

/// A server, until it is dropped.
pub(super) struct Feed {
    address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    asked: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Starts a feed that numbers its messages and supports `tradesim.v1`.
    pub(super) fn numbered(stream: &'static str, run: &'static str, messages: Vec<String>) -> Feed {
        Feed::start(Plan { messages, identity: Some((stream, run)), breaks: Vec::new(), stays: false })
    }

    /// Starts a foreign feed.
    pub(super) fn plain(messages: Vec<String>) -> Feed {
        Feed::start(Plan { messages, identity: None, breaks: Vec::new(), stays: false })
    }

    /// Breaks the first connections after so many messages each.
    pub(super) fn breaking_after(self, counts: &[usize]) -> Feed {
        self.plan.lock().unwrap().breaks = counts.to_vec();
        self
    }

    /// Keeps the connection open when everything is sent.
    pub(super) fn staying(self) -> Feed {
        self.plan.lock().unwrap().stays = true;
        self
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Returns the queries of all connections.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn start(plan: Plan) -> Feed {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(Mutex::new(plan));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let thread = {
            let (plan, asked, stopped) = (Arc::clone(&plan), Arc::clone(&asked), Arc::clone(&stopped));
            std::thread::spawn(move || {
                for stream in listener.incoming() {
                    if stopped.load(Ordering::SeqCst) {
                        return;
                    }
                    serve(stream.unwrap(), &plan, &asked);
                }
            })
        };
        Feed { address, plan, asked, stopped, thread: Some(thread) }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // one more connection, so that it checks the flag
        let _ = TcpStream::connect(self.address);
        // a bridge of a failed test may still be reading
        if !std::thread::panicking() {
            self.thread.take().unwrap().join().unwrap();
        }
    }
}

fn serve(stream: TcpStream, plan: &Mutex<Plan>, asked: &Mutex<Vec<String>>) {
    let mut query = String::new();
    let identity = plan.lock().unwrap().identity;
    let seen = &mut query;
    #[expect(clippy::result_large_err, reason = "the signature is the library's")]
    let accepted = accept_hdr(stream, |request: &Request, mut response: Response| {
        *seen = request.uri().query().unwrap_or_default().to_owned();
        if let Some((stream, run)) = identity {
            let headers = response.headers_mut();
            headers.insert("tradesim-stream", stream.parse().unwrap());
            headers.insert("tradesim-run", run.parse().unwrap());
            headers.insert("tradesim-start-seq", from(seen).to_string().parse().unwrap());
            headers.insert("sec-websocket-protocol", "tradesim.v1".parse().unwrap());
        }
        Ok(response)
    });
    // a client that was refused the subprotocol reconnects without it
    let Ok(mut socket) = accepted else { return };
    asked.lock().unwrap().push(query.clone());
    let start = if identity.is_some() { from(&query) } else { 0 };
    let (messages, broken, stays) = {
        let mut plan = plan.lock().unwrap();
        let left = plan.messages.len() - start;
        let broken = (!plan.breaks.is_empty()).then(|| plan.breaks.remove(0));
        let count = broken.unwrap_or(left).min(left);
        (plan.messages[start..start + count].to_vec(), broken.is_some(), plan.stays)
    };
    let end = start + messages.len();
    for text in messages {
        if socket.write(Message::text(text)).is_err() {
            return;
        }
    }
    if socket.flush().is_err() || broken {
        return;
    }
    if !stays {
        if identity.is_some() {
            let notice = format!(r#"{{"notice":"end","seq":{end},"sent":{},"digest":null}}"#, end - start);
            let _ = socket.send(Message::text(notice));
        }
        let _ = socket.close(Some(CloseFrame { code: CloseCode::Normal, reason: "delivered".into() }));
    }
    until_closed(&mut socket);
}

fn from(query: &str) -> usize {
    query.strip_prefix("from_seq=").map_or(0, |text| text.parse().unwrap())
}

fn until_closed(socket: &mut WebSocket<TcpStream>) {
    while socket.read().is_ok() {}
}
