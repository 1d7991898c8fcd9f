//! The state on real sockets: what a client receives before its first message.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use tradesim_protocol::{Position, SUBPROTOCOL};
use tradesim_schemas::{
    AccountId, ContentDigest, CorrelationId, Envelope, Exchange, OpenOrder, OrderBook, OrderType, Price,
    Quantity, TimeSpec, Timestamp, Trade, TradeId, TradeStatus, TradeType, TraderId,
};

use super::*;
use crate::{BlockBuilder, Command, Handle, Meta, Opcode, Options, Server, Source, SourceInfo, Speed};

const TIMEOUT: Duration = Duration::from_secs(60);

/// The number of messages.
const MESSAGES: u64 = 90;

/// Books of three symbols in turn, a second apart; after the first 60 messages, of two.
struct Books(SourceInfo);

fn text(seq: u64) -> String {
    let symbols = if seq < 60 { 3 } else { 2 };
    let timestamp = Timestamp::from_micros(1_771_425_000_000_000 + seq as i64 * 1_000_000).unwrap();
    let price = |units| Price::from_units(units).unwrap();
    let bid = 1_000_000 + seq as i64 * 100;
    let book = OrderBook {
        symbol: Symbol::new(["AAPL", "MSFT", "XOM"][(seq % symbols) as usize]).unwrap(),
        bid_price: price(bid),
        ask_price: price(bid + 200),
        bid_size: Quantity::new(100).unwrap(),
        ask_size: Quantity::new(200).unwrap(),
        spread: price(200),
        mid_price: price(bid + 100),
        timestamp,
        exchange: Exchange::Nasdaq,
    };
    Envelope { timestamp, event: Event::OrderBook(book) }.to_json()
}

fn symbol_of(text: &str) -> &str {
    text.split_once("\"symbol\":\"").unwrap().1.split_once('"').unwrap().0
}

impl Source for Books {
    fn info(&self) -> &SourceInfo {
        &self.0
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        match seq > StreamSeq(MESSAGES) {
            true => Err(SourceError::BeyondEnd { seq, messages: MESSAGES }),
            false => Ok(Box::new(Reader(seq.get()))),
        }
    }

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        Err(SourceError::InvalidPosition { position: time, reason: "by number only".to_owned() })
    }
}

struct Reader(u64);

impl Feed for Reader {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        while self.0 < MESSAGES && !block.is_full() {
            let text = text(self.0);
            let message = read(text.as_bytes(), ReadOptions::default()).unwrap();
            let kind = Some((Symbol::new(message.symbol()).unwrap(), message.event_type()));
            let meta = Meta { at: message.timestamp, kind, opcode: Opcode::Text };
            block.push(meta, |out| out.extend_from_slice(text.as_bytes()));
            self.0 += 1;
        }
        Ok(if self.0 < MESSAGES { Filled::More } else { Filled::End })
    }
}

fn source() -> Arc<Books> {
    let symbols = ["AAPL", "MSFT", "XOM"].map(|name| Symbol::new(name).unwrap()).to_vec();
    let digest = Some(ContentDigest::of((0..MESSAGES).map(text)));
    let identity = "books".to_owned();
    Arc::new(Books(SourceInfo { identity, messages: Some(MESSAGES), digest, symbols }))
}

struct Running {
    handle: Handle,
    url: String,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

fn start() -> Running {
    let options = Options { speed: Speed::Max, start_paused: true, stay: true, ..Options::new("test") };
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), source(), options).unwrap();
    let (handle, url) = (server.handle(), format!("ws://{}", server.local_addr()));
    tokio::spawn(server.run());
    Running { handle, url }
}

impl Running {
    async fn connect(&self, query: &str, v1: bool) -> (Socket, Option<String>) {
        let mut request = format!("{}/?{query}", self.url).into_client_request().unwrap();
        if v1 {
            request.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        }
        let (socket, answer) = timeout(TIMEOUT, connect_async(request)).await.unwrap().unwrap();
        let state = answer.headers().get("tradesim-state").map(|value| value.to_str().unwrap().to_owned());
        (socket, state)
    }
}

