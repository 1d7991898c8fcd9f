//! From rows to Arrow arrays, column by column.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, Decimal64Array, DictionaryArray, FixedSizeBinaryBuilder, Int32Array,
        Int64Array, StringArray, TimestampMicrosecondArray, UInt16Array,
    },
    buffer::{BooleanBuffer, NullBuffer, ScalarBuffer},
    datatypes::UInt16Type,
};
use tradesim_schemas::{
    Event, EventType, Exchange, Interval, MarketData, OrderBook, OrderType, Price, Trade, TradeStatus,
    TradeType,
};

use crate::{
    ids::SymbolIndex,
    layout::Column,
    order_lag::OrderLags,
    row::{Batch, Captured, RowRef},
};

/// Rows of one array each: few enough for a chunk to stay in the second-level cache. Part of the format: order references
/// count from the beginning of such a block.
pub(crate) const CHUNK_ROWS: usize = 8_192;

/// At most [`CHUNK_ROWS`] rows, and which of them have which type.
#[derive(Debug)]
pub(crate) struct Chunk {
    batch: Batch,
    /// Rows with an event; `None` if all have one.
    events: Option<NullBuffer>,
    trades: NullBuffer,
    books: NullBuffer,
    candles: NullBuffer,
}

impl Chunk {
    pub(crate) fn new(batch: Batch) -> Chunk {
        let kinds = batch.map(|row| row.event().map_or(u8::MAX, |event| event.event_type() as u8));
        let mask = |kind: EventType| {
            NullBuffer::new(BooleanBuffer::collect_bool(kinds.len(), |row| kinds[row] == kind as u8))
        };
        let events = batch
            .has_captured()
            .then(|| NullBuffer::new(BooleanBuffer::collect_bool(kinds.len(), |row| kinds[row] != u8::MAX)));
        Chunk {
            events,
            trades: mask(EventType::Trade),
            books: mask(EventType::OrderBook),
            candles: mask(EventType::MarketData),
            batch,
        }
    }

    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }
}

/// Builds the arrays of some columns.
pub(crate) struct ArrayBuilder {
    event_types: ArrayRef,
    exchanges: ArrayRef,
    trade_types: ArrayRef,
    order_types: ArrayRef,
    statuses: ArrayRef,
    intervals: ArrayRef,
    symbols: SymbolIndex,
    symbol_codes: Codes,
    trader_codes: Codes,
    account_codes: Codes,
}

impl ArrayBuilder {
    pub(crate) fn new() -> ArrayBuilder {
        fn texts<T: Copy>(values: &[T], text: impl Fn(T) -> &'static str) -> ArrayRef {
            Arc::new(StringArray::from_iter_values(values.iter().map(|&value| text(value))))
        }
        ArrayBuilder {
            event_types: texts(EventType::ALL, EventType::as_str),
            exchanges: texts(Exchange::ALL, Exchange::as_str),
            trade_types: texts(TradeType::ALL, TradeType::as_str),
            order_types: texts(OrderType::ALL, OrderType::as_str),
            statuses: texts(TradeStatus::ALL, TradeStatus::as_str),
            intervals: texts(Interval::ALL, Interval::as_str),
            symbols: SymbolIndex::new(),
            symbol_codes: Codes::default(),
            trader_codes: Codes::default(),
            account_codes: Codes::default(),
        }
    }

