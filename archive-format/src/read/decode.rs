//! Converts Arrow arrays back to rows.

use std::cell::Cell;

use arrow_array::{
    Array, Decimal64Array, DictionaryArray, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray, types::Int32Type,
};
use arrow_buffer::BooleanBuffer;
use tradesim_schemas::{
    AccountId, CorrelationId, Envelope, Event, EventType, Exchange, Interval, MarketData, OrderBook,
    OrderRef, OrderType, Price, Quantity, Record, RecordSeq, Symbol, SymbolIds, Timestamp, Trade, TradeId,
    TradeStatus, TradeType, TraderId,
};

use crate::{Batch, Captured, Columns, Content, ids::IdTable, layout::Column, order_lag::OrderLags};

/// The reason for which a batch cannot be decoded. The caller adds the row group.
type Problem = String;

/// Decodes the rows of one batch of arrays.
///
/// The hashes have proven that these are the bytes that were written. The checks here ensure that the file of a defective
/// writer is not read as wrong events. `framed` are the rows that have a raw frame; the bytes of raw frames are left empty.
pub(super) fn decode(
    arrays: &RecordBatch,
    columns: Columns,
    framed: Option<&BooleanBuffer>,
    ids: &IdTable,
) -> Result<Batch, Problem> {
    let table = Table::new(arrays, columns, ids)?;
    let rows = arrays.num_rows();
    let mut lags = OrderLags::default();
    let mut batch = Batch { records: Vec::with_capacity(rows), captured: Vec::new() };
    if let Some(framed) = framed {
        table.captured_rows(framed, &mut lags, &mut batch)?;
    } else {
        for row in 0..rows {
            table.push(row, &mut lags, &mut batch.records).ok_or_else(|| table.invalid_column(row))?;
        }
    }
    Ok(batch)
}

