//! `record`: simulates a trading day into an archive.

mod options;
mod plan;

use std::path::PathBuf;

use serde::Serialize;
use tradesim_archive::{Batch, Columns};
use tradesim_sim::Simulation;

use crate::{
    cli::Record,
    exit::{Failure, Outcome},
    market,
    output::{self, grouped, say},
    progress::Progress,
    report::{self, ArchiveReport},
    settings::Settings,
    sink::{Sink, check_name},
};
use options::Recording;

/// The report of `record`.
#[derive(Serialize)]
pub(crate) struct RecordReport {
    #[serde(flatten)]
    pub(crate) archive: ArchiveReport,
    state_digest: String,
    seconds: f64,
}

pub(crate) fn run(args: &Record, settings: Settings) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.output {
        check_name(path)?;
    }
    if args.dry_run {
        let recording = resolve(args, settings)?;
        let path = path(args, &recording);
        plan::show(&recording, &path, args.json)?;
        return Ok(Outcome::Done);
    }
    let report = archive(args, settings)?;
    output::emit(args.json, &report, |out| out.line(&report.archive.digest))?;
    Ok(Outcome::Done)
}

/// Records a day, without printing the report on standard output.
pub(crate) fn archive(args: &Record, settings: Settings) -> anyhow::Result<RecordReport> {
    let recording = resolve(args, settings)?;
    let path = path(args, &recording);
    record(args, recording, &path)
}

fn resolve(args: &Record, settings: Settings) -> anyhow::Result<Recording> {
    let recording = Recording::resolve(args, settings)?;
    recording.log_settings();
    Ok(recording)
}

fn path(args: &Record, recording: &Recording) -> PathBuf {
    let options = &recording.options;
    let default = || PathBuf::from(format!("{}.seed{}.parquet", options.day.date(), options.seed));
    args.output.clone().unwrap_or_else(default)
}

fn record(args: &Record, recording: Recording, path: &std::path::Path) -> anyhow::Result<RecordReport> {
    let Recording { options, mut filter, .. } = recording;
    let hours = (options.day.start(), options.end());
    let (start, end) = (hours.0.micros(), hours.1.micros());
    let mut simulation = Simulation::new(options).map_err(|error| Failure::usage(error.to_string()))?;
    let mut provenance = market::provenance(&simulation);
    if !filter.is_open() {
        provenance.push_cut(filter.cut().clone());
    }
    let mut sink = Sink::create(path, args.force, args.threads, provenance, Columns::default())?;
    let mut progress = Progress::new("recording", (end - start) as u64);
    let mut messages = 0;
    while let Some(mut records) = simulation.next_window() {
        filter.retain(&mut records);
        messages += records.len() as u64;
        progress.at((simulation.now().micros() - start).max(0) as u64, messages);
        if records.is_empty() {
            sink.check()?;
        } else {
            sink.write(Batch::from(records))?;
        }
        if filter.has_ended() {
            break;
        }
    }
    let state_digest = simulation.state_digest().to_string();
    let summary = sink.finish()?;
    let seconds = progress.finish().as_secs_f64();
    let archive = ArchiveReport::new(path, &summary.metadata, summary.bytes);
    report::warn_if_empty(&filter, archive.events.total(), Some(hours));
    summarise(&archive, seconds);
    Ok(RecordReport { archive, state_digest, seconds })
}

fn summarise(archive: &ArchiveReport, seconds: f64) {
    let events = &archive.events;
    let rate = if seconds > 0.0 { events.total() as f64 / seconds } else { 0.0 };
    say(format_args!(
        "recorded {} messages (trade {}, orderbook {}, marketdata {}) in {seconds:.2} s, {}/s",
        grouped(events.total()),
        grouped(events.trade),
        grouped(events.orderbook),
        grouped(events.marketdata),
        grouped(rate as u64)
    ));
    say(format_args!("file {}: {}", archive.file, super::info::size(archive.bytes, events.total())));
    say(format_args!("digest {}", archive.digest));
}
