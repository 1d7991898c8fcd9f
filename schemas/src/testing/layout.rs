//! Messages in other layouts than ours: valid texts that another program may send for the same event.

use proptest::prelude::*;

use super::any_envelope;
use crate::{Envelope, Event, MarketData, OrderBook, Price, Timestamp, Trade};

/// A JSON text as a tree that preserves the order of keys, duplicate keys and the spelling of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants are JSON's")]
pub enum Json {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// A finite list of numbers that decides the free choices of a text. After its end, every choice is the first option.
#[derive(Clone, Debug)]
pub struct Noise {
    numbers: Vec<u16>,
    at: usize,
}

impl Noise {
    /// Creates the noise of these numbers.
    pub fn new(numbers: Vec<u16>) -> Noise {
        Noise { numbers, at: 0 }
    }

    /// Returns a number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        let number = self.numbers.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(number) % count
    }

    /// Returns a strategy for any noise.
    pub fn any() -> impl Strategy<Value = Noise> {
        prop::collection::vec(any::<u16>(), 0..160).prop_map(Noise::new)
    }
}

/// Returns a strategy for an envelope, its text in another layout (keys in any order, white space, escapes, other
/// spellings of times and integers, unknown payload keys), and the number of unknown keys.
pub fn foreign_text() -> impl Strategy<Value = (Envelope, String, u32)> {
    (any_envelope(), Noise::any()).prop_map(|(envelope, mut noise)| {
        let mut members = envelope_members(&envelope, &mut noise);
        let unknown = noise.below(3);
        let Some((_, Json::Object(payload))) = members.iter_mut().find(|(key, _)| key == "payload") else {
            unreachable!("an envelope has a payload");
        };
        for number in 0..unknown {
            payload.push((format!("x{number} \"é\u{1f600}"), any_json(&mut noise, 3)));
        }
        shuffle(payload, &mut noise);
        shuffle(&mut members, &mut noise);
        let mut text = String::new();
        Json::Object(members).write(&mut noise, &mut text);
        space(&mut noise, &mut text);
        (envelope, text, unknown as u32)
    })
}

/// Returns the members of an envelope in the contract's order. The noise decides the spelling of times and integers.
pub(super) fn envelope_members(envelope: &Envelope, noise: &mut Noise) -> Vec<(String, Json)> {
    let payload = match &envelope.event {
        Event::Trade(trade) => trade_members(trade, noise),
        Event::OrderBook(book) => order_book_members(book, noise),
        Event::MarketData(candle) => market_data_members(candle, noise),
    };
    named([
        ("schema_version", integer(1, noise)),
        ("event_type", string(envelope.event_type())),
        ("timestamp", time(envelope.timestamp, noise)),
        ("payload", Json::Object(payload)),
    ])
}

fn trade_members(trade: &Trade, noise: &mut Noise) -> Vec<(String, Json)> {
    named([
        ("trade_id", string(trade.trade_id)),
        ("symbol", string(trade.symbol)),
        ("trade_type", string(trade.trade_type)),
        ("order_type", string(trade.order_type)),
        ("price", price(trade.price, noise)),
        ("quantity", integer(u64::from(trade.quantity.get()), noise)),
        ("timestamp", time(trade.timestamp, noise)),
        ("exchange", string(trade.exchange)),
        ("trader_id", string(trade.trader_id)),
        ("account_id", string(trade.account_id)),
        ("status", string(trade.status)),
        ("correlation_id", trade.correlation_id.map_or(Json::Null, string)),
    ])
}

fn order_book_members(book: &OrderBook, noise: &mut Noise) -> Vec<(String, Json)> {
    named([
        ("symbol", string(book.symbol)),
        ("bid_price", price(book.bid_price, noise)),
        ("ask_price", price(book.ask_price, noise)),
        ("bid_size", integer(u64::from(book.bid_size.get()), noise)),
        ("ask_size", integer(u64::from(book.ask_size.get()), noise)),
        ("spread", price(book.spread, noise)),
        ("mid_price", price(book.mid_price, noise)),
        ("timestamp", time(book.timestamp, noise)),
        ("exchange", string(book.exchange)),
    ])
}

