//! `plant`: writes an archive with the faults of a plan, and lists them in its metadata.
//!
//! The archive contains what `replay --faults` sends for the same plan.

use anyhow::Context;
use serde::Serialize;
use tradesim_archive::{Batch, Provenance, Start};
use tradesim_sources::{ArchiveFaults, FaultPlan, FaultyRows};

use crate::{
    cli::Plant as Args,
    exit::{Failure, Outcome},
    output::{self, grouped, say},
    progress::Progress,
    report::{self, ArchiveReport},
    sink::{Sink, check_name},
    source,
};

/// The report of `plant`.
#[derive(Debug, Serialize)]
struct PlantReport {
    #[serde(flatten)]
    archive: ArchiveReport,
    faults: ArchiveFaults,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let output = &args.output;
    check_name(&output.output)?;
    let archive = source::open(&args.file, args.reading)?;
    let metadata = archive.metadata();
    if metadata.provenance().faults.is_some() {
        return Err(Failure::usage_hint(
            format!("{} already contains planted faults, whose list would become wrong", args.file.display()),
            "put all faults into one plan, and plant it into the original archive",
        )
        .into());
    }
    let plan = FaultPlan::open(&args.faults)?;
    plan.check_for_archives().with_context(|| args.faults.display().to_string())?;
    let planted = plan.resolve(metadata.counts().total())?;
    planted.check_for_archives()?;

    let faults = planted.in_archive(plan.seed);
    let report = ArchiveFaults::new(&faults);
    let columns = planted.columns(metadata.columns());
    let provenance = Provenance { faults: Some(faults), ..metadata.derived_provenance() };
    let mut sink = Sink::create(&output.output, output.force, args.threads, provenance, columns)?;
    let mut progress = Progress::new("planting", metadata.counts().total());
    let mut rows = FaultyRows::new(planted, metadata);
    let mut read = 0;
    for batch in archive.batches(Start::Beginning) {
        let batch = batch?;
        let mut faulty = Batch::default();
        for row in batch.rows() {
            rows.push(row.to_row(), &mut faulty);
        }
        read += batch.len() as u64;
        sink.write(faulty)?;
        progress.at(read, read);
    }
    sink.set_gaps(rows.gaps());
    let summary = sink.finish()?;
    let seconds = progress.finish().as_secs_f64();

    let report = PlantReport {
        archive: ArchiveReport::new(&output.output, &summary.metadata, summary.bytes),
        faults: report,
    };
    output::emit(args.json, &report, |out| out.line(&report.archive.digest))?;
    say(format_args!("faults planted {}", report::describe_archive_faults(&report.faults)));
    say(format_args!(
        "wrote {} messages from {} in {seconds:.2} s: {}",
        grouped(report.archive.events.total()),
        grouped(read),
        report.archive.file
    ));
    Ok(Outcome::Done)
}
