//! `load compare`: reports side by side.

use tradesim_load::{Comparison, MetricRow, StoredReport, Tolerances, compare, write_comparison};

use crate::{
    cli::LoadCompare,
    exit::{Failure, Outcome},
    output, signals,
};

use super::failure;

/// The maximum number of reports for one baseline: the page has colours for eight.
const OTHERS_MAX: usize = 7;

pub(super) fn run(args: &LoadCompare) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    if args.reports.len() > OTHERS_MAX {
        let what = format!("{} reports for one baseline: expected at most {OTHERS_MAX}", args.reports.len());
        return Err(Failure::usage(what).into());
    }
    let paths = std::iter::once(&args.baseline).chain(&args.reports);
    let reports = paths.map(|path| StoredReport::read(path)).collect::<Result<Vec<_>, _>>();
    let reports = reports.map_err(failure)?;
    let tolerances = Tolerances::new(args.tolerance.clone());
    let found = || compare(&reports, &tolerances);
    let comparison = write_comparison(args.report.clone(), &reports, found).map_err(failure)?;
    output::emit(args.json, &comparison, |out| text(&comparison).iter().try_for_each(|line| out.line(line)))?;
    Ok(if comparison.ok { Outcome::Done } else { Outcome::Difference })
}

/// Returns the comparison as a table.
fn text(comparison: &Comparison) -> Vec<String> {
    let Comparison { reports, differences, metrics, thresholds, regressions, .. } = comparison;
    let mut lines = Vec::new();
    for (index, report) in reports.iter().enumerate() {
        lines.push(format!("{}  {}: {}", name(index), report.path, report.headline));
    }
    let mut rows = vec![(0..reports.len()).map(name).collect::<Vec<_>>()];
    rows[0].insert(0, "metric".to_owned());
    for row in metrics {
        let cells = (0..reports.len()).map(|index| value(row, index));
        rows.push([row.metric.to_owned()].into_iter().chain(cells).collect());
    }
    for row in thresholds {
        let cells = row.ok.iter().zip(&row.shown).zip(&row.regressed).map(|((ok, shown), regressed)| {
            let sign = ok.map_or("–", |ok| if ok { "✓" } else { "✗" });
            let mark = if *regressed { "  WORSE" } else { "" };
            format!("{sign} {}{mark}", shown.as_deref().unwrap_or_default()).trim_end().to_owned()
        });
        rows.push([row.threshold.clone()].into_iter().chain(cells).collect());
    }
    lines.push(String::new());
    lines.extend(aligned(&rows));
    if !differences.is_empty() {
        lines.push(String::new());
        lines.push("the scenarios differ:".to_owned());
        for difference in differences {
            for (index, value) in difference.values.iter().enumerate() {
                let what = if index == 0 { difference.what } else { "" };
                lines.push(format!("  {what:width$}  {}  {value}", name(index), width = DIFFERENCE_WIDTH));
            }
        }
    }
    lines.push(String::new());
    lines.push(if regressions.is_empty() {
        "no regression".to_owned()
    } else {
        format!("worse than {}:", name(0))
    });
    for regression in regressions {
        let (report, what) = (name(regression.report), &regression.what);
        lines.push(format!("  {report}  {what}: {} → {}", regression.from, regression.to));
    }
    lines
}

/// The width of the names of differences.
const DIFFERENCE_WIDTH: usize = 25;

/// Returns the name of a report in the table: A for the baseline, then B and so on.
fn name(index: usize) -> String {
    char::from_u32('A' as u32 + index as u32).map_or_else(|| index.to_string(), String::from)
}

/// Returns a value with its change and a mark.
fn value(row: &MetricRow, index: usize) -> String {
    let mut text = row.shown[index].clone();
    if let Some(change) = row.changes[index] {
        text += &format!("  {change:+.1} {}", if row.unit == "percent" { "points" } else { "%" });
    }
    if row.regressed[index] {
        text += "  WORSE";
    }
    text
}

/// Returns the rows with their cells in columns.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