fn market_data_members(candle: &MarketData, noise: &mut Noise) -> Vec<(String, Json)> {
    named([
        ("symbol", string(candle.symbol)),
        ("open", price(candle.open, noise)),
        ("high", price(candle.high, noise)),
        ("low", price(candle.low, noise)),
        ("close", price(candle.close, noise)),
        ("volume", integer(candle.volume, noise)),
        ("vwap", price(candle.vwap, noise)),
        ("timestamp", time(candle.timestamp, noise)),
        ("interval", string(candle.interval)),
        ("exchange", string(candle.exchange)),
    ])
}

fn named<const N: usize>(members: [(&str, Json); N]) -> Vec<(String, Json)> {
    members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn string(value: impl ToString) -> Json {
    Json::String(value.to_string())
}

/// Returns the shortest text or a longer one of at most four decimals.
fn price(price: Price, noise: &mut Noise) -> Json {
    let mut text = price.to_string();
    let decimals = text.len() - text.find('.').expect("prices have a point") - 1;
    for _ in 0..noise.below(5 - decimals) {
        text.push('0');
    }
    Json::String(text)
}

/// Returns one of the spellings of an integer. Above 2⁵³ only the plain one: others become floats in serde_json, the judge
/// of the differential tests.
fn integer(value: u64, noise: &mut Noise) -> Json {
    let spelling = if value < 1 << 53 { noise.below(8) } else { 0 };
    Json::Number(match spelling {
        4 => format!("{value}.0"),
        5 => format!("{value}e0"),
        6 => format!("{value}00.000E-2"),
        7 if value.is_multiple_of(10) => format!("{}e+1", value / 10),
        _ => value.to_string(),
    })
}

/// Returns one of the spellings of a time.
fn time(timestamp: Timestamp, noise: &mut Noise) -> Json {
    let text = timestamp.to_string();
    let mut text = text.trim_end_matches('Z');
    if noise.below(2) == 1 {
        // the point stops the trimming of zeros
        text = text.trim_end_matches('0').trim_end_matches('.');
    }
    let zone = ["Z", "+00:00"][noise.below(2)];
    Json::String(format!("{text}{zone}"))
}

/// Returns any small JSON value.
pub(super) fn any_json(noise: &mut Noise, depth: usize) -> Json {
    match noise.below(if depth == 0 { 5 } else { 7 }) {
        0 => Json::Null,
        1 => Json::Bool(true),
        2 => Json::Number(["0", "-0", "-1", "1.5", "1e3", "2E-2"][noise.below(6)].to_owned()),
        3 => Json::String(
            ["", "x", "\"\\/", "\u{0}\u{1f}\u{7f}", "1.00", "é\u{1f600}"][noise.below(6)].to_owned(),
        ),
        4 => Json::Bool(false),
        5 => Json::Array((0..noise.below(4)).map(|_| any_json(noise, depth - 1)).collect()),
        _ => Json::Object(
            (0..noise.below(4)).map(|key| (format!("k{key}"), any_json(noise, depth - 1))).collect(),
        ),
    }
}

pub(super) fn shuffle<T>(items: &mut [T], noise: &mut Noise) {
    for last in (1..items.len()).rev() {
        // no noise, no change
        items.swap(last, last - noise.below(last + 1));
    }
}

fn space(noise: &mut Noise, out: &mut String) {
    out.push_str(["", "", "", "", " ", "\n\t", " \r\n  "][noise.below(7)]);
}

impl Json {
    /// Appends the text. The noise decides white space and escapes.
    pub fn write(&self, noise: &mut Noise, out: &mut String) {
        space(noise, out);
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(&value.to_string()),
            Json::Number(text) => out.push_str(text),
            Json::String(text) => write_string(text, noise, out),
            Json::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(noise, out);
                }
                space(noise, out);
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                for (index, (key, value)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    space(noise, out);
                    write_string(key, noise, out);
                    space(noise, out);
                    out.push(':');
                    value.write(noise, out);
                }
                space(noise, out);
                out.push('}');
            }
        }
    }
}

/// Writes a string, sometimes with an unnecessary escape.
fn write_string(text: &str, noise: &mut Noise, out: &mut String) {
    let escaped = noise.below(4) == 3;
    out.push('"');
    for (index, character) in text.chars().enumerate() {
        match character {
            '/' if escaped => out.push_str("\\/"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            _ if character < ' ' || escaped && index % 3 == 0 => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let hex = format!("{unit:04x}");
                    out.push_str("\\u");
                    out.push_str(&if index % 2 == 0 { hex.to_uppercase() } else { hex });
                }
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
