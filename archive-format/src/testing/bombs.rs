//! Files that exceed a limit or are inconsistent, each with its error.

mod columns;
mod documents;
mod footers;

use std::{
    io,
    path::{Path, PathBuf},
};

use tradesim_schemas::{
    Envelope, Event, Exchange, OrderBook, Price, Quantity, Record, RecordSeq, Symbol, Timestamp,
};

use super::parts::Parts;
use crate::{ArchiveWriter, Captured, Columns, Content, Provenance, Row, WriterOptions};

/// A hostile file in a folder.
#[derive(Clone, Debug)]
pub struct HostileFile {
    /// A short description, which is also the file's name without its extension.
    pub name: &'static str,
    /// The path of the file.
    pub path: PathBuf,
    /// The text that the error contains; `None` for a strange but valid file, which must be read.
    pub refusal: Option<&'static str>,
    /// True if opening fails, so that `info`, which does not read rows, fails too.
    pub at_opening: bool,
}

/// A file before it is written: its name, its refusal, and the function that creates it.
type Bomb = (&'static str, Refusal, fn() -> Vec<u8>);

/// The step at which a file is refused, and a part of the error.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Opening(&'static str),
    Reading(&'static str),
    Never,
}

/// Writes all hostile files into a folder. The largest has 24 MiB, most have a few kilobytes.
///
/// # Errors
/// Returns an error if a file cannot be written.
pub fn hostile_files(folder: &Path) -> io::Result<Vec<HostileFile>> {
    let all = [footers::BOMBS, columns::BOMBS, documents::BOMBS];
    let mut files = Vec::new();
    for &(name, refusal, make) in all.into_iter().flatten() {
        let path = folder.join(format!("{name}.parquet"));
        std::fs::write(&path, make())?;
        let (refusal, at_opening) = match refusal {
            Refusal::Opening(text) => (Some(text), true),
            Refusal::Reading(text) => (Some(text), false),
            Refusal::Never => (None, false),
        };
        files.push(HostileFile { name, path, refusal, at_opening });
    }
    Ok(files)
}

/// The number of rows of the archive that is changed.
const ROWS: u32 = 8;

/// Returns the parts of a capture of eight short raw frames.
fn capture() -> Parts {
    let columns = Columns { captured: true, stored_ids: true, origin: true };
    written(columns, (0..u64::from(ROWS)).map(RecordSeq).map(frame))
}

/// Returns the parts of an archive of eight order book snapshots of one symbol.
fn market() -> Parts {
    let price = |units| Price::from_units(units).expect("a price");
    let size = Quantity::new(100).expect("a size");
    let at = Timestamp::from_micros(1_771_425_000_000_000).expect("a time of 2026");
    let (bid_price, ask_price) = (price(1_000_000), price(1_000_200));
    let book = OrderBook {
        symbol: Symbol::new("S0").expect("a symbol"),
        bid_price,
        ask_price,
        bid_size: size,
        ask_size: size,
        spread: price(200),
        mid_price: Price::mid(bid_price, ask_price),
        timestamp: at,
        exchange: Exchange::Nyse,
    };
    let envelope = Envelope { timestamp: at, event: Event::OrderBook(book) };
    let record = |seq| Row::Event(Record { seq, origin: 0, order: None, envelope });
    written(Columns::default(), (0..u64::from(ROWS)).map(RecordSeq).map(record))
}

fn written(columns: Columns, rows: impl Iterator<Item = Row>) -> Parts {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("archive.parquet");
    let options = WriterOptions { columns, ..WriterOptions::default() };
    let mut writer =
        ArchiveWriter::create(&path, Provenance::default(), options).expect("an archive can be made");
    for row in rows {
        writer.write_row(row).expect("a row can be stored");
    }
    writer.append_state_frame(RecordSeq(u64::from(ROWS)), vec![7; 100]).expect("a state frame can be stored");
    writer.finish().expect("the archive can be written");
    Parts::take_apart(&std::fs::read(&path).expect("the archive can be read"))
}

fn frame(seq: RecordSeq) -> Row {
    let timestamp = Timestamp::from_micros(1_771_425_000_000_000).expect("a time of 2026");
    let content = Content::Raw { bytes: b"{}".to_vec(), event: None };
    Row::Captured(Box::new(Captured { seq, timestamp, received: None, opcode: Some(1), content }))
}

/// Returns the capture with a change.
fn changed(change: impl FnOnce(&mut Parts)) -> Vec<u8> {
    let mut parts = capture();
    change(&mut parts);
    parts.seal()
}