    /// The array of one column.
    pub(crate) fn array(&mut self, column: Column, chunk: &Chunk) -> ArrayRef {
        let batch = &chunk.batch;
        match column {
            Column::Seq => Arc::new(Int64Array::from(batch.map(|row| row.seq() as i64))),
            Column::Ts => times(batch.map(|row| row.timestamp().micros()), None),
            Column::EventType => {
                let codes = batch.map(|row| row.event().map_or(0, |event| event.event_type() as u16));
                dictionary(codes, chunk.events.clone(), &self.event_types)
            }
            Column::Symbol => self.symbols(chunk),
            Column::Exchange => {
                let codes = batch.map(|row| row.event().map_or(0, |event| exchange(event) as u16));
                dictionary(codes, chunk.events.clone(), &self.exchanges)
            }
            Column::PayloadTs => {
                let (values, nulls) = optional(batch, 0, |row| {
                    let own = payload_timestamp(row.event()?);
                    (own != row.timestamp()).then_some(own.micros())
                });
                times(values, Some(nulls))
            }
            Column::TradeType => {
                dictionary(trades(batch, |t| t.trade_type as u16), chunk.trades(), &self.trade_types)
            }
            Column::OrderType => {
                dictionary(trades(batch, |t| t.order_type as u16), chunk.trades(), &self.order_types)
            }
            Column::Status => dictionary(trades(batch, |t| t.status as u16), chunk.trades(), &self.statuses),
            Column::TraderId => self.traders(chunk),
            Column::AccountId => self.accounts(chunk),
            Column::Price => prices(trades(batch, |t| units(t.price)), &chunk.trades),
            Column::Quantity => ints(trades(batch, |t| t.quantity.get() as i32), &chunk.trades),
            Column::OrderRef => self.order_refs(batch),
            Column::BidPrice => prices(books(batch, |b| units(b.bid_price)), &chunk.books),
            Column::Spread => {
                let spread = |b: &OrderBook| units(b.ask_price) - units(b.bid_price);
                prices(books(batch, spread), &chunk.books)
            }
            Column::BidSize => ints(books(batch, |b| b.bid_size.get() as i32), &chunk.books),
            Column::AskSize => ints(books(batch, |b| b.ask_size.get() as i32), &chunk.books),
            Column::Interval => dictionary(
                candles(batch, |c| c.interval as u16),
                Some(chunk.candles.clone()),
                &self.intervals,
            ),
            Column::Open => prices(candles(batch, |c| units(c.open)), &chunk.candles),
            Column::High => prices(candles(batch, |c| units(c.high)), &chunk.candles),
            Column::Low => prices(candles(batch, |c| units(c.low)), &chunk.candles),
            Column::Close => prices(candles(batch, |c| units(c.close)), &chunk.candles),
            Column::Vwap => prices(candles(batch, |c| units(c.vwap)), &chunk.candles),
            Column::Volume => Arc::new(Int64Array::new(
                ScalarBuffer::from(candles(batch, |c| c.volume as i64)),
                Some(chunk.candles.clone()),
            )),
            Column::Origin => Arc::new(Int32Array::from(batch.map(|row| i32::from(row.origin())))),
            Column::TradeId => trade_ids(batch),
            Column::CorrelationId => correlation_ids(batch),
            Column::Raw => Arc::new(BinaryArray::from_iter(batch.rows().map(RowRef::raw))),
            Column::Received => {
                let (values, nulls) = optional(batch, 0, |row| Some(captured(row)?.received?.micros()));
                times(values, Some(nulls))
            }
            Column::Opcode => {
                let (values, nulls) = optional(batch, 0, |row| captured(row)?.opcode.map(i32::from));
                Arc::new(Int32Array::new(ScalarBuffer::from(values), Some(nulls)))
            }
        }
    }

    fn order_refs(&mut self, batch: &Batch) -> ArrayRef {
        let mut lags = OrderLags::default();
        let mut present = arrow::array::BooleanBufferBuilder::new(batch.len());
        let mut values = Vec::with_capacity(batch.len());
        for row in batch.rows() {
            let order = row.order().zip(row.event());
            present.append(order.is_some());
            values.push(order.map_or(0, |(order, event)| {
                let symbol = self.symbols.insert(event.symbol()) as usize;
                lags.store(usize::from(row.origin()), symbol, order)
            }));
        }
        Arc::new(Int64Array::new(ScalarBuffer::from(values), Some(NullBuffer::new(present.finish()))))
    }

