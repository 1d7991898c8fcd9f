//! The statistics of a day, within the noise of the draws.

use std::collections::BTreeMap;

use super::*;
use crate::{math, session::Period};

/// Counts of orders and of their fates over some seeds.
#[derive(Default)]
struct Tally {
    by_period: BTreeMap<Period, f64>,
    by_symbol: BTreeMap<Symbol, f64>,
    /// One fill, two or three fills, cancelled, rejected.
    fates: [f64; 4],
    orders: f64,
}

impl Tally {
    fn of(options: &SimulationOptions) -> Tally {
        let mut tally = Tally::default();
        let mut partial = BTreeMap::new();
        for record in records(options.clone()) {
            let Event::Trade(trade) = record.envelope.event else { continue };
            match trade.status {
                TradeStatus::New => {
                    let period = options.day.period_at(trade.timestamp, options.market_hours);
                    *tally.by_period.entry(period).or_default() += 1.0;
                    *tally.by_symbol.entry(trade.symbol).or_default() += 1.0;
                    tally.orders += 1.0;
                }
                TradeStatus::PartiallyFilled => {
                    partial.insert(trade.correlation_id, ());
                }
                TradeStatus::Filled => {
                    tally.fates[usize::from(partial.remove(&trade.correlation_id).is_some())] += 1.0;
                }
                TradeStatus::Cancelled => tally.fates[2] += 1.0,
                TradeStatus::Rejected => tally.fates[3] += 1.0,
            }
        }
        tally
    }
}

#[track_caller]
fn check_share(what: &str, count: f64, total: f64, share: f64) {
    let sigma = (total * share * (1.0 - share)).sqrt();
    assert!((count - total * share).abs() < 4.0 * sigma, "{what}: {count} of {total}, {share} expected");
}

#[test]
fn shares_of_periods_symbols_and_fates_are_as_configured() {
    for (seed, day) in [(1, day(2026, 2, 18)), (2, day(2026, 11, 27)), (3, day(2024, 7, 3))] {
        let options = SimulationOptions { rate: 4.0, ..SimulationOptions::new(day, seed) };
        let tally = Tally::of(&options);
        let expected = options.expected_orders().unwrap();
        assert!((tally.orders - expected).abs() < 4.0 * expected.sqrt(), "{} of {expected}", tally.orders);
        for span in day.periods(true) {
            let seconds = (span.to.micros() - span.from.micros()) as f64 / 1e6;
            let share = seconds * span.multiplier * options.rate / expected;
            let count = tally.by_period.get(&span.period).copied().unwrap_or_default();
            check_share(span.period.as_str(), count, tally.orders, share);
        }
        for info in Universe::on(day.date()).symbols() {
            let count = tally.by_symbol.get(&info.symbol).copied().unwrap_or_default();
            check_share(info.symbol.as_str(), count, tally.orders, info.weight);
        }
        for (index, share) in [0.5, 0.3, 0.1, 0.1].into_iter().enumerate() {
            check_share("fate", tally.fates[index], tally.orders, share);
        }
        assert_eq!(tally.fates.iter().sum::<f64>(), tally.orders, "every order ends");
    }
}

/// Realised over configured volatility of core-session mids before `close`, pooled over symbols; `sample` is the least
/// time between two mids in microseconds, 0 for every snapshot.
fn volatility_ratio(options: &SimulationOptions, close: Timestamp, sample: i64) -> f64 {
    let open = options.day.core_open();
    let days = options.day.effective_seconds(open, close) / 23_400.0;
    let universe = Universe::on(options.day.date());
    let mut last: BTreeMap<Symbol, (i64, f64)> = BTreeMap::new();
    let mut squares: BTreeMap<Symbol, f64> = BTreeMap::new();
    let mut simulation = Simulation::new(options.clone()).unwrap();
    while simulation.now() < close {
        for record in simulation.next_window().unwrap() {
            let Event::OrderBook(book) = record.envelope.event else { continue };
            if book.timestamp < open || book.timestamp >= close {
                continue;
            }
            let (at, mid) = (book.timestamp.micros(), book.mid_price.units() as f64);
            let previous = last.entry(book.symbol).or_insert((at, mid));
            if at - previous.0 >= sample {
                let change = math::ln(mid / previous.1);
                *squares.entry(book.symbol).or_default() += change * change;
                *previous = (at, mid);
            }
        }
    }
    let ratios = universe.symbols().iter().map(|info| {
        let realised = squares.get(&info.symbol).copied().unwrap_or_default();
        realised / (info.volatility * info.volatility * days)
    });
    (ratios.sum::<f64>() / universe.symbols().len() as f64).sqrt()
}

#[test]
fn realised_volatility_is_the_configured_one_at_any_rate_and_any_sampling() {
    const MINUTE: i64 = 60_000_000;
    let day = day(2026, 2, 18);
    let morning = day.at(chrono::NaiveTime::from_hms_opt(10, 15, 0).unwrap());
    for (rate, seed, close, samples) in [
        (10.0, 1, day.core_close(), [0, MINUTE, 5 * MINUTE].as_slice()),
        (10.0, 2, day.core_close(), &[0, MINUTE, 5 * MINUTE]),
        (100.0, 3, day.core_close(), &[0, 5 * MINUTE]),
        // sixteen million events in three quarters of an hour
        (1_000.0, 4, morning, &[0]),
    ] {
        let options = SimulationOptions { rate, ..SimulationOptions::new(day, seed) };
        for &sample in samples {
            let ratio = volatility_ratio(&options, close, sample);
            assert!((0.9..1.1).contains(&ratio), "rate {rate}, sample {sample}: {ratio}");
        }
    }
}
