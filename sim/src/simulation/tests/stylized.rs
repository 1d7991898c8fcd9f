//! The days of the model `stylized/1`.

use std::collections::BTreeMap;

use tradesim_schemas::TradeType;

use super::*;
use crate::math;

fn stylized(seed: u64) -> SimulationOptions {
    SimulationOptions { model: Model::Stylized, ..options(seed) }
}

#[test]
fn the_rules_of_the_market_hold_on_every_kind_of_day() {
    let random = RandomBursts { multiplier: 20.0, interval_seconds: 300.0, duration_seconds: 10.0 };
    for options in [
        SimulationOptions { rate: 10.0, ..stylized(42) },
        SimulationOptions { rate: 50.0, symbols: 3, ..stylized(1) },
        SimulationOptions { symbols: 1, ..stylized(2) },
        SimulationOptions { random_bursts: Some(random), day: day(2026, 11, 27), ..stylized(3) },
        SimulationOptions { market_hours: false, day: day(2026, 12, 24), ..stylized(4) },
        SimulationOptions { market_hours: false, day: day(2024, 7, 5), ..stylized(5) },
        SimulationOptions { day: day(2026, 3, 9), ..stylized(6) },
    ] {
        check_rules(options);
    }
}

/// Audits a day up to an instant.
#[track_caller]
fn check_rules_until(options: SimulationOptions, until: Timestamp) -> usize {
    let universe = Universe::on(options.day.date()).heaviest(options.symbols);
    let mut context = AuditContext::whole(options.model.name(), options.day, options.market_hours, &universe);
    context.scope.to = Some(until);
    let (mut audit, mut count) = (Audit::new(context), 0);
    let mut simulation = Simulation::new(options).unwrap();
    while simulation.now() < until {
        let events = simulation.next_window().unwrap();
        for record in events.iter().take_while(|record| record.envelope.timestamp < until) {
            audit.push(record);
            count += 1;
        }
    }
    let report = audit.finish();
    assert!(report.is_clean(), "{report:#?}");
    count
}

fn seconds_after(at: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_micros(at.micros() + seconds * 1_000_000).unwrap()
}

/// One symbol that has all orders of the highest rate, from the first instant on.
fn fastest(seed: u64) -> SimulationOptions {
    SimulationOptions { rate: 10_000.0, symbols: 1, market_hours: false, ..stylized(seed) }
}

#[test]
fn the_rules_of_the_market_hold_at_the_lowest_and_at_the_highest_rate() {
    check_rules(SimulationOptions { rate: 1.0, symbols: 1, day: day(2026, 11, 27), ..stylized(9) });
    let options = fastest(9);
    let until = seconds_after(options.day.start(), 10);
    assert!(check_rules_until(options, until) > 50_000);
}

/// A day of one symbol at the rate of 10,000 has hundreds of millions of orders, which take minutes of processor time to
/// simulate and audit. What is special about it is the density of orders, so this test has as many in a second where the most
/// happens: from the first instant on, and in whole days around the crosses, by bursts.
#[test]
#[ignore = "takes 10 to 90 seconds: .ci/nightly model"]
fn the_rules_of_the_market_hold_at_the_highest_rate() {
    for seed in 0..3 {
        let options = fastest(seed);
        let until = seconds_after(options.day.start(), 60);
        assert!(check_rules_until(options, until) > 300_000);
    }
    for (seed, date) in [(4, day(2026, 11, 27)), (5, day(2026, 2, 18))] {
        let around = |at: Timestamp| Burst {
            from: seconds_after(at, -2),
            to: seconds_after(at, 3),
            multiplier: 100.0,
            symbol: None,
            planned: true,
        };
        let planned_bursts = vec![around(date.core_open()), around(date.core_close())];
        // 100 times 100 times the intensity of the open, as at the rate of 10,000
        check_rules(SimulationOptions {
            rate: 100.0,
            symbols: 1,
            planned_bursts,
            day: date,
            ..stylized(seed)
        });
    }
}

/// Orders live for ten minutes at most, so the state stops growing then; few live that long.
#[test]
#[ignore = "takes 10 to 90 seconds: .ci/nightly model"]
fn memory_is_flat_at_the_highest_rate() {
    let mut simulation = Simulation::new(fastest(3)).unwrap();
    let start = simulation.options.day.start();
    let (mut largest, mut window) = ([0; 4], 0);
    for (quarter, largest) in largest.iter_mut().enumerate() {
        while simulation.now() < seconds_after(start, 240 * (quarter as i64 + 1)) {
            window = window.max(simulation.next_window().unwrap().len());
            *largest = simulation.state_bytes().max(*largest);
        }
    }
    assert!(window < 32_000, "{window}");
    // the weather of the second half may be wilder than that of the first, but not without a bound
    assert!(largest[2].max(largest[3]) < 2 * largest[0].max(largest[1]), "{largest:?}");
    assert!(largest[3] < 100 << 20, "{largest:?}");
}

