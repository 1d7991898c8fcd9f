//! The index: it reaches the levels of the circuit breaker at the halts and not before, and has the course of a flash crash.

use tradesim_schemas::{Event, Timestamp};

use super::{Check, Incomplete, Place, Seen, State, count, number, phase, stated::LEVELS};
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
    /// The start of the event.
    from: i64,
    probes: Vec<Probe>,
    /// The index reached a level at this time already, before its probe: the time, the index and the level.
    early: Option<(i64, f64, f64)>,
    /// A snapshot came after the index was looked at.
    moved: bool,
}

pub(super) fn check(label: &Label, _: &Place<'_>) -> Option<Box<dyn Check + Send>> {
    let probes = match label.kind.as_str() {
        "circuit-breaker" => of_levels(label),
        "flash-crash" => of_crash(label),
        _ => return None,
    };
    let (id, from) = (label.id.clone(), label.from.micros());
    Some(match probes {
        Some(probes) => Box::new(Index { id, from, probes, early: None, moved: true }),
        None => Incomplete::of(label),
    })
}

fn probe(at: i64, name: &str, wanted: Wanted) -> Probe {
    Probe { at, name: name.to_owned(), wanted, before: None, after: None }
}

/// NYSE Rule 7.12: 7, 13 and 20 % below the previous close.
fn of_levels(label: &Label) -> Option<Vec<Probe>> {
    let reached = label.phases.iter().filter(|phase| phase.name == "halt" || phase.name == "passed");
    let probes: Vec<Probe> = reached
        .zip(LEVELS)
        .map(|(phase, decline)| probe(phase.at.micros(), &phase.name, Wanted::Crosses(-decline)))
        .collect();
    (probes.len() as i64 == count(label, "level", 1..=3)?).then_some(probes)
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
        // only snapshots move the index
        let moved = std::mem::replace(&mut self.moved, matches!(seen.event, Event::OrderBook(_)));
        if moved && seen.at >= self.from && self.early.is_none() {
            let next = self.probes.iter().find(|probe| seen.at < probe.at);
            if let Some(Wanted::Crosses(level)) = next.map(|probe| &probe.wanted)
                && let Some(index) = seen.state.index().filter(|index| index <= level)
            {
                self.early = Some((seen.at, index, *level));
            }
        }
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
        if let Some((at, index, level)) = self.early {
            let at = Timestamp::from_micros(at).unwrap_or_default();
            findings.violated(Rule::Planned, || {
                format!(
                    "the index is already at {index:+.4} at {at}, before {} reaches the level of {level:+}",
                    self.id
                )
            });
        }
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
