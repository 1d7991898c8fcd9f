//! `dataset verify`: reads the units of a dataset, or a worker's share of them, and checks all that they state.

use serde::Serialize;
use tradesim_dataset::{Finding, Manifest, Recipe, Root, Shard, Verified};
use tradesim_sim::audit::AuditReport;

use super::{
    findings::{self, FindingLine},
    unless_stopped,
};
use crate::{
    cli::DatasetVerify,
    exit::Outcome,
    output::{self, grouped, say},
    progress::Progress,
    report::SCHEMA_VERSION,
    signals::Stop,
    storage,
};

#[derive(Debug, Default, Serialize)]
struct Report {
    schema_version: u32,
    ok: bool,
    shard: String,
    sealed: bool,
    units: u64,
    recomputed: u64,
    messages: u64,
    keys: u64,
    /// Broken market rules.
    violations: u64,
    findings: Vec<FindingLine>,
}

pub(super) fn run(args: &DatasetVerify) -> anyhow::Result<Outcome> {
    let stop = Stop::on_signals()?;
    let is_stopping = || stop.number().is_some();
    let root = storage::root(&args.root)?;
    let recipe = Recipe::read(&root)?;
    let manifest = Manifest::read(&root, &recipe)?;
    let index = manifest.as_ref().map(Manifest::index);
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        shard: args.shard.to_string(),
        sealed: manifest.is_some(),
        ..Report::default()
    };
    let mut findings = foreign(args, &root, &recipe)?;
    let mut progress = Progress::new("verifying", recipe.units(args.shard).count() as u64);
    for (number, unit) in recipe.units(args.shard) {
        let recompute = is_chosen(number, args.recompute);
        let verified =
            tradesim_dataset::verify(&root, &recipe, &unit, index.as_ref(), recompute, &is_stopping);
        match unless_stopped(verified, &stop)? {
            Verified::Refused(finding) => findings.push(finding),
            Verified::Checked { part, rules } => {
                report.messages += part.counts.total();
                report.keys += part.keys.len() as u64;
                report.recomputed += u64::from(recompute);
                report.violations += rules.violations();
                show_violations(&part.file, &rules);
            }
        }
        report.units += 1;
        progress.at(report.units, report.messages);
    }
    let seconds = progress.finish().as_secs_f64();
    report.ok = findings.is_empty() && report.violations == 0;
    report.findings = findings.iter().map(FindingLine::new).collect();
    output::emit(args.json, &report, |out| {
        if !report.ok {
            return Ok(());
        }
        out.line(&format!(
            "ok, {} units, {} messages, keys ok, {} symbols, {} units simulated again",
            report.units,
            grouped(report.messages),
            grouped(report.keys),
            report.recomputed
        ))
    })?;
    findings::show(&findings);
    if !report.sealed {
        say(format_args!("note: the dataset has no manifest; `tradesim dataset seal` writes it"));
    }
    say(format_args!("verified {} units in {seconds:.2} s", report.units));
    let outcome = findings::outcome(&findings)?;
    Ok(if report.violations > 0 { Outcome::Difference } else { outcome })
}

/// Returns the files that are not of the dataset. They belong to no unit, so the first worker looks for them.
fn foreign(args: &DatasetVerify, root: &Root, recipe: &Recipe) -> anyhow::Result<Vec<Finding>> {
    if args.shard.index() != Shard::WHOLE.index() {
        return Ok(Vec::new());
    }
    let all = tradesim_dataset::inspect(root, recipe)?.findings;
    Ok(all.into_iter().filter(|finding| matches!(finding, Finding::Foreign { .. })).collect())
}

/// Returns true for the given share of all units, evenly spread.
fn is_chosen(number: u64, percent: f64) -> bool {
    let before = |number: u64| (number as f64 * percent / 100.0).floor();
    before(number + 1) > before(number)
}

fn show_violations(file: &str, rules: &AuditReport) {
    for rule in rules.rules.iter().filter(|rule| rule.violations > 0) {
        say(format_args!("{file}: {} broken {} times", rule.rule.as_str(), grouped(rule.violations)));
        for example in &rule.examples {
            say(format_args!("{file}: {example}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_chosen;

    #[test]
    fn a_share_of_the_units_is_chosen() {
        for (percent, expected) in [(0.0, 0), (1.0, 10), (33.0, 330), (100.0, 1_000)] {
            let chosen = (0..1_000).filter(|&number| is_chosen(number, percent)).count();
            assert_eq!(chosen, expected, "{percent}");
        }
    }
}