/// The arrays of a batch, with texts already mapped to values.
///
/// A Parquet reader creates new dictionaries for every batch, so keys are valid only within a batch.
struct Table<'a> {
    kinds: Vec<Option<EventType>>,
    seq: &'a [i64],
    ts: &'a [i64],
    symbol: Texts<'a, Symbol>,
    /// The id functions of the symbols, in the dictionary's order, if there is one origin.
    symbol_ids: Vec<Option<SymbolIds>>,
    exchange: Texts<'a, Exchange>,
    payload_ts: &'a TimestampMicrosecondArray,
    trade_type: Texts<'a, TradeType>,
    order_type: Texts<'a, OrderType>,
    status: Texts<'a, TradeStatus>,
    trader_id: Texts<'a, TraderId>,
    account_id: Texts<'a, AccountId>,
    price: &'a [i64],
    quantity: &'a [i32],
    orders: &'a Int64Array,
    /// bid, spread
    book: [&'a [i64]; 2],
    sizes: [&'a [i32]; 2],
    interval: Texts<'a, Interval>,
    /// open, high, low, close, vwap
    candle: [&'a [i64]; 5],
    volume: &'a [i64],
    origin: Option<&'a [i32]>,
    stored: Option<(&'a FixedSizeBinaryArray, Texts<'a, CorrelationId>)>,
    captured: Option<(&'a TimestampMicrosecondArray, &'a Int32Array)>,
    ids: &'a IdTable,
    /// The column of the last invalid value.
    invalid_column: Cell<Column>,
}

impl<'a> Table<'a> {
    fn new(arrays: &'a RecordBatch, columns: Columns, ids: &'a IdTable) -> Result<Table<'a>, Problem> {
        let rows = arrays.num_rows();
        let event_type = Texts::<EventType>::new(arrays, Column::EventType, None)?;
        let kinds: Vec<Option<EventType>> = (0..rows).map(|row| event_type.optional(row)).collect();
        if kinds.iter().filter(|kind| kind.is_none()).count() != event_type.keys.null_count() {
            return Err("unknown event_type".to_owned());
        }
        let mask = |kind: EventType| BooleanBuffer::collect_bool(rows, |row| kinds[row] == Some(kind));
        let events = BooleanBuffer::collect_bool(rows, |row| kinds[row].is_some());
        let trades = mask(EventType::Trade);
        let books = mask(EventType::OrderBook);
        let candles = mask(EventType::MarketData);
        let symbol = Texts::new(arrays, Column::Symbol, Some(&events))?;
        let origin = match columns.origin {
            true => Some(array::<Int32Array>(arrays, Column::Origin, None)?.values().as_ref()),
            false => None,
        };
        let orders: &Int64Array = array(arrays, Column::OrderRef, None)?;
        let of_trades = orders
            .nulls()
            .map_or(trades.count_set_bits(), |orders| (orders.inner() & &trades).count_set_bits());
        if of_trades != rows - orders.null_count() {
            return Err("a row that is not a trade has an order_ref".to_owned());
        }
        Ok(Table {
            seq: array::<Int64Array>(arrays, Column::Seq, None)?.values(),
            ts: array::<TimestampMicrosecondArray>(arrays, Column::Ts, None)?.values(),
            symbol_ids: symbol.values.iter().map(|&symbol| ids.get(0, symbol?).copied()).collect(),
            symbol,
            exchange: Texts::new(arrays, Column::Exchange, Some(&events))?,
            payload_ts: array(arrays, Column::PayloadTs, None)?,
            trade_type: Texts::new(arrays, Column::TradeType, Some(&trades))?,
            order_type: Texts::new(arrays, Column::OrderType, Some(&trades))?,
            status: Texts::new(arrays, Column::Status, Some(&trades))?,
            trader_id: Texts::new(arrays, Column::TraderId, Some(&trades))?,
            account_id: Texts::new(arrays, Column::AccountId, Some(&trades))?,
            price: array::<Decimal64Array>(arrays, Column::Price, Some(&trades))?.values(),
            quantity: array::<Int32Array>(arrays, Column::Quantity, Some(&trades))?.values(),
            orders,
            book: [
                array::<Decimal64Array>(arrays, Column::BidPrice, Some(&books))?.values(),
                array::<Decimal64Array>(arrays, Column::Spread, Some(&books))?.values(),
            ],
            sizes: [
                array::<Int32Array>(arrays, Column::BidSize, Some(&books))?.values(),
                array::<Int32Array>(arrays, Column::AskSize, Some(&books))?.values(),
            ],
            interval: Texts::new(arrays, Column::Interval, Some(&candles))?,
            candle: [
                array::<Decimal64Array>(arrays, Column::Open, Some(&candles))?.values(),
                array::<Decimal64Array>(arrays, Column::High, Some(&candles))?.values(),
                array::<Decimal64Array>(arrays, Column::Low, Some(&candles))?.values(),
                array::<Decimal64Array>(arrays, Column::Close, Some(&candles))?.values(),
                array::<Decimal64Array>(arrays, Column::Vwap, Some(&candles))?.values(),
            ],
            volume: array::<Int64Array>(arrays, Column::Volume, Some(&candles))?.values(),
            origin,
            stored: match columns.stored_ids {
                true => Some((
                    array(arrays, Column::TradeId, None)?,
                    Texts::new(arrays, Column::CorrelationId, None)?,
                )),
                false => None,
            },
            captured: match columns.captured {
                true => Some((array(arrays, Column::Received, None)?, array(arrays, Column::Opcode, None)?)),
                false => None,
            },
            kinds,
            ids,
            invalid_column: Cell::new(Column::EventType),
        })
    }

    #[inline]
    fn seq(&self, row: usize) -> Option<RecordSeq> {
        u64::try_from(self.seq[row]).ok().map(RecordSeq).or_else(|| self.blame(Column::Seq))
    }

    #[inline]
    fn timestamp(&self, row: usize) -> Option<Timestamp> {
        Timestamp::from_micros(self.ts[row]).or_else(|| self.blame(Column::Ts))
    }

    #[inline]
    fn origin(&self, row: usize) -> Option<u16> {
        match self.origin {
            None => Some(0),
            Some(origin) => u16::try_from(origin[row]).ok().or_else(|| self.blame(Column::Origin)),
        }
    }

    /// Adds the record of a row.
    ///
    /// All fields are read before the record is created in its final place: a record is two cache lines, and returning it by
    /// value would copy it at every step.
    #[inline(always)]
    fn push(&self, row: usize, lags: &mut OrderLags, out: &mut Vec<Record>) -> Option<()> {
        let kind = self.kinds[row].or_else(|| self.blame(Column::EventType))?;
        let (seq, timestamp, origin) = (self.seq(row)?, self.timestamp(row)?, self.origin(row)?);
        let symbol = self.symbol.get(row).or_else(|| self.blame(Column::Symbol))?;
        let exchange = self.exchange.get(row).or_else(|| self.blame(Column::Exchange))?;
        let own_time = if self.payload_ts.is_valid(row) {
            Timestamp::from_micros(self.payload_ts.value(row)).or_else(|| self.blame(Column::PayloadTs))?
        } else {
            timestamp
        };
        match kind {
            EventType::Trade => {
                let (order, trade_id, correlation_id) = self.ids(row, symbol, origin, lags)?;
                let trade_type = self.trade_type.get(row).or_else(|| self.blame(Column::TradeType))?;
                let order_type = self.order_type.get(row).or_else(|| self.blame(Column::OrderType))?;
                let price = self.price(self.price, row, Column::Price)?;
                let quantity = self.shares(self.quantity, row, Column::Quantity)?;
                let trader_id = self.trader_id.get(row).or_else(|| self.blame(Column::TraderId))?;
                let account_id = self.account_id.get(row).or_else(|| self.blame(Column::AccountId))?;
                let status = self.status.get(row).or_else(|| self.blame(Column::Status))?;
                let event = Event::Trade(Trade {
                    trade_id,
                    symbol,
                    trade_type,
                    order_type,
                    price,
                    quantity,
                    timestamp: own_time,
                    exchange,
                    trader_id,
                    account_id,
                    status,
                    correlation_id,
                });
                out.push(Record { seq, origin, order, envelope: Envelope { timestamp, event } });
            }
            EventType::OrderBook => {
                let bid_price = self.price(self.book[0], row, Column::BidPrice)?;
                let spread = self.price(self.book[1], row, Column::Spread)?;
                let ask_price = Price::from_units(bid_price.units() + spread.units());
                let ask_price = ask_price.or_else(|| self.blame(Column::Spread))?;
                let bid_size = self.shares(self.sizes[0], row, Column::BidSize)?;
                let ask_size = self.shares(self.sizes[1], row, Column::AskSize)?;
                let event = Event::OrderBook(OrderBook {
                    symbol,
                    bid_price,
                    ask_price,
                    bid_size,
                    ask_size,
                    spread,
                    mid_price: Price::mid(bid_price, ask_price),
                    timestamp: own_time,
                    exchange,
                });
                out.push(Record { seq, origin, order: None, envelope: Envelope { timestamp, event } });
            }
            EventType::MarketData => {
                let candle = self.candle(row, symbol, exchange, own_time)?;
                let event = Event::MarketData(candle);
                out.push(Record { seq, origin, order: None, envelope: Envelope { timestamp, event } });
            }
        }
        Some(())
    }

    /// Reads a candle. Only one event in seventy is a candle.
    #[inline(never)]
    fn candle(
        &self,
        row: usize,
        symbol: Symbol,
        exchange: Exchange,
        timestamp: Timestamp,
    ) -> Option<MarketData> {
        let volume = u64::try_from(self.volume[row]).ok().filter(|&volume| volume > 0);
        Some(MarketData {
            symbol,
            open: self.price(self.candle[0], row, Column::Open)?,
            high: self.price(self.candle[1], row, Column::High)?,
            low: self.price(self.candle[2], row, Column::Low)?,
            close: self.price(self.candle[3], row, Column::Close)?,
            volume: volume.or_else(|| self.blame(Column::Volume))?,
            vwap: self.price(self.candle[4], row, Column::Vwap)?,
            timestamp,
            interval: self.interval.get(row).or_else(|| self.blame(Column::Interval))?,
            exchange,
        })
    }

    /// Returns the ids of a trade, derived or stored.
    #[inline(always)]
    fn ids(
        &self,
        row: usize,
        symbol: Symbol,
        origin: u16,
        lags: &mut OrderLags,
    ) -> Option<(Option<OrderRef>, TradeId, Option<CorrelationId>)> {
        if self.orders.is_valid(row) {
            let key = self.symbol.key(row);
            let order = lags.load(origin.into(), key, self.orders.value(row));
            let order = order.or_else(|| self.blame(Column::OrderRef))?;
            let ids = match self.origin {
                None => self.symbol_ids[key].as_ref(),
                Some(_) => self.ids.get(origin, symbol),
            };
            let ids = ids.or_else(|| self.blame(Column::Symbol))?;
            return Some((Some(order), ids.trade_id(order), Some(ids.correlation_id(order))));
        }
        let (trade_ids, correlation_ids) = self.stored.as_ref().or_else(|| self.blame(Column::OrderRef))?;
        let bytes: [u8; 16] = match trade_ids.is_valid(row) {
            true => trade_ids.value(row).try_into().ok().or_else(|| self.blame(Column::TradeId))?,
            false => return self.blame(Column::TradeId),
        };
        let trade_id = TradeId::from_bytes(bytes).or_else(|| self.blame(Column::TradeId))?;
        let correlation_id = match correlation_ids.keys.is_valid(row) {
            true => Some(correlation_ids.optional(row).or_else(|| self.blame(Column::CorrelationId))?),
            false => None,
        };
        Some((None, trade_id, correlation_id))
    }

    #[inline]
    fn price(&self, units: &[i64], row: usize, column: Column) -> Option<Price> {
        Price::from_units(units[row]).or_else(|| self.blame(column))
    }

    #[inline]
    fn shares(&self, shares: &[i32], row: usize, column: Column) -> Option<Quantity> {
        u32::try_from(shares[row]).ok().and_then(Quantity::new).or_else(|| self.blame(column))
    }

    /// Remembers the column of an invalid value. Functions return `None` without a text, which would cost more than the
    /// values.
    #[cold]
    fn blame<T>(&self, column: Column) -> Option<T> {
        self.invalid_column.set(column);
        None
    }

    #[cold]
    fn invalid_column(&self, row: usize) -> Problem {
        bad(row, self.invalid_column.get())
    }

    fn captured_rows(
        &self,
        framed: &BooleanBuffer,
        lags: &mut OrderLags,
        batch: &mut Batch,
    ) -> Result<(), Problem> {
        let (received, opcode) = self.captured.expect("the columns are present");
        for (row, framed) in framed.iter().enumerate() {
            let place = self.seq(row).zip(self.timestamp(row));
            let (seq, timestamp) = place.ok_or_else(|| self.invalid_column(row))?;
            let received = match received.is_valid(row) {
                true => Some(
                    Timestamp::from_micros(received.value(row)).ok_or_else(|| bad(row, Column::Received))?,
                ),
                false => None,
            };
            let opcode = match opcode.is_valid(row) {
                true => Some(u8::try_from(opcode.value(row)).map_err(|_| bad(row, Column::Opcode))?),
                false => None,
            };
            let stated = self.kinds[row].map(|_| self.push(row, lags, &mut batch.records));
            let content = if framed {
                // the columns of a raw frame are only for queries; if they do not form an event, there are only the bytes
                let record = stated.flatten().and_then(|()| batch.records.pop());
                let event = record.map(|record| record.envelope.event);
                Content::Raw { bytes: Vec::new(), event }
            } else {
                let stated = stated.ok_or_else(|| bad(row, Column::EventType))?;
                stated.ok_or_else(|| self.invalid_column(row))?;
                if received.is_none() && opcode.is_none() {
                    continue;
                }
                let record = batch.records.pop().expect("it was just added");
                if record.order.is_some() {
                    return Err(format!("row {row} of a batch is a captured event with an order_ref"));
                }
                Content::Event(record.envelope.event)
            };
            let at = u32::try_from(row).expect("a batch has few rows");
            batch.captured.push((at, Captured { seq, timestamp, received, opcode, content }));
        }
        Ok(())
    }
}

/// A dictionary column with its texts mapped to values.
struct Texts<'a, T> {
    keys: &'a Int32Array,
    values: Vec<Option<T>>,
}

