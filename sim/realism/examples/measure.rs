//! Simulates days of a model and measures them without files: `measure gbm|stylized RATE SYMBOLS DAYS [FIRST_SEED]`.
//!
//! It prints the table, and the speed of the measurement alone.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use tradesim_realism::{Market, Session, SymbolFacts};
use tradesim_sim::{
    Model, Simulation, SimulationOptions,
    session::{Closed, TradingDay, parse_date},
};

#[expect(clippy::disallowed_methods, reason = "an example that measures time")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).map_or(Ok(1), |text| text.parse::<u64>());
    let model = match arguments.first().map(String::as_str) {
        Some("stylized") => Model::Stylized,
        _ => Model::Gbm,
    };
    let mut day = TradingDay::new(parse_date("2026-02-02").ok_or("a date")?, Closed::Refuse)?;
    let mut market = Market::default();
    let (mut events, mut time) = (0, Duration::ZERO);
    for at in 0..number(3)? {
        let options = SimulationOptions {
            model,
            rate: number(1)? as f64,
            symbols: number(2)? as usize,
            ..SimulationOptions::new(day, number(4)? + at)
        };
        let mut simulation = Simulation::new(options)?;
        for info in simulation.universe().symbols() {
            market.describe(&SymbolFacts {
                symbol: info.symbol,
                sector: Some(info.sector.to_string()),
                tick: Some(info.tick_size),
                volatility: Some(info.volatility),
            });
        }
        market.begin_day(Session::covered(day.core_open(), day.core_close(), day.start(), day.end()));
        while let Some(records) = simulation.next_window() {
            let start = Instant::now();
            records.iter().for_each(|record| market.push(record.envelope.timestamp, &record.envelope.event));
            time += start.elapsed();
            events += records.len();
        }
        day = day.following(Closed::Refuse)?;
    }
    let start = Instant::now();
    let report = market.finish();
    let finished = start.elapsed();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", report.to_text())?;
    writeln!(
        out,
        "{events} events in {time:.2?}, {:.1} million/s; the rows in {finished:.2?}",
        events as f64 / time.as_secs_f64() / 1e6
    )?;
    Ok(())
}
