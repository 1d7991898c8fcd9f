mod cuts;
mod forged;
mod refusals;
mod triggers;

use super::*;
use crate::{
    Model, Simulation, SimulationOptions,
    audit::{Audit, AuditContext, AuditReport},
    session::{Closed, TradingDay},
};

fn options(model: Model, seed: u64) -> SimulationOptions {
    let date = chrono::NaiveDate::from_ymd_opt(2026, 2, 18).unwrap();
    let day = TradingDay::new(date, Closed::Refuse).unwrap();
    SimulationOptions { model, symbols: 8, ..SimulationOptions::new(day, seed) }
}

fn stylized(seed: u64) -> SimulationOptions {
    options(Model::Stylized, seed)
}

fn planned(options: &SimulationOptions, texts: &[&str]) -> Result<SimulationOptions, PlanError> {
    let requests: Vec<Request> = texts.iter().map(|text| text.parse().unwrap()).collect();
    Ok(SimulationOptions { planned_events: plan(&requests, options)?, ..options.clone() })
}

fn audit(options: &SimulationOptions) -> AuditReport {
    let mut simulation = Simulation::new(options.clone()).unwrap();
    let whole =
        AuditContext::whole(options.model.name(), options.day, options.market_hours, simulation.universe());
    let mut audit = Audit::new(AuditContext { labels: options.labels(), ..whole });
    while let Some(records) = simulation.next_window() {
        records.iter().for_each(|record| audit.push(record));
    }
    audit.finish()
}

#[track_caller]
fn check_rules(options: &SimulationOptions) {
    let report = audit(options);
    let broken: Vec<String> = report
        .rules
        .iter()
        .filter(|rule| rule.violations > 0)
        .map(|rule| format!("{} {}: {:?}", rule.rule, rule.violations, rule.examples))
        .collect();
    let plan: Vec<String> = options.planned_events.iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{plan:?}\n{}", broken.join("\n"));
    assert!(report.skipped.is_empty(), "{:?}", report.skipped);
    assert!(report.rule(crate::audit::Rule::Planned).checked > 0);
}

#[test]
fn each_kind_runs_from_its_name_alone_and_follows_its_rule() {
    for &kind in EventKind::ALL {
        for (seed, rate) in [(1, 10.0), (2, 40.0), (3, 3.0)] {
            let options = SimulationOptions { rate, ..stylized(seed) };
            check_rules(&planned(&options, &[kind.as_str()]).unwrap());
        }
    }
}

#[test]
fn some_kinds_work_with_the_plain_model() {
    for seed in 0..4 {
        check_rules(&planned(&options(Model::Gbm, seed), &["news"]).unwrap());
    }
    let before_the_open =
        planned(&options(Model::Gbm, 9), &["news:AAPL@08:00,direction=down,move=0.15"]).unwrap();
    check_rules(&before_the_open);
    let possible = [EventKind::News, EventKind::Split, EventKind::VenueOutage];
    for kind in possible {
        for seed in 0..2 {
            check_rules(&planned(&options(Model::Gbm, seed), &[kind.as_str()]).unwrap());
        }
    }
    for kind in EventKind::ALL.iter().filter(|kind| !possible.contains(kind)) {
        let error = planned(&options(Model::Gbm, 1), &[kind.as_str()]).unwrap_err();
        assert!(error.to_string().contains("use --model stylized"), "{error}");
    }
}

#[test]
fn levels_follow_one_another_and_the_last_one_ends_the_day() {
    for level in ["2", "3"] {
        let options = planned(&stylized(5), &[&format!("circuit-breaker@10:00,level={level}")]).unwrap();
        check_rules(&options);
    }
    let label = &planned(&stylized(5), &["circuit-breaker@10:00,level=3"]).unwrap().labels()[0];
    let phases: Vec<(&str, String)> = label
        .phases
        .iter()
        .map(|phase| (phase.name.as_str(), phase.at.to_string()[11..19].to_owned()))
        .collect();
    let expected = [
        ("fall", "15:00:00"),
        ("halt", "15:15:00"),
        ("reopen", "15:30:00"),
        ("halt", "15:45:00"),
        ("reopen", "16:00:00"),
        ("halt", "16:15:00"),
        ("end", "01:00:00"),
    ];
    assert_eq!(phases, expected.map(|(name, at)| (name, at.to_owned())));
    // after 15:25, levels 1 and 2 pass without a halt
    let late = planned(&stylized(6), &["circuit-breaker@15:15,level=3,fall=660"]).unwrap();
    let names: Vec<String> = late.labels()[0].phases.iter().map(|phase| phase.name.clone()).collect();
    assert_eq!(names, ["fall", "passed", "passed", "halt", "end"]);
    check_rules(&late);
}

