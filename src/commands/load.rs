//! `load`: runs, lists and prints scenarios, and compares reports.

mod compare;
mod kafka;
mod print;
mod scenario;

use std::path::PathBuf;

use anyhow::anyhow;
use serde::Serialize;

use tradesim_load::{Error, Options, Progress, Recording, SHIPPED, Scenario, Shipped, TargetKind};

use crate::{
    cli::{Load, LoadCommand, LoadList, LoadRun, LoadShow, ReadingArgs, Record},
    commands::{bridge, record},
    exit::{Failure, Outcome},
    output::{self, say},
    parse, random,
    report::SCHEMA_VERSION,
    scratch::Folder,
    settings::{Settings, Sources},
    signals::Stop,
    source,
};

use kafka::Kafka;
pub(crate) use scenario::LoadTest;

pub(crate) fn run(args: &Load, settings: Settings) -> anyhow::Result<Outcome> {
    match &args.command {
        LoadCommand::Run(args) => drive(args, settings),
        LoadCommand::Compare(args) => compare::run(args),
        LoadCommand::List(args) => list(args),
        LoadCommand::Show(args) => show(args),
    }
}

fn drive(args: &LoadRun, settings: Settings) -> anyhow::Result<Outcome> {
    let LoadTest { scenario, record, tuning } = LoadTest::read(&args.scenario, args.short)?;
    let stop = Stop::on_signals()?;
    let folder = Folder::new()?;
    let path = recorded(&scenario, record, &folder)?;
    let archive = source::open(&path, ReadingArgs::default())?;
    let recording = match Recording::new(archive, &scenario) {
        Err(error @ Error::OtherRecording { .. }) => {
            say(format_args!("{error}"));
            return Ok(Outcome::Difference);
        }
        opened => opened.map_err(failure)?,
    };
    let kafka = match scenario.target.kind {
        TargetKind::Kafka => Some(Kafka::new(args, settings)?),
        TargetKind::Websocket => None,
    };
    let run = random::run_name()?;
    let options = Options {
        run: run.clone(),
        reports: args.report.clone(),
        watch: args.watch,
        bridge: kafka.as_ref().map(|kafka| kafka.target(scenario.target.delivery, tuning)).transpose()?,
    };
    let mut show = |progress: Progress<'_>| print::progress(&scenario.name, progress);
    let played = tradesim_load::play(&scenario, recording, options, &|| stop.number().is_some(), &mut show)
        .map_err(failure)?;
    let topics = match (&kafka, played.to_verify()) {
        (Some(kafka), Some(sent)) => Some(kafka.verify(&path, &run, sent)?),
        _ => None,
    };
    let report = played.conclude(topics).map_err(failure)?;
    print::report(&report);
    output::emit(args.json, &report, |_| Ok(()))?;
    stop.check()?;
    Ok(if report.ok { Outcome::Done } else { Outcome::ThresholdFailed })
}

/// Returns the archive of a scenario. If the file is missing, or the scenario names none, records it first. An object of a store is
/// not made here.
fn recorded(scenario: &Scenario, record: Option<Record>, folder: &Folder) -> anyhow::Result<PathBuf> {
    let path = scenario.recording.file.clone().unwrap_or_else(|| folder.path("recording.parquet"));
    if parse::is_url(&path) && record.is_some() {
        return Err(Failure::Configuration {
            what: "[recording] has file and record, but load makes no archive on object storage".to_owned(),
            hint: Some("remove record: digest is the proof that the object is the recording".to_owned()),
        }
        .into());
    }
    if let (Some(args), Some(flags)) = (record, &scenario.recording.record)
        && !path.exists()
    {
        say(format_args!("$ tradesim record {} -o {}", flags.text, path.display()));
        let args = Record { output: Some(path.clone()), ..args };
        // settings are ignored, so that a scenario makes the same recording everywhere
        record::archive(&args, Settings::from_sources(&Sources::none()))?;
    }
    Ok(path)
}

/// Maps an error of a load test to its exit code.
fn failure(error: Error) -> anyhow::Error {
    let hint = match &error {
        Error::Scenario { .. } => Some("docs/LOAD.md describes the format"),
        Error::TooFewMessages { .. } => Some("record a longer part of the day, or use a higher --rate"),
        Error::NotReport { .. } | Error::LargeReport { .. } => {
            Some("`tradesim load run --report FILE.json` writes one")
        }
        Error::ReportVersion { .. } => {
            Some("use the version of tradesim that wrote it, or run the load again")
        }
        _ => None,
    };
    match error {
        Error::Scenario { .. } | Error::NoMessages | Error::TooFewMessages { .. } => {
            Failure::Configuration { what: error.to_string(), hint: hint.map(str::to_owned) }.into()
        }
        error @ (Error::NotReport { .. } | Error::LargeReport { .. } | Error::ReportVersion { .. }) => {
            let what = match std::error::Error::source(&error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            };
            Failure::Data { what, hint: hint.map(str::to_owned) }.into()
        }
        Error::Faults(error) => error.into(),
        Error::Archive(error) => error.into(),
        Error::Source(error) => error.into(),
        Error::Server(error) => error.into(),
        Error::Bridge(error) => bridge::failure(error),
        error => anyhow!(error),
    }
}

fn find(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

#[derive(Serialize)]
struct Listing {
    schema_version: u32,
    scenarios: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    name: String,
    about: String,
    short: bool,
    digest: Option<String>,
}

fn list(args: &LoadList) -> anyhow::Result<Outcome> {
    let mut scenarios = Vec::new();
    for shipped in SHIPPED {
        let scenario = Scenario::read(shipped.text, shipped.name, false).map_err(failure)?;
        scenarios.push(Entry {
            short: scenario.has_short_form(),
            name: scenario.name,
            about: scenario.about,
            digest: scenario.recording.digest,
        });
    }
    let listing = Listing { schema_version: SCHEMA_VERSION, scenarios };
    output::emit(args.json, &listing, |out| {
        let mut scenarios = listing.scenarios.iter();
        scenarios.try_for_each(|Entry { name, about, .. }| out.line(&format!("{name:17} {about}")))
    })?;
    Ok(Outcome::Done)
}

fn show(args: &LoadShow) -> anyhow::Result<Outcome> {
    let Some(shipped) = find(&args.name) else {
        let names = SHIPPED.iter().map(|shipped| shipped.name);
        let hint = match parse::nearest(&args.name, names) {
            Some(name) => format!("did you mean {name}?"),
            None => "`tradesim load list` lists them".to_owned(),
        };
        return Err(Failure::usage_hint(format!("{} is not a bundled scenario", args.name), hint).into());
    };
    output::print_lines(shipped.text.trim_end())?;
    Ok(Outcome::Done)
}
