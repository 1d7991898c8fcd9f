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

#[test]
fn refusals_name_the_nearest_valid_form() {
    let refusal = |texts: &[&str]| planned(&stylized(1), texts).unwrap_err().to_string();
    for (texts, expected) in [
        (&["lulld"][..], r#"unknown planned event "lulld": expected luld"#),
        (&["xyzzyxyz"], "expected one of luld, circuit-breaker, news, fat-finger, flash-crash, rebalance"),
        (&["luld:APPL"], r#"unknown symbol "APPL" of luld: expected AAPL"#),
        (&["luld:QQQQQQ"], "expected one of the 8 simulated symbols"),
        (&["rebalance:AAPL"], "rebalance happens to all symbols: expected rebalance without a symbol"),
        (&["luld,runn=3"], r#"unknown parameter "runn" of luld: expected run"#),
        (&["luld,run=99"], "invalid run=99 of luld: expected a number from 5 to 30"),
        (&["luld,run=10,run=11"], "run of luld is given twice"),
        (&["luld,direction=left"], "invalid direction=left of luld: expected up or down"),
        (&["luld:AAPL@17:00"], "the nearest valid form is luld:AAPL@15:44:25"),
        (&["luld:AAPL@09:30"], "luld:AAPL@09:30:00 begins outside 09:35:00 to 15:44:25 exchange time"),
        (
            &["luld:AAPL@2026-02-17T15:31:12Z"],
            "luld:AAPL@2026-02-17T15:31:12.000000Z begins outside 09:35:00",
        ),
        (&["luld:AAPL@15:34:50"], "the bands are doubled from 15:35:00"),
        (&["luld:AAPL@10:00", "luld:AAPL@10:05"], "the nearest valid form is luld:AAPL@10:10:35"),
        (&["luld:AAPL@10:00", "circuit-breaker@09:50"], "overlaps luld:AAPL@10:00:00"),
        (&["circuit-breaker@10:00", "circuit-breaker@12:00"], "each level halts once a day"),
        (&["news:AAPL@11:00,move=0.1"], "use luld, or move=0.045"),
        (&["flash-crash@11:00,fall=240,depth=0.065", "luld:AAPL@11:03"], "overlaps luld:AAPL@11:03:00"),
        (&["split:AAPL@10:00"], "the nearest valid form is split:AAPL@04:00:00"),
        (&["split:AAPL,ratio=50"], "use a ratio that leaves a price of $5 to $10000"),
        (&["split:AAPL", "split:AAPL,ratio=2"], "AAPL has one split or one first trade a day"),
        (&["split:AAPL", "ipo:AAPL"], "AAPL has one split or one first trade a day"),
        (&["ipo:AAPL@09:30"], "the nearest valid form is ipo:AAPL@09:40:00"),
        (&["ipo:AAPL@11:00", "circuit-breaker@09:40"], "begin after 13:00:00, the end of ipo:AAPL@11:00:00"),
        (&["venue-outage,venue=BATS"], "no simulated symbol is listed on BATS: use venue=NASDAQ"),
        (&["venue-outage@15:30,length=1800"], "the nearest valid form is venue-outage@15:29:00"),
        (
            &["venue-outage@11:00,venue=NASDAQ,length=600", "luld:AAPL@11:05"],
            "venue-outage@11:00:00 overlaps luld:AAPL@11:05:00, which ends at",
        ),
        (&["short-sale:AAPL@15:30"], "the nearest valid form is short-sale:AAPL@15:19:00"),
    ] {
        let found = refusal(texts);
        assert!(found.contains(expected), "{texts:?}: {found}");
    }
    let many: Vec<&str> = vec!["luld"; 101];
    assert!(refusal(&many).contains("at most 100"));
    let error = planned(&stylized(1), &["luld", "luld:APPL"]).unwrap_err();
    assert_eq!((error.request, error.part), (1, Part::Symbol));
    // options that did not come from `plan` are checked as well
    let whole = planned(&stylized(1), &["luld:AAPL@10:00"]).unwrap();
    let twice = [whole.planned_events.clone(), whole.planned_events.clone()].concat();
    assert!(Simulation::new(SimulationOptions { planned_events: twice, ..whole.clone() }).is_err());
    assert!(Simulation::new(SimulationOptions { model: Model::Gbm, ..whole }).is_err());
}

/// Moves a phase of a label by some seconds.
fn moved(label: &mut Label, name: &str, seconds: i64) {
    let phase = label.phases.iter_mut().find(|phase| phase.name == name).unwrap();
    phase.at = tradesim_schemas::Timestamp::from_micros(phase.at.micros() + seconds * SECOND).unwrap();
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
            ],
        ),
        (
            "news:AAPL@11:00,direction=up,move=0.03",
            &[(|label| put(label, "direction", "down"), "the price moves by")],
        ),
        (
            "fat-finger:AAPL@11:00,direction=up",
            &[
                (|label| put(label, "shares", "10001"), "the label states 10001"),
                (|label| put(label, "trader", "TRD-00199"), "executes 0 shares"),
                (|label| put(label, "direction", "down"), "is not on a band"),
            ],
        ),
        ("flash-crash@11:00,depth=0.05", &[(|label| put(label, "depth", "0.06"), "at the trough of")]),
        ("rebalance,share=0.3", &[(|label| put(label, "share", "0.2"), "the closing cross of")]),
        (
            "split:NVDA,ratio=8",
            &[
                (|label| put(label, "ratio", "2"), "the rule has"),
                (|label| put(label, "close", "1.10"), "which is not adjusted"),
                (|label| put(label, "form", "reverse"), "the rule has"),
                (|label| put(label, "form", "sideways"), "lacks a phase or a parameter"),
            ],
        ),
        (
            "ipo:AAPL@11:00,move=0.1",
            &[
                (|label| moved(label, "cross", 1), "has an event before its first trade"),
                (|label| moved(label, "cross", -1), "is not released at its time"),
                (|label| put(label, "move", "-0.1"), "the label states"),
                (|label| put(label, "offer", "1"), "the symbol table has"),
                (|label| moved(label, "cross", -7_200), "outside the core session"),
            ],
        ),
        (
            "venue-outage@11:00,venue=NASDAQ,length=600",
            &[
                (|label| moved(label, "end", 60), "has an event on NASDAQ in the outage"),
                (|label| moved(label, "outage", -60), "has an event on NASDAQ in the outage"),
                (|label| put(label, "listed", "AAPL"), "the symbol table has"),
                (|label| put(label, "venue", "ARCA"), "has an event on ARCA in the outage"),
            ],
        ),
        (
            "short-sale:AAPL@11:00",
            &[
                (|label| moved(label, "restricted", 10), "before the restriction"),
                (|label| moved(label, "restricted", -10), "no execution at the restriction"),
                (|label| put(label, "trigger", "170"), "states a trigger of 170"),
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
            let rule = report.rule(crate::audit::Rule::Planned);
            let found = rule.examples.iter().any(|example| example.text.contains(expected));
            assert!(found, "{text}: {expected:?} is not in {:?}", rule.examples);
        }
    }
}
