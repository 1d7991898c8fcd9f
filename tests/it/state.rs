//! The state before a message and the messages from it on tell a client what all messages from the beginning on tell another one.
//! Books and candles of the clients are put together here, by code of its own.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use proptest::prelude::*;
use tradesim_archive::{Archive, Cut, Filter, OpenOptions};
use tradesim_replay::{BlockBuilder, Filled, Source, StateRequest, StreamState};
use tradesim_schemas::{
    Coverage, Envelope, Event, EventType, Interval, OrderBook, ReadOptions, StreamSeq, Symbol, Timestamp,
    Trade, TradeStatus, read,
};
use tradesim_sim::session::date_at;
use tradesim_sources::{ArchiveSource, Playlist, Rounds, Timestamps};

use crate::support::{Folder, feed::plain_feed};

/// The books, candles and open orders that a client knows.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    books: BTreeMap<String, OrderBook>,
    candles: BTreeMap<(String, &'static str), Candle>,
    orders: BTreeMap<String, Order>,
    /// The number of orders that are open as far as their events can be counted, by symbol.
    counts: BTreeMap<String, u64>,
}

/// An open order: the text of its first message, and the shares that were executed since.
#[derive(Clone, Debug, PartialEq)]
struct Order {
    first: String,
    executed: u64,
}

/// A candle: its interval as a name of the stretch of time, its prices and its shares.
#[derive(Clone, Debug, PartialEq)]
struct Candle {
    stretch: String,
    prices: [i64; 4],
    volume: u64,
    /// The average price times the shares.
    worth: f64,
}

/// A message as a client receives it.
#[derive(Clone, Debug)]
struct Received {
    at: Timestamp,
    begins_recording: bool,
    message: Option<Envelope>,
}

/// Returns a name of the stretch of time that a candle of an instant covers.
fn stretch(interval: Interval, at: Timestamp) -> String {
    let minute = at.micros() / 60_000_000;
    match interval {
        Interval::OneMinute => minute.to_string(),
        Interval::FiveMinutes => (minute / 5).to_string(),
        Interval::FifteenMinutes => (minute / 15).to_string(),
        Interval::OneHour => (minute / 60).to_string(),
        Interval::OneDay => date_at(at).to_string(),
    }
}

impl Known {
    /// Takes a state, of a client whose next message is emitted at an instant.
    fn of(state: &StreamState, now: Timestamp) -> Known {
        let mut known = Known::default();
        for message in &state.market.books {
            let Event::OrderBook(book) = message.event else { panic!("{message:?}") };
            known.books.insert(book.symbol.to_string(), book);
        }
        for candle in &state.market.candles {
            let key = (candle.symbol.to_string(), candle.interval.as_str());
            let candle = Candle {
                stretch: stretch(candle.interval, now),
                prices: [candle.open, candle.high, candle.low, candle.close].map(|price| price.units()),
                volume: candle.volume,
                worth: candle.vwap.units() as f64 * candle.volume as f64,
            };
            assert_eq!(known.candles.insert(key, candle), None, "a candle is stated once");
        }
        let found = state.orders.as_ref().expect("it was requested");
        assert_eq!(found.coverage, Coverage::All, "these recordings are shorter than what is read");
        for order in &found.orders {
            let id = order.trade().and_then(|trade| trade.correlation_id).expect("only these are listed");
            let order = Order { first: order.message.to_json(), executed: order.executed };
            assert_eq!(known.orders.insert(id.to_string(), order), None, "an order is listed once");
        }
        for (symbol, count) in &state.market.open_orders {
            known.counts.insert(symbol.to_string(), *count);
        }
        known
    }

