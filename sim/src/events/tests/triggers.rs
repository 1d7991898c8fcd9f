//! Triggers are reached at their instants and not before, whatever the volatility of a symbol.

use tradesim_schemas::{Event, Symbol};

use super::*;

/// The price of each execution of a symbol from the open to an instant, in units of 0.0001, and of those at the instant.
fn executions(options: &SimulationOptions, symbol: Symbol, until: i64) -> (Vec<i64>, Vec<i64>) {
    let mut simulation = Simulation::of_symbols(options.clone(), &[symbol]).unwrap();
    let open = options.day.core_open().micros();
    let (mut before, mut at) = (Vec::new(), Vec::new());
    while let Some(records) = simulation.next_window() {
        for record in records {
            let time = record.envelope.timestamp.micros();
            let Event::Trade(trade) = record.envelope.event else { continue };
            if !trade.status.is_execution() || time < open || time > until {
                continue;
            }
            if time < until { &mut before } else { &mut at }.push(trade.price.units());
        }
    }
    (before, at)
}

#[test]
fn no_execution_reaches_the_trigger_of_a_short_sale_before_its_instant() {
    let tsla = Symbol::new("TSLA").unwrap();
    let mut cases: Vec<(u64, usize, f64, &str)> =
        (0..60).map(|seed| (seed, 12, 2.0, "short-sale:TSLA")).collect();
    // these reached it
    cases.extend([
        (216, 12, 2.0, "short-sale:TSLA"),
        (103, 8, 10.0, "short-sale:TSLA@14:30,fall=3000"),
        (130, 8, 10.0, "short-sale:TSLA@14:30,fall=3000"),
    ]);
    for (seed, symbols, rate, text) in cases {
        let options = planned(&SimulationOptions { symbols, rate, ..stylized(seed) }, &[text]).unwrap();
        let label = options.labels().remove(0);
        let close =
            options.planned_events[0].symbol().map(|_| label.parameters["close"].parse::<f64>().unwrap());
        let trigger = (close.unwrap() * 9_000.0).round() as i64;
        let restricted = label.phase("restricted").unwrap().micros();
        let (before, at) = executions(&options, tsla, restricted);
        let lowest = before.iter().min().copied().unwrap();
        assert!(lowest > trigger, "seed {seed} {text}: {lowest}, trigger {trigger}");
        assert!(at.iter().any(|price| *price <= trigger), "seed {seed} {text}: {at:?}, trigger {trigger}");
    }
}

#[test]
fn the_index_reaches_a_level_at_its_halt_and_not_before() {
    for seed in 0..6 {
        for text in ["circuit-breaker", "circuit-breaker,level=2", "circuit-breaker@11:00,fall=3600"] {
            // few symbols make an index that is as volatile as they are
            for (symbols, rate) in [(1, 2.0), (3, 2.0), (8, 4.0)] {
                let options = SimulationOptions { symbols, rate, ..stylized(seed) };
                check_rules(&planned(&options, &[text]).unwrap());
            }
        }
    }
}
