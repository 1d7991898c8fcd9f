//! Validates rows before they are written: they must be in order, and be restored exactly when they are read.

use std::collections::BTreeSet;

use tradesim_schemas::{Event, OrderRef, Price, Record, RecordSeq, Symbol, Timestamp};

use crate::{
    Captured, Columns, Content, Counts, Error, FormatVersion, Metadata, Provenance, SliceGrid,
    WriterVersions,
    ids::IdTable,
    limits,
    metadata::{check_bounds, to_json},
    tail,
};

/// Validates and counts rows.
pub(super) struct RowValidator {
    ids: IdTable,
    columns: Columns,
    last: Option<(RecordSeq, Timestamp)>,
    pub(super) counts: Counts,
    /// The number of bytes of raw frames in the current row group.
    pub(super) raw_bytes: usize,
    /// The symbols and the slices of time of the rows, if the archive states their digests and sums.
    expected: Option<(BTreeSet<Symbol>, SliceGrid)>,
}

impl RowValidator {
    pub(super) fn new(
        provenance: &Provenance,
        columns: Columns,
        slices: Option<SliceGrid>,
    ) -> Result<RowValidator, Error> {
        let ids = IdTable::new(&provenance.origins).ok_or(Error::BadMetadata {
            what: "a symbol table contains a symbol twice, or too many symbols",
        })?;
        if ids.origins() > limits::ORIGINS_MAX {
            return Err(Error::BadMetadata { what: "it has more than 65,535 origins" });
        }
        let blank = Metadata {
            format_version: FormatVersion::CURRENT,
            writer: WriterVersions::current(),
            provenance: provenance.clone(),
            columns,
            counts: Counts::default(),
            digest: tradesim_schemas::ContentDigest::of([""; 0]),
            keys: None,
            slices: None,
            row_groups: Vec::new(),
            state_frames: Vec::new(),
        };
        if provenance.options.len() > limits::OPTIONS_MAX {
            return Err(Error::BadMetadata { what: "it has more than 1,024 options" });
        }
        let document = to_json(&blank);
        check_bounds(&document).map_err(|error| Error::BadMetadata { what: error.as_str() })?;
        if tail::contains(document.as_bytes(), tail::MARKER_START) {
            return Err(Error::BadMetadata { what: "it contains the reserved text `tradesim-tail/`" });
        }
        let expected =
            slices.map(|grid| (provenance.key_symbols().into_iter().collect::<BTreeSet<_>>(), grid));
        if expected.as_ref().is_some_and(|(symbols, _)| symbols.len() > limits::KEYS_MAX) {
            return Err(Error::BadMetadata { what: "it has more than 4,096 symbols with a digest" });
        }
        Ok(RowValidator { ids, columns, last: None, counts: Counts::default(), raw_bytes: 0, expected })
    }

    #[inline]
    pub(super) fn validate(&mut self, record: &Record) -> Result<(), Error> {
        let seq = record.seq;
        self.order(seq, record.envelope.timestamp)?;
        if record.origin != 0 && !self.columns.origin {
            return Err(Error::MissingColumn { seq, column: "origin" });
        }
        if let Some((symbols, grid)) = &self.expected
            && (grid.index_of(record.envelope.timestamp).is_none()
                || !symbols.contains(&record.envelope.event.symbol()))
        {
            return Err(Error::NoSlice { seq });
        }
        self.event(seq, &record.envelope.event, record.order, record.origin)
    }