    fn receive(&mut self, received: &Received) {
        if received.begins_recording {
            self.begin_recording();
        }
        let Some(message) = &received.message else { return };
        let symbol = message.event.symbol().to_string();
        match &message.event {
            Event::OrderBook(book) => _ = self.books.insert(symbol, *book),
            Event::MarketData(candle) => {
                let key = (symbol, candle.interval.as_str());
                let stretch = stretch(candle.interval, candle.timestamp);
                if self.candles.get(&key).is_some_and(|open| open.stretch == stretch) {
                    self.candles.remove(&key);
                }
            }
            Event::Trade(trade) => {
                self.order(message, trade);
                if !trade.status.is_execution() {
                    return;
                }
                let (price, shares) = (trade.price.units(), trade.quantity.get());
                for &interval in Interval::ALL {
                    let stretch = stretch(interval, trade.timestamp);
                    let new = Candle { stretch: stretch.clone(), prices: [price; 4], volume: 0, worth: 0.0 };
                    let key = (symbol.clone(), interval.as_str());
                    let candle = self.candles.entry(key).or_insert_with(|| new.clone());
                    if candle.stretch != stretch {
                        *candle = new;
                    }
                    let [open, high, low, _] = candle.prices;
                    candle.prices = [open, high.max(price), low.min(price), price];
                    candle.volume += u64::from(shares);
                    candle.worth += price as f64 * f64::from(shares);
                }
            }
        }
    }

    fn begin_recording(&mut self) {
        self.candles.clear();
        self.orders.clear();
        self.counts.clear();
    }

    fn order(&mut self, message: &Envelope, trade: &Trade) {
        let count = self.counts.entry(trade.symbol.to_string()).or_default();
        match trade.status {
            TradeStatus::New => *count += 1,
            TradeStatus::PartiallyFilled => {}
            _ => *count = count.saturating_sub(1),
        }
        let Some(id) = trade.correlation_id.map(|id| id.to_string()) else { return };
        match trade.status {
            TradeStatus::New => {
                self.orders.insert(id, Order { first: message.to_json(), executed: 0 });
            }
            TradeStatus::PartiallyFilled => {
                let shares = u64::from(trade.quantity.get());
                self.orders.entry(id).and_modify(|order| order.executed += shares);
            }
            _ => _ = self.orders.remove(&id),
        }
    }

    /// Drops the candles whose time is over.
    fn at(&self, now: Timestamp) -> Known {
        let mut known = self.clone();
        let is_open = |name: &str, candle: &Candle| stretch(name.parse().unwrap(), now) == candle.stretch;
        known.candles.retain(|(_, interval), candle| is_open(interval, candle));
        known
    }
}

fn all(source: &dyn Source, seq: u64, count: usize) -> Vec<Received> {
    let mut feed = source.open(StreamSeq(seq)).unwrap();
    let mut builder = BlockBuilder::new(StreamSeq(seq));
    let mut all = Vec::new();
    while all.len() < count {
        let filled = feed.fill(&mut builder).unwrap();
        if !builder.is_empty() {
            let block = builder.take();
            for (index, entry) in block.entries().iter().enumerate() {
                let message = read(block.text(index), ReadOptions::default()).ok();
                let message = message.and_then(|message| message.to_envelope());
                // a capture may be played at the pace at which it was received; its market has times of its own
                let before = all.last().map_or(entry.meta.at, |before: &Received| before.at);
                let at = message.map_or(before, |message| message.timestamp);
                all.push(Received { at, begins_recording: entry.starts_segment, message });
            }
        }
        if filled == Filled::End {
            break;
        }
    }
    all.truncate(count);
    all
}

#[track_caller]
fn assert_same(found: &Known, expected: &Known, place: &str) {
    assert_eq!(found.books, expected.books, "{place}");
    assert_eq!(found.orders, expected.orders, "{place}");
    let open =
        |known: &Known| known.counts.clone().into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>();
    assert_eq!(open(found), open(expected), "{place}");
    let keys = |known: &Known| known.candles.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(found), keys(expected), "{place}");
    for (key, candle) in &expected.candles {
        let other = &found.candles[key];
        let figures = |candle: &Candle| (candle.stretch.clone(), candle.prices, candle.volume);
        assert_eq!(figures(other), figures(candle), "{place} {key:?}");
        // an average is stated in units of 0.0001
        let difference = (other.worth - candle.worth).abs() / candle.volume as f64;
        assert!(difference <= 0.51, "{place} {key:?}: {difference}");
    }
}

/// A stream that is served, and the one whose messages from the beginning on its state follows from.
struct Case {
    name: &'static str,
    served: Arc<dyn Source>,
    /// The messages of a client that was there from the start.
    whole: Vec<Received>,
    /// The index, in `whole`, of each message that is served.
    places: Vec<usize>,
}

impl Case {
    fn new(name: &'static str, served: Arc<dyn Source>) -> Case {
        let whole = all(&*served, 0, usize::MAX);
        Case { name, served, places: (0..whole.len()).collect(), whole }
    }

