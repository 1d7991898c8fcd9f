//! Reports of load tests side by side. The first one is the baseline of all others.

mod difference;
mod stored;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tolerance;

use std::path::PathBuf;

use serde::Serialize;

use crate::{
    error::Error,
    page,
    report::ReportFiles,
    threshold::{Metric, Unit},
};

pub use difference::Difference;
pub use stored::{StoredFindings, StoredReport};
pub use tolerance::{ParseToleranceError, Tolerance, Tolerances};

/// The version of the layout of a comparison.
const SCHEMA_VERSION: u32 = 1;
/// Latency that grows by no more is not a regression: the scheduler of a system alone varies by this, in milliseconds.
const SLACK_MS: f64 = 0.1;
/// The minimum number of messages above a percentile that is judged. With fewer, a single message decides.
const TAIL_MESSAGES: f64 = 10.0;

/// Reports side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The version of this layout.
    pub schema_version: u32,
    /// True if no report is worse than the baseline.
    pub ok: bool,
    /// The reports. The first is the baseline; lists of values have this order.
    pub reports: Vec<Compared>,
    /// The differences of the scenarios.
    pub differences: Vec<Difference>,
    /// The metrics that at least one of the reports contains.
    pub metrics: Vec<MetricRow>,
    /// The thresholds of all reports.
    pub thresholds: Vec<ThresholdRow>,
    /// Everything that is worse than in the baseline.
    pub regressions: Vec<Regression>,
}

/// A report in a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The file.
    pub path: String,
    /// The name of the scenario.
    pub name: String,
    /// A sentence about the run.
    pub headline: String,
    /// True if the load ran to its end.
    pub complete: bool,
    /// True if the load ran to its end and every threshold holds.
    pub ok: bool,
}

/// A metric of all reports.
#[derive(Clone, Debug, Serialize)]
pub struct MetricRow {
    /// Its name, as in thresholds.
    pub metric: &'static str,
    /// The unit of the values: `ms`, `count`, `per_second`, `percent` or `bytes`.
    pub unit: &'static str,
    /// True if a greater value is better.
    pub higher_is_better: bool,
    /// The tolerated change for the worse, in percent of the baseline; for a metric in percent, in percentage points. Null if
    /// the metric is not judged.
    pub tolerance: Option<f64>,
    /// The values; null if not measured.
    pub values: Vec<Option<f64>>,
    /// The values for people.
    pub shown: Vec<String>,
    /// The change from the baseline in percent of it; for a metric in percent, in percentage points. Null for the baseline
    /// itself, from 0, and for what was not measured.
    pub changes: Vec<Option<f64>>,
    /// True where the value is worse than tolerated.
    pub regressed: Vec<bool>,
}

/// A threshold in all reports.
#[derive(Clone, Debug, Serialize)]
pub struct ThresholdRow {
    /// The text in the scenario.
    pub threshold: String,
    /// True if it holds; null in a report without it.
    pub ok: Vec<Option<bool>>,
    /// The measured values for people.
    pub shown: Vec<Option<String>>,
    /// True where it fails and holds in the baseline.
    pub regressed: Vec<bool>,
}

/// Something that is worse than in the baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Regression {
    /// The index of the report.
    pub report: usize,
    /// The metric or the threshold; `complete` if the load did not run to its end.
    pub what: String,
    /// The value in the baseline, for people.
    pub from: String,
    /// The value in the report.
    pub to: String,
}

impl Comparison {
    /// Returns a sentence about the comparison.
    pub fn headline(&self) -> String {
        let worse = match self.regressions.len() {
            0 => "no regression".to_owned(),
            1 => "1 regression".to_owned(),
            count => format!("{count} regressions"),
        };
        format!("{} reports: {worse}", self.reports.len())
    }
}

