//! Properties of the whole crate: what was written is read back unchanged, or there is an error.

mod damage;
mod objects;
mod parts;
mod python;
mod reading;
mod refusals;
mod round_trip;
mod time_bins;

use std::path::Path;

use tradesim_schemas::{
    AccountId, CorrelationId, Event, Exchange, Interval, MarketData, OrderBook, OrderType, Price, Quantity,
    Record, RecordSeq, Symbol, Timestamp, Trade, TradeId, TradeStatus, TradeType, TraderId,
};

use crate::{
    Archive, ArchiveWriter, Captured, Columns, Content, Error, OpenOptions, Row, Start, Summary,
    WriterOptions,
    sample::{self, Random, Sample},
};

/// Small row groups on one thread.
pub(crate) fn small_options() -> WriterOptions {
    WriterOptions { row_group_rows: 2_048, ..WriterOptions::default() }
}

/// All optional columns.
pub(crate) const ALL_COLUMNS: Columns = Columns { origin: true, stored_ids: true, captured: true };

/// Writes records of the sample.
pub(crate) fn write(path: &Path, records: Vec<Record>, options: WriterOptions) -> Result<Summary, Error> {
    let mut writer = ArchiveWriter::create(path, sample::provenance(), options)?;
    writer.write_records(records)?;
    writer.finish()
}

/// Writes rows of all kinds.
pub(crate) fn write_rows(path: &Path, rows: &[Row], options: WriterOptions) -> Result<Summary, Error> {
    let mut provenance = sample::provenance();
    provenance.origins.push(sample::origin("another"));
    let mut writer = ArchiveWriter::create(path, provenance, options)?;
    for row in rows {
        writer.write_row(row.clone())?;
    }
    writer.finish()
}

/// Returns all records from a position on.
pub(crate) fn read(archive: &Archive, start: Start) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for batch in archive.batches(start) {
        records.extend_from_slice(batch?.records());
    }
    Ok(records)
}

/// Returns all rows.
pub(crate) fn read_rows(archive: &Archive) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for batch in archive.batches(Start::Beginning) {
        rows.extend(batch?.rows().map(|row| row.to_row()));
    }
    Ok(rows)
}

/// Rows of every kind, with values from their whole ranges.
pub(crate) fn any_rows(seed: u64, count: usize) -> Vec<Row> {
    let mut random = Random(seed);
    let mut of_origin = [Sample::of("sample 42", seed), Sample::of("another", seed)];
    let mut seq = random.below(1 << 62);
    let mut now = Timestamp::MIN.micros() + random.below(1 << 60) as i64;
    (0..count)
        .map(|_| {
            seq += 1 + random.below(3) * random.below(1_000);
            now = (now + random.below(5_000) as i64).min(Timestamp::MAX.micros());
            let timestamp = Timestamp::from_micros(now).unwrap();
            any_row(&mut random, &mut of_origin, RecordSeq(seq), timestamp)
        })
        .collect()
}

fn any_row(random: &mut Random, of_origin: &mut [Sample; 2], seq: RecordSeq, timestamp: Timestamp) -> Row {
    let received = (random.below(4) > 0).then(|| any_time(random));
    let opcode = (received.is_none() || random.below(4) > 0).then(|| 1 + random.below(2) as u8);
    match random.below(4) {
        0 => {
            let origin = random.below(2) as u16;
            let mut record = of_origin[usize::from(origin)].take(1)[0];
            record.seq = seq;
            record.origin = origin;
            record.envelope.timestamp = timestamp;
            Row::Event(record)
        }
        1 => {
            let envelope = tradesim_schemas::Envelope { timestamp, event: any_event(random, timestamp) };
            Row::Event(Record { seq, origin: random.below(65_536) as u16, order: None, envelope })
        }
        2 => {
            let content = Content::Event(any_event(random, timestamp));
            Row::Captured(Box::new(Captured { seq, timestamp, received, opcode, content }))
        }
        _ => {
            let event = (random.below(2) == 0).then(|| any_event(random, timestamp));
            let bytes = (0..random.below(200)).map(|_| random.below(256) as u8).collect();
            let content = Content::Raw { bytes, event };
            Row::Captured(Box::new(Captured { seq, timestamp, received, opcode, content }))
        }
    }
}

fn any_time(random: &mut Random) -> Timestamp {
    let span = (Timestamp::MAX.micros() - Timestamp::MIN.micros()) as u64;
    Timestamp::from_micros(Timestamp::MIN.micros() + random.below(span + 1) as i64).unwrap()
}

fn any_price(random: &mut Random) -> Price {
    let bound = [100, 10_000_000, Price::MAX.units() as u64 + 1][random.below(3) as usize];
    Price::from_units(random.below(bound) as i64).unwrap()
}

fn any_quantity(random: &mut Random) -> Quantity {
    let bound = [2, 1_000, u64::from(Quantity::MAX.get())][random.below(3) as usize];
    Quantity::new(1 + random.below(bound) as u32).unwrap()
}

fn one_of<T: Copy>(values: &[T], random: &mut Random) -> T {
    values[random.below(values.len() as u64) as usize]
}

fn any_event(random: &mut Random, timestamp: Timestamp) -> Event {
    let names = ["A", "BRK.B", "ÄÖÜ", "a\"\\ /", "ABCDEFGHIJ", "日本電信電"];
    let symbol = Symbol::new(one_of(&names, random)).unwrap();
    let timestamp = if random.below(2) == 0 { timestamp } else { any_time(random) };
    let exchange = one_of(Exchange::ALL, random);
    match random.below(3) {
        0 => {
            let mut id = [0; 16];
            id.iter_mut().for_each(|byte| *byte = random.below(256) as u8);
            id[6] = 0x40 | id[6] & 0x0f;
            id[8] = 0x80 | id[8] & 0x3f;
            Event::Trade(Trade {
                trade_id: TradeId::from_bytes(id).unwrap(),
                symbol,
                trade_type: one_of(TradeType::ALL, random),
                order_type: one_of(OrderType::ALL, random),
                price: any_price(random),
                quantity: any_quantity(random),
                timestamp,
                exchange,
                trader_id: TraderId::new(random.below(100_000) as u32).unwrap(),
                account_id: AccountId::new(random.below(10_000) as u16).unwrap(),
                status: one_of(TradeStatus::ALL, random),
                correlation_id: (random.below(4) > 0).then(|| CorrelationId(random.bits())),
            })
        }
        1 => {
            let (one, other) = (any_price(random), any_price(random));
            let (bid_price, ask_price) = (one.min(other), one.max(other));
            Event::OrderBook(OrderBook {
                symbol,
                bid_price,
                ask_price,
                bid_size: any_quantity(random),
                ask_size: any_quantity(random),
                spread: ask_price.checked_sub(bid_price).unwrap(),
                mid_price: Price::mid(bid_price, ask_price),
                timestamp,
                exchange,
            })
        }
        _ => Event::MarketData(MarketData {
            symbol,
            open: any_price(random),
            high: any_price(random),
            low: any_price(random),
            close: any_price(random),
            volume: 1 + random.bits() % (i64::MAX as u64),
            vwap: any_price(random),
            timestamp,
            interval: one_of(Interval::ALL, random),
            exchange,
        }),
    }
}
