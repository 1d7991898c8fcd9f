//! The index: it reaches the levels of the circuit breaker at the halts, and has the course of a flash crash.

use super::{Check, Incomplete, Place, Seen, State, number, phase};
use crate::{
    Label,
    audit::report::{Findings, Rule},
};

/// A condition at an instant.
#[derive(Debug)]
enum Wanted {
    /// The index is above the level just before, and at or below it after the records of the instant.
    Crosses(f64),
    /// The index is what a flash crash starts from.
    Start,
    /// The index relative to the start is within this range.
    Within(f64, f64),
}

#[derive(Debug)]
struct Probe {
    at: i64,
    name: String,
    wanted: Wanted,
    /// The index just before and just after the instant.
    before: Option<Option<f64>>,
    after: Option<Option<f64>>,
}

/// The probes of one label.
#[derive(Debug)]
struct Index {
    id: String,
    probes: Vec<Probe>,
}

pub(super) fn check(label: &Label, _: &Place<'_>) -> Option<Box<dyn Check + Send>> {
    let probes = match label.kind.as_str() {
        "circuit-breaker" => Some(of_levels(label)),
        "flash-crash" => of_crash(label),
        _ => return None,
    };
    let id = label.id.clone();
    Some(match probes {
        Some(probes) => Box::new(Index { id, probes }),
        None => Incomplete::of(label),
    })
}

fn probe(at: i64, name: &str, wanted: Wanted) -> Probe {
    Probe { at, name: name.to_owned(), wanted, before: None, after: None }
}

/// NYSE Rule 7.12: 7, 13 and 20 % below the previous close.
fn of_levels(label: &Label) -> Vec<Probe> {
    let reached = label.phases.iter().filter(|phase| phase.name == "halt" || phase.name == "passed");
    reached
        .zip([0.07, 0.13, 0.20])
        .map(|(phase, decline)| probe(phase.at.micros(), &phase.name, Wanted::Crosses(-decline)))
        .collect()
}

fn of_crash(label: &Label) -> Option<Vec<Probe>> {
    let (depth, recovery) = (number(label, "depth")?, number(label, "recovery")?);
    let left = depth * (1.0 - recovery);
    // the index is a mean of rounded prices that were not exactly at their previous closes
    let slack = 0.1 * depth;
    Some(vec![
        probe(label.from.micros(), "start", Wanted::Start),
        probe(phase(label, "trough")?, "trough", Wanted::Within(-depth - slack, -depth + slack)),
        probe(phase(label, "end")?, "end", Wanted::Within(-left - slack, -left + slack)),
    ])
}

impl Check for Index {
    fn record(&mut self, seen: &Seen<'_>, _: &mut Findings) {
        for probe in &mut self.probes {
            if seen.at >= probe.at && probe.before.is_none() {
                probe.before = Some(seen.state.index());
            }
            if seen.at > probe.at && probe.after.is_none() {
                probe.after = Some(seen.state.index());
            }
        }
    }

    fn finish(&mut self, state: &State, findings: &mut Findings) {
        let mut start = None;
        for probe in &self.probes {
            let before = probe.before.unwrap_or_else(|| state.index());
            let after = probe.after.unwrap_or_else(|| state.index());
            let (Some(before), Some(after)) = (before, after) else {
                let reason = format!("the index of {}: the stream does not have all symbols", self.id);
                findings.skipped(Rule::Planned, reason);
                return;
            };
            let (id, name) = (&self.id, &probe.name);
            findings.checked(Rule::Planned);
            match probe.wanted {
                Wanted::Crosses(level) => {
                    if before <= level || after > level {
                        findings.violated(Rule::Planned, || {
                            format!("the index moves from {before:+.4} to {after:+.4} at the {name} of {id}, level {level}")
                        });
                    }
                }
                Wanted::Start => start = Some(after),
                Wanted::Within(from, to) => {
                    let Some(start) = start else { return };
                    let moved = (1.0 + after) / (1.0 + start) - 1.0;
                    if !(from..=to).contains(&moved) {
                        findings.violated(Rule::Planned, || {
                            format!("the index is {moved:+.4} at the {name} of {id}, expected {from:+.4} to {to:+.4}")
                        });
                    }
                }
            }
        }
    }
}
