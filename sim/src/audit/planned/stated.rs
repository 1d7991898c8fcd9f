//! What a label states about itself: its phases are those of its kind, last as long as its parameters say, and agree with the
//! rule, the calendar and the symbol table. Every part of a recording can be checked for this.

use super::{Check, Place, SECOND, Seen, State, bands, count, number, price, shown};
use crate::{
    EventKind, Label,
    audit::report::{Findings, Rule},
    session::Closed,
};

/// The declines of the levels of the circuit breaker (NYSE Rule 7.12).
pub(super) const LEVELS: [f64; 3] = [0.07, 0.13, 0.20];
/// The largest difference of a time from the stated one, in microseconds: parameters are rounded down to microseconds.
const SLACK: f64 = 1.0;

/// A fault of a label.
#[derive(Debug)]
struct Stated {
    id: String,
    faults: Vec<String>,
}

/// Returns the check of a label; `None` if it lacks a phase or a parameter.
pub(super) fn check(label: &Label, place: &Place<'_>) -> Option<Box<dyn Check + Send>> {
    let mut faults = Vec::new();
    if !has_phases(label)? {
        return None;
    }
    let (first, last) = (label.phases.first()?, label.phases.last()?);
    if first.at != label.from || last.at != label.to {
        faults.push("it does not begin with its first phase and end with its last one".to_owned());
    }
    for (from, to, parameter) in lengths(label) {
        let stated = number(label, parameter)?;
        let length = to - from;
        if (length as f64 - stated * SECOND as f64).abs() > SLACK {
            let seconds = length as f64 / SECOND as f64;
            faults.push(format!("it states {parameter}={stated} s, its phases have {seconds} s"));
        }
    }
    faults.extend(facts(label, place)?);
    let id = label.id.clone();
    Some(Box::new(Stated { id, faults }))
}

/// Returns the kind of a label.
fn kind_of(label: &Label) -> Option<EventKind> {
    EventKind::of_name(&label.kind)
}

/// Returns true if the phases that the kind has occur in order. Others may stand between them.
fn has_phases(label: &Label) -> Option<bool> {
    let names: &[&str] = match kind_of(label)? {
        EventKind::Luld => &["run", "limit", "halt", "reopen", "end"],
        EventKind::News => &["jump", "settled", "end"],
        EventKind::FatFinger => &["sweep", "limit", "back", "end"],
        EventKind::FlashCrash => &["fall", "trough", "back", "end"],
        EventKind::Rebalance => &["imbalance", "cross", "end"],
        EventKind::Split => &["ex", "end"],
        EventKind::Ipo => &["halt", "reopen", "end"],
        EventKind::VenueOutage => &["outage", "end"],
        EventKind::ShortSale => &["fall", "restricted", "end"],
        EventKind::CircuitBreaker => {
            let level = count(label, "level", 1..=3)?;
            let is_whole = label.phases.first()?.name == "fall" && label.phases.last()?.name == "end";
            return Some(is_whole && levels(label).count() as i64 == level);
        }
    };
    let mut phases = label.phases.iter();
    Some(names.iter().all(|name| phases.any(|phase| phase.name == *name)))
}

/// Returns where each level of the circuit breaker is reached, and where trading continues.
fn levels(label: &Label) -> impl Iterator<Item = (i64, i64)> + '_ {
    let reached = label.phases.iter().enumerate();
    reached.filter(|(_, phase)| phase.name == "halt" || phase.name == "passed").map(|(index, phase)| {
        let reopen = label.phases.get(index + 1).filter(|next| phase.name == "halt" && next.name == "reopen");
        (phase.at.micros(), reopen.unwrap_or(phase).at.micros())
    })
}