#[test]
fn threads_windows_and_clones_change_nothing() {
    let bursts = RandomBursts { multiplier: 20.0, interval_seconds: 600.0, duration_seconds: 10.0 };
    let options = SimulationOptions { random_bursts: Some(bursts), ..stylized(3) };
    let one = digests(Simulation::new(options.clone()).unwrap());
    for count in [2, 64] {
        let many = Simulation::new(options.clone()).unwrap().with_threads(threads(count));
        assert_eq!(digests(many), one, "{count} threads");
    }
    assert_ne!(digests(Simulation::new(stylized(3)).unwrap()), one);

    let whole = records(options.clone());
    let mut simulation = Simulation::new(options.clone()).unwrap();
    let end = options.end().micros() + 1;
    let mut all = Vec::new();
    while simulation.until < end {
        let until = (simulation.until + 7 * 60_000_000 + 11).min(end);
        // the limit of events is reached in some of these windows
        simulation.until = simulation.run(until);
        merge(&mut simulation.windows, simulation.until, &mut simulation.seq, &mut all);
    }
    assert!(all == whole);

    for at in [options.day.core_open(), whole[whole.len() / 2].envelope.timestamp] {
        let mut simulation = Simulation::new(options.clone()).unwrap();
        simulation.skip_to(at);
        let expected = &whole[whole.partition_point(|record| record.envelope.timestamp < at)..];
        let mut copy = simulation.clone();
        let mut rest = Vec::new();
        while let Some(events) = copy.next_window() {
            rest.extend(events);
        }
        assert!(rest == expected, "from {at}");
    }
}

/// The events of some symbols without ids, which depend on the options.
fn events_of(
    options: SimulationOptions,
    universe: Universe,
    bursts: Vec<Burst>,
    symbols: &[Symbol],
    until: Timestamp,
) -> Vec<Event> {
    let mut simulation = Simulation::of(options, universe, bursts);
    let mut all = Vec::new();
    while simulation.now() < until
        && let Some(events) = simulation.next_window()
    {
        // windows end at different times
        let events = events.into_iter().map(|record| record.envelope);
        let events = events.filter(|envelope| envelope.timestamp < until).map(|envelope| envelope.event);
        all.extend(events.filter(|event| symbols.contains(&event.symbol())).map(|event| {
            match event {
                Event::Trade(trade) => Event::Trade(tradesim_schemas::Trade {
                    correlation_id: None,
                    trade_id: tradesim_schemas::TradeId::from_bytes([
                        0x44, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0,
                    ])
                    .unwrap(),
                    ..trade
                }),
                event => event,
            }
        }));
    }
    all
}

#[test]
fn the_whole_market_is_the_union_of_shards() {
    for count in [1, 7, 50] {
        let options = SimulationOptions { symbols: count, ..stylized(11) };
        let (universe, _) = options.resolve().unwrap();
        let names: Vec<Symbol> = universe.symbols().iter().map(|info| info.symbol).collect();
        for shard in names.chunks(count.div_ceil(3)) {
            let part = universe.only(shard);
            let alone = events_of(options.clone(), part, Vec::new(), shard, Timestamp::MAX);
            let cut = events_of(options.clone(), universe.clone(), Vec::new(), shard, Timestamp::MAX);
            assert!(alone == cut, "{shard:?} of {count}");
        }
    }
}

