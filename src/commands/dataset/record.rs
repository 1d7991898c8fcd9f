//! `dataset record`: makes the units of a dataset, or a worker's share of them.

use chrono::NaiveDate;
use serde::Serialize;
use tradesim_dataset::{DatasetError, MarketOptions, PlannedBurst, Recipe, Recorded, Unit};
use tradesim_sim::session::{CalendarError, Closed, TradingDay};

use super::unless_stopped;
use crate::{
    cli::{DatasetRecord, ThreadArgs},
    exit::{Failure, Outcome},
    market::{self, Market},
    output::{Stdout, grouped, say},
    parse::{DateRanges, SymbolChoice},
    planned::Requests,
    progress::Stopwatch,
    report::SCHEMA_VERSION,
    settings::{Group, Key, Settings},
    signals::Stop,
    sink::thread_count,
    storage,
};

/// A line of `--json` for each unit.
#[derive(Serialize)]
struct UnitLine<'a> {
    schema_version: u32,
    file: &'a str,
    date: String,
    seed: u64,
    part: u16,
    messages: u64,
    bytes: u64,
    digest: String,
    /// False if the unit was there already.
    made: bool,
    seconds: f64,
}

/// The last line of `--json`.
#[derive(Debug, Default, Serialize)]
struct Summary {
    schema_version: u32,
    shard: String,
    units: u64,
    made: u64,
    messages: u64,
    bytes: u64,
    seconds: f64,
}

pub(super) fn run(args: &DatasetRecord, settings: Settings) -> anyhow::Result<Outcome> {
    let recipe = recipe(args, settings)?;
    let stop = Stop::on_signals()?;
    let is_stopping = || stop.number().is_some();
    let root = storage::root(&args.root)?;
    recipe.claim(&root)?;
    let threads = thread_count(ThreadArgs { threads: args.threads.threads });
    let mut lines = Lines { out: Some(Stdout::new()) };
    let mut summary =
        Summary { schema_version: SCHEMA_VERSION, shard: args.shard.to_string(), ..Summary::default() };
    let all = Stopwatch::start();
    for (_, unit) in recipe.units(args.shard) {
        let stopwatch = Stopwatch::start();
        let recorded = tradesim_dataset::record(&root, &recipe, &unit, threads, &is_stopping);
        let recorded = unless_stopped(recorded, &stop)?;
        let line = line(&unit, &recorded, stopwatch.elapsed().as_secs_f64());
        summary.units += 1;
        summary.made += u64::from(line.made);
        summary.messages += line.messages;
        summary.bytes += line.bytes;
        if args.json {
            lines.print(&serde_json::to_string(&line)?)?;
        } else {
            lines.print(&format!("{} {}", line.digest, line.file))?;
        }
        stop.check()?;
    }
    summary.seconds = all.elapsed().as_secs_f64();
    if args.json {
        lines.print(&serde_json::to_string(&summary)?)?;
    }
    say(format_args!(
        "recorded {} of {} units of worker {} ({} were there already): {} messages in {:.2} s",
        summary.made,
        summary.units,
        summary.shard,
        summary.units - summary.made,
        grouped(summary.messages),
        summary.seconds
    ));
    Ok(Outcome::Done)
}

/// The lines about complete units. A reader that closes the pipe, such as `head`, ends the lines and not the work: an exit code of
/// 0 says that all units of the worker are complete.
struct Lines {
    out: Option<Stdout>,
}

impl Lines {
    fn print(&mut self, line: &str) -> anyhow::Result<()> {
        let Some(out) = &mut self.out else { return Ok(()) };
        // whoever reads the lines, such as a scheduler, sees each unit when it is complete
        match out.line(line).and_then(|()| out.flush()) {
            Err(error) if matches!(error.downcast_ref(), Some(Failure::StdoutClosed)) => {
                self.out = None;
                Ok(())
            }
            printed => printed,
        }
    }
}

