//! `merge`: merges archives in the order of (time, seq, input), and renumbers the messages.
//!
//! All parts of one recording are merged in the order of the market: the result is the recording. If cuts add up to their source again, which the digest shows, the result has the metadata of the source.

mod inputs;
mod parts;
mod provenance;

use tradesim_archive::{Archive, Batch, Row};
use tradesim_dataset::Parts;
use tradesim_schemas::RecordSeq;

use crate::{
    cli::Merge,
    exit::Outcome,
    output::{self, grouped, say},
    progress::Progress,
    report::ArchiveReport,
    sink::{Sink, check_name},
    source,
};
use inputs::Merged;
use provenance::{Origins, merged_provenance, whole_again};

/// The number of rows in a batch.
const BATCH_ROWS: usize = 8_192;
/// The number of bytes in raw frames after which a batch is full.
const BATCH_RAW_BYTES: usize = 1 << 20;

/// Collects rows into batches.
#[derive(Default)]
struct Gathered {
    batch: Batch,
    raw_bytes: usize,
}

impl Gathered {
    /// Appends a row. Returns the batch if it is full.
    fn push(&mut self, row: Row) -> Option<Batch> {
        if let Row::Captured(captured) = &row {
            self.raw_bytes += captured.raw_bytes();
        }
        self.batch.push(row);
        let is_full = self.batch.len() == BATCH_ROWS || self.raw_bytes >= BATCH_RAW_BYTES;
        is_full.then(|| std::mem::take(self).batch)
    }
}

pub(crate) fn run(args: &Merge) -> anyhow::Result<Outcome> {
    check_name(&args.output.output)?;
    let archives = args
        .files
        .iter()
        .map(|path| source::open(path, args.reading))
        .collect::<anyhow::Result<Vec<Archive>>>()?;
    match Parts::of(&archives) {
        Parts::Complete => return print(args, &parts::merge(args, &archives)?),
        Parts::Missing(missing) => parts::warn_of_missing(&missing, missing.len() + archives.len()),
        Parts::Unrelated => {}
    }
    let origins = Origins::of(&archives)?;
    let provenance = match whole_again(&archives, &origins)? {
        Some(provenance) => provenance,
        None => merged_provenance(&archives, &origins),
    };
    let columns = origins.columns(&archives);
    let output = &args.output;
    let mut sink = Sink::create(&output.output, output.force, args.threads, provenance, columns)?;
    let total = archives.iter().map(|archive| archive.metadata().counts().total()).sum();
    let mut progress = Progress::new("merging", total);
    let mut merged = Merged::new(&archives, &origins)?;
    let mut gathered = Gathered::default();
    let mut seq = 0;
    while let Some(row) = merged.next_row()? {
        let full = gathered.push(row.numbered(RecordSeq(seq)));
        seq += 1;
        if let Some(batch) = full {
            sink.write(batch)?;
            progress.at(seq, seq);
        }
    }
    sink.write(gathered.batch)?;
    let summary = sink.finish()?;
    let seconds = progress.finish().as_secs_f64();
    let report = ArchiveReport::new(&output.output, &summary.metadata, summary.bytes);
    let outcome = print(args, &report)?;
    if merged.duplicates() > 0 {
        say(format_args!(
            "warning: {} messages are in more than one input, and so more than once in {}",
            grouped(merged.duplicates()),
            report.file
        ));
    }
    let whole =
        if report.cuts.is_empty() && report.sources.is_empty() { "; the parts are complete" } else { "" };
    say(format_args!(
        "merged {} messages of {} archives in {seconds:.2} s: {}{whole}",
        grouped(seq),
        archives.len(),
        report.file
    ));
    Ok(outcome)
}

fn print(args: &Merge, report: &ArchiveReport) -> anyhow::Result<Outcome> {
    output::emit(args.json, report, |out| out.line(&report.digest))?;
    Ok(Outcome::Done)
}
