//! What an archive says about itself: where its events come from, what it holds, and the digests that prove it.

mod bounds;
mod document;
mod faults;

use std::collections::BTreeMap;

use tradesim_schemas::{Digest, EventType, Exchange, Price, Symbol, Timestamp};

use crate::{Columns, FormatVersion};

pub(crate) use bounds::check_bounds;
pub(crate) use document::{from_json, to_json};
pub use faults::{Faults, KeptFaults, PlantedFaults};

/// The option of a capture that says by which times it is replayed, and its value.
const OPTION_PACE: &str = "pace";
const PACE_RECEIVED: &str = "received";
/// The option of a capture that says where messages may be missing.
const OPTION_GAPS: &str = "gaps";

/// Where an archive's events come from, as the writer's caller states it. Nothing here may depend on the machine, the
/// user, the folder or the time of writing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// The version of the generator; none for a captured feed.
    pub generator_version: Option<String>,
    /// The model that was simulated, such as `gbm/1`.
    pub model: Option<String>,
    /// The seed.
    pub seed: Option<u64>,
    /// The trading date, as `2026-02-18`.
    pub date: Option<String>,
    /// All other options that the events depend on, by name.
    pub options: BTreeMap<String, String>,
    /// What the ids derive from. A simulated archive has one origin, a merge of several keys one for each.
    pub origins: Vec<Origin>,
    /// The bursts of the simulation, in order of time.
    pub bursts: Vec<Burst>,
    /// The archives that this one was made from.
    pub sources: Vec<Source>,
    /// What was cut away from its source.
    pub cuts: Vec<Cut>,
    /// The version of the trading calendar.
    pub calendar_version: Option<String>,
    /// The version of the time zone database.
    pub tzdb_version: Option<String>,
    /// What was planted into it; none for an archive that is meant to be right.
    pub faults: Option<Faults>,
}

/// What the ids of a simulated archive derive from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// One line of text that names generator version, model, seed, date and options.
    pub identity: String,
    /// The symbol table, in its order; a symbol's place is its ordinal.
    pub symbols: Vec<SymbolEntry>,
}

/// One line of the symbol table.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolEntry {
    /// The symbol.
    pub symbol: Symbol,
    /// The company.
    pub name: String,
    /// The listing.
    pub exchange: Exchange,
    /// The sector.
    pub sector: String,
    /// The price at the start of every day.
    pub base_price: Price,
    /// Volatility of one trading day; 0.02 is 2 %.
    pub volatility: f64,
    /// Shares of an average day.
    pub avg_daily_volume: u64,
    /// The price grid.
    pub tick_size: Price,
    /// The round lot, in shares.
    pub lot_size: u32,
    /// The share of all orders; the table's weights sum to 1.
    pub weight: f64,
}

/// A burst of the simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Burst {
    /// Its start.
    pub from: Timestamp,
    /// Its end, exclusive.
    pub to: Timestamp,
    /// The factor on the rate.
    pub multiplier: f64,
    /// The symbol that it hits, or none for all.
    pub symbol: Option<Symbol>,
    /// Whether it was planned by time rather than drawn.
    pub planned: bool,
}

/// An archive that this one was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its content digest.
    pub digest: Digest,
    /// Its own cuts.
    pub cuts: Vec<Cut>,
    /// Its own sources.
    pub sources: Vec<Source>,
}

/// What a filter kept of its source: the events that satisfy all of its conditions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cut {
    /// The first instant kept.
    pub from: Option<Timestamp>,
    /// The first instant no longer kept.
    pub to: Option<Timestamp>,
    /// The symbols kept; all if empty.
    pub symbols: Vec<Symbol>,
    /// The event types kept; all if empty.
    pub events: Vec<EventType>,
    /// The number of events kept.
    pub limit: Option<u64>,
}

/// How many messages of which kind. A raw frame counts as raw, whether it parses or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Trades.
    pub trade: u64,
    /// Snapshots of the book.
    pub orderbook: u64,
    /// Candles.
    pub marketdata: u64,
    /// Raw frames.
    pub raw: u64,
}