#[test]
fn a_burst_has_its_orders_and_moves_no_other_symbol() {
    let aapl = Symbol::new("AAPL").unwrap();
    let at = options(6).day.at(chrono::NaiveTime::from_hms_opt(11, 0, 0).unwrap());
    let to = Timestamp::from_micros(at.micros() + 5_000_000).unwrap();
    let burst = Burst { from: at, to, multiplier: 20.0, symbol: Some(aapl), planned: true };
    let (mut with, mut without) = (0.0, 0.0);
    for seed in 0..6 {
        let options = SimulationOptions { rate: 50.0, symbols: 4, ..stylized(seed) };
        let (universe, _) = options.resolve().unwrap();
        let names: Vec<Symbol> = universe.symbols().iter().map(|info| info.symbol).collect();
        let until = Timestamp::from_micros(to.micros() + 100_000_000).unwrap();
        let run = |bursts| events_of(options.clone(), universe.clone(), bursts, &names, until);
        let (calm, burst) = (run(Vec::new()), run(vec![burst]));
        let others = |events: &[Event]| -> Vec<Event> {
            events.iter().filter(|event| event.symbol() != aapl).copied().collect()
        };
        if seed == 0 {
            assert!(others(&calm) == others(&burst));
        }
        let orders = |events: &[Event], seconds: i64| -> f64 {
            let end = at.micros() + seconds * 1_000_000;
            let is_new = |event: &&Event| {
                matches!(event, Event::Trade(trade) if trade.symbol == aapl
                && trade.status == TradeStatus::New
                && (at.micros()..end).contains(&trade.timestamp.micros()))
            };
            events.iter().filter(is_new).count() as f64
        };
        with += orders(&burst, 5);
        // twenty times the time at the same rate
        without += orders(&calm, 100);
    }
    // the weather of 100 seconds is not that of 5 seconds
    assert!(
        (0.6..1.6).contains(&(with / without)),
        "{with} orders in bursts, {without} in the same clock time"
    );
}

#[test]
fn the_path_of_a_price_without_trades_does_not_depend_on_the_rate() {
    // at the lowest rates almost all variance is news, so the middles at the end of the day agree
    let closing = |rate: f64| -> BTreeMap<Symbol, f64> {
        let mut simulation =
            Simulation::new(SimulationOptions { rate, symbols: 10, ..stylized(13) }).unwrap();
        let close = simulation.options().day.core_close();
        let mut last = BTreeMap::new();
        while simulation.now() < close {
            for record in simulation.next_window().unwrap() {
                if let Event::OrderBook(book) = record.envelope.event
                    && book.timestamp < close
                {
                    last.insert(book.symbol, book.mid_price.units() as f64);
                }
            }
        }
        last
    };
    let universe = Universe::on(day(2026, 2, 18).date());
    let (slow, fast) = (closing(2.0), closing(20.0));
    let mut distance = 0.0;
    for (symbol, middle) in &slow {
        let volatility = universe.get(*symbol).unwrap().volatility;
        distance += math::ln(middle / fast[symbol]).abs() / volatility / 10.0;
    }
    assert!(distance < 0.35, "{distance} days of volatility apart on average");
}

/// The tallies of a day: orders by fate, executions, snapshots and shares.
#[derive(Debug, Default)]
struct Tally {
    new: f64,
    cancelled: f64,
    rejected: f64,
    executions: f64,
    books: f64,
    shares: f64,
    ordered: f64,
    opening: BTreeMap<Symbol, f64>,
    closing: BTreeMap<Symbol, f64>,
    odd: f64,
    /// Instants at which an order that takes was executed in parts.
    sweeps: f64,
    buys: f64,
}

fn tally(options: SimulationOptions) -> Tally {
    let (open, close) = (options.day.core_open().micros(), options.day.core_close().micros());
    let mut tally = Tally::default();
    for record in records(options) {
        let trade = match record.envelope.event {
            Event::OrderBook(_) => {
                tally.books += 1.0;
                continue;
            }
            Event::Trade(trade) => trade,
            Event::MarketData(_) => continue,
        };
        let shares = f64::from(trade.quantity.get());
        match trade.status {
            TradeStatus::New => {
                tally.new += 1.0;
                tally.ordered += shares;
                tally.buys += f64::from(u8::from(trade.trade_type == TradeType::Buy));
            }
            TradeStatus::Cancelled => tally.cancelled += 1.0,
            TradeStatus::Rejected => tally.rejected += 1.0,
            TradeStatus::PartiallyFilled => tally.sweeps += 1.0,
            TradeStatus::Filled => {}
        }
        if trade.status.is_execution() {
            tally.executions += 1.0;
            tally.shares += shares;
            tally.odd += f64::from(u8::from(shares < 100.0));
            let at = trade.timestamp.micros();
            for (auction, largest) in [(open, &mut tally.opening), (close, &mut tally.closing)] {
                if (auction..auction + 500_000).contains(&at) {
                    let largest = largest.entry(trade.symbol).or_insert(0.0);
                    *largest = largest.max(shares);
                }
            }
        }
    }
    tally
}

