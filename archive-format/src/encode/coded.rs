//! Converts rows to dictionary codes, for the columns that are written with [`DictionaryColumn`].

use arrow_buffer::{BooleanBuffer, NullBuffer};
use parquet::{errors::ParquetError, schema::types::ColumnDescPtr};
use tradesim_schemas::{
    Event, Exchange, Interval, MarketData, OrderBook, OrderType, Trade, TradeStatus, TradeType,
};
use zstd::bulk::Compressor;

use super::{Chunk, captured, exchange, payload_timestamp};
use crate::{
    dictionary::{DictionaryChunk, DictionaryColumn, LargeNumbers, SmallNumbers, Values},
    ids::SymbolIndex,
    layout::Column,
    order_lag::OrderLags,
    row::RowRef,
};

/// The encoder of one column, for all row groups.
pub(crate) struct CodedColumn {
    column: Column,
    descr: ColumnDescPtr,
    values: Values,
    /// The numbers of symbols, over all row groups.
    symbols: SymbolIndex,
    open: Open,
}

/// The column chunk that is being filled.
struct Open {
    writer: DictionaryColumn,
    small: SmallNumbers,
    large: LargeNumbers,
}

impl Open {
    fn new(descr: &ColumnDescPtr, values: Values) -> Open {
        Open {
            writer: DictionaryColumn::new(descr.clone(), values),
            small: SmallNumbers::default(),
            large: LargeNumbers::new(),
        }
    }

    /// Adds a value that is a small number. `add` adds its text to the dictionary.
    #[inline]
    fn small(&mut self, number: u32, add: impl FnOnce(&mut DictionaryColumn) -> u32) {
        let writer = &mut self.writer;
        let code = self.small.code(number, || add(writer));
        self.writer.push(code);
    }

    /// Adds a value that is any number.
    #[inline]
    fn large(&mut self, number: i64) {
        let writer = &mut self.writer;
        let code = self.large.code(number, || writer.add_number(number));
        self.writer.push(code);
    }
}

impl CodedColumn {
    pub(crate) fn new(column: Column, descr: ColumnDescPtr, values: Values) -> CodedColumn {
        let open = Open::new(&descr, values);
        CodedColumn { column, descr, values, symbols: SymbolIndex::new(), open }
    }

    /// Ends the column chunk and begins the next one.
    pub(crate) fn close(&mut self, zstd: &mut Compressor<'static>) -> Result<DictionaryChunk, ParquetError> {
        std::mem::replace(&mut self.open, Open::new(&self.descr, self.values)).writer.close(zstd)
    }

    /// Adds the rows of a chunk.
    pub(crate) fn chunk(
        &mut self,
        chunk: &Chunk,
        zstd: &mut Compressor<'static>,
    ) -> Result<(), ParquetError> {
        self.rows(chunk);
        self.open.writer.end_full_page(zstd)
    }

    fn rows(&mut self, chunk: &Chunk) {
        match self.column {
            Column::EventType => self.events(chunk, |event, open| {
                let kind = event.event_type();
                open.small(kind as u32, |to| to.add_text(kind.as_str()));
            }),
            Column::Symbol => {
                let CodedColumn { symbols, open, .. } = self;
                for row in chunk.batch.rows() {
                    if let Some(event) = row.event() {
                        let symbol = event.symbol();
                        open.small(symbols.insert(symbol), |to| to.add_text(symbol.as_str()));
                    }
                }
                open.writer.end_chunk(chunk.batch.len(), inner(chunk.events.as_ref()));
            }
            Column::Exchange => self.events(chunk, |event, open| {
                text(open, exchange(event), Exchange::as_str, exchange(event) as u32);
            }),
            Column::TradeType => self.trades(chunk, |trade, open| {
                text(open, trade.trade_type, TradeType::as_str, trade.trade_type as u32);
            }),
            Column::OrderType => self.trades(chunk, |trade, open| {
                text(open, trade.order_type, OrderType::as_str, trade.order_type as u32);
            }),
            Column::Status => self.trades(chunk, |trade, open| {
                text(open, trade.status, TradeStatus::as_str, trade.status as u32);
            }),
            Column::TraderId => self.trades(chunk, |trade, open| {
                let id = trade.trader_id;
                open.small(id.number(), |to| to.add_text(&id.to_string()));
            }),
            Column::AccountId => self.trades(chunk, |trade, open| {
                let id = trade.account_id;
                open.small(id.number().into(), |to| to.add_text(&id.to_string()));
            }),
            Column::Price => self.trades(chunk, |trade, open| open.large(trade.price.units())),
            Column::Quantity => self.trades(chunk, |trade, open| open.large(trade.quantity.get().into())),
            Column::BidPrice => self.books(chunk, |book, open| open.large(book.bid_price.units())),
            Column::Spread => self.books(chunk, |book, open| {
                open.large(book.ask_price.units() - book.bid_price.units());
            }),
            Column::BidSize => self.books(chunk, |book, open| open.large(book.bid_size.get().into())),
            Column::AskSize => self.books(chunk, |book, open| open.large(book.ask_size.get().into())),
            Column::Interval => self.candles(chunk, |candle, open| {
                text(open, candle.interval, Interval::as_str, candle.interval as u32);
            }),
            Column::Open => self.candles(chunk, |candle, open| open.large(candle.open.units())),
            Column::High => self.candles(chunk, |candle, open| open.large(candle.high.units())),
            Column::Low => self.candles(chunk, |candle, open| open.large(candle.low.units())),
            Column::Close => self.candles(chunk, |candle, open| open.large(candle.close.units())),
            Column::Vwap => self.candles(chunk, |candle, open| open.large(candle.vwap.units())),
            Column::Volume => self.candles(chunk, |candle, open| open.large(candle.volume as i64)),
            Column::PayloadTs => self.optional(chunk, |row| {
                let own = payload_timestamp(row.event()?);
                (own != row.timestamp()).then_some(own.micros())
            }),
            Column::OrderRef => self.order_refs(chunk),
            Column::Opcode => self.optional(chunk, |row| captured(row)?.opcode.map(i64::from)),
            Column::Origin => {
                for row in chunk.batch.rows() {
                    self.open.large(row.origin().into());
                }
                self.open.writer.end_chunk(chunk.batch.len(), None);
            }
            other => unreachable!("{} has no dictionary of ours", other.name()),
        }
    }

