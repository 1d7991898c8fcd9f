//! Messages for people: one short line per message.

use std::{
    fmt::Write,
    io::{self, IsTerminal},
};

use tradesim_protocol::StateNotice;
use tradesim_schemas::{Envelope, Event, Message, Payload, ReadOptions, Symbol, TradeType, read};

use crate::output::safe;

/// Formats the lines, with or without colours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pretty {
    colours: bool,
}

const DIM: &str = "2";
const BOLD: &str = "1";
const GREEN: &str = "32";
const RED: &str = "31";
const CYAN: &str = "36";
const YELLOW: &str = "33";

impl Pretty {
    /// Uses colours on a terminal, unless `NO_COLOR` is set.
    pub(super) fn of_process() -> Pretty {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        Pretty { colours: io::stdout().is_terminal() && !unwanted }
    }

    /// Formats a message as one line. An invalid message is shown as its text.
    pub(super) fn line(self, text: &[u8]) -> String {
        match read(text, ReadOptions::default()) {
            Ok(message) => self.message(&message),
            Err(_) => safe(&String::from_utf8_lossy(text)).into_owned(),
        }
    }

    /// Formats a state of the market, one line for each book, candle and order.
    pub(super) fn state(self, state: &StateNotice) -> Vec<String> {
        let of_symbol = |symbol: &Symbol| self.paint(BOLD, &format!("{:<6}", safe(symbol.as_str())));
        let listed = match &state.open_orders {
            Some(list) if !list.complete => format!(", the last {} of them listed", list.orders.len()),
            _ => String::new(),
        };
        let period = state.period.as_deref().map(|period| format!("{}, ", safe(period))).unwrap_or_default();
        let (books, candles, orders) = (state.books.len(), state.candles.len(), state.orders);
        let mut lines = vec![format!(
            "state: {period}{books} books, {candles} open candles, {orders} open orders{listed}"
        )];
        lines.extend(state.books.iter().map(|book| {
            let message = Envelope { timestamp: book.timestamp, event: Event::OrderBook(*book) };
            self.line(message.to_json().as_bytes())
        }));
        lines.extend(state.candles.iter().map(|candle| {
            format!(
                "{:<15}  {} {} {} open {} high {} low {} close {} volume {} vwap {}",
                "",
                of_symbol(&candle.symbol),
                self.paint(YELLOW, "candle    "),
                candle.interval.as_str(),
                candle.open,
                candle.high,
                candle.low,
                candle.close,
                candle.volume,
                candle.vwap,
            )
        }));
        let orders = state.open_orders.iter().flat_map(|list| &list.orders);
        lines.extend(orders.map(|order| {
            format!("{} executed {}", self.line(order.message.to_json().as_bytes()), order.executed)
        }));
        lines
    }

    fn message(self, message: &Message<'_>) -> String {
        let time = message.timestamp.text();
        let time = std::str::from_utf8(&time[11..]).expect("a time is written in ASCII");
        let mut line = self.paint(DIM, time);
        let symbol = format!("{:<6}", safe(message.symbol()));
        let _ = write!(line, " {} ", self.paint(BOLD, &symbol));
        // writing to a string cannot fail
        let _ = match &message.payload {
            Payload::Trade(trade) => {
                let colour = if trade.trade_type == TradeType::Buy { GREEN } else { RED };
                let side = self.paint(colour, &format!("{:<4}", trade.trade_type.as_str()));
                write!(
                    line,
                    "trade      {side} {:>6} @ {:<9} {} {} {}",
                    trade.quantity.get(),
                    trade.price,
                    trade.status.as_str(),
                    trade.order_type.as_str(),
                    trade.exchange.as_str(),
                )
            }
            Payload::OrderBook(book) => write!(
                line,
                "{} {} x {} | {} x {} {}",
                self.paint(CYAN, "orderbook "),
                book.bid_price,
                book.bid_size.get(),
                book.ask_price,
                book.ask_size.get(),
                book.exchange.as_str(),
            ),
            Payload::MarketData(candle) => write!(
                line,
                "{} {} open {} high {} low {} close {} volume {} vwap {}",
                self.paint(YELLOW, "marketdata"),
                candle.interval.as_str(),
                candle.open,
                candle.high,
                candle.low,
                candle.close,
                candle.volume,
                candle.vwap,
            ),
        };
        line
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use tradesim_protocol::Notice;

    use super::Pretty;

    const TRADE: &[u8] = br#"{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.366511Z","payload":{"trade_id":"6ba7b810-9dad-41d1-80b4-00c04fd430c8","symbol":"AAPL","trade_type":"BUY","order_type":"LIMIT","price":"178.50","quantity":100,"timestamp":"2026-02-18T14:30:00.366511Z","exchange":"NASDAQ","trader_id":"TRD-00042","account_id":"ACC-0008","status":"NEW","correlation_id":null}}"#;

    #[test]
    fn a_trade_is_one_line() {
        let line = Pretty { colours: false }.line(TRADE);
        assert_eq!(line, "14:30:00.366511Z AAPL   trade      BUY     100 @ 178.50    NEW LIMIT NASDAQ");
        let coloured = Pretty { colours: true }.line(TRADE);
        assert!(coloured.contains("\u{1b}[32mBUY \u{1b}[0m"), "{coloured}");
    }

    #[test]
    fn a_state_is_a_line_for_each_of_its_parts() {
        let text = concat!(
            r#"{"notice":"state","books":[{"symbol":"AAPL","bid_price":"178.49","ask_price":"178.50","bid_size":300,"#,
            r#""ask_size":200,"spread":"0.01","mid_price":"178.495","timestamp":"2026-02-18T14:30:00.000000Z","#,
            r#""exchange":"NASDAQ"}],"candles":[{"symbol":"AAPL","interval":"15m","open":"178.40","high":"178.60","#,
            r#""low":"178.35","close":"178.49","volume":1200,"vwap":"178.4512"}],"period":"morning","orders":7,"#,
            r#""open_orders":[{"trade_id":"6ba7b810-9dad-41d1-80b4-00c04fd430c8","symbol":"AAPL","trade_type":"BUY","#,
            r#""order_type":"LIMIT","price":"178.50","quantity":100,"timestamp":"2026-02-18T14:30:00.366511Z","#,
            r#""exchange":"NASDAQ","trader_id":"TRD-00042","account_id":"ACC-0008","status":"NEW","#,
            r#""correlation_id":"corr-0000000000000001","executed":40}],"open_orders_complete":false}"#
        );
        let Ok(Some(Notice::State(state))) = Notice::parse(text) else { panic!("{text}") };
        let lines = [
            "state: morning, 1 books, 1 open candles, 7 open orders, the last 1 of them listed",
            "14:30:00.000000Z AAPL   orderbook  178.49 x 300 | 178.50 x 200 NASDAQ",
            "                 AAPL   candle     15m open 178.40 high 178.60 low 178.35 close 178.49 volume 1200 vwap 178.4512",
            "14:30:00.366511Z AAPL   trade      BUY     100 @ 178.50    NEW LIMIT NASDAQ executed 40",
        ];
        assert_eq!(Pretty { colours: false }.state(&state), lines);
    }

    #[test]
    fn invalid_messages_are_shown_as_escaped_text() {
        let pretty = Pretty { colours: true };
        assert_eq!(pretty.line(b"hello"), "hello");
        assert_eq!(pretty.line(b"a\x1b[2Jb\n"), "a\\u001b[2Jb\\u000a");
    }
}
