//! The bytes of a state, as archives store them (FORMAT.md, section 5.7). Numbers are little-endian.

use super::{Building, MarketState, SYMBOLS_MAX};
use crate::{Exchange, Interval, OrderBook, Price, Quantity, Symbol, Timestamp};

/// The first bytes. Their last number is the version.
const MAGIC: &[u8; 17] = b"tradesim-state/1\n";

/// The bit of a symbol's flags that says that it has a book. The bits above it are those of the candles, shortest first.
const HAS_BOOK: u8 = 1;

/// The bits that have a meaning.
const FLAGS: u8 = (HAS_BOOK << (Interval::ALL.len() + 1)) - 1;

impl MarketState {
    /// The limit of the length of [`MarketState::encode`].
    pub const ENCODED_BYTES_MAX: u64 = 2 << 20;

    /// Returns the state as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&(self.symbols.len() as u32).to_le_bytes());
        for state in &self.symbols {
            out.push(state.symbol.as_bytes().len() as u8);
            out.extend_from_slice(state.symbol.as_bytes());
            out.extend_from_slice(&state.open_orders.to_le_bytes());
            let has_candle =
                |flags, (at, candle): (usize, &Option<_>)| flags | u8::from(candle.is_some()) << (at + 1);
            let flags = u8::from(state.book.is_some()) * HAS_BOOK;
            out.push(state.candles.iter().enumerate().fold(flags, has_candle));
            if let Some((emitted, book)) = &state.book {
                let spread = book.ask_price.units() - book.bid_price.units();
                for value in [emitted.micros(), book.timestamp.micros(), book.bid_price.units(), spread] {
                    out.extend_from_slice(&value.to_le_bytes());
                }
                for size in [book.bid_size, book.ask_size] {
                    out.extend_from_slice(&size.get().to_le_bytes());
                }
                out.push(book.exchange as u8);
            }
            for candle in state.candles.iter().flatten() {
                for value in [candle.start, candle.open, candle.high, candle.low, candle.close] {
                    out.extend_from_slice(&value.to_le_bytes());
                }
                out.extend_from_slice(&candle.volume.to_le_bytes());
                out.extend_from_slice(&candle.notional.to_le_bytes());
            }
        }
        out
    }

    /// Returns true for bytes that begin as those of [`MarketState::encode`], whether or not they can be read.
    pub fn is_encoding(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads what [`MarketState::encode`] returned; `None` for anything else, such as a later version.
    pub fn decode(bytes: &[u8]) -> Option<MarketState> {
        let mut input = bytes.strip_prefix(MAGIC)?;
        let count = u32::from_le_bytes(take(&mut input)?) as usize;
        if count > SYMBOLS_MAX {
            return None;
        }
        let mut state = MarketState::new();
        for expected in 1..=count {
            let [len] = take(&mut input)?;
            let (name, rest) = input.split_at_checked(usize::from(len))?;
            input = rest;
            let symbol = Symbol::new(std::str::from_utf8(name).ok()?)?;
            let open_orders = u64::from_le_bytes(take(&mut input)?);
            let [flags] = take(&mut input)?;
            if flags & !FLAGS != 0 {
                return None;
            }
            let book = if flags & HAS_BOOK != 0 { Some(read_book(symbol, &mut input)?) } else { None };
            let mut candles = [None; Interval::ALL.len()];
            for (at, candle) in candles.iter_mut().enumerate() {
                if flags & HAS_BOOK << (at + 1) != 0 {
                    *candle = Some(read_candle(&mut input)?);
                }
            }
            let added = state.symbol(symbol)?;
            (added.book, added.candles, added.open_orders) = (book, candles, open_orders);
            // no symbol occurs twice
            if state.symbols.len() != expected {
                return None;
            }
        }
        input.is_empty().then_some(state)
    }
}

fn read_book(symbol: Symbol, input: &mut &[u8]) -> Option<(Timestamp, OrderBook)> {
    let emitted = Timestamp::from_micros(number(input)?)?;
    let timestamp = Timestamp::from_micros(number(input)?)?;
    let bid_price = Price::from_units(number(input)?)?;
    let ask_price = Price::from_units(bid_price.units().checked_add(number(input)?)?)?;
    let mut size = || Quantity::new(u32::from_le_bytes(take(input)?));
    let (bid_size, ask_size) = (size()?, size()?);
    let [exchange] = take(input)?;
    let book = OrderBook {
        symbol,
        bid_price,
        ask_price,
        bid_size,
        ask_size,
        // as an archive derives it; a foreign feed may state a book whose sides are crossed
        spread: ask_price.checked_sub(bid_price).unwrap_or_default(),
        mid_price: Price::mid(bid_price, ask_price),
        timestamp,
        exchange: *Exchange::ALL.get(usize::from(exchange))?,
    };
    Some((emitted, book))
}

fn read_candle(input: &mut &[u8]) -> Option<Building> {
    Some(Building {
        start: number(input)?,
        open: number(input)?,
        high: number(input)?,
        low: number(input)?,
        close: number(input)?,
        volume: u64::from_le_bytes(take(input)?),
        notional: u128::from_le_bytes(take(input)?),
    })
}

fn number(input: &mut &[u8]) -> Option<i64> {
    take(input).map(i64::from_le_bytes)
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(*taken)
}