    #[inline]
    fn events(&mut self, chunk: &Chunk, add: impl Fn(&Event, &mut Open)) {
        for row in chunk.batch.rows() {
            if let Some(event) = row.event() {
                add(event, &mut self.open);
            }
        }
        self.open.writer.end_chunk(chunk.batch.len(), inner(chunk.events.as_ref()));
    }

    #[inline]
    fn trades(&mut self, chunk: &Chunk, add: impl Fn(&Trade, &mut Open)) {
        visit(chunk, &chunk.trades, |_, row| {
            if let Some(Event::Trade(trade)) = row.event() {
                add(trade, &mut self.open);
            }
        });
        self.open.writer.end_chunk(chunk.batch.len(), inner(Some(&chunk.trades)));
    }

    #[inline]
    fn books(&mut self, chunk: &Chunk, add: impl Fn(&OrderBook, &mut Open)) {
        visit(chunk, &chunk.books, |_, row| {
            if let Some(Event::OrderBook(book)) = row.event() {
                add(book, &mut self.open);
            }
        });
        self.open.writer.end_chunk(chunk.batch.len(), inner(Some(&chunk.books)));
    }

    #[inline]
    fn candles(&mut self, chunk: &Chunk, add: impl Fn(&MarketData, &mut Open)) {
        visit(chunk, &chunk.candles, |_, row| {
            if let Some(Event::MarketData(candle)) = row.event() {
                add(candle, &mut self.open);
            }
        });
        self.open.writer.end_chunk(chunk.batch.len(), inner(Some(&chunk.candles)));
    }

    fn order_refs(&mut self, chunk: &Chunk) {
        let CodedColumn { symbols, open, .. } = self;
        let mut lags = OrderLags::default();
        let mut present = vec![false; chunk.batch.len()];
        visit(chunk, &chunk.trades, |at, row| {
            if let Some((order, event)) = row.order().zip(row.event()) {
                let symbol = symbols.insert(event.symbol()) as usize;
                open.large(lags.store(row.origin().into(), symbol, order));
                present[at] = true;
            }
        });
        open.writer.end_chunk(present.len(), Some(&BooleanBuffer::from(present)));
    }

    #[inline]
    fn optional(&mut self, chunk: &Chunk, number: impl Fn(RowRef<'_>) -> Option<i64>) {
        let mut present = Vec::with_capacity(chunk.batch.len());
        for row in chunk.batch.rows() {
            let number = number(row);
            present.push(number.is_some());
            if let Some(number) = number {
                self.open.large(number);
            }
        }
        self.open.writer.end_chunk(present.len(), Some(&BooleanBuffer::from(present)));
    }
}

/// Calls `f` with every row of one type, and its index.
///
/// The rows are taken from `mask`, because a branch on the type of each row would be mispredicted for one row in six, for
/// each column again.
#[inline]
fn visit<'a>(chunk: &'a Chunk, mask: &NullBuffer, mut f: impl FnMut(usize, RowRef<'a>)) {
    if chunk.batch.has_captured() {
        chunk.batch.rows().enumerate().filter(|(at, _)| mask.is_valid(*at)).for_each(|(at, row)| f(at, row));
    } else {
        let records = chunk.batch.records();
        mask.valid_indices().for_each(|at| f(at, RowRef::Event(&records[at])));
    }
}

#[inline]
fn text<T: Copy>(open: &mut Open, value: T, text: impl Fn(T) -> &'static str, number: u32) {
    open.small(number, |to| to.add_text(text(value)));
}

fn inner(nulls: Option<&NullBuffer>) -> Option<&BooleanBuffer> {
    nulls.map(NullBuffer::inner)
}