    /// A cut of an archive. A cut in time begins with the state at its beginning, so its client was there before.
    fn cut(name: &'static str, file: &str, cut: Cut) -> Case {
        let whole = archive(file, Cut { from: None, to: None, limit: None, ..cut.clone() });
        let whole = all(&whole, 0, usize::MAX);
        let served = archive(file, cut.clone());
        let first = whole.partition_point(|received| cut.from.is_some_and(|from| received.at < from));
        let count = all(&served, 0, usize::MAX).len();
        Case { name, served: Arc::new(served), places: (first..first + count).collect(), whole }
    }

    fn check(&self, n: prop::sample::Index, later: usize) {
        let n = n.index(self.places.len() + 1);
        let place = format!("{} at {n} and {later} later", self.name);
        let state = self.served.state(StreamSeq(n as u64), StateRequest::Orders).unwrap();
        let next = self.places.get(n).map_or(self.places.last().map_or(0, |last| last + 1), |place| *place);
        let mut known = Known::default();
        self.whole[..next].iter().for_each(|received| known.receive(received));
        let now = match self.places.get(n) {
            Some(&place) => {
                if self.whole[place].begins_recording {
                    known.begin_recording();
                }
                self.whole[place].at
            }
            None => self.whole[next - 1].at,
        };
        let mut joined = Known::of(&state, now);
        assert_same(&joined, &known.at(now), &place);
        for received in all(&*self.served, n as u64, later) {
            joined.receive(&received);
        }
        for received in &self.whole[next..(next + later).min(next + self.places.len() - n)] {
            known.receive(received);
        }
        let end = (next + later).min(self.whole.len());
        let now = self.whole[end.max(1) - 1].at;
        assert_same(&joined.at(now), &known.at(now), &place);
    }
}

static FOLDER: LazyLock<Folder> = LazyLock::new(|| {
    let folder = Folder::new();
    let record = |date: &str, out: &str, more: &[&str]| {
        let args = ["record", "--no-env", "--date", date, "--seed", "5", "-o", out];
        folder.ok(&[&args[..], more].concat());
    };
    // long enough for several state frames
    record("2026-02-18", "day.parquet", &["--rate", "2", "--symbols", "6"]);
    record("2026-02-19", "next.parquet", &["--rate", "1", "--symbols", "4", "--to", "09:40"]);
    record(
        "2026-02-18",
        "other.parquet",
        &["--rate", "1", "--symbols", "AAPL,XOM", "--from", "09:20", "--to", "10:20"],
    );
    folder.ok(&["filter", "day.parquet", "--from", "09:55", "--to", "10:10", "-o", "cut.parquet"]);
    folder.ok(&["filter", "day.parquet", "--events", "trade", "-o", "trades.parquet"]);
    folder.ok(&["merge", "day.parquet", "other.parquet", "-o", "merged.parquet"]);
    // a feed whose texts are not all ours
    folder.ok(&["filter", "day.parquet", "--from", "09:30", "--limit", "6000", "-o", "morning.parquet"]);
    let texts = folder.ok(&["cat", "morning.parquet"]);
    let foreign = |(index, line): (usize, &str)| match index % 7 {
        0 => line.replacen(':', " : ", 1).into_bytes(),
        1 => format!("not JSON {index}").into_bytes(),
        _ => line.as_bytes().to_vec(),
    };
    let server = plain_feed(texts.lines().enumerate().map(foreign).collect());
    folder.ok(&["capture", &server.url(), "-o", "feed.parquet"]);
    folder
});

