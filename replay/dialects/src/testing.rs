//! Events and transcripts for the tests of all dialects.

use std::{collections::BTreeMap, fmt::Write, sync::Arc, time::Duration};

use tradesim_schemas::{
    AccountId, Event, Exchange, Interval, MarketData, OrderBook, OrderType, Price, Quantity, StreamSeq,
    Symbol, Timestamp, Trade, TradeId, TradeStatus, TradeType, TraderId,
};

use crate::{
    Access, Dialect, Frames, Framing, Handshake, Incoming, Input, Listing, Output, Reference, Session,
};

pub(crate) const CHALLENGE: &str = "abcdefghijklmnopqrstuvwxyz012345";

pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

pub(crate) fn price(text: &str) -> Price {
    Price::parse(text.as_bytes()).unwrap()
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text.as_bytes()).unwrap()
}

/// AAPL at Nasdaq with a round lot of 100, IBM at NYSE; the core session of one day.
pub(crate) fn reference() -> Arc<Reference> {
    let listing = |exchange| Listing { exchange, round_lot: 100 };
    let listings = BTreeMap::from([
        (symbol("AAPL"), listing(Exchange::Nasdaq)),
        (symbol("IBM"), listing(Exchange::Nyse)),
    ]);
    let core = vec![(at("2026-02-18T14:30:00Z"), at("2026-02-18T21:00:00Z"))];
    Arc::new(Reference::new(vec![symbol("AAPL"), symbol("IBM")], listings, core))
}

/// A market order that bought 50 AAPL.
pub(crate) fn trade() -> Trade {
    Trade {
        trade_id: TradeId::parse(b"01234567-89ab-4def-8123-456789abcdef").unwrap(),
        symbol: symbol("AAPL"),
        trade_type: TradeType::Buy,
        order_type: OrderType::Market,
        price: price("178.525"),
        quantity: Quantity::new(50).unwrap(),
        timestamp: at("2026-02-18T14:30:00.366511Z"),
        exchange: Exchange::Nasdaq,
        trader_id: TraderId::parse(b"TRD-00042").unwrap(),
        account_id: AccountId::parse(b"ACC-0008").unwrap(),
        status: TradeStatus::Filled,
        correlation_id: None,
    }
}

pub(crate) fn book() -> OrderBook {
    OrderBook {
        symbol: symbol("AAPL"),
        bid_price: price("178.49"),
        ask_price: price("178.53"),
        bid_size: Quantity::new(300).unwrap(),
        ask_size: Quantity::new(200).unwrap(),
        spread: price("0.04"),
        mid_price: price("178.51"),
        timestamp: at("2026-02-18T14:30:00.366511Z"),
        exchange: Exchange::Nasdaq,
    }
}

pub(crate) fn minute() -> MarketData {
    MarketData {
        symbol: symbol("AAPL"),
        open: price("178.50"),
        high: price("178.60"),
        low: price("178.40"),
        close: price("178.525"),
        volume: 70_000,
        vwap: price("178.5123"),
        timestamp: at("2026-02-18T14:30:00Z"),
        interval: Interval::OneMinute,
        exchange: Exchange::Nasdaq,
    }
}

pub(crate) fn day() -> MarketData {
    MarketData {
        timestamp: at("2026-02-18T09:00:00Z"),
        interval: Interval::OneDay,
        volume: 5_000_000_000,
        ..minute()
    }
}

/// A snapshot, an execution with the number 300, and the candles that follow.
pub(crate) fn events() -> Vec<(u64, Event)> {
    vec![
        (299, Event::OrderBook(book())),
        (300, Event::Trade(trade())),
        (301, Event::MarketData(minute())),
        (302, Event::MarketData(day())),
    ]
}

