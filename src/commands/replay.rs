//! `replay`: serves archives over WebSocket.

mod pass_through;
pub(super) mod playlist;

use std::sync::Arc;

use signal_hook::consts::SIGTERM;
use tradesim_replay::{Options, Source};
use tradesim_sources::{FaultPlan, FaultsReport, FaultySource, Planted, Playlist};

use crate::{
    cli::Replay,
    exit::{Failure, Outcome},
    output::{self, grouped, say},
    progress, report,
    serving::{self, Served, Service, StreamReport},
    settings::{Group, Settings},
    signals::Stop,
};

pub(crate) fn run(args: &Replay, mut settings: Settings) -> anyhow::Result<Outcome> {
    serving::apply_flags(&args.server, &mut settings);
    settings.check(Group::Generator)?;
    let pass_through = pass_through::script(args)?;
    let options = Options {
        speed: args.speed,
        max_gap: args.max_gap,
        stay: args.stay,
        ..serving::options(&args.server, &settings)?
    };
    let options = pass_through::apply(args, pass_through, options);
    let run = options.run.clone();
    let passes = pass_through::describe(args, &options);
    let (playlist, listings) = playlist::open(&wanted(args), progress::now())?;
    let (source, planted) = with_faults(args, playlist)?;
    let messages = source.info().messages;
    let options = serving::with_reference(options, source.as_ref(), listings);
    let service = Service::bind(&settings, source, options, Stop::on_signals()?)?;
    say(format_args!("replaying {} at {}", described(args, messages), args.speed));
    service.announce(&run);
    if let Some(what) = &passes {
        say(format_args!("{what}"));
    }
    let served = service.run("replaying")?;
    let faults = planted.map(|planted| {
        let report = &served.report;
        FaultsReport::new(&planted, report.first_seq.get(), report.status.seq.get())
    });
    let report = StreamReport::new(&served.report).with_faults(faults.clone());
    output::emit(args.json, &report, |_| Ok(()))?;
    serving::summarise(&served.report);
    if let Some(faults) = &faults {
        say(format_args!("faults planted {}", report::describe_faults(faults)));
    }
    outcome(&served, args.stay)
}

fn wanted(args: &Replay) -> playlist::Wanted<'_> {
    playlist::Wanted {
        files: &args.files,
        filter: &args.filter,
        reading: args.reading,
        pace: args.pace,
        rounds: args.rounds,
        timestamps: args.timestamps,
    }
}

/// A stream, and the faults that are planted in it.
type Faulted = (Arc<dyn Source>, Option<Arc<Planted>>);

/// Adds the faults of the plan to the stream, if there is a plan.
fn with_faults(args: &Replay, playlist: Playlist) -> anyhow::Result<Faulted> {
    let Some(path) = &args.faults else { return Ok((Arc::new(playlist), None)) };
    let plan = FaultPlan::open(path)?;
    let Some(messages) = playlist.count()? else {
        let hint = "use --loop=N, which plays N times";
        return Err(Failure::usage_hint("--faults needs a stream with an end", hint).into());
    };
    let planted = Arc::new(plan.resolve(messages)?);
    let source = FaultySource::new(Arc::new(playlist), Arc::clone(&planted));
    Ok((Arc::new(source), Some(planted)))
}

fn described(args: &Replay, messages: Option<u64>) -> String {
    let mut text = match args.files.as_slice() {
        [file] => file.display().to_string(),
        files => format!("{} files", files.len()),
    };
    if let Some(messages) = messages {
        text.push_str(&format!(", {} messages,", grouped(messages)));
    }
    match args.rounds {
        None => {}
        Some(None) => text.push_str(" forever"),
        Some(Some(rounds)) => text.push_str(&format!(" {rounds} times")),
    }
    text
}

/// Returns the outcome. A signal is an error if the replay was not complete; with `--stay`, SIGTERM is the normal end.
pub(super) fn outcome(served: &Served, stay: bool) -> anyhow::Result<Outcome> {
    match served.signal {
        Some(SIGTERM) if stay => Ok(Outcome::Done),
        Some(signal) if !served.report.complete => Err(Failure::Interrupted { signal }.into()),
        _ => Ok(Outcome::Done),
    }
}
