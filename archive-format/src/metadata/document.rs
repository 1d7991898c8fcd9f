//! The JSON document in which the metadata is stored (FORMAT.md, section 5). The types of [`super`] derive their form in it;
//! this module contains the exceptions: values that are stored as texts, and the checks of a document that is read.

use std::{collections::BTreeMap, fmt::Display};

use serde::{Deserialize, Serialize};
use tradesim_schemas::{ByteHash, ContentDigest, EventType, Exchange, Price, RecordSeq, Symbol, Timestamp};

use super::{
    Burst, Counts, Faults, KeyDigest, Label, Metadata, Origin, Provenance, RecordingPart, RowGroup, Slices,
    Source, StateFrame, WriterVersions, labels, parts,
};
use crate::{Columns, Cut, FormatVersion, limits, metadata::bounds::check_bounds};

/// Returns the metadata as a JSON document: a pure function of it, the same on every machine.
pub(crate) fn to_json(metadata: &Metadata) -> String {
    serde_json::to_string(metadata).expect("the document has only texts, numbers and lists")
}

/// Reads the document. Unknown keys are ignored, because a later minor version may add some.
pub(crate) fn from_json(text: &str) -> Result<Metadata, String> {
    check_bounds(text).map_err(|error| error.to_string())?;
    let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
    at_most("options", document.options.len(), limits::OPTIONS_MAX)?;
    at_most("origins", document.origins.len(), limits::ORIGINS_MAX)?;
    for origin in &document.origins {
        at_most("symbols", origin.symbols.len(), limits::ORIGINS_MAX)?;
    }
    at_most("row_groups", document.row_groups.len(), limits::GROUPS_MAX as usize)?;
    at_most("labels", document.labels.len(), limits::LABELS_MAX)?;
    labels::check(&document.labels)?;
    let planted = document.faults.iter().filter_map(|faults| faults.planted.as_ref()).flatten();
    at_most("faults", planted.map(|list| list.seqs.len()).sum(), limits::FAULTS_MAX)?;
    let metadata = Metadata::from(document);
    parts::check(&metadata)?;
    Ok(metadata)
}

fn at_most(name: &str, found: usize, limit: usize) -> Result<(), String> {
    if found <= limit {
        Ok(())
    } else {
        Err(format!("`{name}` has {found} entries, more than the limit of {limit}"))
    }
}

/// The document as it is read. [`Metadata`] cannot derive `Deserialize`: with a flattened provenance, serde would buffer the
/// whole document in memory.
#[derive(Deserialize)]
struct Document {
    #[serde(with = "text")]
    format_version: FormatVersion,
    writer: WriterVersions,
    generator_version: Option<String>,
    model: Option<String>,
    seed: Option<u64>,
    date: Option<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    origins: Vec<Origin>,
    #[serde(default)]
    bursts: Vec<Burst>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    sources: Vec<Source>,
    #[serde(default)]
    cuts: Vec<Cut>,
    calendar_version: Option<String>,
    tzdb_version: Option<String>,
    faults: Option<Faults>,
    part: Option<RecordingPart>,
    columns: Columns,
    counts: Counts,
    #[serde(with = "text")]
    digest: ContentDigest,
    keys: Option<Vec<KeyDigest>>,
    slices: Option<Slices>,
    row_groups: Vec<RowGroup>,
    state_frames: Vec<StateFrame>,
}

impl From<Document> for Metadata {
    fn from(document: Document) -> Metadata {
        Metadata {
            format_version: document.format_version,
            writer: document.writer,
            provenance: Provenance {
                generator_version: document.generator_version,
                model: document.model,
                seed: document.seed,
                date: document.date,
                options: document.options,
                origins: document.origins,
                bursts: document.bursts,
                labels: document.labels,
                sources: document.sources,
                cuts: document.cuts,
                calendar_version: document.calendar_version,
                tzdb_version: document.tzdb_version,
                faults: document.faults,
                part: document.part,
            },
            columns: document.columns,
            counts: document.counts,
            digest: document.digest,
            keys: document.keys,
            slices: document.slices,
            row_groups: document.row_groups,
            state_frames: document.state_frames,
        }
    }
}

/// [`Counts`] with their sum, which a reader checks.
#[derive(Serialize, Deserialize)]
pub(super) struct CountsDocument {
    trade: u64,
    orderbook: u64,
    marketdata: u64,
    raw: u64,
    total: u64,
}

