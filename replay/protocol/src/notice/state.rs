//! The notice of the state of the market before a message.

use serde::{Deserialize, Serialize};
use tradesim_schemas::{Exchange, Interval, OpenCandle, OrderBook, Price, Quantity, Symbol, Timestamp};

use super::order::OrderLayout;

pub use super::order::{ORDERS_MAX, OrderList};

/// The state of the market before the next message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateNotice {
    /// The last book of each symbol.
    pub books: Vec<OrderBook>,
    /// The candles whose interval is not over.
    pub candles: Vec<OpenCandle>,
    /// The period of the trading day, such as `morning`; `None` if the source does not know it.
    pub period: Option<String>,
    /// The number of open orders.
    pub orders: u64,
    /// The open orders; `None` if the client did not request them.
    pub open_orders: Option<OrderList>,
}

/// The JSON layout of the notice, without its name.
#[derive(Serialize, Deserialize)]
pub(super) struct StateLayout {
    books: Vec<BookLayout>,
    candles: Vec<CandleLayout>,
    period: Option<String>,
    #[serde(default)]
    orders: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_orders: Option<Vec<OrderLayout>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    open_orders_complete: Option<bool>,
}

/// The payload of a book (contract, section 1.3), with its keys in order.
#[derive(Serialize, Deserialize)]
struct BookLayout {
    symbol: String,
    bid_price: String,
    ask_price: String,
    bid_size: u32,
    ask_size: u32,
    spread: String,
    mid_price: String,
    timestamp: String,
    exchange: String,
}

#[derive(Serialize, Deserialize)]
struct CandleLayout {
    symbol: String,
    interval: String,
    open: String,
    high: String,
    low: String,
    close: String,
    volume: u64,
    vwap: String,
}

impl StateLayout {
    /// Returns the layout of a notice.
    pub(super) fn of(notice: &StateNotice) -> StateLayout {
        let book = |book: &OrderBook| BookLayout {
            symbol: book.symbol.to_string(),
            bid_price: book.bid_price.to_string(),
            ask_price: book.ask_price.to_string(),
            bid_size: book.bid_size.get(),
            ask_size: book.ask_size.get(),
            spread: book.spread.to_string(),
            mid_price: book.mid_price.to_string(),
            timestamp: book.timestamp.to_string(),
            exchange: book.exchange.to_string(),
        };
        let candle = |candle: &OpenCandle| CandleLayout {
            symbol: candle.symbol.to_string(),
            interval: candle.interval.to_string(),
            open: candle.open.to_string(),
            high: candle.high.to_string(),
            low: candle.low.to_string(),
            close: candle.close.to_string(),
            volume: candle.volume,
            vwap: candle.vwap.to_string(),
        };
        StateLayout {
            books: notice.books.iter().map(book).collect(),
            candles: notice.candles.iter().map(candle).collect(),
            period: notice.period.clone(),
            orders: notice.orders,
            open_orders: notice
                .open_orders
                .as_ref()
                .map(|list| list.orders.iter().filter_map(OrderLayout::of).collect()),
            open_orders_complete: notice.open_orders.as_ref().map(|list| list.complete),
        }
    }

    /// Returns the notice; `None` if a value is not one of this version.
    pub(super) fn notice(self) -> Option<StateNotice> {
        Some(StateNotice {
            books: self.books.iter().map(BookLayout::book).collect::<Option<_>>()?,
            candles: self.candles.iter().map(CandleLayout::candle).collect::<Option<_>>()?,
            period: self.period,
            orders: self.orders,
            open_orders: match self.open_orders {
                Some(orders) => Some(OrderList {
                    orders: orders.iter().map(OrderLayout::order).collect::<Option<_>>()?,
                    complete: self.open_orders_complete.unwrap_or_default(),
                }),
                None => None,
            },
        })
    }
}

impl BookLayout {
    fn book(&self) -> Option<OrderBook> {
        Some(OrderBook {
            symbol: Symbol::new(&self.symbol)?,
            bid_price: price(&self.bid_price)?,
            ask_price: price(&self.ask_price)?,
            bid_size: Quantity::new(self.bid_size)?,
            ask_size: Quantity::new(self.ask_size)?,
            spread: price(&self.spread)?,
            mid_price: price(&self.mid_price)?,
            timestamp: Timestamp::parse(self.timestamp.as_bytes()).ok()?,
            exchange: Exchange::parse(self.exchange.as_bytes())?,
        })
    }
}

