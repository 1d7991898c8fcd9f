//! `record --dry-run`: what would be recorded, before anything is.

use std::path::Path;

use serde::Serialize;
use tradesim_sim::{SimulationOptions, universe::Universe};

use super::options::Recording;
use crate::{
    exit::Failure,
    output::{self, Stdout, grouped},
    report::{self, SCHEMA_VERSION},
};

/// Trade events of an order on average, by the shares of the contract's lifecycles: every order has its NEW and, 70 in
/// 100, one more; 30 in 100 two or three parts.
const TRADES_AN_ORDER: f64 = 1.0 + 0.7 + 0.3 * 2.5;
/// Executions of an order on average.
const EXECUTIONS_AN_ORDER: f64 = 0.5 + 0.3 * 2.5;
/// A snapshot of the book follows every fifth trade event.
const BOOKS_A_TRADE: f64 = 0.2;
/// Measured on default days.
const BYTES_A_MESSAGE: f64 = 9.0;
/// Messages that two cores record in a second; only a hint of how long it takes.
const MESSAGES_A_SECOND: f64 = 3_000_000.0;
/// Lengths of the candles' intervals, in seconds.
const INTERVALS_S: [f64; 5] = [60.0, 300.0, 900.0, 3_600.0, 57_600.0];

#[derive(Serialize)]
struct Plan {
    schema_version: u32,
    dry_run: bool,
    file: String,
    date: String,
    seed: u64,
    identity: String,
    expected: Expected,
    cut: Option<report::CutReport>,
}

/// What to expect of the whole day, before filters.
#[derive(Serialize)]
struct Expected {
    orders: u64,
    messages: u64,
    bytes: u64,
    seconds: f64,
}

pub(super) fn show(recording: &Recording, path: &Path, json: bool) -> anyhow::Result<()> {
    let options = &recording.options;
    let orders = options.expected_orders().map_err(|error| Failure::usage(error.to_string()))?;
    let messages = messages(options, orders);
    let expected = Expected {
        orders: orders.round() as u64,
        messages: messages.round() as u64,
        bytes: (messages * BYTES_A_MESSAGE).round() as u64,
        seconds: messages / MESSAGES_A_SECOND,
    };
    let cut = (!recording.filter.is_open()).then(|| recording.filter.cut());
    if json {
        return output::print_json(&Plan {
            schema_version: SCHEMA_VERSION,
            dry_run: true,
            file: path.display().to_string(),
            date: options.day.date().to_string(),
            seed: options.seed,
            identity: options.identity(),
            expected,
            cut: cut.as_ref().map(Into::into),
        });
    }
    let mut lines = vec![
        ("file", path.display().to_string()),
        ("identity", options.identity()),
        ("hours", format!("{} to {}", options.day.start(), options.end())),
        ("orders", format!("about {}", grouped(expected.orders))),
        ("messages", format!("about {}", grouped(expected.messages))),
        ("size", format!("about {}", output::bytes(expected.bytes))),
        ("time", format!("about {:.1} s on two cores", expected.seconds)),
    ];
    lines.extend(cut.map(|cut| ("kept", format!("only a part of that: {}", report::cut_in_words(&cut)))));
    lines.push(("written", "nothing (dry run)".to_owned()));
    let mut out = Stdout::new();
    for (name, value) in lines {
        out.line(&format!("{name:<10}{value}"))?;
    }
    out.finish()
}

fn messages(options: &SimulationOptions, orders: f64) -> f64 {
    let trades = orders * TRADES_AN_ORDER;
    trades + trades * BOOKS_A_TRADE + candles(options)
}

/// Candles: one for each symbol and interval in which something executes. The probability of that, 1 − e⁻ˣ for x
/// expected executions, is taken as x / (1 + x), which is near enough for an estimate.
fn candles(options: &SimulationOptions) -> f64 {
    let universe = Universe::on(options.day.date()).heaviest(options.symbols);
    let mut candles = 0.0;
    for span in options.day.periods(options.market_hours) {
        let seconds = (span.to.micros() - span.from.micros()) as f64 / 1e6;
        for info in universe.symbols() {
            let executions_a_second = options.rate * span.multiplier * info.weight * EXECUTIONS_AN_ORDER;
            for interval in INTERVALS_S {
                let expected = executions_a_second * interval;
                candles += seconds / interval * (expected / (1.0 + expected));
            }
        }
    }
    candles
}
