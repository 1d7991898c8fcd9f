//! Parts of recordings with planned events: a correct cut breaks no rule.

use tradesim_schemas::{EventType, Record, Timestamp};

use super::*;
use crate::audit::{Rule, Scope};

/// A cut, and its audit.
struct Part {
    scope: Scope,
    audit: Audit,
}

impl Part {
    fn new(scope: Scope, options: &SimulationOptions, universe: &crate::universe::Universe) -> Part {
        let scope = Scope { dense_seq: false, ..scope };
        let whole = AuditContext::whole(options.model.name(), options.day, options.market_hours, universe);
        let touched = |label: &Label| {
            scope.from.is_none_or(|from| label.to > from) && scope.to.is_none_or(|to| label.from < to)
        };
        let labels = options.labels().into_iter().filter(touched).collect();
        Part { scope, audit: Audit::new(AuditContext { scope, labels, ..whole }) }
    }

    fn push(&mut self, record: &Record) {
        let at = record.envelope.timestamp;
        let is_of_type = match record.envelope.event.event_type() {
            EventType::Trade => self.scope.trades,
            EventType::OrderBook => self.scope.order_books,
            EventType::MarketData => self.scope.candles,
        };
        let is_of_time =
            self.scope.from.is_none_or(|from| at >= from) && self.scope.to.is_none_or(|to| at < to);
        if is_of_type && is_of_time {
            self.audit.push(record);
        }
    }
}

#[track_caller]
fn check_cuts(options: &SimulationOptions, scopes: &[Scope]) {
    let mut simulation = Simulation::new(options.clone()).unwrap();
    let mut parts: Vec<Part> =
        scopes.iter().map(|&scope| Part::new(scope, options, simulation.universe())).collect();
    while let Some(records) = simulation.next_window() {
        for record in &records {
            parts.iter_mut().for_each(|part| part.push(record));
        }
    }
    let plan: Vec<String> = options.planned_events.iter().map(ToString::to_string).collect();
    for part in parts {
        let report = part.audit.finish();
        let broken: Vec<_> = report.rules.iter().filter(|rule| rule.violations > 0).collect();
        assert!(broken.is_empty(), "{plan:?} seed {} {:?}: {broken:#?}", options.seed, part.scope);
        let is_checked = report.rules.iter().any(|rule| rule.rule == Rule::Planned && rule.checked > 0);
        let is_whole = part.scope.from.is_none() && part.scope.to.is_none();
        assert!(is_checked || !is_whole, "{plan:?} {:?}", part.scope);
    }
}

/// All combinations of event types.
fn by_type() -> Vec<Scope> {
    let scope = |mask: u8| Scope {
        trades: mask & 1 != 0,
        order_books: mask & 2 != 0,
        candles: mask & 4 != 0,
        ..Scope::WHOLE
    };
    (1..8).map(scope).collect()
}

#[test]
fn cuts_by_type_break_no_rule() {
    for &kind in EventKind::ALL {
        for (seed, rate) in [(1, 1.0), (2, 5.0)] {
            let options = SimulationOptions { rate, ..stylized(seed) };
            check_cuts(&planned(&options, &[kind.as_str()]).unwrap(), &by_type());
        }
    }
    // a limit state in which nothing executes
    for seed in 1..=6 {
        for rate in [1.0, 5.0] {
            let options = SimulationOptions { symbols: 20, rate, ..stylized(seed) };
            let trades = Scope { order_books: false, candles: false, ..Scope::WHOLE };
            check_cuts(&planned(&options, &["luld"]).unwrap(), &[trades]);
        }
    }
}

#[test]
fn cuts_by_time_break_no_rule() {
    for &kind in EventKind::ALL {
        for (seed, rate) in [(3, 1.0), (4, 5.0)] {
            let options = planned(&SimulationOptions { rate, ..stylized(seed) }, &[kind.as_str()]).unwrap();
            let label = options.labels().remove(0);
            let mut scopes = Vec::new();
            for at in label.phases.iter().map(|phase| phase.at.micros()) {
                for offset in [-301 * SECOND, -300 * SECOND, -1, 0, 1, 30 * SECOND, 301 * SECOND] {
                    let mark = Timestamp::from_micros(at + offset).unwrap();
                    if mark > options.day.start() && mark < options.end() {
                        scopes.push(Scope { from: Some(mark), ..Scope::WHOLE });
                        scopes.push(Scope { to: Some(mark), ..Scope::WHOLE });
                    }
                }
            }
            check_cuts(&options, &scopes);
        }
    }
}
