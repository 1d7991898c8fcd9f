//! Parts of a day: some of its symbols, simulated alone.

use proptest::prelude::*;

use super::*;
use crate::MarketOrder;

/// Returns the records of a part.
fn part(options: &SimulationOptions, symbols: &[Symbol]) -> Vec<Record> {
    let mut simulation = Simulation::of_symbols(options.clone(), symbols).unwrap();
    let mut all = Vec::new();
    while let Some(events) = simulation.next_window() {
        all.extend(events);
    }
    all
}

/// Returns the symbols of a day in parts, dealt like cards.
fn dealt(options: &SimulationOptions, parts: usize) -> Vec<Vec<Symbol>> {
    let universe = Universe::on(options.day.date()).heaviest(options.symbols);
    let mut dealt = vec![Vec::new(); parts];
    for (ordinal, info) in universe.symbols().iter().enumerate() {
        dealt[ordinal % parts].push(info.symbol);
    }
    dealt
}

/// Merges parts by the market's order, and numbers the result.
fn merged(options: &SimulationOptions, parts: Vec<Vec<Record>>) -> Vec<Record> {
    let universe = Universe::on(options.day.date()).heaviest(options.symbols);
    let order = |record: &Record| {
        let ordinal = universe.index_of(record.envelope.event.symbol()).unwrap();
        MarketOrder::of(record, ordinal as u16)
    };
    let mut all: Vec<Record> = parts.into_iter().flatten().collect();
    // the sort is stable, so events of one symbol with equal keys keep their order
    all.sort_by_key(order);
    for (seq, record) in all.iter_mut().enumerate() {
        record.seq = RecordSeq(seq as u64);
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_parts_of_a_day_are_the_day(
        seed in any::<u64>(),
        rate in 1.0..4.0_f64,
        symbols in 1..50_usize,
        parts in 1..50_usize,
        early in any::<bool>(),
        market_hours in any::<bool>(),
        bursts in any::<bool>(),
        stylized in any::<bool>(),
    ) {
        let random = RandomBursts { multiplier: 20.0, interval_seconds: 900.0, duration_seconds: 10.0 };
        let date = if early { day(2026, 11, 27) } else { day(2026, 2, 18) };
        let options = SimulationOptions {
            model: if stylized { Model::Stylized } else { Model::Gbm },
            rate: rate.floor(),
            symbols,
            market_hours,
            random_bursts: bursts.then_some(random),
            ..SimulationOptions::new(date, seed)
        };
        let parts = dealt(&options, parts.min(symbols));
        let parts = parts.iter().map(|symbols| part(&options, symbols)).collect();
        prop_assert!(merged(&options, parts) == records(options));
    }
}

#[test]
fn the_order_of_a_whole_day_is_the_market_order() {
    let options = options(11);
    let universe = Universe::on(options.day.date());
    let keys: Vec<MarketOrder> = records(options)
        .iter()
        .map(|record| {
            let ordinal = universe.index_of(record.envelope.event.symbol()).unwrap();
            MarketOrder::of(record, ordinal as u16)
        })
        .collect();
    assert!(keys.is_sorted());
}

#[test]
fn a_market_has_the_same_state_in_a_part_as_alone() {
    for model in [Model::Gbm, Model::Stylized] {
        let options = SimulationOptions { model, ..options(12) };
        let symbols: Vec<Symbol> = ["AAPL", "JPM"].map(|name| Symbol::new(name).unwrap()).to_vec();
        let state = |chosen: &[Symbol]| {
            let mut simulation = Simulation::of_symbols(options.clone(), chosen).unwrap();
            while simulation.next_window().is_some() {}
            match &mut simulation.markets {
                Markets::Gbm(markets) => {
                    markets.iter_mut().map(|market| market.state_digest()).collect::<Vec<_>>()
                }
                Markets::Stylized(markets) => {
                    markets.iter_mut().map(|bounded| bounded.market.state_digest()).collect()
                }
            }
        };
        let both = state(&symbols);
        assert_eq!(both, [state(&symbols[..1]), state(&symbols[1..])].concat(), "{model}");
    }
}

#[test]
fn a_part_with_an_unknown_symbol_is_refused() {
    let symbol = Symbol::new("NONE").unwrap();
    let refused = Simulation::of_symbols(options(1), &[symbol]);
    assert_eq!(refused.err(), Some(OptionsError::PartSymbol { symbol }));
}