#[test]
fn several_events_share_a_day_and_every_part_of_it_agrees() {
    let texts = [
        "luld:AAPL@10:31:12,direction=down",
        "fat-finger:MSFT@11:00",
        "news",
        "rebalance",
        "luld:MSFT@12:00",
    ];
    let options = planned(&stylized(11), &texts).unwrap();
    check_rules(&options);
    let events = |mut simulation: Simulation| {
        let mut all = Vec::new();
        while let Some(records) = simulation.next_window() {
            all.extend(records.into_iter().map(|record| record.envelope));
        }
        all
    };
    let whole = events(Simulation::new(options.clone()).unwrap());
    let universe = Simulation::new(options.clone()).unwrap().universe().clone();
    for info in universe.symbols() {
        let part = events(Simulation::of_symbols(options.clone(), &[info.symbol]).unwrap());
        let cut: Vec<_> = whole.iter().filter(|one| one.event.symbol() == info.symbol).cloned().collect();
        assert!(part == cut, "{}", info.symbol);
    }
    // a symbol without an event of its own, before the rebalance, is as without the plan
    let plain = events(Simulation::new(stylized(11)).unwrap());
    let touched: Vec<_> = options.planned_events.iter().filter_map(PlannedEvent::symbol).collect();
    let untouched = universe.symbols().iter().find(|info| !touched.contains(&info.symbol)).unwrap().symbol;
    let before = options.day.core_close().micros() - 600 * SECOND;
    let prices = |all: &[tradesim_schemas::Envelope]| -> Vec<String> {
        all.iter()
            .filter(|one| one.event.symbol() == untouched && one.timestamp.micros() < before)
            .filter_map(|one| match &one.event {
                tradesim_schemas::Event::OrderBook(book) => Some(format!("{book:?}")),
                _ => None,
            })
            .collect()
    };
    assert_eq!(prices(&whole), prices(&plain));
}

#[test]
fn a_split_changes_the_prices_of_its_symbol_and_of_events_that_follow() {
    let plain = stylized(31);
    let options = planned(&plain, &["luld:NVDA@10:31:12,direction=down", "split:NVDA,ratio=8"]).unwrap();
    check_rules(&options);
    let universe = |options: &SimulationOptions| Simulation::new(options.clone()).unwrap().universe().clone();
    let (before, after) = (universe(&plain), universe(&options));
    let nvda = tradesim_schemas::Symbol::new("NVDA").unwrap();
    let (old, new) = (before.get(nvda).unwrap(), after.get(nvda).unwrap());
    let eighth = (old.base_price.units() as f64 / 8.0 / 100.0).round() as i64 * 100;
    assert_eq!(new.base_price.units(), eighth);
    assert_eq!(new.avg_daily_volume, 8 * old.avg_daily_volume);
    assert_eq!((new.lot_size, new.weight.to_bits()), (old.lot_size, old.weight.to_bits()));
    let others = |universe: &crate::universe::Universe| -> Vec<_> {
        universe.symbols().iter().filter(|info| info.symbol != nvda).copied().collect()
    };
    assert_eq!(others(&before), others(&after));
    let label = &options.labels()[0];
    assert_eq!((label.kind.as_str(), label.from), ("split", options.day.start()));
    assert_eq!(label.parameters["close"], old.base_price.to_string());
    assert_eq!(label.parameters["price"], new.base_price.to_string());
    let reverse = planned(&plain, &["split:NVDA,ratio=3,form=reverse"]).unwrap();
    check_rules(&reverse);
    assert_eq!(universe(&reverse).get(nvda).unwrap().base_price.units(), 3 * old.base_price.units());
}

