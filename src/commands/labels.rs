//! `labels`: prints the labels of the planned events of an archive. Only the tail of the file is read.

use serde::Serialize;
use tradesim_archive::{Label, Provenance};
use tradesim_schemas::Timestamp;
use tradesim_sim::session::{TradingDay, date_at};

use crate::{
    cli::{Labels, ReadingArgs},
    exit::Outcome,
    output::{self, Stdout},
    report::SCHEMA_VERSION,
    signals, source,
};

#[derive(Serialize)]
struct LabelsReport {
    schema_version: u32,
    file: String,
    labels: Vec<Label>,
}

pub(crate) fn run(args: &Labels) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let archive = source::open(&args.file, ReadingArgs { no_mmap: true })?;
    let Provenance { labels, .. } = archive.metadata().provenance().clone();
    let report =
        LabelsReport { schema_version: SCHEMA_VERSION, file: args.file.display().to_string(), labels };
    output::emit(args.json, &report, |out| report.labels.iter().try_for_each(|label| write(label, out)))?;
    if report.labels.is_empty() {
        output::say(format_args!("{} has no planned events", report.file));
    }
    Ok(Outcome::Done)
}

/// Returns a label as one line: `luld KO 10:31:12 to 10:41:47, halt 10:31:47`.
pub(super) fn line(label: &Label) -> String {
    let symbol = label.symbol.map_or_else(|| "all symbols".to_owned(), |symbol| symbol.to_string());
    let phases: Vec<String> =
        label.phases.iter().map(|phase| format!("{} {}", phase.name, clock(phase.at))).collect();
    format!("{} {symbol} on {}: {}", label.kind, date_at(label.from), phases.join(", "))
}

fn write(label: &Label, out: &mut Stdout) -> anyhow::Result<()> {
    let line = |name: &str, text: &str| format!("  {name:<12}{text}");
    out.line(&label.id)?;
    out.line(&line("kind", &label.kind))?;
    let symbol = label.symbol.map_or_else(|| "all".to_owned(), |symbol| symbol.to_string());
    out.line(&line("symbol", &symbol))?;
    out.line(&line("from", &label.from.to_string()))?;
    out.line(&line("to", &label.to.to_string()))?;
    for phase in &label.phases {
        out.line(&line(
            "phase",
            &format!("{} {:<10} {} exchange time", phase.at, phase.name, clock(phase.at)),
        ))?;
    }
    for (name, value) in &label.parameters {
        out.line(&line("parameter", &format!("{name}={value}")))?;
    }
    out.line(&line("rule", &label.rule))
}

/// Returns the time of day in New York.
fn clock(at: Timestamp) -> String {
    let day = TradingDay::regular(date_at(at));
    day.exchange_time(at).format("%H:%M:%S%.f").to_string()
}