fn line<'a>(unit: &Unit, recorded: &'a Recorded, seconds: f64) -> UnitLine<'a> {
    let part = recorded.part();
    UnitLine {
        schema_version: SCHEMA_VERSION,
        file: &part.file,
        date: unit.date.to_string(),
        seed: unit.seed,
        part: unit.part,
        messages: part.counts.total(),
        bytes: part.bytes,
        digest: part.digest.to_string(),
        made: matches!(recorded, Recorded::Made(_)),
        seconds,
    }
}

/// Combines flags and settings into a recipe.
fn recipe(args: &DatasetRecord, mut settings: Settings) -> anyhow::Result<Recipe> {
    if let Some(SymbolChoice::Only(_)) = args.market.symbols {
        return Err(Failure::usage_hint(
            "--symbols takes a number of symbols here: parts divide the symbols of a whole day",
            "`tradesim filter` keeps some symbols of a part or of a day",
        )
        .into());
    }
    let (bursts, seeds) = (&args.bursts, &args.seeds.0);
    market::apply_flags(seeds.first().copied(), &args.market, &mut settings);
    let (multiplier, interval, duration) =
        (bursts.burst_multiplier, bursts.burst_interval, bursts.burst_duration);
    market::apply_burst_flags(multiplier, interval, duration, &mut settings);
    settings.check(Group::Generator)?;
    let days = days(&args.dates, market::closed(&args.market))?;
    let first = *days.first().ok_or_else(|| Failure::usage("no trading day is in the dates"))?;
    let market = Market::resolve(&args.market, &settings, first)?;
    market.check_symbols(bursts.burst_symbol.as_slice())?;
    let requests = Requests::read(&args.planned)?;
    let options = MarketOptions {
        model: settings.model()?,
        rate: settings.rate()?,
        symbols: settings.num_symbols()?,
        market_hours: settings.market_hours()?,
        random_bursts: if bursts.burst { Some(market::random_bursts(&settings)?) } else { None },
        planned_bursts: planned_bursts(args, &settings)?,
        planned_events: requests.requests().to_vec(),
    };
    let mut relevant =
        vec![Key::Rate, Key::NumSymbols, Key::Model, Key::SimulateMarketHours, Key::MarketTimezone];
    if bursts.burst || !bursts.burst_at.is_empty() {
        relevant.push(Key::BurstMultiplier);
    }
    if bursts.burst {
        relevant.extend([Key::BurstInterval, Key::BurstDuration]);
    }
    market::log_settings(&settings, &relevant);
    match Recipe::new(days, seeds.clone(), args.parts, options) {
        Err(DatasetError::Event { date, seed, source }) => {
            Err(requests.failure(&source, &format!(" on {date} with seed {seed}")).into())
        }
        recipe => Ok(recipe?),
    }
}

/// Returns the trading days of some dates. Dates without trading are skipped in ranges, and named.
fn days(dates: &DateRanges, closed: Closed) -> Result<Vec<TradingDay>, Failure> {
    let mut days = Vec::new();
    let mut skipped = Vec::new();
    for &(first, last) in &dates.0 {
        for date in first.iter_days().take_while(|date| *date <= last) {
            match TradingDay::new(date, closed) {
                Ok(day) => days.push(day),
                Err(CalendarError::Closed { .. }) if first != last => skipped.push(date),
                Err(error) => return Err(market::closed_date(&error)),
            }
        }
    }
    if !skipped.is_empty() {
        let names: Vec<String> = skipped.iter().map(NaiveDate::to_string).collect();
        say(format_args!("skipped {} dates without trading: {}", names.len(), names.join(" ")));
    }
    Ok(days)
}

fn planned_bursts(args: &DatasetRecord, settings: &Settings) -> Result<Vec<PlannedBurst>, Failure> {
    let bursts = &args.bursts;
    let Some(length) = bursts.burst_for else { return Ok(Vec::new()) };
    let multiplier = settings.burst_multiplier()?;
    let micros = u64::try_from(length.as_micros())
        .map_err(|_| Failure::usage("a burst of --burst-at ends after the last supported date"))?;
    let burst = |&at| PlannedBurst { at, micros, multiplier, symbol: bursts.burst_symbol };
    Ok(bursts.burst_at.iter().map(burst).collect())
}
