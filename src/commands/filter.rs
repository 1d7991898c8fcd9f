//! `filter`: cuts an archive. Messages keep their sequence numbers, and the metadata describes the cut and its source.

use tradesim_archive::KeptFaults;

use crate::{
    cli::Filter as Args,
    exit::Outcome,
    filter,
    output::{self, say},
    progress::Progress,
    report::{self, ArchiveReport},
    sink::{Sink, check_name},
    source,
};

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    check_name(&args.output.output)?;
    let archive = source::open(&args.file, args.reading)?;
    let metadata = archive.metadata();
    let filter = filter::of_archive(&args.filter, metadata)?;
    report::explain_cut_times(&filter);
    let provenance = metadata.cut_provenance(filter.cut());
    let output = &args.output;
    let mut sink = Sink::create(&output.output, output.force, args.threads, provenance, metadata.columns())?;
    let (first, last) = source::time_span(metadata);
    let mut progress = Progress::new("filtering", last - first);
    let mut messages = 0;
    // a full copy keeps all faults, including one at the end, after the last message
    let faults = metadata.provenance().faults.clone().filter(|_| !filter.is_open());
    let mut faults = faults.map(KeptFaults::of);
    for batch in archive.filtered(filter.clone()) {
        let batch = batch?;
        if let Some(faults) = &mut faults {
            batch.rows().for_each(|row| faults.keep(row.seq()));
        }
        messages += batch.len() as u64;
        if let Some(row) = batch.rows().last() {
            progress.at((row.timestamp().micros() as u64).saturating_sub(first), messages);
        }
        sink.write(batch)?;
    }
    if let Some(faults) = faults {
        sink.set_faults(faults.finish());
    }
    let summary = sink.finish()?;
    let seconds = progress.finish().as_secs_f64();
    let report = ArchiveReport::new(&output.output, &summary.metadata, summary.bytes);
    output::emit(args.json, &report, |out| out.line(&report.digest))?;
    report::warn_if_empty(&filter, report.events.total(), source::range(metadata));
    say(format_args!(
        "kept {} of {} messages in {seconds:.2} s: {}",
        output::grouped(report.events.total()),
        output::grouped(metadata.counts().total()),
        report.file
    ));
    Ok(Outcome::Done)
}
