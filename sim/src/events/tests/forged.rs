//! Labels that state something else than what happened.

use super::*;
use crate::audit::Rule;

/// Moves a phase of a label by some seconds.
fn moved(label: &mut Label, name: &str, seconds: i64) {
    let phase = label.phases.iter_mut().find(|phase| phase.name == name).unwrap();
    phase.at = tradesim_schemas::Timestamp::from_micros(phase.at.micros() + seconds * SECOND).unwrap();
}

/// Renames a phase of a label.
fn named(label: &mut Label, name: &str, other: &str) {
    let phase = label.phases.iter_mut().find(|phase| phase.name == name).unwrap();
    phase.name = other.to_owned();
}

#[test]
fn the_audit_finds_each_broken_rule() {
    type Change = fn(&mut Label);
    fn put(label: &mut Label, name: &str, value: &str) {
        assert!(label.parameters.insert(name.to_owned(), value.to_owned()).is_some(), "{name}");
    }
    let cases: [(&str, &[(Change, &str)]); 10] = [
        (
            "luld:AAPL@10:31:12,direction=down",
            &[
                (|label| moved(label, "halt", -10), "in the halt of"),
                (|label| moved(label, "limit", 1), "another length"),
                (|label| moved(label, "reopen", 60), "in the halt of"),
                (|label| put(label, "band", "0.1"), "states bands of 0.1, the rule has 0.05"),
                (|label| put(label, "direction", "up"), "is not on a band"),
                (|label| drop(label.parameters.remove("band")), "lacks a phase or a parameter"),
                (|label| named(label, "halt", "hxlt"), "lacks a phase or a parameter"),
                (|label| put(label, "tier", "2"), "it states tier=2, the symbol is in tier 1"),
                (|label| put(label, "run", "21"), "it states run=21 s, its phases have 20 s"),
                (|label| put(label, "extensions", "1"), "another length"),
                (|label| put(label, "extensions", "9e18"), "lacks a phase or a parameter"),
                (|label| put(label, "extensions", "72057594037927936"), "lacks a phase or a parameter"),
                (|label| put(label, "band", "NaN"), "lacks a phase or a parameter"),
                (
                    |label| label.to = label.from,
                    "does not begin with its first phase and end with its last one",
                ),
                (|label| label.symbol = tradesim_schemas::Symbol::new("MSFT"), "in the halt of"),
            ],
        ),
        (
            "circuit-breaker@10:00",
            &[
                (|label| moved(label, "halt", -30), "in the halt of"),
                (|label| moved(label, "halt", 30), "the index moves from"),
                (|label| moved(label, "reopen", 1), "halts for 15 minutes"),
                (|label| moved(label, "reopen", -600), "too late"),
                (|label| named(label, "halt", "hxlt"), "lacks a phase or a parameter"),
                (|label| put(label, "level", "3"), "lacks a phase or a parameter"),
                (|label| put(label, "declines", "0.99"), "it states declines=0.99, the rule has 0.07"),
                (|label| put(label, "fall", "800"), "it states fall=800 s, its phases have 900 s"),
                (
                    |label| moved(label, "halt", 600),
                    "before circuit-breaker-100000 reaches the level of -0.07",
                ),
            ],
        ),
        (
            "news:AAPL@11:00,direction=up,move=0.03",
            &[
                (|label| put(label, "direction", "down"), "the price moves by"),
                (|label| put(label, "within", "3"), "it states within=3 s, its phases have 2 s"),
            ],
        ),
        (
            "fat-finger:AAPL@11:00,direction=up",
            &[
                (|label| put(label, "shares", "10001"), "the label states 10001"),
                (|label| put(label, "trader", "TRD-00199"), "executes 0 shares"),
                (|label| put(label, "size", "99"), "it states shares=10000 and size=99"),
                (|label| put(label, "orders", "1000"), "orders, the label states 1000"),
                (|label| put(label, "back", "6"), "it states back=6 s, its phases have 5 s"),
                (|label| put(label, "direction", "down"), "is not on a band"),
            ],
        ),
        (
            "flash-crash@11:00,depth=0.05",
            &[
                (|label| put(label, "depth", "0.06"), "at the trough of"),
                (|label| put(label, "trough", "11"), "it states trough=11 s, its phases have 10 s"),
            ],
        ),
        ("rebalance,share=0.3", &[(|label| put(label, "share", "0.2"), "the closing cross of")]),
        (
            "split:NVDA,ratio=8",
            &[
                (|label| put(label, "ratio", "2"), "the rule has"),
                (|label| put(label, "close", "1.10"), "which is not adjusted"),
                (|label| put(label, "form", "reverse"), "the rule has"),
                (|label| put(label, "form", "sideways"), "lacks a phase or a parameter"),
                (|label| put(label, "price", "1.00"), "it states price=1.00, the symbol table has"),
                (|label| put(label, "close", "9e0030"), "lacks a phase or a parameter"),
                (|label| put(label, "close", "0.00"), "lacks a phase or a parameter"),
                (|label| put(label, "ratio", "8.5"), "lacks a phase or a parameter"),
                (|label| put(label, "ratio", "51"), "lacks a phase or a parameter"),
            ],
        ),
        (
            "ipo:AAPL@11:00,move=0.1",
            &[
                (|label| moved(label, "reopen", 1), "has an event before its first trade"),
                (|label| moved(label, "reopen", 1), "in the halt of"),
                (|label| moved(label, "reopen", -1), "is not released at its time"),
                (|label| put(label, "move", "-0.1"), "the label states"),
                (|label| put(label, "offer", "1"), "the symbol table has"),
                (|label| moved(label, "reopen", -7_200), "outside the core session"),
                (|label| named(label, "reopen", "reopened"), "lacks a phase or a parameter"),
            ],
        ),
        (
            "venue-outage@11:00,venue=NASDAQ,length=600",
            &[
                (|label| moved(label, "end", 60), "has an event on NASDAQ in the outage"),
                (|label| moved(label, "outage", -60), "has an event on NASDAQ in the outage"),
                (|label| put(label, "listed", "AAPL"), "the symbol table has"),
                (|label| put(label, "venue", "ARCA"), "has an event on ARCA in the outage"),
                (|label| put(label, "length", "900"), "it states length=900 s, its phases have 600 s"),
            ],
        ),
        (
            "short-sale:AAPL@11:00",
            &[
                (|label| moved(label, "restricted", 10), "before the restriction"),
                (|label| moved(label, "restricted", -10), "no execution at the restriction"),
                (|label| put(label, "trigger", "170"), "states a trigger of 170"),
                (|label| put(label, "close", "1.00"), "it states close=1.00, the symbol table has"),
                (|label| put(label, "until", "2026-02-20"), "the following trading day is 2026-02-19"),
                (|label| drop(label.parameters.remove("until")), "lacks a phase or a parameter"),
                (|label| put(label, "fall", "1000"), "it states fall=1000 s, its phases have 1800 s"),
            ],
        ),
    ];
    for (text, changes) in cases {
        let options = planned(&SimulationOptions { symbols: 3, ..stylized(21) }, &[text]).unwrap();
        let mut simulation = Simulation::new(options.clone()).unwrap();
        let whole = AuditContext::whole(
            options.model.name(),
            options.day,
            options.market_hours,
            simulation.universe(),
        );
        let labels = |change: Option<Change>| {
            let mut labels = options.labels();
            change.into_iter().for_each(|change| change(&mut labels[0]));
            Audit::new(AuditContext { labels, ..whole.clone() })
        };
        let mut plain = labels(None);
        let mut broken: Vec<Audit> = changes.iter().map(|(change, _)| labels(Some(*change))).collect();
        while let Some(records) = simulation.next_window() {
            for record in &records {
                plain.push(record);
                broken.iter_mut().for_each(|audit| audit.push(record));
            }
        }
        assert!(plain.finish().is_clean(), "{text}");
        for (audit, (_, expected)) in broken.into_iter().zip(changes) {
            let report = audit.finish();
            let rule = report.rule(Rule::Planned);
            let found = rule.examples.iter().any(|example| example.text.contains(expected));
            assert!(found, "{text}: {expected:?} is not in {:?}", rule.examples);
        }
    }
}

