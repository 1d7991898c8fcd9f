//! `serve`: serves the live simulator over WebSocket.

mod plan;
mod recorder;

use std::sync::Arc;

use serde::Serialize;
use signal_hook::consts::SIGTERM;
use tradesim_archive::Summary;
use tradesim_replay::{Options, PlayClock, Speed};
use tradesim_schemas::Timestamp;
use tradesim_sim::{Simulation, universe::Universe};
use tradesim_sources::{LiveMarket, LiveSource, schedule::Start};

use self::{plan::Live, recorder::NewRecording};
use crate::{
    cli::Serve,
    dialects,
    exit::{Failure, Outcome},
    output::{self, grouped, say},
    progress::{self, Progress},
    report::ArchiveReport,
    serving::{self, Served, Service, StreamReport},
    settings::{Mode, Settings},
    signals::Stop,
    sink::check_name,
};

/// The virtual time that is simulated in one step on the way to the start of a stream.
const STRIDE_MICROS: i64 = 60_000_000;
/// The simulation has reached the present when it is this close to it.
const NEAR_MICROS: i64 = 50_000;

/// The report of `serve --json`.
#[derive(Debug, Serialize)]
struct ServeReport {
    #[serde(flatten)]
    stream: StreamReport,
    mode: &'static str,
    /// The first day.
    date: String,
    seed: u64,
    /// The archive of `--record`.
    recording: Option<ArchiveReport>,
}

pub(crate) fn run(args: &Serve, settings: Settings) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.record {
        check_name(path)?;
    }
    let live = Live::resolve(args, settings, progress::now())?;
    live.log_settings();
    let mut simulation =
        Simulation::new(live.options.clone()).map_err(|error| Failure::usage(error.to_string()))?;
    // before a file is created that a signal would leave behind
    let stop = Stop::on_signals()?;
    let recording = args.record.as_deref().map(|path| NewRecording::create(path, args.force, &simulation));
    let recording = recording.transpose()?;
    let mut market = LiveMarket::new();
    let started = go_to_start(&live.start, &mut simulation, &mut market, &stop)?;
    let Some(start) = started else { return Ok(Outcome::Done) };
    let now = progress::now();
    let options = options(args, &live, start, now)?;
    let run = options.run.clone();
    let source = Arc::new(LiveSource::new(live.plan(start), simulation, market));
    let listings = dialects::listings_of(&Universe::on(live.options.day.date()));
    let options = serving::with_reference(options, source.as_ref(), listings);
    let service = Service::bind(&live.settings, Arc::clone(&source) as _, options, stop)?;
    live.describe(start, now);
    service.announce(&run);
    let recorder = recording.map(|recording| recording.start(&source, service.steering())).transpose()?;
    let served = service.run("serving");
    let recorded = recorder.map(|recorder| recorder.finish(served.as_ref().ok().map(|it| &it.report)));
    // an error of the recorder stops the server, and is reported instead of its report
    let recorded = recorded.transpose()?.flatten();
    report(args, &live, &served?, recorded)
}

/// Simulates up to the start of the stream, and returns that instant, or `None` after SIGTERM. `market` learns what happens
/// before.
///
/// # Errors
/// Fails on any other signal.
fn go_to_start(
    start: &Start,
    simulation: &mut Simulation,
    market: &mut LiveMarket,
    stop: &Stop,
) -> anyhow::Result<Option<Timestamp>> {
    let day_start = simulation.now();
    let goal = || match start {
        Start::At(at) => *at,
        Start::Opening { .. } => day_start,
        // advances meanwhile
        Start::Now => progress::now(),
    };
    let near = if *start == Start::Now { NEAR_MICROS } else { 0 };
    let from = day_start.micros();
    let mut progress = Progress::new("simulating up to the start", (goal().micros() - from).max(0) as u64);
    loop {
        let (wanted, reached) = (goal(), simulation.now().micros());
        let is_near = wanted.micros() - reached <= near;
        let next = Timestamp::from_micros(reached + STRIDE_MICROS).filter(|_| !is_near);
        simulation.pass_to(next.map_or(wanted, |next| next.min(wanted)), |event| market.push(event));
        if is_near {
            progress.finish();
            return Ok(Some(simulation.now()));
        }
        if stop.number() == Some(SIGTERM) {
            return Ok(None);
        }
        stop.check()?;
        progress.at((reached - from) as u64, 0);
    }
}

/// Returns the options of the server. `now` is the current time.
fn options(args: &Serve, live: &Live, start: Timestamp, now: Timestamp) -> anyhow::Result<Options> {
    let defaults = serving::options(&args.server, &live.settings)?;
    let keeps_order = args.record.is_some();
    if live.mode == Mode::Historical {
        return Ok(Options { speed: Speed::Max, keeps_order, ..defaults });
    }
    let (clock, start_at) = match live.start.follows_wall_clock() {
        // before the market opens, the clock already runs
        true => (PlayClock::Wall, start.min(now)),
        false => (PlayClock::Live, start),
    };
    Ok(Options {
        clock,
        start_at: Some(start_at),
        wait_clients: args.server.wait_clients.unwrap_or(0),
        keeps_order,
        ..defaults
    })
}

/// Reports the result, and returns the outcome.
fn report(args: &Serve, live: &Live, served: &Served, recorded: Option<Summary>) -> anyhow::Result<Outcome> {
    let archive = |summary: &Summary, path| ArchiveReport::new(path, &summary.metadata, summary.bytes);
    let recording =
        recorded.as_ref().zip(args.record.as_deref()).map(|(summary, path)| archive(summary, path));
    let report = ServeReport {
        stream: StreamReport::new(&served.report),
        mode: live.mode.as_str(),
        date: live.options.day.date().to_string(),
        seed: live.options.seed,
        recording: recording.clone(),
    };
    output::emit(args.json, &report, |_| Ok(()))?;
    serving::summarise(&served.report);
    let differs = recorded.is_some_and(|summary| Some(summary.digest) != served.report.digest);
    if let Some(archive) = recording {
        let size = super::info::size(archive.bytes, archive.events.total());
        say(format_args!(
            "recorded {} messages in {}: {size}",
            grouped(archive.events.total()),
            archive.file
        ));
        say(format_args!(
            "digest {}{}",
            archive.digest,
            if differs { ", which differs from the digest of the sent messages" } else { "" }
        ));
    }
    match served.signal {
        _ if differs => Ok(Outcome::Difference),
        // the normal end of a stream without an end
        Some(SIGTERM) => Ok(Outcome::Done),
        Some(signal) if !served.report.complete => Err(Failure::Interrupted { signal }.into()),
        _ => Ok(Outcome::Done),
    }
}
