use chrono::NaiveDate;
use tradesim_schemas::{
    ByteHash, ContentDigest, ContentHasher, Event, EventType, MessageEncoder, Record, Symbol, TradeStatus,
};

use super::*;
use crate::{
    RandomBursts,
    audit::{Audit, AuditContext},
    session::{Closed, TradingDay},
};

mod parts;
mod statistics;
mod stylized;

fn day(year: i32, month: u32, day: u32) -> TradingDay {
    TradingDay::new(NaiveDate::from_ymd_opt(year, month, day).unwrap(), Closed::Refuse).unwrap()
}

fn options(seed: u64) -> SimulationOptions {
    SimulationOptions { rate: 1.0, ..SimulationOptions::new(day(2026, 2, 18), seed) }
}

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

fn records(options: SimulationOptions) -> Vec<Record> {
    let mut simulation = Simulation::new(options).unwrap();
    let mut all = Vec::new();
    while let Some(events) = simulation.next_window() {
        all.extend(events);
    }
    all
}

/// The content digest, and the state digest.
fn digests(mut simulation: Simulation) -> (ContentDigest, ByteHash) {
    let (mut digest, mut encoder) = (ContentHasher::new(), MessageEncoder::new());
    while let Some(events) = simulation.next_window() {
        for record in &events {
            digest.push_with(|out| encoder.write(&record.envelope, out));
        }
    }
    (digest.finish(), simulation.state_digest())
}

/// The audit knows the contract and nothing of the generator.
#[track_caller]
fn check_rules(options: SimulationOptions) {
    let universe = Universe::on(options.day.date()).heaviest(options.symbols);
    let mut audit =
        Audit::new(AuditContext::whole(options.model.name(), options.day, options.market_hours, &universe));
    let mut simulation = Simulation::new(options).unwrap();
    while let Some(events) = simulation.next_window() {
        events.iter().for_each(|record| audit.push(record));
    }
    let report = audit.finish();
    assert!(report.is_clean(), "{report:#?}");
}

#[test]
fn the_rules_of_the_market_hold_on_every_kind_of_day() {
    let random = RandomBursts { multiplier: 20.0, interval_seconds: 300.0, duration_seconds: 10.0 };
    let regular = day(2026, 2, 18);
    for options in [
        SimulationOptions { rate: 10.0, ..SimulationOptions::new(regular, 42) },
        SimulationOptions { rate: 50.0, symbols: 3, ..SimulationOptions::new(regular, 1) },
        SimulationOptions { symbols: 1, ..options(2) },
        SimulationOptions { random_bursts: Some(random), ..SimulationOptions::new(day(2026, 11, 27), 3) },
        SimulationOptions { market_hours: false, ..SimulationOptions::new(day(2026, 12, 24), 4) },
        SimulationOptions { market_hours: false, ..SimulationOptions::new(day(2024, 7, 5), 5) },
        SimulationOptions::new(day(2026, 3, 9), 6),
        SimulationOptions::new(day(2028, 10, 30), 7),
        SimulationOptions::new(
            TradingDay::new(NaiveDate::from_ymd_opt(2026, 4, 3).unwrap(), Closed::Allow).unwrap(),
            8,
        ),
    ] {
        check_rules(options);
    }
}

#[test]
fn the_same_options_give_the_same_day_and_another_seed_another() {
    let first = digests(Simulation::new(options(1)).unwrap());
    assert_eq!(digests(Simulation::new(options(1)).unwrap()), first);
    let second = digests(Simulation::new(options(2)).unwrap());
    assert_ne!(second.0, first.0);
    assert_ne!(second.1, first.1);
}

#[test]
fn another_date_is_another_day() {
    let trades = |day: TradingDay| -> Vec<_> {
        let records = records(SimulationOptions { day, ..options(1) });
        let trade = |record: Record| match record.envelope.event {
            Event::Trade(trade) => Some((trade.symbol, trade.price, trade.quantity)),
            _ => None,
        };
        records.into_iter().filter_map(trade).take(100).collect()
    };
    assert_ne!(trades(day(2026, 2, 18)), trades(day(2026, 2, 19)));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let bursts = RandomBursts { multiplier: 20.0, interval_seconds: 600.0, duration_seconds: 10.0 };
    let options = SimulationOptions { random_bursts: Some(bursts), ..options(3) };
    let one = digests(Simulation::new(options.clone()).unwrap());
    for count in [2, 3, 8, 64] {
        let many = Simulation::new(options.clone()).unwrap().with_threads(threads(count));
        assert_eq!(digests(many), one, "{count} threads");
    }
}