    fn symbols(&mut self, chunk: &Chunk) -> ArrayRef {
        let index = &mut self.symbols;
        self.symbol_codes.begin();
        let mut keys = Vec::with_capacity(chunk.batch.len());
        for row in chunk.batch.rows() {
            keys.push(row.event().map_or(0, |event| self.symbol_codes.code(index.insert(event.symbol()))));
        }
        let values = self.symbol_codes.texts(|number, out| out.push_str(index.symbol(number).as_str()));
        dictionary(keys, chunk.events.clone(), &values)
    }

    fn traders(&mut self, chunk: &Chunk) -> ArrayRef {
        self.trader_codes.begin();
        let keys = coded(&mut self.trader_codes, &chunk.batch, |trade| trade.trader_id.number());
        let values = self.trader_codes.texts(|number, out| push_padded(out, "TRD-", number, 5));
        dictionary(keys, chunk.trades(), &values)
    }

    fn accounts(&mut self, chunk: &Chunk) -> ArrayRef {
        self.account_codes.begin();
        let keys = coded(&mut self.account_codes, &chunk.batch, |trade| u32::from(trade.account_id.number()));
        let values = self.account_codes.texts(|number, out| push_padded(out, "ACC-", number, 4));
        dictionary(keys, chunk.trades(), &values)
    }
}

impl Chunk {
    fn trades(&self) -> Option<NullBuffer> {
        Some(self.trades.clone())
    }
}

/// The dictionary of one chunk: numbers to codes, in order of appearance.
#[derive(Default)]
struct Codes {
    /// For every number the chunk in which it was last seen and its code there.
    seen: Vec<(u32, u16)>,
    chunk: u32,
    numbers: Vec<u32>,
}

impl Codes {
    fn begin(&mut self) {
        self.numbers.clear();
        self.chunk = self.chunk.wrapping_add(1);
        if self.chunk == 0 {
            self.seen.clear();
            self.chunk = 1;
        }
    }

    #[inline]
    fn code(&mut self, number: u32) -> u16 {
        if let Some(&(chunk, code)) = self.seen.get(number as usize)
            && chunk == self.chunk
        {
            return code;
        }
        self.add(number)
    }

    #[cold]
    fn add(&mut self, number: u32) -> u16 {
        if self.seen.len() <= number as usize {
            self.seen.resize(number as usize + 1, (0, 0));
        }
        let code = u16::try_from(self.numbers.len()).expect("a chunk has fewer rows than there are codes");
        self.seen[number as usize] = (self.chunk, code);
        self.numbers.push(number);
        code
    }

    fn texts(&self, write: impl Fn(u32, &mut String)) -> ArrayRef {
        let mut text = String::with_capacity(16);
        let mut builder =
            arrow::array::StringBuilder::with_capacity(self.numbers.len(), 10 * self.numbers.len());
        for &number in &self.numbers {
            text.clear();
            write(number, &mut text);
            builder.append_value(&text);
        }
        if self.numbers.is_empty() {
            // keys of null rows are 0 and must point somewhere
            builder.append_value("");
        }
        Arc::new(builder.finish())
    }
}

fn coded(codes: &mut Codes, batch: &Batch, number: impl Fn(&Trade) -> u32) -> Vec<u16> {
    let mut keys = Vec::with_capacity(batch.len());
    for row in batch.rows() {
        keys.push(match row.event() {
            Some(Event::Trade(trade)) => codes.code(number(trade)),
            _ => 0,
        });
    }
    keys
}

fn push_padded(out: &mut String, prefix: &str, number: u32, width: usize) {
    use std::fmt::Write;
    write!(out, "{prefix}{number:0width$}").expect("writing to a String cannot fail");
}

#[inline]
fn trades<T: Default>(batch: &Batch, field: impl Fn(&Trade) -> T) -> Vec<T> {
    batch.map(|row| match row.event() {
        Some(Event::Trade(trade)) => field(trade),
        _ => T::default(),
    })
}