/// Audits a day of one symbol with a label, after a change of the context.
fn audit_changed(text: &str, change: impl FnOnce(&mut AuditContext)) -> AuditReport {
    let options = planned(&SimulationOptions { symbols: 2, rate: 2.0, ..stylized(22) }, &[text]).unwrap();
    let mut simulation = Simulation::new(options.clone()).unwrap();
    let (day, market_hours) = (options.day, options.market_hours);
    let whole = AuditContext::whole(options.model.name(), day, market_hours, simulation.universe());
    let mut context = AuditContext { labels: options.labels(), ..whole };
    change(&mut context);
    let mut audit = Audit::new(context);
    while let Some(records) = simulation.next_window() {
        records.iter().for_each(|record| audit.push(record));
    }
    audit.finish()
}

/// Returns the number of violations of the rule about labels, which a report without checks of it does not have.
fn violations(report: &AuditReport) -> u64 {
    report.rules.iter().filter(|rule| rule.rule == Rule::Planned).map(|rule| rule.violations).sum()
}

#[test]
fn what_cannot_be_checked_is_skipped_by_name() {
    type Change = fn(&mut AuditContext);
    let cases: [(Change, &str); 4] = [
        (
            |context| context.labels[0].kind = "meteor".to_owned(),
            "all of luld-AAPL-103112: this program does not know the kind",
        ),
        (|context| context.symbols.clear(), "all of luld-AAPL-103112: the recording has no symbol table"),
        (|context| context.day = None, "all of luld-AAPL-103112: the trading day is not known"),
        (
            |context| context.scope.order_books = false,
            "quotes of luld-AAPL-103112: the stream has no order book snapshots",
        ),
    ];
    for (change, expected) in cases {
        let report = audit_changed("luld:AAPL@10:31:12", change);
        assert_eq!(violations(&report), 0, "{expected}: {report:?}");
        let reasons: Vec<&str> = report
            .skipped
            .iter()
            .filter(|skipped| skipped.rule == Rule::Planned)
            .map(|skipped| skipped.reason.as_str())
            .collect();
        assert_eq!(reasons, [expected]);
    }
    // an outage has no symbol of its own, but the listings of the table
    let report =
        audit_changed("venue-outage@11:00,venue=NASDAQ,length=600", |context| context.symbols.clear());
    assert_eq!(violations(&report), 0, "{report:?}");
}
