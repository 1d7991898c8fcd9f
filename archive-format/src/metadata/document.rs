//! The JSON document in which the metadata is stored. Its names are part of the format (FORMAT.md, section 5), so these
//! structs stand apart from the types that programs use.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use serde::{Deserialize, Serialize};
use tradesim_schemas::{Price, Symbol, Timestamp};

use super::{
    Burst, Counts, Cut, Faults, Metadata, Origin, PlantedFaults, Provenance, RowGroup, Source, StateFrame,
    SymbolEntry, WriterVersions,
};
use crate::{Columns, FormatVersion, limits, metadata::bounds::check_bounds};

#[derive(Serialize, Deserialize)]
struct Document {
    format_version: String,
    writer: WriterDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generator_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    origins: Vec<OriginDocument>,
    #[serde(default)]
    bursts: Vec<BurstDocument>,
    #[serde(default)]
    sources: Vec<SourceDocument>,
    #[serde(default)]
    cuts: Vec<CutDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tzdb_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    faults: Option<FaultsDocument>,
    columns: ColumnsDocument,
    counts: CountsDocument,
    digest: String,
    row_groups: Vec<RowGroupDocument>,
    state_frames: Vec<StateFrameDocument>,
}

#[derive(Serialize, Deserialize)]
struct WriterDocument {
    tradesim: String,
    parquet: String,
    zstd: String,
}

#[derive(Serialize, Deserialize)]
struct OriginDocument {
    identity: String,
    symbols: Vec<SymbolDocument>,
}

#[derive(Serialize, Deserialize)]
struct SymbolDocument {
    symbol: String,
    name: String,
    exchange: String,
    sector: String,
    base_price: String,
    volatility: String,
    avg_daily_volume: u64,
    tick_size: String,
    lot_size: u32,
    weight: String,
}

#[derive(Serialize, Deserialize)]
struct BurstDocument {
    from: String,
    to: String,
    multiplier: String,
    symbol: Option<String>,
    planned: bool,
}

#[derive(Serialize, Deserialize)]
struct SourceDocument {
    digest: String,
    cuts: Vec<CutDocument>,
    sources: Vec<SourceDocument>,
}

#[derive(Serialize, Deserialize)]
struct CutDocument {
    from: Option<String>,
    to: Option<String>,
    symbols: Vec<String>,
    events: Vec<String>,
    limit: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct FaultsDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan_seed: Option<u64>,
    planted: Option<Vec<PlantedDocument>>,
}