fn archive(file: &str, cut: Cut) -> ArchiveSource {
    let archive = Archive::open(FOLDER.path(file), OpenOptions::default()).unwrap();
    let filter = Filter::for_archive(cut, archive.metadata());
    ArchiveSource::new(archive, filter, Timestamps::Recorded)
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let whole = |file: &str| archive(file, Cut::default());
    let symbols = |names: &[&str]| names.iter().map(|name| Symbol::new(name).unwrap()).collect::<Vec<_>>();
    let time = |text: &str| Some(Timestamp::parse(text.as_bytes()).unwrap());
    let list = |parts: &[&str], rounds| {
        let parts = parts.iter().map(|file| whole(file)).collect();
        Arc::new(Playlist::new(parts, rounds, Timestamps::Recorded))
    };
    vec![
        Case::new("day", Arc::new(whole("day.parquet"))),
        Case::new("merged", Arc::new(whole("merged.parquet"))),
        Case::new("trades", Arc::new(whole("trades.parquet"))),
        Case::new("captured", Arc::new(whole("feed.parquet"))),
        Case::new("cut as a file", Arc::new(whole("cut.parquet"))),
        Case::new("loop", list(&["cut.parquet"], Rounds::Times(3))),
        Case::new("files", list(&["next.parquet", "cut.parquet", "other.parquet"], Rounds::Times(2))),
        Case::cut("symbols", "day.parquet", Cut { symbols: symbols(&["AAPL", "MSFT"]), ..Cut::default() }),
        Case::cut(
            "types",
            "day.parquet",
            Cut { events: vec![EventType::OrderBook, EventType::MarketData], ..Cut::default() },
        ),
        Case::cut(
            "time",
            "day.parquet",
            Cut {
                from: time("2026-02-18T15:00:00Z"),
                to: time("2026-02-18T16:00:00Z"),
                symbols: symbols(&["MSFT"]),
                ..Cut::default()
            },
        ),
        Case::cut("limit", "day.parquet", Cut { limit: Some(30_000), ..Cut::default() }),
    ]
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_client_that_joins_knows_what_one_knows_that_was_there(
        case in any::<prop::sample::Index>(),
        n in any::<prop::sample::Index>(),
        later in 0usize..4_000,
    ) {
        case.get(&CASES).check(n, later);
    }
}

#[test]
fn the_state_at_the_edges_of_a_stream_is_right() {
    for case in CASES.iter() {
        let messages = case.places.len();
        // the first and the last message, the ends of files, and the rows around state frames
        let edges = (1..messages).filter(|&n| case.whole[case.places[n]].begins_recording);
        let frames = [49_151, 49_152, 49_153, 98_304].into_iter().filter(|&n| n < messages);
        for n in edges.chain(frames).chain([0, 1, messages - 1, messages]).collect::<Vec<_>>() {
            let state = case.served.state(StreamSeq(n as u64), StateRequest::Orders).unwrap();
            let (place, now) = match case.places.get(n) {
                Some(&place) => (place, case.whole[place].at),
                None => (case.places[n - 1] + 1, case.whole[case.places[n - 1]].at),
            };
            let mut known = Known::default();
            case.whole[..place].iter().for_each(|received| known.receive(received));
            if case.whole.get(place).is_some_and(|received| n < messages && received.begins_recording) {
                known.begin_recording();
            }
            assert_same(&Known::of(&state, now), &known.at(now), &format!("{} at {n}", case.name));
        }
        assert!(
            case.served.state(StreamSeq(messages as u64 + 1), StateRequest::Orders).is_err(),
            "{}",
            case.name
        );
    }
}

#[test]
fn the_candles_of_these_clients_are_the_emitted_ones() {
    let case = &CASES[0];
    let candles =
        case.whole.iter().enumerate().filter_map(|(index, received)| match received.message?.event {
            Event::MarketData(candle) => Some((index, received.at, candle)),
            _ => None,
        });
    let mut checked = 0;
    for (index, at, candle) in candles.step_by(997) {
        // candles are the first messages of an instant
        let first = case.whole[..index].partition_point(|received| received.at < at);
        let mut known = Known::default();
        case.whole[..first].iter().for_each(|received| known.receive(received));
        let open = &known.candles[&(candle.symbol.to_string(), candle.interval.as_str())];
        let prices = [candle.open, candle.high, candle.low, candle.close].map(|price| price.units());
        assert_eq!((open.prices, open.volume), (prices, candle.volume));
        checked += 1;
    }
    assert!(checked > 5);
}

#[test]
fn archives_have_state_frames_and_say_how_many() {
    let info: serde_json::Value =
        serde_json::from_str(&FOLDER.ok(&["info", "day.parquet", "--json"])).unwrap();
    let (messages, frames) =
        (info["events"]["total"].as_u64().unwrap(), info["state_frames"].as_u64().unwrap());
    assert!(frames > 0);
    assert_eq!(frames, (messages - 1) / 49_152);
    FOLDER.ok(&["verify", "day.parquet"]);
}
