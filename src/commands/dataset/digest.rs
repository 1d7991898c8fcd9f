//! `dataset digest`: the content digest of a whole day from its parts.

use serde::Serialize;
use tradesim_archive::NewFile;
use tradesim_dataset::{Day, ExpectedDay, Recipe, combine};

use super::unless_stopped;
use crate::{
    cli::DatasetDigest,
    exit::{Failure, Outcome},
    output::{self, grouped, say},
    report::SCHEMA_VERSION,
    signals::Stop,
    storage,
};

#[derive(Debug, Serialize)]
struct Report {
    schema_version: u32,
    /// The digest of the day; null for a share of it.
    digest: Option<String>,
    /// The file of a share.
    pieces: Option<String>,
}

pub(super) fn run(args: &DatasetDigest) -> anyhow::Result<Outcome> {
    let stop = Stop::on_signals()?;
    let is_stopping = || stop.number().is_some();
    let mut report = Report { schema_version: SCHEMA_VERSION, digest: None, pieces: None };
    let root = storage::root(&args.root)?;
    let recipe = Recipe::read(&root)?;
    if !args.combine.is_empty() {
        let expected = ExpectedDay { date: args.date, seed: args.seed };
        report.digest = Some(combine(&recipe, expected, &args.combine)?.to_string());
    } else {
        let (Some(date), Some(seed)) = (args.date, args.seed) else {
            return Err(Failure::usage("--date and --seed are needed without --combine").into());
        };
        if let Some(path) = &args.output {
            // fail now rather than at the end
            drop(NewFile::create(path, false)?);
        }
        let day = Day::open(&root, &recipe, date, seed)?;
        match (args.shard, &args.output) {
            (Some(shard), Some(path)) => {
                let pieces = unless_stopped(day.pieces(shard, &is_stopping), &stop)?;
                pieces.write(path)?;
                let bytes: u64 = pieces.pieces.iter().map(|piece| piece.len()).sum();
                say(format_args!("hashed {} of {} bytes", grouped(bytes), grouped(pieces.bytes)));
                report.pieces = Some(path.display().to_string());
            }
            _ => report.digest = Some(unless_stopped(day.digest(&is_stopping), &stop)?.to_string()),
        }
    }
    output::emit(args.json, &report, |out| {
        report.digest.iter().chain(&report.pieces).try_for_each(|text| out.line(text))
    })?;
    Ok(Outcome::Done)
}
