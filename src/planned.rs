//! Planned events, from `--scenario` and from a file.

use tradesim_sim::{PlanError, PlannedEvent, Refusal, Request, SimulationOptions, plan};
use tradesim_sources::{ScenarioFile, ScenarioFileError};

use crate::{cli::PlannedArgs, exit::Failure, output};

/// The planned events that are asked for.
#[derive(Debug)]
pub(crate) struct Requests {
    requests: Vec<Request>,
    /// The number of those that were given by a flag; the others stand in the file.
    flags: usize,
    file: Option<ScenarioFile>,
}

impl Requests {
    /// Reads flags and file.
    ///
    /// # Errors
    /// Fails on a file that cannot be read or has not the form of a plan, with exit code 78.
    pub(crate) fn read(args: &PlannedArgs) -> Result<Requests, Failure> {
        let mut requests: Vec<Request> = args.scenario.clone();
        let flags = requests.len();
        let file = args.scenario_file.as_deref().map(ScenarioFile::read).transpose();
        let file = file.map_err(|error| of_file(&error, ""))?;
        requests.extend(file.iter().flat_map(ScenarioFile::requests));
        if let Some(file) = file.as_ref().filter(|_| requests.len() == flags) {
            let path = file.path().display();
            output::say(format_args!("warning: the scenario file {path} has no [[event]]"));
        }
        Ok(Requests { requests, flags, file })
    }

    /// Returns the events as they are asked for.
    pub(crate) fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// Completes the events for a day.
    ///
    /// # Errors
    /// Fails on an event that is not possible, as [`Requests::failure`] says.
    pub(crate) fn of_day(&self, options: &SimulationOptions) -> Result<Vec<PlannedEvent>, Failure> {
        plan(&self.requests, options).map_err(|error| self.failure(&error, ""))
    }

    /// Returns the failure of an event that is not possible: with exit code 2 if it was asked for by a flag, and with 78 and its
    /// place if it stands in a file. `day` says on which day, such as ` on 2026-02-18`.
    pub(crate) fn failure(&self, error: &PlanError, day: &str) -> Failure {
        match &self.file {
            Some(file) if error.request >= self.flags => {
                of_file(&file.error(error.request - self.flags, error), day)
            }
            _ => of_flag(error, day),
        }
    }
}

fn of_file(error: &ScenarioFileError, day: &str) -> Failure {
    let what = match error {
        ScenarioFileError::Read { source, .. } => format!("{error}: {source}"),
        _ if day.is_empty() => error.to_string(),
        _ => format!("{error} ({})", day.trim_start()),
    };
    Failure::Configuration { what, hint: None }
}

fn of_flag(error: &PlanError, day: &str) -> Failure {
    let what = format!("invalid --scenario{day}: {error}");
    match &*error.refusal {
        Refusal::Kind { .. } | Refusal::Parameter { .. } => Failure::usage_hint(
            what,
            "expected KIND[:SYMBOL][@TIME][,KEY=VALUE...], such as luld:KO@10:31:12",
        ),
        _ => Failure::usage(what),
    }
}