#[test]
fn orders_quotes_and_crosses_are_as_measured_in_markets() {
    for day in [day(2026, 2, 18), day(2026, 11, 27)] {
        let tally = tally(SimulationOptions { rate: 40.0, day, symbols: 15, ..stylized(21) });
        for (what, value, from, to) in [
            ("cancels of an execution", tally.cancelled / tally.executions, 4.0, 20.0),
            ("books of an execution", tally.books / tally.executions, 2.0, 40.0),
            ("rejected", tally.rejected / tally.new, 0.01, 0.02),
            ("odd lots", tally.odd / tally.executions, 0.35, 0.7),
            ("executed of ordered", tally.shares / tally.ordered, 0.018, 0.04),
            ("buys", tally.buys / tally.new, 0.45, 0.55),
            ("opening cross", tally.opening.values().sum::<f64>() / tally.shares, 0.003, 0.04),
            ("closing cross", tally.closing.values().sum::<f64>() / tally.shares, 0.07, 0.105),
        ] {
            assert!((from..to).contains(&value), "{what}: {value}, {tally:?}");
        }
        assert!(tally.sweeps > 0.0 && tally.opening.len() == 15 && tally.closing.len() == 15);
    }
}

/// Realised over configured variance of core-session mids at five minutes, and orders over expected orders: means over the
/// symbols of one seed.
fn calibration(options: SimulationOptions) -> (f64, f64) {
    const SPAN: i64 = 300_000_000;
    let (open, close) = (options.day.core_open().micros(), options.day.core_close().micros());
    let expected = options.expected_orders().unwrap();
    let (universe, _) = options.resolve().unwrap();
    let days = (close - open) as f64 / 23_400e6;
    let (mut squares, mut orders) = (0.0, 0.0);
    // the span, the middle before it, the last middle
    let mut last: BTreeMap<Symbol, (i64, f64, f64)> = BTreeMap::new();
    for record in records(options) {
        match record.envelope.event {
            Event::Trade(trade) if trade.status == TradeStatus::New => orders += 1.0,
            Event::OrderBook(book) => {
                let at = book.timestamp.micros();
                let (middle, span) = (book.mid_price.units() as f64, (at.clamp(open, close) - open) / SPAN);
                let known = last.entry(book.symbol).or_insert((0, middle, middle));
                if at >= open && span != known.0 {
                    let change = math::ln(known.2 / known.1) / universe.get(book.symbol).unwrap().volatility;
                    squares += change * change / days / universe.symbols().len() as f64;
                    (known.0, known.1) = (span, known.2);
                }
                known.2 = middle;
                if at < open {
                    known.1 = middle;
                }
            }
            _ => {}
        }
    }
    (squares, orders / expected)
}

/// Asserts that the means over seeds are 1, within a tolerance each.
#[track_caller]
fn check_calibration(rate: f64, symbols: usize, seeds: u64, variance: f64, orders: f64) {
    let days =
        (0..seeds).map(|seed| calibration(SimulationOptions { rate, symbols, ..stylized(1_000 + seed) }));
    let sum = days.fold((0.0, 0.0), |sum, day| (sum.0 + day.0, sum.1 + day.1));
    let mean = (sum.0 / seeds as f64, sum.1 / seeds as f64);
    assert!((mean.0 - 1.0).abs() < variance && (mean.1 - 1.0).abs() < orders, "{mean:?}");
}

#[test]
fn variance_and_orders_are_the_configured_ones_on_average() {
    check_calibration(2.0, 20, 24, 0.35, 0.1);
}

#[test]
#[ignore = "takes minutes: .ci/nightly model"]
fn variance_and_orders_of_a_hundred_seeds_are_the_configured_ones() {
    check_calibration(10.0, 50, 100, 0.12, 0.03);
    check_calibration(100.0, 10, 40, 0.2, 0.05);
}

#[test]
fn a_window_is_small_in_the_wildest_weather() {
    let at = stylized(8).day.core_open();
    let to = Timestamp::from_micros(at.micros() + 600_000_000).unwrap();
    let burst = Burst { from: at, to, multiplier: 100.0, symbol: None, planned: true };
    let options = SimulationOptions { rate: 10_000.0, planned_bursts: vec![burst], ..stylized(8) };
    let mut simulation = Simulation::new(options).unwrap();
    simulation.skip_to(Timestamp::from_micros(at.micros() - 1_000_000).unwrap());
    for _ in 0..60 {
        let events = simulation.next_window().unwrap();
        assert!(events.len() < 32_000, "{}", events.len());
        assert!(simulation.windows.iter().map(Vec::len).sum::<usize>() < 32_000);
    }
}

#[test]
fn the_identity_names_the_model() {
    assert!(stylized(1).identity().contains(" model=stylized/1 "));
    for &model in Model::ALL {
        assert_eq!(Model::of_name(model.name()), Some(model));
    }
    assert_eq!(Model::of_name("tides/3"), None);
}
