//! `record --dry-run`: prints the plan of a recording, with estimates.

use std::path::Path;

use serde::Serialize;
use tradesim_sim::{Model, SimulationOptions, universe::Universe};

use super::options::Recording;
use crate::{
    exit::Failure,
    output::{self, Stdout, grouped},
    report::{self, SCHEMA_VERSION},
};

/// The mean numbers of a model that the estimates use.
struct Means {
    /// Trade events of an order.
    trades: f64,
    /// Executions of an order.
    executions: f64,
    /// Order book snapshots of a trade event.
    books: f64,
    /// The size of a message in an archive in bytes, measured on default days.
    bytes: f64,
}

impl Means {
    const fn of(model: Model) -> Means {
        match model {
            // every order has a NEW event; 70 % have one more, and 30 % have two or three partial executions; there is a
            // snapshot after every fifth event
            Model::Gbm => {
                Means { trades: 1.0 + 0.7 + 0.3 * 2.5, executions: 0.5 + 0.3 * 2.5, books: 0.2, bytes: 9.0 }
            }
            // measured on default days
            Model::Stylized => Means { trades: 2.02, executions: 0.16, books: 0.3, bytes: 12.0 },
        }
    }
}

/// The speed of two cores, for a rough estimate of the duration.
const MESSAGES_PER_SECOND: f64 = 3_000_000.0;
/// The intervals of candles, in seconds.
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

/// Estimates for the whole day, before filters.
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
        bytes: (messages * Means::of(options.model).bytes).round() as u64,
        seconds: messages / MESSAGES_PER_SECOND,
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
    lines.extend(cut.map(|cut| ("kept", format!("only a part: {}", report::describe_cut(&cut)))));
    lines.push(("written", "nothing (dry run)".to_owned()));
    let mut out = Stdout::new();
    for (name, value) in lines {
        out.line(&format!("{name:<10}{value}"))?;
    }
    out.finish()
}

fn messages(options: &SimulationOptions, orders: f64) -> f64 {
    let Means { trades, books, .. } = Means::of(options.model);
    let trades = orders * trades;
    trades + trades * books + candles(options)
}

/// Estimates the number of candles: one for each symbol and interval with an execution. The probability of that, 1 − e⁻ˣ for x
/// expected executions, is approximated by x / (1 + x).
fn candles(options: &SimulationOptions) -> f64 {
    let universe = Universe::on(options.day.date()).heaviest(options.symbols);
    let executions = Means::of(options.model).executions;
    let mut candles = 0.0;
    for span in options.day.periods(options.market_hours) {
        let seconds = (span.to.micros() - span.from.micros()) as f64 / 1e6;
        for info in universe.symbols() {
            let executions_per_second = options.rate * span.multiplier * info.weight * executions;
            for interval in INTERVALS_S {
                let expected = executions_per_second * interval;
                candles += seconds / interval * (expected / (1.0 + expected));
            }
        }
    }
    candles
}