impl Counts {
    /// All messages.
    pub fn total(&self) -> u64 {
        self.trade + self.orderbook + self.marketdata + self.raw
    }
}

/// What an archive says about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    pub(crate) format_version: FormatVersion,
    pub(crate) writer: WriterVersions,
    pub(crate) provenance: Provenance,
    pub(crate) columns: Columns,
    pub(crate) counts: Counts,
    pub(crate) digest: Digest,
    pub(crate) row_groups: Vec<RowGroup>,
    pub(crate) state_frames: Vec<StateFrame>,
}

impl Provenance {
    /// Whether a replay emits the rows when they were received, and not at their own times (FORMAT.md, 2.6).
    pub fn has_received_pace(&self) -> bool {
        self.options.get(OPTION_PACE).is_some_and(|pace| pace == PACE_RECEIVED)
    }

    /// States the same, or takes it back.
    pub fn set_received_pace(&mut self, received: bool) {
        if received {
            self.options.insert(OPTION_PACE.to_owned(), PACE_RECEIVED.to_owned());
        } else {
            self.options.remove(OPTION_PACE);
        }
    }

    /// The messages of a capture before which others may be missing, ascending (FORMAT.md, 5.3).
    pub fn gaps(&self) -> Vec<u64> {
        let text = self.options.get(OPTION_GAPS).map_or("", String::as_str);
        text.split(',').filter_map(|seq| seq.parse().ok()).collect()
    }

    /// States them; where there is none, nothing is said.
    pub fn set_gaps(&mut self, seqs: &[u64]) {
        if seqs.is_empty() {
            self.options.remove(OPTION_GAPS);
        } else {
            let seqs: Vec<String> = seqs.iter().map(u64::to_string).collect();
            self.options.insert(OPTION_GAPS.to_owned(), seqs.join(","));
        }
    }
}

impl Metadata {
    /// The version of the format.
    pub fn format_version(&self) -> FormatVersion {
        self.format_version
    }

    /// The versions of what wrote the file.
    pub fn writer(&self) -> &WriterVersions {
        &self.writer
    }

    /// Where the events come from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// The optional columns that the file has.
    pub fn columns(&self) -> Columns {
        self.columns
    }

    /// How many messages of which kind.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The content digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Seq and time of the first message.
    pub fn first(&self) -> Option<(u64, Timestamp)> {
        self.row_groups.first().map(|group| group.first)
    }

    /// Seq and time of the last message.
    pub fn last(&self) -> Option<(u64, Timestamp)> {
        self.row_groups.last().map(|group| group.last)
    }

    /// The row groups, in order.
    pub fn row_groups(&self) -> &[RowGroup] {
        &self.row_groups
    }

    /// The state frames, in order.
    pub fn state_frames(&self) -> &[StateFrame] {
        &self.state_frames
    }

    /// The whole metadata as the JSON document that the file holds, for people and programs that look into it.
    pub fn to_json(&self) -> String {
        document::to_json(self)
    }
}

/// The versions of what wrote a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriterVersions {
    /// tradesim.
    pub tradesim: String,
    /// The parquet crate.
    pub parquet: String,
    /// The zstd library.
    pub zstd: String,
}

/// Where a row group is and what it spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowGroup {
    /// Its first byte in the file.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Its rows.
    pub rows: u64,
    /// Seq and time of its first row.
    pub first: (u64, Timestamp),
    /// Seq and time of its last row.
    pub last: (u64, Timestamp),
    /// BLAKE3 of its bytes.
    pub digest: Digest,
}

/// Where a state frame is: opaque bytes that say how things stood before the message of a seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateFrame {
    /// Its first byte in the file.
    pub offset: u64,
    /// Its bytes as stored, compressed.
    pub length: u64,
    /// Its bytes uncompressed.
    pub content_length: u64,
    /// The seq of the first message that it does not take into account.
    pub seq: u64,
    /// BLAKE3 of its bytes as stored.
    pub digest: Digest,
}