    /// Validates a captured frame. Returns the number of bytes of a raw frame, or 0 for an event.
    pub(super) fn validate_captured(&mut self, captured: &Captured) -> Result<usize, Error> {
        let seq = captured.seq;
        self.order(seq, captured.timestamp)?;
        if self.expected.is_some() {
            return Err(Error::NoSlice { seq });
        }
        if !self.columns.captured {
            return Err(Error::MissingColumn { seq, column: "raw" });
        }
        match &captured.content {
            Content::Event(event) => {
                if captured.received.is_none() && captured.opcode.is_none() {
                    let what = "a captured event needs a receive time or an opcode";
                    return Err(Error::NotRepresentable { seq, what });
                }
                self.event(seq, event, None, 0)?;
                Ok(0)
            }
            Content::Raw { bytes, event } => {
                if bytes.len() > limits::FRAME_BYTES_MAX {
                    let limit = limits::FRAME_BYTES_MAX;
                    return Err(Error::FrameTooLarge { seq, bytes: bytes.len(), limit });
                }
                if let Some(candle @ Event::MarketData(_)) = event {
                    fits_columns(candle).map_err(|what| Error::NotRepresentable { seq, what })?;
                }
                self.counts.raw += 1;
                Ok(bytes.len())
            }
        }
    }

    #[inline]
    fn order(&mut self, seq: RecordSeq, timestamp: Timestamp) -> Result<(), Error> {
        if let Some((last_seq, last_time)) = self.last {
            if seq <= last_seq {
                return Err(Error::SeqNotAscending { seq, previous: Some(last_seq) });
            }
            if timestamp < last_time {
                return Err(Error::TimeNotAscending { seq, found: timestamp, previous: last_time });
            }
        }
        if seq > RecordSeq(i64::MAX as u64) {
            return Err(Error::SeqNotAscending { seq, previous: self.last.map(|(seq, _)| seq) });
        }
        self.last = Some((seq, timestamp));
        Ok(())
    }

    #[inline]
    fn event(
        &mut self,
        seq: RecordSeq,
        event: &Event,
        order: Option<OrderRef>,
        origin: u16,
    ) -> Result<(), Error> {
        match event {
            Event::Trade(trade) => {
                match order {
                    Some(order) => {
                        let ids = self.ids.get(origin, trade.symbol);
                        let ids = ids.ok_or_else(|| unknown_symbol(seq, origin, trade.symbol))?;
                        let same = ids.trade_id(order) == trade.trade_id
                            && Some(ids.correlation_id(order)) == trade.correlation_id;
                        if !same {
                            return Err(Error::IdsDiffer { seq });
                        }
                    }
                    None if !self.columns.stored_ids => {
                        return Err(Error::MissingColumn { seq, column: "trade_id" });
                    }
                    None => {}
                }
                self.counts.trade += 1;
            }
            Event::OrderBook(_) => {
                no_order(seq, order)?;
                self.counts.orderbook += 1;
            }
            Event::MarketData(_) => {
                no_order(seq, order)?;
                self.counts.marketdata += 1;
            }
        }
        fits_columns(event).map_err(|what| Error::NotRepresentable { seq, what })
    }
}

/// Checks that an event can be restored from its columns, and returns the reason if it cannot.
pub(crate) fn fits_columns(event: &Event) -> Result<(), &'static str> {
    match event {
        Event::Trade(_) => Ok(()),
        Event::OrderBook(book) => {
            let spread = book.ask_price.checked_sub(book.bid_price);
            let follows =
                spread == Some(book.spread) && Price::mid(book.bid_price, book.ask_price) == book.mid_price;
            if follows { Ok(()) } else { Err("spread or mid_price does not follow from bid and ask") }
        }
        Event::MarketData(candle) => {
            let within = (1..=i64::MAX as u64).contains(&candle.volume);
            if within { Ok(()) } else { Err("its volume is outside 1 to 2⁶³−1") }
        }
    }
}

fn unknown_symbol(seq: RecordSeq, origin: u16, symbol: Symbol) -> Error {
    Error::UnknownSymbol { seq, origin, symbol }
}

fn no_order(seq: RecordSeq, order: Option<OrderRef>) -> Result<(), Error> {
    match order {
        None => Ok(()),
        Some(_) => Err(Error::NotRepresentable { seq, what: "only a trade can have an order reference" }),
    }
}