#[derive(Serialize, Deserialize)]
struct PlantedDocument {
    kind: String,
    reason: Option<String>,
    seqs: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct ColumnsDocument {
    origin: bool,
    stored_ids: bool,
    captured: bool,
}

#[derive(Serialize, Deserialize)]
struct CountsDocument {
    trade: u64,
    orderbook: u64,
    marketdata: u64,
    raw: u64,
    total: u64,
}

#[derive(Serialize, Deserialize)]
struct RowGroupDocument {
    offset: u64,
    length: u64,
    rows: u64,
    first_seq: u64,
    last_seq: u64,
    first_ts: String,
    last_ts: String,
    digest: String,
}

#[derive(Serialize, Deserialize)]
struct StateFrameDocument {
    offset: u64,
    length: u64,
    content_length: u64,
    seq: u64,
    digest: String,
}

/// The metadata as its JSON document: a pure function of it, the same on every machine.
pub(crate) fn to_json(metadata: &Metadata) -> String {
    let provenance = &metadata.provenance;
    let document = Document {
        format_version: metadata.format_version.to_string(),
        writer: WriterDocument {
            tradesim: metadata.writer.tradesim.clone(),
            parquet: metadata.writer.parquet.clone(),
            zstd: metadata.writer.zstd.clone(),
        },
        generator_version: provenance.generator_version.clone(),
        model: provenance.model.clone(),
        seed: provenance.seed,
        date: provenance.date.clone(),
        options: provenance.options.clone(),
        origins: provenance.origins.iter().map(origin_to).collect(),
        bursts: provenance.bursts.iter().map(burst_to).collect(),
        sources: provenance.sources.iter().map(source_to).collect(),
        cuts: provenance.cuts.iter().map(cut_to).collect(),
        calendar_version: provenance.calendar_version.clone(),
        tzdb_version: provenance.tzdb_version.clone(),
        faults: provenance.faults.as_ref().map(faults_to),
        columns: ColumnsDocument {
            origin: metadata.columns.origin,
            stored_ids: metadata.columns.stored_ids,
            captured: metadata.columns.captured,
        },
        counts: CountsDocument {
            trade: metadata.counts.trade,
            orderbook: metadata.counts.orderbook,
            marketdata: metadata.counts.marketdata,
            raw: metadata.counts.raw,
            total: metadata.counts.total(),
        },
        digest: metadata.digest.to_string(),
        row_groups: metadata.row_groups.iter().map(row_group_to).collect(),
        state_frames: metadata.state_frames.iter().map(state_frame_to).collect(),
    };
    serde_json::to_string(&document).expect("the document has only texts, numbers and lists")
}

/// Reads the document; the error says what is wrong with it. Unknown names are ignored, as a later minor version may
/// add some.
pub(crate) fn from_json(text: &str) -> Result<Metadata, String> {
    check_bounds(text).map_err(|error| error.to_string())?;
    let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let format_version = FormatVersion::parse(&document.format_version)
        .ok_or_else(|| format!("`format_version` is {:?}", document.format_version))?;
    let counts = Counts {
        trade: document.counts.trade,
        orderbook: document.counts.orderbook,
        marketdata: document.counts.marketdata,
        raw: document.counts.raw,
    };
    at_most("options", document.options.len(), limits::OPTIONS_MAX)?;
    at_most("origins", document.origins.len(), limits::ORIGINS_MAX)?;
    at_most("row_groups", document.row_groups.len(), limits::GROUPS_MAX as usize)?;
    let planted = document.faults.iter().filter_map(|faults| faults.planted.as_ref()).flatten();
    at_most("faults", planted.map(|list| list.seqs.len()).sum(), limits::FAULTS_MAX)?;
    let total = [counts.orderbook, counts.marketdata, counts.raw]
        .into_iter()
        .try_fold(counts.trade, |sum, count| sum.checked_add(count));
    if total != Some(document.counts.total) {
        return Err("the counts by type do not sum to `total`".to_owned());
    }
    Ok(Metadata {
        format_version,
        writer: WriterVersions {
            tradesim: document.writer.tradesim,
            parquet: document.writer.parquet,
            zstd: document.writer.zstd,
        },
        provenance: Provenance {
            generator_version: document.generator_version,
            model: document.model,
            seed: document.seed,
            date: document.date,
            options: document.options,
            origins: all(document.origins, origin_from)?,
            bursts: all(document.bursts, burst_from)?,
            sources: all(document.sources, source_from)?,
            cuts: all(document.cuts, cut_from)?,
            calendar_version: document.calendar_version,
            tzdb_version: document.tzdb_version,
            faults: document.faults.map(faults_from),
        },
        columns: Columns {
            origin: document.columns.origin,
            stored_ids: document.columns.stored_ids,
            captured: document.columns.captured,
        },
        counts,
        digest: parsed("digest", &document.digest)?,
        row_groups: all(document.row_groups, row_group_from)?,
        state_frames: all(document.state_frames, state_frame_from)?,
    })
}

fn origin_to(origin: &Origin) -> OriginDocument {
    OriginDocument {
        identity: origin.identity.clone(),
        symbols: origin.symbols.iter().map(symbol_to).collect(),
    }
}

fn origin_from(document: OriginDocument) -> Result<Origin, String> {
    at_most("symbols", document.symbols.len(), limits::ORIGINS_MAX)?;
    Ok(Origin { identity: document.identity, symbols: all(document.symbols, symbol_from)? })
}

fn symbol_to(entry: &SymbolEntry) -> SymbolDocument {
    SymbolDocument {
        symbol: entry.symbol.to_string(),
        name: entry.name.clone(),
        exchange: entry.exchange.to_string(),
        sector: entry.sector.clone(),
        base_price: entry.base_price.to_string(),
        volatility: number(entry.volatility),
        avg_daily_volume: entry.avg_daily_volume,
        tick_size: entry.tick_size.to_string(),
        lot_size: entry.lot_size,
        weight: number(entry.weight),
    }
}

fn symbol_from(document: SymbolDocument) -> Result<SymbolEntry, String> {
    Ok(SymbolEntry {
        symbol: symbol(&document.symbol)?,
        name: document.name,
        exchange: parsed("exchange", &document.exchange)?,
        sector: document.sector,
        base_price: price("base_price", &document.base_price)?,
        volatility: parsed("volatility", &document.volatility)?,
        avg_daily_volume: document.avg_daily_volume,
        tick_size: price("tick_size", &document.tick_size)?,
        lot_size: document.lot_size,
        weight: parsed("weight", &document.weight)?,
    })
}

fn burst_to(burst: &Burst) -> BurstDocument {
    BurstDocument {
        from: burst.from.to_string(),
        to: burst.to.to_string(),
        multiplier: number(burst.multiplier),
        symbol: burst.symbol.map(|symbol| symbol.to_string()),
        planned: burst.planned,
    }
}

fn burst_from(document: BurstDocument) -> Result<Burst, String> {
    Ok(Burst {
        from: time(&document.from)?,
        to: time(&document.to)?,
        multiplier: parsed("multiplier", &document.multiplier)?,
        symbol: document.symbol.as_deref().map(symbol).transpose()?,
        planned: document.planned,
    })
}

fn source_to(source: &Source) -> SourceDocument {
    SourceDocument {
        digest: source.digest.to_string(),
        cuts: source.cuts.iter().map(cut_to).collect(),
        sources: source.sources.iter().map(source_to).collect(),
    }
}

fn source_from(document: SourceDocument) -> Result<Source, String> {
    Ok(Source {
        digest: parsed("digest", &document.digest)?,
        cuts: all(document.cuts, cut_from)?,
        sources: all(document.sources, source_from)?,
    })
}

fn cut_to(cut: &Cut) -> CutDocument {
    CutDocument {
        from: cut.from.map(|at| at.to_string()),
        to: cut.to.map(|at| at.to_string()),
        symbols: cut.symbols.iter().map(Symbol::to_string).collect(),
        events: cut.events.iter().map(|event| event.to_string()).collect(),
        limit: cut.limit,
    }
}

fn cut_from(document: CutDocument) -> Result<Cut, String> {
    Ok(Cut {
        from: document.from.as_deref().map(time).transpose()?,
        to: document.to.as_deref().map(time).transpose()?,
        symbols: document.symbols.iter().map(|text| symbol(text)).collect::<Result<_, _>>()?,
        events: document.events.iter().map(|text| parsed("events", text)).collect::<Result<_, _>>()?,
        limit: document.limit,
    })
}

fn faults_to(faults: &Faults) -> FaultsDocument {
    let planted = |of_kind: &PlantedFaults| PlantedDocument {
        kind: of_kind.kind.clone(),
        reason: of_kind.reason.clone(),
        seqs: of_kind.seqs.clone(),
    };
    FaultsDocument {
        plan_seed: faults.plan_seed,
        planted: faults.planted.as_ref().map(|list| list.iter().map(planted).collect()),
    }
}

fn faults_from(document: FaultsDocument) -> Faults {
    let planted = |PlantedDocument { kind, reason, seqs }| PlantedFaults { kind, reason, seqs };
    Faults {
        plan_seed: document.plan_seed,
        planted: document.planted.map(|list| list.into_iter().map(planted).collect()),
    }
}

fn row_group_to(group: &RowGroup) -> RowGroupDocument {
    RowGroupDocument {
        offset: group.offset,
        length: group.length,
        rows: group.rows,
        first_seq: group.first.0,
        last_seq: group.last.0,
        first_ts: group.first.1.to_string(),
        last_ts: group.last.1.to_string(),
        digest: group.digest.to_string(),
    }
}

fn row_group_from(document: RowGroupDocument) -> Result<RowGroup, String> {
    Ok(RowGroup {
        offset: document.offset,
        length: document.length,
        rows: document.rows,
        first: (document.first_seq, time(&document.first_ts)?),
        last: (document.last_seq, time(&document.last_ts)?),
        digest: parsed("digest", &document.digest)?,
    })
}

fn state_frame_to(frame: &StateFrame) -> StateFrameDocument {
    StateFrameDocument {
        offset: frame.offset,
        length: frame.length,
        content_length: frame.content_length,
        seq: frame.seq,
        digest: frame.digest.to_string(),
    }
}

fn state_frame_from(document: StateFrameDocument) -> Result<StateFrame, String> {
    Ok(StateFrame {
        offset: document.offset,
        length: document.length,
        content_length: document.content_length,
        seq: document.seq,
        digest: parsed("digest", &document.digest)?,
    })
}

fn at_most(name: &str, found: usize, limit: usize) -> Result<(), String> {
    if found <= limit {
        Ok(())
    } else {
        Err(format!("`{name}` has {found} entries; at most {limit} are read"))
    }
}

fn all<D, T>(documents: Vec<D>, from: impl Fn(D) -> Result<T, String>) -> Result<Vec<T>, String> {
    documents.into_iter().map(from).collect()
}

/// A float as its shortest text, which is the same everywhere and reads back to the same bits; a JSON number would not
/// be read exactly by every parser.
fn number(value: f64) -> String {
    value.to_string()
}

fn parsed<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("`{name}` is {text:?}: {error}"))
}

fn symbol(text: &str) -> Result<Symbol, String> {
    Symbol::new(text).ok_or_else(|| format!("{text:?} is no symbol"))
}

fn price(name: &str, text: &str) -> Result<Price, String> {
    Price::parse(text.as_bytes()).ok_or_else(|| format!("`{name}` is {text:?}, which is no price"))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text.as_bytes()).map_err(|error| format!("{text:?}: {error}"))
}
