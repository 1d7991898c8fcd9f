//! Reports about archives and clusters, with the keys of the contract (section 9).

mod faults;

use std::path::Path;

use serde::Serialize;
use tradesim_archive::{Counts, Cut, Filter, Metadata, Source};
use tradesim_schemas::{RecordSeq, Timestamp};

use crate::output;
pub(crate) use faults::{describe_archive_faults, describe_faults};

/// The `schema_version` of every JSON report.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// The report of `record --json`, `info --json`, `filter --json` and `merge --json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ArchiveReport {
    pub(crate) schema_version: u32,
    pub(crate) file: String,
    pub(crate) events: Counts,
    pub(crate) bytes: u64,
    pub(crate) date: Option<String>,
    pub(crate) seed: Option<u64>,
    /// Times of the first and the last message.
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) first_seq: Option<RecordSeq>,
    pub(crate) last_seq: Option<RecordSeq>,
    pub(crate) digest: String,
    pub(crate) format_version: String,
    pub(crate) generator_version: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) cuts: Vec<Cut>,
    pub(crate) sources: Vec<Source>,
}

impl ArchiveReport {
    pub(crate) fn new(path: &Path, metadata: &Metadata, bytes: u64) -> ArchiveReport {
        let provenance = metadata.provenance();
        let (first, last) = (metadata.first(), metadata.last());
        ArchiveReport {
            schema_version: SCHEMA_VERSION,
            file: path.display().to_string(),
            events: metadata.counts(),
            bytes,
            date: provenance.date.clone(),
            seed: provenance.seed,
            first: first.map(|(_, at)| at.to_string()),
            last: last.map(|(_, at)| at.to_string()),
            first_seq: first.map(|(seq, _)| seq),
            last_seq: last.map(|(seq, _)| seq),
            digest: metadata.digest().to_string(),
            format_version: metadata.format_version().to_string(),
            generator_version: provenance.generator_version.clone(),
            model: provenance.model.clone(),
            cuts: provenance.cuts.clone(),
            sources: provenance.sources.clone(),
        }
    }
}

/// Warns if a cut contains no messages, which is rarely intended. `range` is the time span of the source.
pub(crate) fn warn_if_empty(filter: &Filter, kept: u64, range: Option<(Timestamp, Timestamp)>) {
    if kept > 0 || filter.is_open() {
        return;
    }
    let range = match range {
        Some((first, last)) => format!("the source contains messages from {first} to {last}"),
        None => "the source is empty".to_owned(),
    };
    let cut = filter.cut();
    output::say(format_args!("warning: no message passes the filters ({cut}): {range}"));
}

/// Explains which times `--from` and `--to` refer to in a capture, where that may be unexpected.
pub(crate) fn explain_cut_times(filter: &Filter) {
    if filter.goes_by_stated_times() {
        output::say(format_args!(
            "note: --from and --to refer to the emission times in captured messages; a message without one is treated \
             like the messages around it"
        ));
    }
}
