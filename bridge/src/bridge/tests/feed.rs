//! WebSocket servers that send what a test specifies.

use std::{
    net::TcpStream,
    sync::{Arc, Mutex},
};

use tradesim_client::testing::{Server, Socket, numbered};
use tungstenite::Message;

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
    server: Server,
    plan: Arc<Mutex<Plan>>,
    asked: Arc<Mutex<Vec<String>>>,
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
        self.server.url()
    }

    /// Returns the queries of all connections.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn start(plan: Plan) -> Feed {
        let (plan, asked) = (Arc::new(Mutex::new(plan)), Arc::new(Mutex::new(Vec::new())));
        let (of_server, heard) = (Arc::clone(&plan), Arc::clone(&asked));
        let server = Server::start(move |_, stream| serve(stream, &of_server, &heard));
        Feed { server, plan, asked }
    }
}

fn serve(stream: TcpStream, plan: &Mutex<Plan>, asked: &Mutex<Vec<String>>) {
    let identity = plan.lock().unwrap().identity;
    let mut socket = Socket::accept(stream, |query| match identity {
        Some((stream, run)) => numbered(stream, run, from(query) as u64),
        None => Vec::new(),
    });
    asked.lock().unwrap().push(socket.query.clone());
    let start = if identity.is_some() { from(&socket.query) } else { 0 };
    let (messages, broken, stays) = {
        let mut plan = plan.lock().unwrap();
        let left = plan.messages.len() - start;
        let broken = (!plan.breaks.is_empty()).then(|| plan.breaks.remove(0));
        let count = broken.unwrap_or(left).min(left);
        (plan.messages[start..start + count].to_vec(), broken.is_some(), plan.stays)
    };
    let end = start + messages.len();
    for text in messages {
        if socket.socket.write(Message::text(text)).is_err() {
            return;
        }
    }
    if socket.socket.flush().is_err() || broken {
        return;
    }
    if stays {
        socket.until_closed();
        return;
    }
    if identity.is_some() {
        socket.send_end(end as u64, (end - start) as u64);
    }
    socket.close(1000, "delivered");
}

fn from(query: &str) -> usize {
    query.strip_prefix("from_seq=").map_or(0, |text| text.parse().unwrap())
}