/// Returns the starts and ends of spans, and the parameters that state their lengths in seconds.
fn lengths(label: &Label) -> Vec<(i64, i64, &'static str)> {
    let pairs: &[(&str, &str, &'static str)] = match kind_of(label) {
        Some(EventKind::Luld) => &[("run", "limit", "run")],
        Some(EventKind::News) => &[("jump", "settled", "within")],
        Some(EventKind::FatFinger) => &[("limit", "back", "rest"), ("back", "end", "back")],
        Some(EventKind::FlashCrash) => {
            &[("fall", "trough", "fall"), ("trough", "back", "trough"), ("back", "end", "back")]
        }
        Some(EventKind::VenueOutage) => &[("outage", "end", "length")],
        Some(EventKind::ShortSale) => &[("fall", "restricted", "fall")],
        Some(EventKind::CircuitBreaker) => {
            let mut from = label.from.micros();
            let mut parameter = "fall";
            let span = |(reached, reopen)| {
                let span = (from, reached, parameter);
                (from, parameter) = (reopen, "between");
                span
            };
            return levels(label).map(span).collect();
        }
        Some(EventKind::Rebalance | EventKind::Split | EventKind::Ipo) | None => &[],
    };
    let at = |name| label.phase(name).map(|at| at.micros());
    pairs.iter().filter_map(|&(from, to, parameter)| Some((at(from)?, at(to)?, parameter))).collect()
}

/// Compares the parameters that follow from a rule, the calendar or the symbol table.
fn facts(label: &Label, place: &Place<'_>) -> Option<Vec<String>> {
    let mut faults = Vec::new();
    let mut compare_price = |name: &str, rule: i64| {
        let stated = price(label, name)?;
        if stated != rule {
            let (stated, rule) = (shown(stated), shown(rule));
            faults.push(format!("it states {name}={stated}, the symbol table has {rule}"));
        }
        Some(())
    };
    match kind_of(label)? {
        EventKind::Split => compare_price("price", place.info()?.base_price.units())?,
        EventKind::ShortSale => {
            compare_price("close", place.info()?.base_price.units())?;
            let until = label.parameters.get("until");
            // there is none at the end of the calendar
            let rule = place.day.following(Closed::Refuse).ok().map(|day| day.date().to_string());
            if until != rule.as_ref() {
                let (until, rule) = (until?, rule.unwrap_or_default());
                faults.push(format!("it states until={until}, the following trading day is {rule}"));
            }
        }
        EventKind::Luld => {
            let (stated, rule) = (count(label, "tier", 1..=2)?, bands::tier(place.info()?.listing));
            if stated != i64::from(rule) {
                faults.push(format!("it states tier={stated}, the symbol is in tier {rule}"));
            }
        }
        EventKind::CircuitBreaker => {
            let stated = label.parameters.get("declines")?;
            let found: Vec<Option<f64>> = stated.split('/').map(|part| part.parse().ok()).collect();
            let rule = &LEVELS[..levels(label).count().min(LEVELS.len())];
            if !found.into_iter().eq(rule.iter().copied().map(Some)) {
                let rule: Vec<String> = rule.iter().map(f64::to_string).collect();
                faults.push(format!("it states declines={stated}, the rule has {}", rule.join("/")));
            }
        }
        EventKind::FatFinger => {
            let (shares, size) =
                (count(label, "shares", 0..=i64::from(u32::MAX))?, count(label, "size", 0..=1_000_000)?);
            if shares != 100 * size {
                faults.push(format!("it states shares={shares} and size={size}, which is in hundreds"));
            }
        }
        EventKind::News
        | EventKind::FlashCrash
        | EventKind::Rebalance
        | EventKind::Ipo
        | EventKind::VenueOutage => {}
    }
    Some(faults)
}

impl Check for Stated {
    fn record(&mut self, _: &Seen<'_>, _: &mut Findings) {}

    fn finish(&mut self, _: &State, findings: &mut Findings) {
        findings.checked(Rule::Planned);
        for fault in &self.faults {
            findings.violated(Rule::Planned, || format!("{}: {fault}", self.id));
        }
    }
}
