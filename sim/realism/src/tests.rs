//! Tests of the whole measurement, and the pools of the tests of statistics.

use tradesim_schemas::{
    AccountId, CorrelationId, Event, Exchange, OrderBook, OrderType, Price, Quantity, Symbol, Timestamp,
    Trade, TradeId, TradeStatus, TradeType, TraderId,
};

use crate::{
    Market, ROWS, Report, Session, SymbolFacts, Verdict,
    day::{SymbolDay, SymbolState},
    market::SymbolSums,
    number::{log_histogram::LogHistogram, random::Random},
    pool::{DayFigures, Pool, Totals},
    session::SECOND,
};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

/// Returns a session from 09:30 to 16:00 of a day that begins at 0.
fn session() -> Session {
    let clock = |minutes: i64| at(minutes * 60 * SECOND);
    Session::covered(clock(570), clock(960), clock(240), clock(1_200))
}

/// Returns a pool with the returns of a minute of symbols on days, and nothing else.
pub(crate) fn pool_of_returns(symbols: Vec<Vec<Vec<f32>>>) -> Pool {
    let mut random = Random::new(1);
    let days = symbols[0].len();
    let mut symbol_days = Vec::new();
    for day in 0..days {
        for (symbol, series) in symbols.iter().enumerate() {
            let empty = SymbolState::new(&session());
            let (mut kept, _) = SymbolDay::of(empty, symbol, day, session(), &mut random);
            kept.variances[crate::day::FIVE_MINUTES] = series[day]
                .chunks(5)
                .map(|bin| f64::from(bin.iter().sum::<f32>()))
                .map(|sum| sum * sum)
                .sum();
            kept.returns.clone_from(&series[day]);
            symbol_days.push(kept);
        }
    }
    Pool {
        names: (0..symbols.len()).map(|number| Symbol::new(&format!("S{number}")).unwrap()).collect(),
        symbols: vec![SymbolSums::default(); symbols.len()],
        symbol_days,
        days: vec![DayFigures { seconds: None, co_movement: None }; days],
        totals: Totals::default(),
        lives: LogHistogram::default(),
    }
}

fn quantity(shares: u32) -> Quantity {
    Quantity::new(shares).unwrap()
}

fn price(units: i64) -> Price {
    Price::from_units(units).unwrap()
}

fn book(symbol: Symbol, time: i64, bid: i64, ask: i64) -> Event {
    Event::OrderBook(OrderBook {
        symbol,
        bid_price: price(bid),
        ask_price: price(ask),
        bid_size: quantity(100),
        ask_size: quantity(100),
        spread: price(ask - bid),
        mid_price: Price::mid(price(bid), price(ask)),
        timestamp: at(time),
        exchange: Exchange::Nasdaq,
    })
}

fn order(symbol: Symbol, time: i64, status: TradeStatus, units: i64, id: u64) -> Event {
    Event::Trade(Trade {
        trade_id: TradeId::from_bytes([0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]).unwrap(),
        symbol,
        trade_type: TradeType::Buy,
        order_type: OrderType::Limit,
        price: price(units),
        quantity: quantity(100),
        timestamp: at(time),
        exchange: Exchange::Nasdaq,
        trader_id: TraderId::new(1).unwrap(),
        account_id: AccountId::new(1).unwrap(),
        status,
        correlation_id: Some(CorrelationId(id)),
    })
}

/// Simulates a market of independent random walks: orders at random times, of which a half is executed at the quote.
fn random_walks(symbols: usize, days: usize, orders: usize) -> Report {
    let mut random = Random::new(17);
    let mut market = Market::default();
    let names: Vec<Symbol> = (0..symbols).map(|number| Symbol::new(&format!("S{number}")).unwrap()).collect();
    for name in &names {
        market.describe(&SymbolFacts {
            symbol: *name,
            sector: Some(format!("{}", name.as_str().len())),
            tick: Some(price(100)),
            volatility: None,
        });
    }
    for _ in 0..days {
        let session = session();
        market.begin_day(session);
        let mut events: Vec<(i64, Event)> = Vec::new();
        for name in &names {
            let mut times: Vec<i64> = (0..orders)
                .map(|_| session.open() + (random.unit() * (session.close() - session.open()) as f64) as i64)
                .collect();
            times.sort_unstable();
            let mut bid = 1_000_000;
            events.push((session.open() - SECOND, book(*name, 0, bid, bid + 100)));
            for (number, time) in times.into_iter().enumerate() {
                if random.unit() < 0.3 {
                    bid += 100 * random.sign() as i64;
                    events.push((time, book(*name, time, bid, bid + 100)));
                }
                let id = random.word();
                events.push((time, order(*name, time, TradeStatus::New, bid, id)));
                let units = if random.sign() > 0.0 { bid + 100 } else { bid };
                let status = if number % 2 == 0 { TradeStatus::Filled } else { TradeStatus::Cancelled };
                events.push((time, order(*name, time, status, units, id)));
            }
        }
        events.sort_by_key(|(time, _)| *time);
        events.iter().for_each(|(time, event)| market.push(at(*time), event));
    }
    market.count_file();
    market.finish()
}

