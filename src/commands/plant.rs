//! `plant`: writes an archive with the faults of a plan, and lists them in its metadata.
//!
//! The archive contains what `replay --faults` sends for the same plan.

use std::path::Path;

use serde::Serialize;
use tradesim_archive::{Batch, Columns, Metadata, Provenance, Source, Start};

use tradesim_schemas::RecordSeq;

use crate::{
    cli::Plant as Args,
    exit::{Failure, Outcome},
    faults::{ArchiveFaults, FaultPlan, FaultyRows, Kind, Planted},
    output::{self, grouped, say},
    progress::Progress,
    report::ArchiveReport,
    sink::{Sink, check_name},
    source,
};

/// The maximum number of faults that the metadata lists (FORMAT.md, section 5.9).
const LISTED_MAX: usize = 100_000;

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
    let columns = columns(metadata.columns(), &planted);
    let provenance = Provenance { faults: Some(faults), ..provenance(metadata) };
    let mut sink = Sink::create(&output.output, output.force, args.threads, provenance, columns)?;
    let mut progress = Progress::new("planting", metadata.counts().total());
    let mut gaps = Gaps::of(metadata);
    let mut rows = FaultyRows::new(planted);
    let mut read = 0;
    for batch in archive.batches(Start::Beginning) {
        let batch = batch?;
        let mut faulty = Batch::default();
        for row in batch.rows() {
            gaps.pass(row.seq(), rows.next_seq());
            rows.push(row.to_row(), &mut faulty);
        }
        read += batch.len() as u64;
        sink.write(faulty)?;
        progress.at(read, read);
    }
    sink.set_gaps(&gaps.renumbered);
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
    report.faults.summarise();
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
            Kind::Disconnect | Kind::Stall | Kind::Drip => "it is a fault of the connection",
            Kind::Oversize => "an archive contains messages of at most 16 MiB",
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
    if count <= LISTED_MAX {
        return Ok(());
    }
    let (count, max) = (grouped(count as u64), grouped(LISTED_MAX as u64));
    let what = format!("the plan affects {count} messages, but an archive lists at most {max} faults");
    Err(Failure::Configuration { what, hint: Some(REPLAY.to_owned()) })
}

/// Returns the columns of the source, plus those for faulty frames.
fn columns(of_source: Columns, planted: &Planted) -> Columns {
    let swaps = planted.has(|kind| kind == Kind::Swap);
    let frames = swaps || planted.has(|kind| !matches!(kind, Kind::Drop | Kind::Duplicate));
    Columns {
        captured: of_source.captured || frames,
        // filters recognise a valid frame as a trade by its ids
        stored_ids: of_source.stored_ids || swaps,
        ..of_source
    }
}

/// Returns the provenance of the new archive: that of the source, which it lists together with its cuts.
fn provenance(metadata: &Metadata) -> Provenance {
    let mut provenance = metadata.provenance().clone();
    let cuts = std::mem::take(&mut provenance.cuts);
    let sources = std::mem::take(&mut provenance.sources);
    provenance.sources = vec![Source { digest: metadata.digest(), cuts, sources }];
    provenance
}

/// The gaps of a capture, by new sequence numbers.
#[derive(Debug)]
struct Gaps {
    /// The remaining gaps, by old sequence numbers.
    left: std::iter::Peekable<std::vec::IntoIter<RecordSeq>>,
    renumbered: Vec<RecordSeq>,
}

impl Gaps {
    fn of(metadata: &Metadata) -> Gaps {
        let first = metadata.first().map_or(RecordSeq::FIRST, |(seq, _)| seq);
        Gaps::new(metadata.provenance().gaps(), first)
    }

    fn new(mut gaps: Vec<RecordSeq>, first: RecordSeq) -> Gaps {
        // a cut keeps the gaps of its source; skip those before its first message
        gaps.retain(|gap| *gap >= first);
        Gaps { left: gaps.into_iter().peekable(), renumbered: Vec::new() }
    }

    /// Records that message `old` gets the number `new`, unless it is dropped.
    fn pass(&mut self, old: RecordSeq, new: RecordSeq) {
        while self.left.next_if(|gap| *gap <= old).is_some() {
            if self.renumbered.last() != Some(&new) {
                self.renumbered.push(new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted(plan: &str, messages: u64) -> Planted {
        FaultPlan::parse(plan).unwrap().resolve(messages).unwrap()
    }

    #[test]
    fn gaps_stay_before_the_same_messages() {
        let mut gaps = Gaps::new([2, 10, 12, 13, 20].map(RecordSeq).to_vec(), RecordSeq(10));
        // message 13 is dropped, and the next message gets its number
        for (old, new) in [(10, 0), (11, 1), (13, 2), (14, 2), (15, 3)] {
            gaps.pass(RecordSeq(old), RecordSeq(new));
        }
        assert_eq!(gaps.renumbered, [0, 2].map(RecordSeq));
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

    #[test]
    fn only_archives_with_frames_have_their_columns() {
        let of = |kind: &str| {
            let planted = planted(&format!("fault = [{{ kind = '{kind}', at = 1 }}]"), 9);
            let columns = columns(Columns::default(), &planted);
            (columns.captured, columns.stored_ids)
        };
        assert_eq!((of("drop"), of("duplicate")), ((false, false), (false, false)));
        assert_eq!((of("swap"), of("price")), ((true, true), (true, false)));
    }
}
