//! What differs in the scenarios of reports.

use serde::Serialize;
use tradesim_schemas::text::grouped;

use super::StoredReport;
use crate::report::LoadReport;

/// Something in a scenario, or in the program that ran it, that is not the same in all reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its name.
    pub what: &'static str,
    /// Its values, for people.
    pub values: Vec<String>,
}

/// Returns the differences, in the order of a scenario.
pub(super) fn between(reports: &[StoredReport]) -> Vec<Difference> {
    let facts: Vec<_> = reports.iter().map(|stored| facts(&stored.report)).collect();
    let Some(first) = facts.first() else { return Vec::new() };
    let names = first.iter().map(|(what, _)| *what);
    let rows = names.enumerate().map(|(place, what)| Difference {
        what,
        values: facts.iter().map(|facts| facts[place].1.clone()).collect(),
    });
    rows.filter(|row| row.values.iter().any(|value| *value != row.values[0])).collect()
}

/// Returns what a report contains of its scenario: the same names for every report.
fn facts<V>(report: &LoadReport<V>) -> [(&'static str, String); 17] {
    let text = |text: Option<&str>| text.unwrap_or("–").to_owned();
    let list = |texts: Vec<String>| if texts.is_empty() { "–".to_owned() } else { texts.join(", ") };
    let LoadReport { recording, load, target, .. } = report;
    let stages = load.stages.iter().map(ToString::to_string).collect();
    let thresholds = report.thresholds.iter().map(|verdict| verdict.threshold.clone()).collect();
    let events = report.events.iter().map(|event| event.what.clone()).collect();
    [
        ("scenario", report.name.clone()),
        ("form", if report.short { "short" } else { "full" }.to_owned()),
        ("recording", recording.digest.clone()),
        ("recorded with", text(recording.record.as_deref())),
        ("generator", text(recording.generator_version.as_deref())),
        ("messages of the recording", grouped(recording.messages)),
        ("stages", list(stages)),
        ("speed", text(load.speed.as_deref())),
        ("messages of the load", grouped(load.messages)),
        ("target", target.kind.clone().into_owned()),
        ("clients", target.clients.map_or_else(|| text(None), |clients| clients.to_string())),
        ("delivery", text(target.delivery.as_deref())),
        ("brokers", if target.embedded { "embedded" } else { "–" }.to_owned()),
        ("planted faults", report.faults.as_ref().map_or_else(|| text(None), |faults| grouped(faults.total))),
        ("events", list(events)),
        ("thresholds", list(thresholds)),
        ("tradesim", report.version.clone().into_owned()),
    ]
}