/// Compares reports with the first one.
pub fn compare(reports: &[StoredReport], tolerances: &Tolerances) -> Comparison {
    let metrics: Vec<_> = Metric::ALL.iter().filter_map(|it| metric_row(reports, *it, tolerances)).collect();
    let thresholds = threshold_rows(reports);
    let mut regressions = Vec::new();
    for (report, stored) in reports.iter().enumerate().skip(1) {
        let regression = |what: &str, from: &str, to: &str| Regression {
            report,
            what: what.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        if reports[0].report.complete && !stored.report.complete {
            regressions.push(regression("complete", "complete", "not complete"));
        }
        let worse = metrics.iter().filter(|row| row.regressed[report]);
        regressions.extend(worse.map(|row| regression(row.metric, &row.shown[0], &row.shown[report])));
        let worse = thresholds.iter().filter(|row| row.regressed[report]);
        regressions.extend(worse.map(|row| {
            let shown = |index: usize| row.shown[index].as_deref().unwrap_or("–");
            regression(&row.threshold, shown(0), shown(report))
        }));
    }
    Comparison {
        schema_version: SCHEMA_VERSION,
        ok: regressions.is_empty(),
        reports: reports.iter().map(compared).collect(),
        differences: difference::between(reports),
        metrics,
        thresholds,
        regressions,
    }
}

/// Writes a comparison as pages or JSON objects, by the extensions of `paths`. `found` makes the comparison, after the files
/// proved to be writable.
///
/// # Errors
/// Fails if a file cannot be written.
pub fn write_comparison(
    paths: Vec<PathBuf>,
    reports: &[StoredReport],
    found: impl FnOnce() -> Comparison,
) -> Result<Comparison, Error> {
    let files = ReportFiles::new(paths)?;
    let comparison = found();
    files.write(&comparison, || page::of_comparison(&comparison, reports))?;
    Ok(comparison)
}

fn compared(stored: &StoredReport) -> Compared {
    let StoredReport { path, report } = stored;
    Compared {
        path: path.display().to_string(),
        name: report.name.clone(),
        headline: report.headline(),
        complete: report.complete,
        ok: report.ok,
    }
}

fn metric_row(reports: &[StoredReport], metric: Metric, tolerances: &Tolerances) -> Option<MetricRow> {
    let values: Vec<_> = reports.iter().map(|stored| stored.report.value(metric)).collect();
    if values.iter().all(Option::is_none) {
        return None;
    }
    let unit = metric.unit();
    let shown =
        |value: Option<f64>| value.map_or_else(|| "not measured".to_owned(), |value| unit.show(value));
    let tolerance = tolerances.of(metric);
    let is_worse = |index: usize| {
        let Some(tolerance) = tolerance.filter(|_| index > 0) else { return false };
        let is_known = |index: usize| has_tail(&reports[index], metric) || tolerances.names(metric);
        match (values[0], values[index]) {
            (Some(from), Some(to)) => {
                is_known(0) && is_known(index) && is_beyond(metric, from, to, tolerance)
            }
            // what is not measured any more may hide anything
            (Some(_), None) => true,
            (None, _) => false,
        }
    };
    Some(MetricRow {
        metric: metric.name(),
        unit: unit.name(),
        higher_is_better: metric.is_higher_better(),
        tolerance,
        shown: values.iter().map(|value| shown(*value)).collect(),
        changes: values.iter().enumerate().map(|(at, to)| change(unit, values[0], *to, at)).collect(),
        regressed: (0..values.len()).map(is_worse).collect(),
        values,
    })
}

/// Returns the change of a value from the baseline.
fn change(unit: Unit, from: Option<f64>, to: Option<f64>, index: usize) -> Option<f64> {
    let (from, to) = from.zip(to).filter(|_| index > 0)?;
    match unit {
        Unit::Percent => Some(to - from),
        _ if from == to => Some(0.0),
        _ => Some((to / from - 1.0) * 100.0).filter(|change| change.is_finite()),
    }
}

/// Returns true if a value is worse than a tolerance in percent allows.
fn is_beyond(metric: Metric, from: f64, to: f64, tolerance: f64) -> bool {
    let share = tolerance / 100.0;
    match metric.unit() {
        _ if metric.is_higher_better() => to < from * (1.0 - share),
        Unit::Percent => to > from + tolerance,
        Unit::Milliseconds => to > from * (1.0 + share) && to - from > SLACK_MS,
        Unit::Count | Unit::PerSecond | Unit::Bytes => to > from * (1.0 + share),
    }
}

/// Returns whether a report has enough messages for a percentile. Other metrics need none.
fn has_tail(stored: &StoredReport, metric: Metric) -> bool {
    let count = stored.report.latency_ms.map_or(0, |latency| latency.count) as f64;
    metric.share_above().is_none_or(|share| count * share >= TAIL_MESSAGES)
}

fn threshold_rows(reports: &[StoredReport]) -> Vec<ThresholdRow> {
    let mut rows: Vec<ThresholdRow> = Vec::new();
    for (index, stored) in reports.iter().enumerate() {
        for verdict in &stored.report.thresholds {
            let place = rows.iter().position(|row| row.threshold == verdict.threshold).unwrap_or_else(|| {
                rows.push(ThresholdRow {
                    threshold: verdict.threshold.clone(),
                    ok: vec![None; reports.len()],
                    shown: vec![None; reports.len()],
                    regressed: vec![false; reports.len()],
                });
                rows.len() - 1
            });
            let row = &mut rows[place];
            row.ok[index] = Some(verdict.ok);
            row.shown[index] = Some(verdict.shown.clone());
            row.regressed[index] = !verdict.ok && row.ok[0] == Some(true);
        }
    }
    rows
}