impl<'a, T: Copy + ParseText> Texts<'a, T> {
    fn new(
        arrays: &'a RecordBatch,
        column: Column,
        present: Option<&BooleanBuffer>,
    ) -> Result<Texts<'a, T>, Problem> {
        let dictionary = array::<DictionaryArray<Int32Type>>(arrays, column, present)?;
        let texts = dictionary.values().as_any().downcast_ref::<StringArray>();
        let texts = texts.ok_or_else(|| format!("column `{}` does not contain texts", column.name()))?;
        let mut values: Vec<Option<T>> =
            texts.iter().map(|text| text.and_then(|text| T::parse_text(text))).collect();
        if values.is_empty() {
            values.push(None);
        }
        Ok(Texts { keys: dictionary.keys(), values })
    }

    /// Returns the key of a row, in range even for a null.
    #[inline]
    fn key(&self, row: usize) -> usize {
        (self.keys.values()[row] as usize).min(self.values.len() - 1)
    }

    /// Returns the value of a row that is not null.
    #[inline]
    fn get(&self, row: usize) -> Option<T> {
        self.values[self.key(row)]
    }

    #[inline]
    fn optional(&self, row: usize) -> Option<T> {
        if self.keys.is_valid(row) { self.get(row) } else { None }
    }
}

/// A type that is stored as text.
trait ParseText: Sized {
    fn parse_text(text: &str) -> Option<Self>;
}