/// Orders that did not execute, and candles that most dialects have no channel for.
pub(crate) fn events_without_counterpart() -> Vec<(u64, Event)> {
    let orders = [TradeStatus::New, TradeStatus::Cancelled, TradeStatus::Rejected]
        .map(|status| Event::Trade(Trade { status, ..trade() }));
    let candles = [Interval::FiveMinutes, Interval::FifteenMinutes]
        .map(|interval| Event::MarketData(MarketData { interval, ..minute() }));
    orders.into_iter().chain(candles).map(|event| (300, event)).collect()
}

/// Returns the channel and the bytes of each message of a wire.
pub(crate) fn encoded(dialect: &Dialect, wire: usize, events: &[(u64, Event)]) -> Vec<(u8, Vec<u8>)> {
    let mut encoder = (dialect.wires[wire].encoder)(&reference());
    let mut frames = Frames::default();
    for (seq, event) in events {
        encoder.encode(&Input { seq: StreamSeq(*seq), event, recorded_at: event.timestamp() }, &mut frames);
    }
    frames.iter().map(|(frame, bytes)| (frame.channel, bytes.to_vec())).collect()
}

/// Returns the messages of a wire as texts.
pub(crate) fn texts(dialect: &Dialect, wire: usize, events: &[(u64, Event)]) -> Vec<String> {
    let texts = encoded(dialect, wire, events).into_iter();
    texts.map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

pub(crate) fn access(key: Option<&str>) -> Access {
    Access { key: key.map(|key| key.parse().unwrap()) }
}

/// Returns a session that accepts the given key, or any.
pub(crate) fn session(dialect: &Dialect, handshake: Handshake, key: Option<&str>) -> Session {
    let handshake = Handshake { challenge: CHALLENGE.to_owned(), ..handshake };
    dialect.session(handshake, &reference(), &access(key))
}

/// A conversation, as lines: `>` for what the client sends, `<` for what it receives, `!` for what the server does.
pub(crate) struct Transcript {
    pub(crate) session: Session,
    now: Duration,
    text: String,
}

impl Transcript {
    pub(crate) fn new(dialect: &Dialect, handshake: Handshake, key: Option<&str>) -> Transcript {
        let mut session = session(dialect, handshake, key);
        session.greet();
        let mut transcript = Transcript { session, now: Duration::ZERO, text: String::new() };
        transcript.drain();
        transcript
    }

    pub(crate) fn send(&mut self, text: &str) -> &mut Transcript {
        writeln!(self.text, "> {}", text.trim_end()).unwrap();
        let message = match self.session.framing() {
            Framing::Bytes => Incoming::Bytes(text.as_bytes()),
            Framing::Text | Framing::Binary => Incoming::Text(text),
        };
        self.session.receive(message, self.now);
        self.drain()
    }

    pub(crate) fn send_binary(&mut self, bytes: &[u8]) -> &mut Transcript {
        writeln!(self.text, "> {}", hex(bytes)).unwrap();
        self.session.receive(Incoming::Binary(bytes), self.now);
        self.drain()
    }

    /// Lets time pass to `seconds` after the start.
    pub(crate) fn pass(&mut self, seconds: u64) -> &mut Transcript {
        self.now = Duration::from_secs(seconds);
        writeln!(self.text, "@ {seconds} s").unwrap();
        self.session.handle_timeout(self.now);
        self.drain()
    }

    pub(crate) fn drain(&mut self) -> &mut Transcript {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Send(message) => {
                    let shown = match String::from_utf8(message) {
                        Ok(text) if text.trim_end().chars().all(|c| !c.is_control()) => text,
                        Ok(text) => hex(text.as_bytes()),
                        Err(error) => hex(error.as_bytes()),
                    };
                    writeln!(self.text, "< {}", shown.trim_end()).unwrap();
                }
                other => writeln!(self.text, "! {other:?}").unwrap(),
            }
        }
        self
    }

    #[track_caller]
    pub(crate) fn check(&mut self, expected: &str) {
        let expected: String = expected.lines().map(|line| format!("{}\n", line.trim())).collect();
        assert_eq!(self.text.trim(), expected.trim());
        self.text.clear();
    }
}
