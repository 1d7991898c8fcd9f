//! `dataset`: recordings of many days and seeds in parts.

mod digest;
mod findings;
mod record;
mod seal;
mod verify;

use tradesim_dataset::DatasetError;

use crate::{
    cli::{Dataset, DatasetCommand},
    exit::Outcome,
    settings::Settings,
    signals::Stop,
};

pub(crate) fn run(args: &Dataset, settings: Settings) -> anyhow::Result<Outcome> {
    match &args.command {
        DatasetCommand::Record(args) => record::run(args, settings),
        DatasetCommand::Seal(args) => seal::run(args),
        DatasetCommand::Verify(args) => verify::run(args),
        DatasetCommand::Digest(args) => digest::run(args),
    }
}

/// Returns the result of work that a signal stops: the failure of the signal if it was stopped.
fn unless_stopped<T>(result: Result<T, DatasetError>, stop: &Stop) -> anyhow::Result<T> {
    if matches!(result, Err(DatasetError::Stopped)) {
        stop.check()?;
    }
    Ok(result?)
}