async fn next(socket: &mut Socket) -> String {
    loop {
        match timeout(TIMEOUT, socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Text(text) => return text.as_str().to_owned(),
            Message::Close(close) => return format!("closed {close:?}"),
            _ => {}
        }
    }
}

async fn texts(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < count {
        texts.push(next(socket).await);
    }
    texts
}

/// Skips notices of other kinds.
async fn next_notice(socket: &mut Socket, wanted: fn(&Notice) -> bool) -> Notice {
    loop {
        let notice = Notice::parse(&next(socket).await).unwrap().unwrap();
        if wanted(&notice) {
            return notice;
        }
    }
}

#[tokio::test]
async fn a_plain_client_receives_the_last_books_before_the_stream() {
    let server = start();
    let (mut socket, state) = server.connect("from_seq=70&state=books", false).await;
    assert_eq!(state.as_deref(), Some("3"));
    let (mut narrow, narrow_state) = server.connect("symbols=XOM,MSFT&state=books&from_seq=1", false).await;
    assert_eq!(narrow_state.as_deref(), Some("1"), "XOM has no book before message 2");
    let (mut trades, trades_state) =
        server.connect("symbols=MSFT&events=trade&state=books&from_seq=0", false).await;
    assert_eq!(trades_state.as_deref(), Some("0"), "there is nothing before message 0");
    let (mut none, no_state) = server.connect("from_seq=70", false).await;
    assert_eq!(no_state, None);
    server.handle.command(Command::Resume).await.unwrap();
    let expected: Vec<String> = [68, 69, 59].into_iter().chain(70..MESSAGES).map(text).collect();
    assert_eq!(texts(&mut socket, 23).await, expected);
    assert_eq!(next(&mut none).await, text(70));
    // message 1 of the filter is that of XOM at 2; before it comes the book of MSFT at 1
    assert_eq!(texts(&mut narrow, 3).await, [text(1), text(2), text(4)]);
    socket.close(None).await.unwrap();
    trades.close(None).await.unwrap();
}

