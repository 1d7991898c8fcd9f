//! The metadata of an archive: its provenance, its content, and the digests of its parts.
//!
//! The names and the order of fields are part of the format: the document that is stored in the file derives from them
//! (FORMAT.md, section 5).

mod bounds;
mod derived;
mod document;
mod faults;
mod labels;
mod parts;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradesim_schemas::{ByteHash, ContentDigest, Exchange, Price, RecordSeq, Symbol, Timestamp};

use crate::{Columns, Cut, FormatVersion};

pub(crate) use bounds::check_bounds;
use document::{CountsDocument, RowGroupDocument, text};
pub(crate) use document::{from_json, optional_text, text_list, to_json};
pub use faults::{Faults, KeptFaults, PlantedFaults};
pub use labels::{Label, LabelPhase};
pub use parts::{KeyDigest, RecordingPart, SliceGrid, Slices};

/// The option of a capture that selects the times of a replay, and its only value.
const OPTION_PACE: &str = "pace";
const PACE_RECEIVED: &str = "received";
/// The option of a capture that lists the places where messages may be missing.
const OPTION_GAPS: &str = "gaps";

/// The provenance of an archive: how its events were made. The caller of the writer provides it. It must not depend on the
/// machine, the user, the folder or the time of writing.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Provenance {
    /// The version of the generator; `None` for a captured feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_version: Option<String>,
    /// The model that was simulated, such as `gbm/1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The seed of the simulation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The trading date, such as `2026-02-18`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// All other options that the events depend on, by name.
    pub options: BTreeMap<String, String>,
    /// The origins from which ids derive. A simulated archive has one; a merged archive has one for each key.
    pub origins: Vec<Origin>,
    /// The bursts of the simulation, in order of time.
    pub bursts: Vec<Burst>,
    /// The labels of planned events, in order of time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    /// The archives that this one was made from.
    pub sources: Vec<Source>,
    /// The cuts that were made from the source.
    pub cuts: Vec<Cut>,
    /// The version of the trading calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar_version: Option<String>,
    /// The version of the time zone database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tzdb_version: Option<String>,
    /// The faults that were added on purpose; `None` for an archive without such faults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Faults>,
    /// The part of a recording that the archive contains; `None` for any other archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<RecordingPart>,
}

/// The identity and the symbol table from which the ids of a simulated archive derive.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// One line of text that names generator version, model, seed, date and options.
    pub identity: String,
    /// The symbol table. The index of a symbol is its ordinal.
    pub symbols: Vec<SymbolEntry>,
}

/// A symbol of the symbol table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SymbolEntry {
    /// The ticker symbol.
    #[serde(with = "text")]
    pub symbol: Symbol,
    /// The name of the issuer or fund.
    pub name: String,
    /// The listing venue.
    #[serde(with = "text")]
    pub exchange: Exchange,
    /// The economic sector.
    pub sector: String,
    /// The price at the start of every day.
    #[serde(with = "text")]
    pub base_price: Price,
    /// The volatility per trading day: 0.02 is 2 %.
    #[serde(with = "text")]
    pub volatility: f64,
    /// The number of shares traded on an average day.
    pub avg_daily_volume: u64,
    /// The tick size.
    #[serde(with = "text")]
    pub tick_size: Price,
    /// The round lot, in shares.
    pub lot_size: u32,
    /// The fraction of all orders; the weights of a table sum to 1.
    #[serde(with = "text")]
    pub weight: f64,
}

/// A burst of the simulation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burst {
    /// The start.
    #[serde(with = "text")]
    pub from: Timestamp,
    /// The end, exclusive.
    #[serde(with = "text")]
    pub to: Timestamp,
    /// The factor of the order rate.
    #[serde(with = "text")]
    pub multiplier: f64,
    /// The only symbol that is affected; `None` for all symbols.
    #[serde(default, with = "optional_text")]
    pub symbol: Option<Symbol>,
    /// True if the burst was planned for a given time, false if it was drawn.
    pub planned: bool,
}

/// An archive from which this archive was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The content digest of the source.
    #[serde(with = "text")]
    pub digest: ContentDigest,
    /// The cuts of the source.
    pub cuts: Vec<Cut>,
    /// The sources of the source.
    pub sources: Vec<Source>,
}

/// The number of messages of each kind. A raw frame counts as raw, whether or not it could be parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "CountsDocument", try_from = "CountsDocument")]
pub struct Counts {
    /// The number of trades.
    pub trade: u64,
    /// The number of order book snapshots.
    pub orderbook: u64,
    /// The number of candles.
    pub marketdata: u64,
    /// The number of raw frames.
    pub raw: u64,
}

impl Counts {
    /// Returns the number of all messages.
    pub fn total(&self) -> u64 {
        self.trade + self.orderbook + self.marketdata + self.raw
    }
}

