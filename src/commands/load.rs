//! `load`: runs, lists and prints scenarios.

use std::{fs, path::Path};

use anyhow::Context;
use serde::Serialize;

use crate::{
    cli::{Load, LoadCommand, LoadList, LoadRun, LoadShow},
    exit::{Failure, Outcome},
    load::{self, Drift, SHIPPED, Scenario, Shipped},
    output::{self, say},
    parse,
    report::SCHEMA_VERSION,
    settings::Settings,
    signals::Stop,
};

pub(crate) fn run(args: &Load, settings: Settings) -> anyhow::Result<Outcome> {
    match &args.command {
        LoadCommand::Run(args) => drive(args, settings),
        LoadCommand::List(args) => list(args),
        LoadCommand::Show(args) => show(args),
    }
}

fn drive(args: &LoadRun, settings: Settings) -> anyhow::Result<Outcome> {
    let scenario = read(&args.scenario, args.short)?;
    let stop = Stop::on_signals()?;
    let report = match load::run(args, &scenario, settings, &stop) {
        Ok(report) => report,
        Err(error) if error.is::<Drift>() => {
            say(format_args!("{error}"));
            return Ok(Outcome::Difference);
        }
        Err(error) => return Err(error),
    };
    report.say();
    if args.json {
        output::print_json(&report)?;
    }
    stop.check()?;
    Ok(if report.ok { Outcome::Done } else { Outcome::ThresholdFailed })
}

/// Reads a scenario from its file, or, if there is no such file, the bundled one with this name.
fn read(path: &Path, short: bool) -> anyhow::Result<Scenario> {
    if !path.exists()
        && let Some(shipped) = path.to_str().and_then(find)
    {
        return Ok(Scenario::read(shipped.text, shipped.name, short)?);
    }
    let origin = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| {
        format!("cannot read {origin} (`tradesim load list` lists the bundled scenarios)")
    })?;
    Ok(Scenario::read(&text, &origin, short)?)
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
        let scenario = Scenario::read(shipped.text, shipped.name, false)?;
        scenarios.push(Entry {
            name: scenario.name,
            about: scenario.about,
            short: scenario.short.is_some(),
            digest: scenario.recording.digest,
        });
    }
    if args.json {
        output::print_json(&Listing { schema_version: SCHEMA_VERSION, scenarios })?;
        return Ok(Outcome::Done);
    }
    for Entry { name, about, .. } in scenarios {
        output::print_line(format_args!("{name:17} {about}"))?;
    }
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