macro_rules! parse_text {
    ($($name:ident),+) => {
        $(impl ParseText for $name {
            fn parse_text(text: &str) -> Option<$name> {
                $name::parse(text.as_bytes())
            }
        })+
    };
}

parse_text!(
    AccountId,
    CorrelationId,
    EventType,
    Exchange,
    Interval,
    OrderType,
    TradeStatus,
    TradeType,
    TraderId
);

impl ParseText for Symbol {
    fn parse_text(text: &str) -> Option<Symbol> {
        Symbol::new(text)
    }
}

/// Returns a column by name and type. If `present` is given, exactly these rows must have values.
fn array<'a, A: Array + 'static>(
    arrays: &'a RecordBatch,
    column: Column,
    present: Option<&BooleanBuffer>,
) -> Result<&'a A, Problem> {
    let name = column.name();
    let array = arrays.column_by_name(name).ok_or_else(|| format!("column `{name}` is missing"))?;
    let array =
        array.as_any().downcast_ref::<A>().ok_or_else(|| format!("column `{name}` has the wrong type"))?;
    if let Some(present) = present {
        let same = match array.nulls() {
            Some(nulls) => nulls.inner() == present,
            None => present.count_set_bits() == present.len(),
        };
        if !same {
            return Err(format!("column `{name}` has missing or unexpected values"));
        }
    }
    Ok(array)
}

#[cold]
fn bad(row: usize, column: Column) -> Problem {
    format!("row {row} of a batch has an invalid `{}`", column.name())
}
