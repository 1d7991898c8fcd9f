//! Merging all parts of one recording into the recording.

use tradesim_archive::{Archive, Batch, Columns, Start};
use tradesim_dataset::{MarketMerge, Parts};
use tradesim_schemas::RecordSeq;

use super::BATCH_ROWS;
use crate::{
    cli::Merge,
    output::{grouped, say},
    progress::Progress,
    report::ArchiveReport,
    sink::Sink,
};

/// Merges complete parts by the market's order. The result is the archive of the whole recording, as if it had been recorded at
/// once.
pub(super) fn merge(args: &Merge, archives: &[Archive]) -> anyhow::Result<ArchiveReport> {
    let provenance = Parts::whole(archives);
    let output = &args.output;
    let mut sink = Sink::create(&output.output, output.force, args.threads, provenance, Columns::default())?;
    let total = archives.iter().map(|archive| archive.metadata().counts().total()).sum();
    let mut progress = Progress::new("merging", total);
    let mut merged = MarketMerge::new(archives, Start::Beginning, RecordSeq(0))?;
    let mut records = Vec::with_capacity(BATCH_ROWS);
    let mut messages = 0;
    while let Some(record) = merged.next_record()? {
        records.push(record);
        if records.len() == BATCH_ROWS {
            messages += BATCH_ROWS as u64;
            sink.write(Batch::from(std::mem::replace(&mut records, Vec::with_capacity(BATCH_ROWS))))?;
            progress.at(messages, messages);
        }
    }
    sink.write(Batch::from(records))?;
    let summary = sink.finish()?;
    let seconds = progress.finish().as_secs_f64();
    let report = ArchiveReport::new(&output.output, &summary.metadata, summary.bytes);
    say(format_args!(
        "merged {} messages of {} parts in {seconds:.2} s: {}; the result is whole",
        grouped(report.events.total()),
        archives.len(),
        report.file
    ));
    Ok(report)
}

/// Warns if archives are parts of a recording of which others are missing: the result is another merge then.
pub(super) fn warn_of_missing(missing: &[u16], of: usize) {
    let numbers: Vec<String> = missing.iter().map(u16::to_string).collect();
    say(format_args!(
        "warning: the parts {} of {of} are missing, so the messages are merged by time and not in the order of the recording",
        numbers.join(", ")
    ));
}
