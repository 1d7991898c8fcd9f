//! `info`: describes an archive by its metadata. Only the tail of the file is read and checked.

use std::collections::BTreeSet;

use serde::Serialize;
use tradesim_archive::{Label, Metadata};
use tradesim_sources::ArchiveFaults;

use crate::{
    cli::Info,
    cli::ReadingArgs,
    exit::Outcome,
    output::{self, grouped},
    report::{self, ArchiveReport},
    signals, source,
};

#[derive(Serialize)]
struct InfoReport {
    #[serde(flatten)]
    archive: ArchiveReport,
    options: std::collections::BTreeMap<String, String>,
    symbols: Vec<String>,
    bursts: usize,
    labels: Vec<Label>,
    row_groups: usize,
    state_frames: usize,
    faults: Option<ArchiveFaults>,
    calendar_version: Option<String>,
    tzdb_version: Option<String>,
    /// The identities of the simulations in the archive.
    identities: Vec<String>,
    writer: Writer,
}

#[derive(Serialize)]
struct Writer {
    tradesim: String,
    parquet: String,
    zstd: String,
}

pub(crate) fn run(args: &Info) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let archive = source::open(&args.file, ReadingArgs { no_mmap: true })?;
    let metadata = archive.metadata();
    let (provenance, writer) = (metadata.provenance(), metadata.writer());
    let report = InfoReport {
        archive: ArchiveReport::new(&args.file, metadata, archive.bytes()),
        options: provenance.options.clone(),
        symbols: symbols(metadata),
        bursts: provenance.bursts.len(),
        labels: provenance.labels.clone(),
        row_groups: metadata.row_groups().len(),
        state_frames: metadata.state_frames().len(),
        faults: provenance.faults.as_ref().map(ArchiveFaults::new),
        calendar_version: provenance.calendar_version.clone(),
        tzdb_version: provenance.tzdb_version.clone(),
        identities: provenance.origins.iter().map(|origin| origin.identity.clone()).collect(),
        writer: Writer {
            tradesim: writer.tradesim.clone(),
            parquet: writer.parquet.clone(),
            zstd: writer.zstd.clone(),
        },
    };
    output::emit(args.json, &report, |out| {
        let mut lines = lines(&report.archive, metadata).into_iter();
        lines.try_for_each(|(name, value)| out.line(&format!("{name:<12}{value}")))
    })?;
    Ok(Outcome::Done)
}

fn symbols(metadata: &Metadata) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let entries = metadata.provenance().origins.iter().flat_map(|origin| &origin.symbols);
    entries.filter(|entry| seen.insert(entry.symbol.key())).map(|entry| entry.symbol.to_string()).collect()
}

fn lines(report: &ArchiveReport, metadata: &Metadata) -> Vec<(&'static str, String)> {
    let provenance = metadata.provenance();
    let events = &report.events;
    let mut lines = vec![
        ("file", report.file.clone()),
        ("size", size(report.bytes, events.total())),
        ("format", format!("{}, written by tradesim {}", report.format_version, metadata.writer().tradesim)),
    ];
    let mut optional = |name, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    optional("date", report.date.clone());
    optional("seed", report.seed.map(|seed| seed.to_string()));
    optional("model", report.model.clone());
    optional("generator", report.generator_version.clone());
    let tzdb =
        provenance.tzdb_version.iter().map(|version| format!(", time zones {version}")).collect::<String>();
    optional("calendar", provenance.calendar_version.as_ref().map(|version| format!("{version}{tzdb}")));
    for origin in &provenance.origins {
        optional("identity", Some(origin.identity.clone()));
    }
    let options: Vec<String> =
        provenance.options.iter().map(|(name, value)| format!("{name}={value}")).collect();
    optional("options", (!options.is_empty()).then(|| options.join(" ")));
    let symbols = symbols(metadata);
    optional("symbols", (!symbols.is_empty()).then(|| format!("{}: {}", symbols.len(), symbols.join(","))));
    optional("bursts", (!provenance.bursts.is_empty()).then(|| grouped(provenance.bursts.len() as u64)));
    for label in &provenance.labels {
        optional("label", Some(super::labels::line(label)));
    }
    for cut in &provenance.cuts {
        optional("cut", Some(cut.to_string()));
    }
    for source in &provenance.sources {
        optional("source", Some(source.digest.to_string()));
    }
    let faults = provenance.faults.as_ref();
    optional("faults", faults.map(|faults| report::describe_archive_faults(&ArchiveFaults::new(faults))));
    lines.push((
        "messages",
        format!(
            "{} (trade {}, orderbook {}, marketdata {}, raw {})",
            grouped(events.total()),
            grouped(events.trade),
            grouped(events.orderbook),
            grouped(events.marketdata),
            grouped(events.raw)
        ),
    ));
    for (name, time, seq) in
        [("first", &report.first, report.first_seq), ("last", &report.last, report.last_seq)]
    {
        if let (Some(time), Some(seq)) = (time, seq) {
            lines.push((name, format!("{time} (seq {seq})")));
        }
    }
    lines.push(("row groups", metadata.row_groups().len().to_string()));
    lines.push(("digest", report.digest.clone()));
    lines
}

/// Formats a size in total and per message.
pub(crate) fn size(bytes: u64, messages: u64) -> String {
    let whole = output::bytes(bytes);
    if messages == 0 {
        return whole;
    }
    format!("{whole} ({:.2} bytes per message)", bytes as f64 / messages as f64)
}