#[test]
fn random_walks_have_none_of_the_facts_and_all_rows() {
    let report = random_walks(12, 3, 8_000);
    assert_eq!(report.rows.len(), ROWS.len());
    assert_eq!((report.input.symbols, report.input.days, report.input.symbol_days), (12, 3, 36));
    assert!(report.input.executions_median > 3_900, "{:?}", report.input);
    let row = |id| report.rows.iter().find(|row| row.id == id).unwrap();
    for (id, expected, tolerance) in [
        ("A1f", 0.0, 0.3),
        ("A7", 1.0, 0.1),
        ("A8", 0.0, 0.05),
        ("B1", 1.0, 0.1),
        ("C1", 0.0, 0.02),
        ("C4", 1.0, 0.03),
        ("C5", 0.0, 0.03),
        ("D1", 1.0, 0.0),
        ("E3", 0.0, 0.02),
        ("E5", 1.0, 0.0),
        ("E8", 0.5, 0.02),
        ("E11", 1.0, 0.0),
        ("E12", 1.0, 0.0),
        ("F1", 0.0, 0.05),
        ("F7", 0.0, 1e-9),
    ] {
        let value = row(id).value.unwrap_or_else(|| panic!("{id} has no value"));
        assert!((value - expected).abs() <= tolerance, "{id}: {value}");
    }
    for id in ["A1", "A8", "C1", "C5", "F1"] {
        assert_eq!(row(id).verdict, Verdict::Outside, "{id}");
    }
    assert_eq!(row("A14").verdict, Verdict::NotJudged);
    assert!(!report.is_inside());
}

#[test]
fn a_report_is_a_function_of_its_input() {
    let report = || random_walks(3, 1, 500);
    assert_eq!(report().rows, report().rows);
}

#[test]
fn text_and_page_have_every_row() {
    let report = random_walks(3, 2, 500);
    let (text, page) = (report.to_text(), report.to_html("<file>"));
    for row in ROWS {
        assert!(text.contains(row.name) && page.contains(&row.name.replace('<', "&lt;")), "{}", row.id);
    }
    assert!(page.contains("&lt;file&gt;") && !page.contains("<file>") && !page.contains("NaN"));
    assert!(page.matches("<svg").count() >= 6);
    assert!(text.lines().all(|line| line == line.trim_end()));
}

#[test]
fn nothing_is_judged_without_events() {
    let mut market = Market::default();
    market.begin_day(session());
    let report = market.finish();
    assert_eq!(report.summary.judged, report.summary.outside);
    assert!(report.summary.judged <= 1, "{}", report.to_text());
    assert!(!report.to_html("").contains("NaN"));
}

#[test]
fn events_in_any_order_and_extreme_values_do_no_harm() {
    let symbol = Symbol::new("X").unwrap();
    let mut market = Market::default();
    market.begin_day(session());
    let open = session().open();
    for time in [i64::MIN / 4, open, open - SECOND, open + 5 * SECOND, open + SECOND, i64::MAX / 4] {
        let time = time.clamp(Timestamp::MIN.micros(), Timestamp::MAX.micros());
        market.push(at(time), &book(symbol, time, 1, Price::MAX.units()));
        market.push(at(time), &book(symbol, time, 0, 0));
        for status in TradeStatus::ALL {
            market.push(at(time), &order(symbol, time, *status, Price::MAX.units(), 7));
            market.push(at(time), &order(symbol, time, *status, 0, 7));
        }
    }
    let report = market.finish();
    assert_eq!(report.input.events, 6 * 12);
}