#[test]
fn an_outage_moves_the_events_of_its_venue_and_nothing_else() {
    use tradesim_schemas::{Envelope, Event, Exchange, Symbol};
    let texts = ["venue-outage@11:00,venue=NASDAQ,length=1200"];
    for model in [Model::Gbm, Model::Stylized] {
        let plain = options(model, 17);
        let out = planned(&plain, &texts).unwrap();
        let events = |options: &SimulationOptions| {
            let mut simulation = Simulation::new(options.clone()).unwrap();
            let mut all: Vec<Envelope> = Vec::new();
            while let Some(records) = simulation.next_window() {
                all.extend(records.into_iter().map(|record| record.envelope));
            }
            all
        };
        // time, symbol, price and size without ids and venues
        let shape = |one: &Envelope| -> (i64, Symbol, i64, u32) {
            let (price, size) = match &one.event {
                Event::Trade(trade) => (trade.price.units(), trade.quantity.get()),
                Event::OrderBook(book) => (book.bid_price.units(), book.bid_size.get()),
                Event::MarketData(candle) => (candle.close.units(), 0),
            };
            (one.timestamp.micros(), one.event.symbol(), price, size)
        };
        let (before, after) = (events(&plain), events(&out));
        assert!(before.iter().map(shape).eq(after.iter().map(shape)));
        let start = options(model, 17).day.core_open().micros() + 5_400 * SECOND;
        let silent = start..start + 1_200 * SECOND;
        let venues = |all: &[Envelope]| -> Vec<(i64, Exchange)> {
            all.iter()
                .filter_map(|one| match &one.event {
                    Event::Trade(trade) => Some((one.timestamp.micros(), trade.exchange)),
                    _ => None,
                })
                .collect()
        };
        let (before, after) = (venues(&before), venues(&after));
        for (old, new) in before.iter().zip(&after) {
            let is_out = silent.contains(&old.0) && old.1 == Exchange::Nasdaq;
            assert_eq!(old.1 == new.1, !is_out, "{old:?} {new:?}");
        }
        let on = |venue| after.iter().filter(|(at, found)| silent.contains(at) && *found == venue).count();
        assert!(on(Exchange::Arca) > 0 && on(Exchange::Bats) > 0 && on(Exchange::Nasdaq) == 0);
    }
}

#[test]
fn a_first_trade_and_an_outage_share_a_day_with_events_of_other_symbols() {
    let texts =
        ["ipo:AAPL", "venue-outage@11:00,venue=NYSE", "luld:MSFT@11:10", "short-sale:NVDA", "rebalance"];
    check_rules(&planned(&SimulationOptions { symbols: 20, ..stylized(8) }, &texts).unwrap());
    let label = &planned(&stylized(8), &["short-sale:NVDA"]).unwrap().labels()[0];
    // a Wednesday
    assert_eq!(label.parameters["until"], "2026-02-19");
    assert_eq!(label.to, stylized(8).end());
}

#[test]
fn an_early_close_has_its_own_times() {
    let date = chrono::NaiveDate::from_ymd_opt(2026, 11, 27).unwrap();
    let day = TradingDay::new(date, Closed::Refuse).unwrap();
    for texts in [
        ["luld:AAPL@12:36", "rebalance"],
        ["circuit-breaker", "rebalance@12:55"],
        ["flash-crash", "rebalance"],
        ["ipo", "split"],
        ["short-sale", "venue-outage"],
    ] {
        check_rules(&planned(&SimulationOptions { day, ..stylized(7) }, &texts).unwrap());
    }
    let doubled = planned(&SimulationOptions { day, ..stylized(7) }, &["luld:AAPL@12:36"]).unwrap().labels();
    assert_eq!(doubled[0].parameters["band"], "0.1");
    let error = planned(&SimulationOptions { day, ..stylized(7) }, &["circuit-breaker@12:20"]).unwrap_err();
    assert!(error.to_string().contains("the nearest valid form is circuit-breaker@12:10:00"), "{error}");
}

#[test]
fn what_is_drawn_is_a_function_of_the_seed() {
    let at = |seed| planned(&stylized(seed), &["luld"]).unwrap().planned_events[0].to_string();
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
    // a parameter that is given changes no other one
    let given = planned(&stylized(1), &["luld,run=10"]).unwrap().planned_events[0].to_string();
    assert_eq!(given, at(1).replace("run=20", "run=10"));
}