impl From<Counts> for CountsDocument {
    fn from(counts: Counts) -> CountsDocument {
        let Counts { trade, orderbook, marketdata, raw } = counts;
        CountsDocument { trade, orderbook, marketdata, raw, total: counts.total() }
    }
}

impl TryFrom<CountsDocument> for Counts {
    type Error = &'static str;

    fn try_from(document: CountsDocument) -> Result<Counts, &'static str> {
        let CountsDocument { trade, orderbook, marketdata, raw, total } = document;
        let sum = [orderbook, marketdata, raw].into_iter().try_fold(trade, u64::checked_add);
        if sum != Some(total) {
            return Err("the counts by type do not sum to `total`");
        }
        Ok(Counts { trade, orderbook, marketdata, raw })
    }
}

/// A [`RowGroup`] with separate seqs and times.
#[derive(Serialize, Deserialize)]
pub(super) struct RowGroupDocument {
    offset: u64,
    length: u64,
    rows: u64,
    first_seq: RecordSeq,
    last_seq: RecordSeq,
    #[serde(with = "text")]
    first_ts: Timestamp,
    #[serde(with = "text")]
    last_ts: Timestamp,
    #[serde(with = "text")]
    digest: ByteHash,
}

impl From<RowGroup> for RowGroupDocument {
    fn from(group: RowGroup) -> RowGroupDocument {
        let RowGroup { offset, length, rows, first, last, digest } = group;
        let ((first_seq, first_ts), (last_seq, last_ts)) = (first, last);
        RowGroupDocument { offset, length, rows, first_seq, last_seq, first_ts, last_ts, digest }
    }
}

impl From<RowGroupDocument> for RowGroup {
    fn from(document: RowGroupDocument) -> RowGroup {
        let RowGroupDocument { offset, length, rows, first_seq, last_seq, first_ts, last_ts, digest } =
            document;
        RowGroup { offset, length, rows, first: (first_seq, first_ts), last: (last_seq, last_ts), digest }
    }
}

/// A value that the document contains as a text, which `Display` writes.
pub(crate) trait AsText: Display + Sized {
    /// The expected kind of text, for errors.
    const EXPECTED: &'static str;

    /// Parses the text.
    fn parse_text(text: &str) -> Option<Self>;
}

macro_rules! as_text {
    ($($type:ty: $expected:literal, $parse:expr;)+) => {
        $(impl AsText for $type {
            const EXPECTED: &'static str = $expected;

            fn parse_text(text: &str) -> Option<$type> {
                let parse: fn(&str) -> Option<$type> = $parse;
                parse(text)
            }
        })+
    };
}

// floats are texts because some JSON parsers do not read a number back to the same bits; `Display` writes the shortest text
// that does
as_text! {
    f64: "a number", |text| text.parse().ok();
    ByteHash: "a digest", |text| text.parse().ok();
    ContentDigest: "a digest", |text| text.parse().ok();
    EventType: "an event type", |text| text.parse().ok();
    Exchange: "an exchange", |text| text.parse().ok();
    FormatVersion: "a supported format version", FormatVersion::parse;
    Price: "a price", |text| Price::parse(text.as_bytes());
    Symbol: "a symbol", Symbol::new;
    Timestamp: "a time", |text| Timestamp::parse(text.as_bytes()).ok();
}

/// Stores a value as a text: `#[serde(with = "text")]`.
pub(super) mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::AsText;

    pub(crate) fn serialize<T: AsText, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: AsText, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::parse_text(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is not {}", T::EXPECTED)))
    }
}

/// Stores a value as a text or null: `#[serde(default, with = "optional_text")]`.
pub(crate) mod optional_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{AsText, Text};

    pub(crate) fn serialize<T: AsText, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Text).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: AsText, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Ok(Option::<Text<T>>::deserialize(deserializer)?.map(|Text(value)| value))
    }
}

/// Stores values as a list of texts: `#[serde(with = "text_list")]`.
pub(crate) mod text_list {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{AsText, Text};

    pub(crate) fn serialize<T: AsText, S: Serializer>(
        values: &[T],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(Text))
    }

    pub(crate) fn deserialize<'de, T: AsText, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<T>, D::Error> {
        Ok(Vec::<Text<T>>::deserialize(deserializer)?.into_iter().map(|Text(value)| value).collect())
    }
}

/// A value within an option or a list.
struct Text<T>(T);

impl<T: AsText> Serialize for Text<&T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize(self.0, serializer)
    }
}

impl<'de, T: AsText> Deserialize<'de> for Text<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Text<T>, D::Error> {
        text::deserialize(deserializer).map(Text)
    }
}
