//! Planned events, from `--scenario` and from a file.

use tradesim_sim::{PlanError, PlannedEvent, Refusal, Request, SimulationOptions, plan};
use tradesim_sources::{ScenarioFile, ScenarioFileError};

use crate::{cli::PlannedArgs, exit::Failure};

/// Completes the events that were asked for.
///
/// # Errors
/// Fails on an event that is not possible: with exit code 2 if it was asked for by a flag, and with 78 and its place if it
/// stands in a file. An unreadable file has exit code 78, too.
pub(super) fn events(args: &PlannedArgs, options: &SimulationOptions) -> Result<Vec<PlannedEvent>, Failure> {
    let mut requests: Vec<Request> = args.scenario.clone();
    let flags = requests.len();
    let file = args.scenario_file.as_deref().map(ScenarioFile::read).transpose().map_err(of_file)?;
    requests.extend(file.iter().flat_map(ScenarioFile::requests));
    plan(&requests, options).map_err(|error| match &file {
        Some(file) if error.request >= flags => of_file(file.error(error.request - flags, &error)),
        _ => of_flag(&error),
    })
}

fn of_file(error: ScenarioFileError) -> Failure {
    let what = match &error {
        ScenarioFileError::Read { source, .. } => format!("{error}: {source}"),
        _ => error.to_string(),
    };
    Failure::Configuration { what, hint: None }
}

fn of_flag(error: &PlanError) -> Failure {
    let what = format!("invalid --scenario: {error}");
    match &*error.refusal {
        Refusal::Kind { .. } | Refusal::Parameter { .. } => Failure::usage_hint(
            what,
            "expected KIND[:SYMBOL][@TIME][,KEY=VALUE...], such as luld:KO@10:31:12",
        ),
        _ => Failure::usage(what),
    }
}