impl CandleLayout {
    fn candle(&self) -> Option<OpenCandle> {
        Some(OpenCandle {
            symbol: Symbol::new(&self.symbol)?,
            interval: Interval::parse(self.interval.as_bytes())?,
            open: price(&self.open)?,
            high: price(&self.high)?,
            low: price(&self.low)?,
            close: price(&self.close)?,
            volume: self.volume,
            vwap: price(&self.vwap)?,
        })
    }
}

pub(super) fn price(text: &str) -> Option<Price> {
    Price::parse(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tradesim_schemas::{
        Envelope, Event, MarketState,
        testing::{any_order_book, market_envelope},
    };

    use super::*;
    use crate::Notice;

    #[test]
    fn the_notice_is_that_of_the_protocol() {
        let price = |text: &str| Price::parse(text.as_bytes()).unwrap();
        let symbol = Symbol::new("AAPL").unwrap();
        let notice = Notice::State(StateNotice {
            books: vec![OrderBook {
                symbol,
                bid_price: price("178.49"),
                ask_price: price("178.50"),
                bid_size: Quantity::new(300).unwrap(),
                ask_size: Quantity::new(200).unwrap(),
                spread: price("0.01"),
                mid_price: price("178.495"),
                timestamp: Timestamp::parse(b"2026-02-18T14:30:00Z").unwrap(),
                exchange: Exchange::Nasdaq,
            }],
            candles: vec![OpenCandle {
                symbol,
                interval: Interval::FifteenMinutes,
                open: price("178.40"),
                high: price("178.60"),
                low: price("178.35"),
                close: price("178.49"),
                volume: 1_200,
                vwap: price("178.4512"),
            }],
            period: Some("opening_auction".to_owned()),
            orders: 7,
            open_orders: None,
        });
        let text = concat!(
            r#"{"notice":"state","books":[{"symbol":"AAPL","bid_price":"178.49","ask_price":"178.50","bid_size":300,"#,
            r#""ask_size":200,"spread":"0.01","mid_price":"178.495","timestamp":"2026-02-18T14:30:00.000000Z","#,
            r#""exchange":"NASDAQ"}],"candles":[{"symbol":"AAPL","interval":"15m","open":"178.40","high":"178.60","#,
            r#""low":"178.35","close":"178.49","volume":1200,"vwap":"178.4512"}],"period":"opening_auction","orders":7}"#
        );
        assert_eq!(notice.text(), text);
        assert_eq!(Notice::parse(text), Ok(Some(notice)));
        // a later version may add values, which are then skipped as a whole
        assert_eq!(Notice::parse(&text.replace("15m", "2h")), Ok(None));
        assert_eq!(Notice::parse(r#"{"notice":"state","books":7}"#), Ok(None));
        let empty = Notice::State(StateNotice::default());
        assert_eq!(
            Notice::parse(r#"{"notice":"state","books":[],"candles":[],"period":null}"#),
            Ok(Some(empty))
        );
    }

    proptest! {
        #[test]
        fn a_book_is_written_as_in_its_message(book in any_order_book()) {
            let message = Envelope { timestamp: book.timestamp, event: Event::OrderBook(book) }.to_json();
            let notice = StateNotice { books: vec![book], ..StateNotice::default() };
            let text = Notice::State(notice).text();
            let payload = text.split_once("\"books\":[").unwrap().1.split_once("],\"candles\"").unwrap().0;
            prop_assert!(message.ends_with(&format!("\"payload\":{payload}}}")), "{} {}", message, payload);
        }

        #[test]
        fn a_state_is_read_as_it_was_written(messages in prop::collection::vec(market_envelope(), 0..20)) {
            let mut market = MarketState::new();
            messages.iter().for_each(|message| market.push(message));
            let view = market.view(Timestamp::MIN);
            let books = view.books.iter().filter_map(|message| match message.event {
                Event::OrderBook(book) => Some(book),
                _ => None,
            });
            let notice = Notice::State(StateNotice {
                books: books.collect(),
                candles: view.candles,
                period: None,
                orders: view.open_orders.iter().map(|(_, orders)| orders).sum(),
                open_orders: None,
            });
            prop_assert_eq!(Notice::parse(&notice.text()), Ok(Some(notice)));
        }
    }
}
