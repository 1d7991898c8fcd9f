//! `plant`: writes an archive with the faults of a plan, and lists them in its metadata.
//!
//! The archive contains what `replay --faults` sends for the same plan.

use std::path::Path;

use serde::Serialize;
use tradesim_archive::{Batch, FAULTS_MAX, Provenance, Start};
use tradesim_sources::{ArchiveFaults, FaultKind, FaultPlan, FaultyRows, Planted};

use tradesim_schemas::RecordSeq;

use crate::{
    cli::Plant as Args,
    exit::{Failure, Outcome},
    output::{self, grouped, say},
    progress::Progress,
    report::{self, ArchiveReport},
    sink::{Sink, check_name},
    source,
};

/// The hint for faults that an archive cannot contain.
const REPLAY: &str = "`tradesim replay FILE --faults PLAN` adds it while serving the archive";

/// The report of `plant`.
#[derive(Debug, Serialize)]
struct Report {
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
    check_plan(&plan, &args.faults)?;
    let planted = plan.resolve(metadata.counts().total())?;
    check_size(&planted)?;

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

    let report = Report {
        archive: ArchiveReport::new(&output.output, &summary.metadata, summary.bytes),
        faults: report,
    };
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print_line(format_args!("{}", report.archive.digest))?;
    }
    say(format_args!("faults planted {}", report::describe_archive_faults(&report.faults)));
    say(format_args!(
        "wrote {} messages from {} in {seconds:.2} s: {}",
        grouped(report.archive.events.total),
        grouped(read),
        report.archive.file
    ));
    Ok(Outcome::Done)
}

/// Refuses a plan with faults that an archive cannot contain.
fn check_plan(plan: &FaultPlan, path: &Path) -> Result<(), Failure> {
    for (index, fault) in plan.faults.iter().enumerate() {
        let why = match fault.kind {
            FaultKind::Disconnect | FaultKind::Stall | FaultKind::Drip => "it is a fault of the connection",
            FaultKind::Oversize => "an archive contains messages of at most 16 MiB",
            _ => continue,
        };
        let (number, kind) = (index + 1, fault.kind.name());
        return Err(Failure::Configuration {
            what: format!("{}: fault {number} ({kind}) cannot be planted: {why}", path.display()),
            hint: Some(REPLAY.to_owned()),
        });
    }
    Ok(())
}

/// Limits the number of faults: their list is part of the metadata, which every reader holds in memory.
fn check_size(planted: &Planted) -> Result<(), Failure> {
    let count = planted.len();
    if count <= FAULTS_MAX {
        return Ok(());
    }
    let (count, max) = (grouped(count as u64), grouped(FAULTS_MAX as u64));
    let what = format!("the plan affects {count} messages, but an archive lists at most {max} faults");
    Err(Failure::Configuration { what, hint: Some(REPLAY.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(plan: &str, messages: u64) -> Planted {
        plan.parse::<FaultPlan>().unwrap().resolve(messages).unwrap()
    }

    #[test]
    fn the_list_of_faults_is_limited() {
        let of = |messages| check_size(&planted("fault = [{ kind = 'drop', rate = 1.0 }]", messages));
        of(100_000).unwrap();
        let refused = of(100_001).unwrap_err();
        assert!(
            refused.to_string().contains("affects 100,001 messages, but an archive lists at most 100,000")
        );
    }
}
