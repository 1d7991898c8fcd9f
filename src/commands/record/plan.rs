//! `record --dry-run`: prints the plan of a recording, with estimates.

use std::path::Path;

use serde::Serialize;
use tradesim_archive::Cut;
use tradesim_sim::Model;

use super::options::Recording;
use crate::{
    exit::Failure,
    output::{self, grouped},
    report::SCHEMA_VERSION,
};

/// Returns the mean size of a message in an archive, measured on default days.
const fn bytes_per_message(model: Model) -> f64 {
    match model {
        Model::Gbm => 9.0,
        Model::Stylized => 12.0,
    }
}

/// The speed of two cores, for a rough estimate of the duration.
const MESSAGES_PER_SECOND: f64 = 3_000_000.0;

#[derive(Serialize)]
struct Plan {
    schema_version: u32,
    dry_run: bool,
    file: String,
    date: String,
    seed: u64,
    identity: String,
    expected: Expected,
    cut: Option<Cut>,
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
    let estimates = options.expected_orders().and_then(|orders| Ok((orders, options.expected_messages()?)));
    let (orders, messages) = estimates.map_err(|error| Failure::usage(error.to_string()))?;
    let expected = Expected {
        orders: orders.round() as u64,
        messages: messages.round() as u64,
        bytes: (messages * bytes_per_message(options.model)).round() as u64,
        seconds: messages / MESSAGES_PER_SECOND,
    };
    let plan = Plan {
        schema_version: SCHEMA_VERSION,
        dry_run: true,
        file: path.display().to_string(),
        date: options.day.date().to_string(),
        seed: options.seed,
        identity: options.identity(),
        expected,
        cut: (!recording.filter.is_open()).then(|| recording.filter.cut().clone()),
    };
    output::emit(json, &plan, |out| {
        let Plan { expected, .. } = &plan;
        let mut lines = vec![
            ("file", plan.file.clone()),
            ("identity", plan.identity.clone()),
            ("hours", format!("{} to {}", options.day.start(), options.end())),
            ("orders", format!("about {}", grouped(expected.orders))),
            ("messages", format!("about {}", grouped(expected.messages))),
            ("size", format!("about {}", output::bytes(expected.bytes))),
            ("time", format!("about {:.1} s on two cores", expected.seconds)),
        ];
        lines.extend(options.labels().iter().map(|label| {
            let phases: Vec<String> =
                label.phases.iter().map(|phase| format!("{} {}", phase.name, phase.at)).collect();
            ("event", format!("{}: {}", label.id, phases.join(", ")))
        }));
        lines.extend(plan.cut.iter().map(|cut| ("kept", format!("only a part: {cut}"))));
        lines.push(("written", "nothing (dry run)".to_owned()));
        lines.into_iter().try_for_each(|(name, value)| out.line(&format!("{name:<10}{value}")))
    })
}