#[inline]
fn books<T: Default>(batch: &Batch, field: impl Fn(&OrderBook) -> T) -> Vec<T> {
    batch.map(|row| match row.event() {
        Some(Event::OrderBook(book)) => field(book),
        _ => T::default(),
    })
}

#[inline]
fn candles<T: Default>(batch: &Batch, field: impl Fn(&MarketData) -> T) -> Vec<T> {
    batch.map(|row| match row.event() {
        Some(Event::MarketData(candle)) => field(candle),
        _ => T::default(),
    })
}

fn optional<T: Copy>(
    batch: &Batch,
    absent: T,
    field: impl Fn(RowRef<'_>) -> Option<T>,
) -> (Vec<T>, NullBuffer) {
    let mut present = arrow::array::BooleanBufferBuilder::new(batch.len());
    let mut values = Vec::with_capacity(batch.len());
    for row in batch.rows() {
        let value = field(row);
        present.append(value.is_some());
        values.push(value.unwrap_or(absent));
    }
    (values, NullBuffer::new(present.finish()))
}

fn units(price: Price) -> i64 {
    price.units()
}

fn times(micros: Vec<i64>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::new(ScalarBuffer::from(micros), nulls).with_timezone("UTC"))
}

fn prices(units: Vec<i64>, nulls: &NullBuffer) -> ArrayRef {
    let array = Decimal64Array::new(ScalarBuffer::from(units), Some(nulls.clone()));
    Arc::new(array.with_precision_and_scale(12, 4).expect("12 digits fit into 64 bits"))
}

fn ints(values: Vec<i32>, nulls: &NullBuffer) -> ArrayRef {
    Arc::new(Int32Array::new(ScalarBuffer::from(values), Some(nulls.clone())))
}

fn dictionary(codes: Vec<u16>, nulls: Option<NullBuffer>, values: &ArrayRef) -> ArrayRef {
    let keys = UInt16Array::new(ScalarBuffer::from(codes), nulls);
    Arc::new(DictionaryArray::<UInt16Type>::new(keys, Arc::clone(values)))
}

pub(crate) fn exchange(event: &Event) -> Exchange {
    match event {
        Event::Trade(trade) => trade.exchange,
        Event::OrderBook(book) => book.exchange,
        Event::MarketData(candle) => candle.exchange,
    }
}

/// The payload's own time.
pub(crate) fn payload_timestamp(event: &Event) -> tradesim_schemas::Timestamp {
    match event {
        Event::Trade(trade) => trade.timestamp,
        Event::OrderBook(book) => book.timestamp,
        Event::MarketData(candle) => candle.timestamp,
    }
}

fn captured(row: RowRef<'_>) -> Option<&Captured> {
    match row {
        RowRef::Event(_) => None,
        RowRef::Captured(captured) => Some(captured),
    }
}

/// The trade whose ids are stored: one without an order reference.
fn stored_trade(row: RowRef<'_>) -> Option<&Trade> {
    match row.event()? {
        Event::Trade(trade) if row.order().is_none() => Some(trade),
        _ => None,
    }
}

fn trade_ids(batch: &Batch) -> ArrayRef {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(batch.len(), 16);
    for row in batch.rows() {
        match stored_trade(row) {
            Some(trade) => builder.append_value(trade.trade_id.as_bytes()).expect("an id has 16 bytes"),
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}

fn correlation_ids(batch: &Batch) -> ArrayRef {
    let mut builder = arrow::array::StringDictionaryBuilder::<UInt16Type>::new();
    let mut text = Vec::with_capacity(32);
    for row in batch.rows() {
        match stored_trade(row).and_then(|trade| trade.correlation_id) {
            Some(id) => {
                text.clear();
                id.write(&mut text);
                builder.append_value(std::str::from_utf8(&text).expect("an id is ASCII"));
            }
            None => builder.append_null(),
        }
    }
    Arc::new(builder.finish())
}
