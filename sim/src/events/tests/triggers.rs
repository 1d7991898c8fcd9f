//! Triggers are reached at their instants and not before, whatever the volatility of a symbol.

use tradesim_schemas::{Envelope, Event, Symbol};

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

#[test]
fn no_fall_before_a_circuit_breaker_takes_the_index_to_its_level() {
    // these falls are as large as they may be
    let falls = [
        (6, &["flash-crash@10:00,depth=0.06,recovery=0.5", "circuit-breaker@12:30"][..]),
        (3, &["flash-crash@10:00,depth=0.065,recovery=0.54", "circuit-breaker@15:00"]),
        (5, &["news:NVDA@08:00,direction=down,move=0.15", "circuit-breaker@13:00"]),
        // the index of one symbol is as volatile as the symbol: on two of these days it would be at level 1 before
        (1, &["circuit-breaker@15:00"]),
    ];
    for seed in [68, 65, 37, 26].into_iter().chain(1..11) {
        for (symbols, texts) in falls {
            check_rules(
                &planned(&SimulationOptions { symbols, rate: 1.0, ..stylized(seed) }, texts).unwrap(),
            );
        }
    }
}

/// Returns the events of a symbol in order.
fn events_of(options: &SimulationOptions, symbol: Symbol) -> Vec<Envelope> {
    let mut simulation = Simulation::of_symbols(options.clone(), &[symbol]).unwrap();
    let mut all = Vec::new();
    while let Some(records) = simulation.next_window() {
        all.extend(records.into_iter().map(|record| record.envelope));
    }
    all
}

#[test]
fn a_circuit_breaker_does_not_lift_a_symbol_that_fell_before() {
    let aapl = Symbol::new("AAPL").unwrap();
    let plans = [
        &["news:AAPL@08:00,direction=down,move=0.15", "circuit-breaker@10:00"][..],
        &["luld:AAPL@10:00,direction=down", "luld:AAPL@11:00,direction=down", "circuit-breaker@12:30"],
    ];
    for (seed, texts) in (0..8).flat_map(|seed| plans.map(|texts| (seed, texts))) {
        let options = planned(&SimulationOptions { rate: 5.0, ..stylized(seed) }, texts).unwrap();
        let labels = options.labels();
        let from = labels.last().unwrap().from.micros();
        let mut bids = (0.0, 0.0);
        for one in events_of(&options, aapl) {
            let Event::OrderBook(book) = one.event else { continue };
            if one.timestamp.micros() < from {
                bids.0 = book.bid_price.units() as f64;
            } else {
                bids.1 = book.bid_price.units() as f64;
            }
            if one.timestamp.micros() >= from + 2 * SECOND {
                break;
            }
        }
        let moved = bids.1 / bids.0 - 1.0;
        assert!(moved.abs() < 0.005, "seed {seed} {texts:?}: {bids:?}");
    }
}

/// Returns true if two events differ in more than the ids, which follow from the plan.
fn differ(one: &Envelope, other: &Envelope) -> bool {
    let facts_differ = match (&one.event, &other.event) {
        (Event::Trade(one), Event::Trade(other)) => {
            (one.trade_type, one.order_type, one.status, one.price, one.quantity, one.exchange)
                != (
                    other.trade_type,
                    other.order_type,
                    other.status,
                    other.price,
                    other.quantity,
                    other.exchange,
                )
        }
        (one, other) => one != other,
    };
    one.timestamp != other.timestamp || facts_differ
}

/// Returns the time of the first event of a symbol that differs from those without the plan.
fn first_difference(with: &[Envelope], without: &[Envelope]) -> Option<i64> {
    let differs = with.iter().zip(without).find(|(one, other)| differ(one, other));
    differs.map(|(one, other)| one.timestamp.micros().min(other.timestamp.micros()))
}

#[test]
fn a_symbol_is_as_without_the_plan_until_its_first_event() {
    let plain = SimulationOptions { symbols: 2, rate: 1.0, ..stylized(2) };
    let symbols = Simulation::new(plain.clone()).unwrap().universe().clone();
    for info in symbols.symbols() {
        let without = events_of(&plain, info.symbol);
        for &kind in EventKind::ALL {
            let options = planned(&plain, &[kind.as_str()]).unwrap();
            let label = &options.labels()[0];
            let happens = label.symbol.is_none_or(|symbol| symbol == info.symbol);
            let from = label.from.micros();
            match first_difference(&events_of(&options, info.symbol), &without) {
                None => assert!(!happens, "{kind} {}", info.symbol),
                Some(at) => assert!(happens && at >= from, "{kind} {}: {at}, {from}", info.symbol),
            }
        }
    }
}

#[test]
fn a_floor_holds_before_the_event_where_the_price_would_be_below_it() {
    // its own returns would take the symbol to the trigger at 11:10
    let tsla = Symbol::new("TSLA").unwrap();
    let options = SimulationOptions { symbols: 12, rate: 1.0, ..stylized(26) };
    let options = planned(&options, &["short-sale:TSLA@14:30"]).unwrap();
    let from = options.labels()[0].from.micros();
    let plain = SimulationOptions { planned_events: Vec::new(), ..options.clone() };
    let first = first_difference(&events_of(&options, tsla), &events_of(&plain, tsla));
    assert!(first.is_some_and(|at| at < from), "{first:?}");
    check_rules(&options);
}