/// The metadata of an archive.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metadata {
    #[serde(serialize_with = "text::serialize")]
    pub(crate) format_version: FormatVersion,
    pub(crate) writer: WriterVersions,
    #[serde(flatten)]
    pub(crate) provenance: Provenance,
    pub(crate) columns: Columns,
    pub(crate) counts: Counts,
    #[serde(serialize_with = "text::serialize")]
    pub(crate) digest: ContentDigest,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<Vec<KeyDigest>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slices: Option<Slices>,
    pub(crate) row_groups: Vec<RowGroup>,
    pub(crate) state_frames: Vec<StateFrame>,
}

impl Provenance {
    /// Returns the symbols of the part, or of all symbol tables, in the order of the table.
    pub(crate) fn key_symbols(&self) -> Vec<Symbol> {
        let all = self.origins.iter().flat_map(|origin| &origin.symbols).map(|entry| entry.symbol);
        match &self.part {
            Some(part) => all.filter(|symbol| part.symbols.contains(symbol)).collect(),
            None => all.collect(),
        }
    }

    /// Returns true if a replay emits the rows at their receive times, not at their own times (FORMAT.md, 2.6).
    pub fn has_received_pace(&self) -> bool {
        self.options.get(OPTION_PACE).is_some_and(|pace| pace == PACE_RECEIVED)
    }

    /// Sets whether a replay emits the rows at their receive times.
    pub fn set_received_pace(&mut self, received: bool) {
        if received {
            self.options.insert(OPTION_PACE.to_owned(), PACE_RECEIVED.to_owned());
        } else {
            self.options.remove(OPTION_PACE);
        }
    }

    /// Returns the seqs of the messages before which others may be missing, ascending (FORMAT.md, 5.3).
    pub fn gaps(&self) -> Vec<RecordSeq> {
        let text = self.options.get(OPTION_GAPS).map_or("", String::as_str);
        text.split(',').filter_map(|seq| seq.parse().ok()).collect()
    }

    /// Sets the seqs of the messages before which others may be missing.
    pub fn set_gaps(&mut self, seqs: &[RecordSeq]) {
        if seqs.is_empty() {
            self.options.remove(OPTION_GAPS);
        } else {
            let seqs: Vec<String> = seqs.iter().map(RecordSeq::to_string).collect();
            self.options.insert(OPTION_GAPS.to_owned(), seqs.join(","));
        }
    }
}

impl Metadata {
    /// Returns the version of the archive format.
    pub fn format_version(&self) -> FormatVersion {
        self.format_version
    }

    /// Returns the versions of the software that wrote the file.
    pub fn writer(&self) -> &WriterVersions {
        &self.writer
    }

    /// Returns how the events were made.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Returns the optional columns of the file.
    pub fn columns(&self) -> Columns {
        self.columns
    }

    /// Returns the number of messages of each kind.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Returns the content digest.
    pub fn digest(&self) -> ContentDigest {
        self.digest
    }

    /// Returns the digest of each symbol that has messages, if the archive states them.
    pub fn keys(&self) -> Option<&[KeyDigest]> {
        self.keys.as_deref()
    }

    /// Returns the sums of each slice of time, if the archive states them.
    pub fn slices(&self) -> Option<&Slices> {
        self.slices.as_ref()
    }

    /// Returns the symbols that can have a digest, in the order of the symbol table: those of the part, or all.
    pub(crate) fn key_symbols(&self) -> Vec<Symbol> {
        self.provenance.key_symbols()
    }

    /// Returns seq and time of the first message.
    pub fn first(&self) -> Option<(RecordSeq, Timestamp)> {
        self.row_groups.first().map(|group| group.first)
    }

    /// Returns seq and time of the last message.
    pub fn last(&self) -> Option<(RecordSeq, Timestamp)> {
        self.row_groups.last().map(|group| group.last)
    }

    /// Returns the row groups, in order.
    pub fn row_groups(&self) -> &[RowGroup] {
        &self.row_groups
    }

    /// Returns the state frames, in order.
    pub fn state_frames(&self) -> &[StateFrame] {
        &self.state_frames
    }

    /// Returns the metadata as the JSON document that is stored in the file.
    pub fn to_json(&self) -> String {
        document::to_json(self)
    }
}

/// The versions of the software that wrote a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterVersions {
    /// The version of tradesim.
    pub tradesim: String,
    /// The version of the `parquet` crate.
    pub parquet: String,
    /// The version of the zstd library.
    pub zstd: String,
}

/// The location of a row group, and its first and last row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "RowGroupDocument", from = "RowGroupDocument")]
pub struct RowGroup {
    /// The offset of its first byte in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Its number of rows.
    pub rows: u64,
    /// The seq and time of its first row.
    pub first: (RecordSeq, Timestamp),
    /// The seq and time of its last row.
    pub last: (RecordSeq, Timestamp),
    /// The byte hash of the row group.
    pub digest: ByteHash,
}

/// The location of a state frame: opaque bytes that describe the state before a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFrame {
    /// The offset of its first byte in the file.
    pub offset: u64,
    /// Its length in bytes as stored, compressed.
    pub length: u64,
    /// Its length in bytes, uncompressed.
    pub content_length: u64,
    /// The seq of the first message that the state does not include.
    pub seq: RecordSeq,
    /// The byte hash of the state frame as stored.
    #[serde(with = "text")]
    pub digest: ByteHash,
}