#[test]
fn the_number_of_windows_changes_nothing() {
    let whole = records(options(4));
    let mut simulation = Simulation::new(options(4)).unwrap();
    let end = simulation.options.end().micros() + 1;
    let mut all = Vec::new();
    // windows of 7 minutes and some microseconds, empty ones among them
    while simulation.until < end {
        let until = (simulation.until + 7 * 60_000_000 + 11).min(end);
        simulation.until = simulation.run(until);
        merge(&mut simulation.windows, simulation.until, &mut simulation.seq, &mut all);
    }
    assert!(all == whole);
}

#[test]
fn seq_is_dense_and_time_does_not_go_back() {
    let records = records(options(5));
    for (index, pair) in records.windows(2).enumerate() {
        assert_eq!(pair[0].seq, RecordSeq(index as u64));
        assert!(pair[0].envelope.timestamp <= pair[1].envelope.timestamp);
    }
    let end = options(5).end();
    assert_eq!(records.last().unwrap().envelope.timestamp, end);
    assert_eq!(records.last().unwrap().envelope.event_type(), EventType::MarketData);
}

#[test]
fn a_burst_of_one_symbol_moves_nothing_in_the_others() {
    let aapl = Symbol::new("AAPL").unwrap();
    let at = options(6).day.at(chrono::NaiveTime::from_hms_opt(10, 0, 0).unwrap());
    let to = Timestamp::from_micros(at.micros() + 30_000_000).unwrap();
    let burst = Burst { from: at, to, multiplier: 50.0, symbol: Some(aapl), planned: true };
    let others = |options: SimulationOptions| -> Vec<Event> {
        let mut events: Vec<Event> =
            records(options).into_iter().map(|record| record.envelope.event).collect();
        events.retain(|event| event.symbol() != aapl);
        // ids are of another archive
        for event in &mut events {
            if let Event::Trade(trade) = event {
                trade.correlation_id = None;
                trade.trade_id = tradesim_schemas::TradeId::from_bytes([
                    0x44, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0,
                ])
                .unwrap();
            }
        }
        events
    };
    let with = SimulationOptions { planned_bursts: vec![burst], ..options(6) };
    assert!(others(with.clone()) == others(options(6)));
    let hit = |options| {
        records(options)
            .iter()
            .filter(|record| record.envelope.event.symbol() == aapl)
            .filter(|record| (at..to).contains(&record.envelope.timestamp))
            .count()
    };
    assert!(hit(with) > 20 * hit(options(6)).max(1));
}

#[test]
fn another_volatility_of_one_symbol_moves_nothing_in_the_others() {
    let aapl = Symbol::new("AAPL").unwrap();
    let others = |volatility: Option<f64>| -> (usize, Vec<Record>) {
        let (universe, bursts) = options(9).resolve().unwrap();
        let universe = universe.changed(|info| {
            if info.symbol == aapl {
                info.volatility = volatility.unwrap_or(info.volatility);
            }
        });
        let mut simulation = Simulation::of(options(9), universe, bursts);
        let (mut moved, mut others) = (0, Vec::new());
        while let Some(events) = simulation.next_window() {
            for record in events {
                match &record.envelope.event {
                    Event::OrderBook(book) if book.symbol == aapl => moved += book.mid_price.units() as usize,
                    event if event.symbol() == aapl => {}
                    _ => others.push(Record { seq: RecordSeq(0), ..record }),
                }
            }
        }
        (moved, others)
    };
    let (calm, wild) = (others(None), others(Some(0.05)));
    assert_ne!(calm.0, wild.0);
    assert!(calm.1 == wild.1);
}

#[test]
fn every_event_type_and_status_occurs() {
    let records = records(options(7));
    for expected in EventType::ALL {
        assert!(records.iter().any(|record| record.envelope.event_type() == *expected));
    }
    for expected in TradeStatus::ALL {
        let occurs = |record: &Record| matches!(&record.envelope.event, Event::Trade(trade) if trade.status == *expected);
        assert!(records.iter().any(occurs), "{expected}");
    }
}

