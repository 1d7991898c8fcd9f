//! Records of DBN version 3. All numbers are little-endian.

use tradesim_schemas::{MarketData, OrderBook, OrderType, Price, Symbol, Timestamp, Trade, TradeType};

/// A time that is not defined.
const UNDEFINED_TIME: u64 = u64::MAX;

/// A price that is not defined.
const UNDEFINED_PRICE: i64 = i64::MAX;

/// The length of a symbol's field, with the zero at its end.
const SYMBOL_LEN: usize = 71;

/// The code of symbols as their exchange writes them.
const RAW_SYMBOL: u8 = 1;

/// The last record of an event.
const FLAG_LAST: u8 = 1 << 7;

/// A record of the top of the book.
const FLAG_TOP_OF_BOOK: u8 = 1 << 6;

/// The types of records.
mod rtype {
    pub(super) const TRADE: u8 = 0;
    pub(super) const MBP_1: u8 = 1;
    pub(super) const ERROR: u8 = 21;
    pub(super) const SYMBOL_MAPPING: u8 = 22;
    pub(super) const SYSTEM: u8 = 23;
}

/// The length of an interval, as the type of its candles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum CandleType {
    Minute = 33,
    Hour = 34,
    Day = 35,
}

/// A message of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum SystemCode {
    Heartbeat = 0,
    Subscribed = 1,
    SlowReader = 2,
}

/// The header of a record, but for its length and its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) publisher: u16,
    pub(super) instrument: u32,
    pub(super) at: Timestamp,
}

/// Writes one record, and checks its length.
struct Record<'a> {
    out: &'a mut Vec<u8>,
    end: usize,
}

impl Record<'_> {
    /// Begins a record of `len` bytes.
    fn new(len: usize, rtype: u8, publisher: u16, instrument: u32, ns: u64, out: &mut Vec<u8>) -> Record<'_> {
        debug_assert!(len.is_multiple_of(4) && len / 4 <= usize::from(u8::MAX));
        let end = out.len() + len;
        out.extend_from_slice(&[(len / 4) as u8, rtype]);
        out.extend_from_slice(&publisher.to_le_bytes());
        out.extend_from_slice(&instrument.to_le_bytes());
        out.extend_from_slice(&ns.to_le_bytes());
        Record { out, end }
    }

    fn event(len: usize, rtype: u8, header: Header, out: &mut Vec<u8>) -> Record<'_> {
        Record::new(len, rtype, header.publisher, header.instrument, nanos(header.at), out)
    }

    /// Begins a record of the gateway itself, which does not have a time here: only the market's clock is known.
    fn gateway(len: usize, rtype: u8, instrument: u32, out: &mut Vec<u8>) -> Record<'_> {
        Record::new(len, rtype, 0, instrument, UNDEFINED_TIME, out)
    }

    fn bytes(self, bytes: &[u8]) -> Self {
        self.out.extend_from_slice(bytes);
        self
    }

    fn u32(self, value: u32) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    fn price(self, price: Price) -> Self {
        self.bytes(&nanos_of_price(price).to_le_bytes())
    }

    /// Adds a text of a fixed length, cut off if necessary, with at least one zero at its end.
    fn text(self, text: &str, len: usize) -> Self {
        let mut cut = text.len().min(len - 1);
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        self.out.extend_from_slice(&text.as_bytes()[..cut]);
        self.out.resize(self.out.len() + len - cut, 0);
        self
    }

    fn finish(self) {
        debug_assert_eq!(self.out.len(), self.end);
    }
}

/// Returns a price in units of 10⁻⁹: exact, and below 2⁶³ for every price.
fn nanos_of_price(price: Price) -> i64 {
    price.units() * 100_000
}

/// Returns nanoseconds since the epoch. Times before it and after the year 2554 are the nearest that can be written.
fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.micros()).unwrap_or(0).saturating_mul(1_000).min(UNDEFINED_TIME - 1)
}

/// Appends the metadata at the start of the records of a live session.
pub(super) fn metadata(dataset: &str, out: &mut Vec<u8>) {
    const DATASET_LEN: usize = 16;
    const RESERVED: usize = 53;
    // after the first 8 bytes: the fields up to the reserved bytes, and five counts of lists that are empty
    const LEN: u32 = 120;
    const MIXED_SCHEMAS: u16 = u16::MAX;
    const MIXED_SYMBOLS: u8 = u8::MAX;
    const INSTRUMENT_ID: u8 = 0;
    let start = out.len();
    out.extend_from_slice(b"DBN\x03");
    out.extend_from_slice(&LEN.to_le_bytes());
    let mut name = [0; DATASET_LEN];
    let len = dataset.len().min(DATASET_LEN);
    name[..len].copy_from_slice(&dataset.as_bytes()[..len]);
    out.extend_from_slice(&name);
    out.extend_from_slice(&MIXED_SCHEMAS.to_le_bytes());
    // from, to, limit: none
    out.extend_from_slice(&0_u64.to_le_bytes());
    out.extend_from_slice(&u64::MAX.to_le_bytes());
    out.extend_from_slice(&0_u64.to_le_bytes());
    // the last: no time of sending behind each record
    out.extend_from_slice(&[MIXED_SYMBOLS, INSTRUMENT_ID, 0]);
    out.extend_from_slice(&(SYMBOL_LEN as u16).to_le_bytes());
    out.resize(out.len() + RESERVED, 0);
    // the lengths of a schema definition and of the lists of symbols
    out.resize(out.len() + 5 * size_of::<u32>(), 0);
    debug_assert_eq!(out.len() - start, 8 + LEN as usize);
}