#[tokio::test]
async fn a_client_of_the_subprotocol_receives_a_notice_and_another_after_a_seek() {
    let server = start();
    let (mut socket, state) = server.connect("from_seq=70&state=books", true).await;
    assert_eq!(state.as_deref(), Some("0"), "nothing comes before the stream");
    let is_state = |notice: &Notice| matches!(notice, Notice::State(_));
    assert!(matches!(Notice::parse(&next(&mut socket).await), Ok(Some(Notice::Start { .. }))));
    let books = |notice: Notice| match notice {
        Notice::State(state) => state
            .books
            .iter()
            .map(|book| (book.symbol.to_string(), book.bid_price.units() / 100 - 10_000))
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let named =
        |of: &[(&str, i64)]| of.iter().map(|(name, seq)| ((*name).to_owned(), *seq)).collect::<Vec<_>>();
    let first = Notice::parse(&next(&mut socket).await).unwrap().unwrap();
    assert_eq!(books(first), named(&[("AAPL", 68), ("MSFT", 69), ("XOM", 59)]));
    // a subscription narrows the next one
    socket.send(Message::text(r#"{"action":"subscribe","symbols":["AAPL","XOM"]}"#)).await.unwrap();
    next_notice(&mut socket, |notice| matches!(notice, Notice::Subscribed { .. })).await;
    server.handle.command(Command::Seek(Position::Seq(StreamSeq(30)))).await.unwrap();
    server.handle.command(Command::Resume).await.unwrap();
    next_notice(&mut socket, |notice| matches!(notice, Notice::Seek { seq: StreamSeq(30) })).await;
    let second = next_notice(&mut socket, is_state).await;
    assert_eq!(books(second), named(&[("AAPL", 27), ("XOM", 29)]));
    let mut message = next(&mut socket).await;
    while Notice::is_notice(&message) {
        message = next(&mut socket).await;
    }
    assert_eq!(message, text(30));
    assert_eq!(symbol_of(&message), "AAPL");
}

#[tokio::test]
async fn clients_without_the_request_receive_no_state() {
    let server = start();
    let (mut socket, state) = server.connect("from_seq=88", true).await;
    assert_eq!(state, None);
    server.handle.command(Command::Resume).await.unwrap();
    loop {
        let text = next(&mut socket).await;
        if text.starts_with("closed") {
            break;
        }
        assert!(!text.starts_with("{\"notice\":\"state\""), "{text}");
    }
}

#[test]
fn a_state_that_is_read_from_texts_ends_with_the_stream() {
    let source = source();
    for seq in [0, 1, 59, 60, MESSAGES - 1, MESSAGES] {
        let state = source.state(StreamSeq(seq), StateRequest::Books).unwrap();
        let mut books: Vec<String> = Vec::new();
        for text in (0..seq).rev().map(text) {
            if books.iter().all(|book| symbol_of(book) != symbol_of(&text)) {
                books.push(text);
            }
        }
        books.sort_by(|a, b| symbol_of(a).cmp(symbol_of(b)));
        let found: Vec<String> = state.market.books.iter().map(Envelope::to_json).collect();
        assert_eq!(found, books, "{seq}");
    }
    let beyond = source.state(StreamSeq(MESSAGES + 1), StateRequest::Books);
    assert!(matches!(beyond, Err(SourceError::BeyondEnd { messages: MESSAGES, .. })));
}

/// Returns a first event of an order, after which it is open.
fn order(symbol: &str, number: u64) -> OpenOrder {
    let trade = Trade {
        trade_id: TradeId::parse(b"6ba7b810-9dad-41d1-80b4-00c04fd430c8").unwrap(),
        symbol: Symbol::new(symbol).unwrap(),
        trade_type: TradeType::Buy,
        order_type: OrderType::Limit,
        price: Price::from_units(1_000_000).unwrap(),
        quantity: Quantity::new(100).unwrap(),
        timestamp: Timestamp::from_micros(1_771_425_000_000_000 + number as i64).unwrap(),
        exchange: Exchange::Nasdaq,
        trader_id: TraderId::parse(b"TRD-00042").unwrap(),
        account_id: AccountId::parse(b"ACC-0008").unwrap(),
        status: TradeStatus::New,
        correlation_id: Some(CorrelationId(number)),
    };
    let message = Envelope { timestamp: trade.timestamp, event: Event::Trade(trade) };
    OpenOrder { message, executed: number }
}

#[test]
fn a_list_of_orders_is_bounded_and_says_whether_it_is_complete() {
    let [aapl, xom] = ["AAPL", "XOM"].map(|name| Symbol::new(name).unwrap());
    let orders: Vec<OpenOrder> =
        (0..2_000).map(|number| order(if number % 4 == 0 { "AAPL" } else { "XOM" }, number)).collect();
    let list = |counted: [u64; 2], coverage, of: fn(&str) -> bool| {
        let found = OrdersFound { orders: orders.clone(), coverage };
        let open_orders = vec![(aapl, counted[0]), (xom, counted[1])];
        let market = tradesim_schemas::MarketView { open_orders, ..Default::default() };
        let state = StreamState { market, period: None, orders: Some(found) };
        let Notice::State(notice) = notice(&state, |symbol| of(symbol.as_str())) else { panic!() };
        let text = Notice::State(notice.clone()).text();
        assert!(text.len() < 1 << 19, "{}", text.len());
        let list = notice.open_orders.unwrap();
        let numbers: Vec<u64> = list.orders.iter().map(|order| order.executed).collect();
        (notice.orders, numbers, list.complete)
    };
    let all = |_: &str| true;
    let only_aapl = |name: &str| name == "AAPL";
    // the last ones of all, and all of one symbol
    let newest: Vec<u64> = (2_000 - ORDERS_MAX as u64..2_000).collect();
    let of_aapl: Vec<u64> = (0..2_000).step_by(4).collect();
    assert_eq!(list([500, 1_500], Coverage::All, all), (2_000, newest.clone(), false));
    assert_eq!(list([500, 1_500], Coverage::All, only_aapl), (500, of_aapl.clone(), true));
    // older ones may be out of reach
    assert_eq!(list([500, 1_501], Coverage::Counted, only_aapl), (500, of_aapl.clone(), true));
    assert_eq!(list([501, 1_500], Coverage::Counted, only_aapl), (501, of_aapl.clone(), false));
    assert_eq!(list([500, 1_501], Coverage::Counted, all), (2_001, newest, false));
    // a count is too low if earlier messages are missing
    assert_eq!(list([499, 0], Coverage::Unknown, only_aapl), (500, of_aapl.clone(), false));
    assert_eq!(list([499, 0], Coverage::All, only_aapl), (500, of_aapl, true));
}

#[tokio::test]
async fn a_list_of_orders_needs_the_subprotocol() {
    let server = start();
    let (mut plain, _) = server.connect("from_seq=70&state=orders", false).await;
    let close = next(&mut plain).await;
    assert!(close.contains("needs_subprotocol: state: a list of orders requires the subprotocol"), "{close}");
    let (mut socket, state) = server.connect("from_seq=70&state=orders", true).await;
    assert_eq!(state.as_deref(), Some("0"));
    let listed = |notice: Notice| match notice {
        Notice::State(state) => state.open_orders,
        other => panic!("{other:?}"),
    };
    let is_state = |notice: &Notice| matches!(notice, Notice::State(_));
    let none = OrderList { orders: Vec::new(), complete: true };
    assert_eq!(listed(next_notice(&mut socket, is_state).await), Some(none.clone()));
    server.handle.command(Command::Seek(Position::Seq(StreamSeq(30)))).await.unwrap();
    assert_eq!(listed(next_notice(&mut socket, is_state).await), Some(none));
    let (mut socket, _) = server.connect("from_seq=70&state=books", true).await;
    assert_eq!(listed(next_notice(&mut socket, is_state).await), None);
}

/// A source whose states are read only when the test releases them.
struct Slow {
    books: Arc<Books>,
    started: std::sync::mpsc::Sender<()>,
    released: std::sync::Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Source for Slow {
    fn info(&self) -> &SourceInfo {
        self.books.info()
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        self.books.open(seq)
    }

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        self.books.find(time)
    }

    fn state(&self, seq: StreamSeq, request: StateRequest) -> Result<StreamState, SourceError> {
        self.started.send(()).unwrap();
        // ends when the test drops its end
        let _ = self.released.lock().unwrap().recv();
        self.books.state(seq, request)
    }
}

/// Returns a hub whose states are read when the second result is dropped. Each read that has started is in the first.
fn slow() -> (Arc<Hub>, std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<()>) {
    let (started, starts) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel();
    let source = Slow { books: source(), started, released: released.into() };
    (Arc::new(Hub::new(Arc::new(source), Options::new("slow"))), starts, release)
}

/// Waits until as many reads have started as can run at the same time.
async fn until_all_slots_are_taken(starts: std::sync::mpsc::Receiver<()>) -> std::sync::mpsc::Receiver<()> {
    tokio::task::spawn_blocking(move || {
        (0..READS_MAX).for_each(|_| starts.recv().unwrap());
        starts
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_read_keeps_its_slot_when_its_client_has_left() {
    let (hub, starts, release) = slow();
    let reading = |_| {
        let hub = Arc::clone(&hub);
        tokio::spawn(async move { hub.states.read(&hub, StreamSeq(10), StateRequest::Books).await })
    };
    let clients: Vec<_> = (0..READS_MAX + 3).map(reading).collect();
    let starts = until_all_slots_are_taken(starts).await;
    for client in clients {
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
    }
    assert_eq!(hub.states.slots.available_permits(), 0);
    drop(release);
    let state = hub.states.read(&hub, StreamSeq(10), StateRequest::Books).await.unwrap();
    assert_eq!(state.market.books.len(), 3);
    assert_eq!(starts.try_iter().count(), 1, "only the last of the others was read");
}

#[tokio::test]
async fn a_read_that_waits_for_its_slot_ends_when_its_client_leaves() {
    let (hub, starts, release) = slow();
    let start = || States::start(&hub, StreamSeq(10), StateRequest::Books);
    let running: Vec<PendingState> = (0..READS_MAX).map(|_| start()).collect();
    let starts = until_all_slots_are_taken(starts).await;
    let waiting: Vec<PendingState> = (0..20).map(|_| start()).collect();
    let mut last = start();
    drop((running, waiting));
    drop(release);
    last.ready().await;
    assert_eq!(last.take().unwrap().unwrap().market.books.len(), 3);
    assert_eq!(starts.try_iter().count(), 1, "only the last one was read");
}