#[test]
fn a_window_is_small_at_any_rate() {
    let at = options(8).day.at(chrono::NaiveTime::from_hms_opt(4, 0, 0).unwrap());
    let to = Timestamp::from_micros(at.micros() + 600_000_000).unwrap();
    let burst = Burst { from: at, to, multiplier: 100.0, symbol: None, planned: true };
    let options = SimulationOptions { rate: 10_000.0, planned_bursts: vec![burst], ..options(8) };
    let mut simulation = Simulation::new(options).unwrap();
    for _ in 0..40 {
        let events = simulation.next_window().unwrap().len();
        assert!(events < 6 * WINDOW_ORDERS as usize, "{events}");
    }
}

#[test]
fn options_out_of_range_are_refused() {
    let refused = |options: SimulationOptions| Simulation::new(options).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        refused(SimulationOptions { rate: 0.5, ..options(1) }),
        "invalid rate 0.5: expected 1 to 10,000 orders per second"
    );
    assert_eq!(
        refused(SimulationOptions { symbols: 51, ..options(1) }),
        "invalid number of symbols 51: expected 1 to 50"
    );
    let bursts = RandomBursts { multiplier: 1.0, interval_seconds: 60.0, duration_seconds: 10.0 };
    let burst = SimulationOptions { random_bursts: Some(bursts), ..options(1) };
    assert_eq!(refused(burst), "invalid burst multiplier 1: expected 2 to 100");
    assert!(refused(SimulationOptions { rate: f64::NAN, ..options(1) }).contains("NaN"));
}

#[test]
fn the_identity_names_everything_that_decides_the_events() {
    let options = options(42);
    assert_eq!(
        options.identity(),
        "tradesim generator=1 model=gbm/1 seed=42 date=2026-02-18 hours=regular market_hours=true rate=1 symbols=50"
    );
    let bursts = RandomBursts { multiplier: 20.0, interval_seconds: 60.0, duration_seconds: 10.0 };
    let with = SimulationOptions { random_bursts: Some(bursts), ..options };
    assert!(with.identity().contains(" bursts=20x/60s/10s "));
}

#[test]
fn a_day_that_is_entered_in_the_middle_goes_on_as_ever() {
    let random = RandomBursts { multiplier: 20.0, interval_seconds: 600.0, duration_seconds: 60.0 };
    let options = SimulationOptions { random_bursts: Some(random), ..options(7) };
    let all = records(options.clone());
    let (start, end) = (options.day.start(), options.end());
    for at in [start, options.day.core_open(), all[all.len() / 2].envelope.timestamp, end] {
        let mut simulation = Simulation::new(options.clone()).unwrap();
        simulation.skip_to(at);
        // a place that was passed changes nothing
        simulation.skip_to(start);
        let mut copy = simulation.clone();
        let expected = &all[all.partition_point(|record| record.envelope.timestamp < at)..];
        for entered in [&mut simulation, &mut copy] {
            let mut rest = Vec::new();
            while let Some(events) = entered.next_window() {
                rest.extend(events);
            }
            assert!(rest == expected, "from {at}");
        }
    }
    let mut simulation = Simulation::new(options).unwrap();
    simulation.skip_to(Timestamp::MAX);
    assert!(simulation.next_window().is_none());
}

#[test]
fn a_day_with_many_bursts_of_single_symbols_has_few_windows() {
    let random = RandomBursts { multiplier: 20.0, interval_seconds: 60.0, duration_seconds: 10.0 };
    let options = SimulationOptions {
        symbols: 5,
        random_bursts: Some(random),
        ..SimulationOptions::new(day(2026, 3, 9), 11)
    };
    let orders = options.expected_orders().unwrap();
    let simulation = Simulation::new(options).unwrap();
    let (mut at, end) = (simulation.until, simulation.options.end().micros());
    let mut windows = 0;
    while at < end {
        at = segments::window_end(&simulation.segments, at, end, simulation.options.rate, WINDOW_ORDERS);
        windows += 1;
    }
    let expected = orders / WINDOW_ORDERS;
    assert!(f64::from(windows) < 4.0 * expected, "{windows} windows of {expected:.0}");
}