/// Appends the mapping of an instrument id to its symbol.
pub(super) fn symbol_mapping(symbol: Symbol, instrument: u32, out: &mut Vec<u8>) {
    Record::gateway(176, rtype::SYMBOL_MAPPING, instrument, out)
        .bytes(&[RAW_SYMBOL])
        .text(symbol.as_str(), SYMBOL_LEN)
        .bytes(&[RAW_SYMBOL])
        .text(symbol.as_str(), SYMBOL_LEN)
        .u64(UNDEFINED_TIME)
        .u64(UNDEFINED_TIME)
        .finish();
}

/// Appends a message of the gateway.
pub(super) fn system(code: SystemCode, text: &str, out: &mut Vec<u8>) {
    Record::gateway(320, rtype::SYSTEM, 0, out).text(text, 303).bytes(&[code as u8]).finish();
}

/// Appends an error, after which the gateway closes the connection.
pub(super) fn error(text: &str, out: &mut Vec<u8>) {
    const UNKNOWN_CODE: u8 = u8::MAX;
    const IS_LAST: u8 = 1;
    Record::gateway(320, rtype::ERROR, 0, out).text(text, 302).bytes(&[UNKNOWN_CODE, IS_LAST]).finish();
}

/// Appends an execution, as schema `trades` has it.
pub(super) fn trade(trade: &Trade, header: Header, sequence: u32, out: &mut Vec<u8>) {
    execution(Record::event(48, rtype::TRADE, header, out), trade, header, sequence).finish();
}

/// Appends an execution with the book before it, as `tbbo` and `mbp-1` have it.
pub(super) fn trade_with_book(
    trade: &Trade,
    book: Option<&OrderBook>,
    header: Header,
    sequence: u32,
    out: &mut Vec<u8>,
) {
    let record = execution(Record::event(80, rtype::MBP_1, header, out), trade, header, sequence);
    level(record, book).finish();
}

fn execution<'a>(record: Record<'a>, trade: &Trade, header: Header, sequence: u32) -> Record<'a> {
    // only of an order that takes what is there is it known who the aggressor was
    let side = match (trade.order_type, trade.trade_type) {
        (OrderType::Market, TradeType::Buy) => b'B',
        (OrderType::Market, TradeType::Sell) => b'A',
        _ => b'N',
    };
    let record = record.price(trade.price).u32(trade.quantity.get());
    reception(record.bytes(&[b'T', side, FLAG_LAST, 0]), header, sequence)
}

/// Appends a snapshot, as `mbp-1` has it.
pub(super) fn quote(book: &OrderBook, header: Header, sequence: u32, out: &mut Vec<u8>) {
    let record = Record::event(80, rtype::MBP_1, header, out)
        .bytes(&UNDEFINED_PRICE.to_le_bytes())
        .u32(0)
        .bytes(&[b'M', b'N', FLAG_LAST | FLAG_TOP_OF_BOOK, 0]);
    level(reception(record, header, sequence), Some(book)).finish();
}

/// Adds the time of reception, the delay before it and the number of the message.
fn reception(record: Record<'_>, header: Header, sequence: u32) -> Record<'_> {
    record.u64(nanos(header.at)).u32(0).u32(sequence)
}

/// Adds the best prices, their sizes and the number of orders at each, which is not known: 1.
fn level<'a>(record: Record<'a>, book: Option<&OrderBook>) -> Record<'a> {
    match book {
        Some(book) => record
            .price(book.bid_price)
            .price(book.ask_price)
            .u32(book.bid_size.get())
            .u32(book.ask_size.get())
            .u32(1)
            .u32(1),
        None => {
            record.bytes(&UNDEFINED_PRICE.to_le_bytes()).bytes(&UNDEFINED_PRICE.to_le_bytes()).bytes(&[0; 16])
        }
    }
}

/// Appends a candle.
pub(super) fn candle(candle: &MarketData, kind: CandleType, header: Header, out: &mut Vec<u8>) {
    Record::event(56, kind as u8, header, out)
        .price(candle.open)
        .price(candle.high)
        .price(candle.low)
        .price(candle.close)
        .u64(candle.volume)
        .finish();
}
