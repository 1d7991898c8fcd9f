//! What is recorded: flags over settings over defaults, resolved into the simulator's options.

use std::{fmt::Display, time::Duration};

use tradesim_schemas::Timestamp;
use tradesim_sim::{
    Burst, RandomBursts, SimulationOptions,
    session::{Closed, TradingDay},
    universe::Universe,
};

use crate::{
    cli::Record,
    exit::Failure,
    filter::{self, Filter, check_symbols},
    output::say,
    parse::SymbolChoice,
    random,
    settings::{Group, Key, Mode, Origin, Settings},
};

/// A recording, fully determined.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) options: SimulationOptions,
    pub(super) filter: Filter,
    settings: Settings,
    seed_drawn: bool,
    /// The setting has no say in a recording, which is always of a historical day.
    mode: Mode,
    /// The settings that this recording depends on.
    relevant: Vec<Key>,
}

impl Recording {
    /// Puts the flags over the settings and checks all of them.
    ///
    /// # Errors
    /// A bad setting (exit 78); no date, one without trading, a symbol that does not exist, options that contradict each
    /// other (exit 2).
    pub(super) fn resolve(args: &Record, mut settings: Settings) -> anyhow::Result<Recording> {
        apply_flags(args, &mut settings);
        settings.check(Group::Generator).map_err(Failure::from)?;
        let date = settings.start_date().map_err(Failure::from)?.ok_or_else(|| {
            Failure::usage_hint(
                "no trading date is given",
                "--date 2026-02-18, or the setting TRADE_GEN_START_DATE",
            )
        })?;
        let closed = if args.market.allow_closed { Closed::Allow } else { Closed::Refuse };
        let day = TradingDay::new(date, closed).map_err(|error| closed_date(&error))?;
        let (seed, seed_drawn) = match settings.seed().map_err(Failure::from)? {
            Some(seed) => (seed, false),
            None => (random::seed()?, true),
        };
        let count = settings.num_symbols().map_err(Failure::from)?;
        let universe = Universe::on(date).heaviest(usize::from(count));
        let names: Vec<&str> = universe.names().collect();
        let only = match &args.market.symbols {
            Some(SymbolChoice::Only(symbols)) => symbols.clone(),
            _ => Vec::new(),
        };
        let place = if usize::from(count) == Universe::SYMBOLS_MAX {
            "the symbol table".to_owned()
        } else {
            format!("the {count} heaviest")
        };
        check_symbols(&only, &names, &place)?;
        check_symbols(args.bursts.burst_symbol.as_slice(), &names, &place)?;
        let random_burst = args.bursts.burst;
        let random_bursts = if random_burst { Some(random_bursts(&settings)?) } else { None };
        let options = SimulationOptions {
            seed,
            day,
            rate: f64::from(settings.rate().map_err(Failure::from)?),
            symbols: usize::from(count),
            market_hours: settings.market_hours().map_err(Failure::from)?,
            random_bursts,
            planned_bursts: planned_bursts(args, &settings, &day)?,
        };
        let filter = Filter::of_day(only, &args.cut, &day)?;
        let mode = settings.mode().map_err(Failure::from)?;
        let relevant = relevant(random_burst, !args.bursts.burst_at.is_empty());
        Ok(Recording { options, filter, settings, seed_drawn, mode, relevant })
    }

    /// Says on the standard error which settings did not come from the command line.
    pub(super) fn name_settings(&self) {
        let mut defaults = Vec::new();
        for &key in &self.relevant {
            let name = key.definition().name;
            match self.settings.text(key) {
                Some(text) if text.origin == Origin::CommandLine => {}
                Some(text) if text.origin == Origin::Default => {
                    defaults.push(format!("{name}={}", text.value))
                }
                Some(text) => {
                    let name = key.definition().full_name();
                    say(format_args!("setting {name}={} ({})", text.value, text.origin));
                }
                None => {}
            }
        }
        if !defaults.is_empty() {
            say(format_args!("defaults {}", defaults.join(" ")));
        }
        if self.mode == Mode::Burst && self.options.random_bursts.is_none() {
            say(format_args!(
                "setting {}=burst is for live streams and makes no bursts here; --burst does",
                Key::Mode.definition().full_name()
            ));
        }
        if self.seed_drawn {
            say(format_args!("seed {} (drawn)", self.options.seed));
        }
    }
}

fn apply_flags(args: &Record, settings: &mut Settings) {
    let mut set = |key, value: Option<&dyn Display>| {
        if let Some(value) = value {
            settings.set_from_command_line(key, value);
        }
    };
    let seconds = |duration: &Option<Duration>| duration.map(|duration| duration.as_secs_f64());
    let count = match args.market.symbols {
        Some(SymbolChoice::Heaviest(count)) => Some(count),
        _ => None,
    };
    let bursts = &args.bursts;
    let (interval, duration) = (seconds(&bursts.burst_interval), seconds(&bursts.burst_duration));
    set(Key::StartDate, args.date.as_ref().map(|value| value as _));
    set(Key::Seed, args.seed.as_ref().map(|value| value as _));
    set(Key::Rate, args.market.rate.as_ref().map(|value| value as _));
    set(Key::NumSymbols, count.as_ref().map(|value| value as _));
    set(Key::SimulateMarketHours, args.market.market_hours.as_ref().map(|value| value as _));
    set(Key::BurstMultiplier, bursts.burst_multiplier.as_ref().map(|value| value as _));
    set(Key::BurstInterval, interval.as_ref().map(|value| value as _));
    set(Key::BurstDuration, duration.as_ref().map(|value| value as _));
}

/// The settings that decide what is recorded, and those that say how it is told.
fn relevant(random_bursts: bool, planned_bursts: bool) -> Vec<Key> {
    let mut keys = vec![
        Key::StartDate,
        Key::Seed,
        Key::Rate,
        Key::NumSymbols,
        Key::SimulateMarketHours,
        Key::MarketTimezone,
    ];
    if random_bursts || planned_bursts {
        keys.push(Key::BurstMultiplier);
    }
    if random_bursts {
        keys.extend([Key::BurstInterval, Key::BurstDuration]);
    }
    keys.extend([Key::LogLevel, Key::LogFormat]);
    keys
}

fn closed_date(error: &tradesim_sim::session::CalendarError) -> Failure {
    match error {
        tradesim_sim::session::CalendarError::Closed { .. } => {
            Failure::usage_hint(error.to_string(), "--allow-closed simulates it as if the market were open")
        }
        _ => Failure::usage(error.to_string()),
    }
}

fn random_bursts(settings: &Settings) -> Result<RandomBursts, Failure> {
    Ok(RandomBursts {
        multiplier: settings.burst_multiplier()?,
        interval_seconds: settings.burst_interval()?.as_secs_f64(),
        duration_seconds: settings.burst_duration()?.as_secs_f64(),
    })
}

fn planned_bursts(args: &Record, settings: &Settings, day: &TradingDay) -> Result<Vec<Burst>, Failure> {
    let bursts = &args.bursts;
    let Some(length) = bursts.burst_for else { return Ok(Vec::new()) };
    let multiplier = settings.burst_multiplier()?;
    let burst = |at| {
        let from = filter::instant(at, day);
        let to = i64::try_from(length.as_micros())
            .ok()
            .and_then(|micros| from.micros().checked_add(micros))
            .and_then(Timestamp::from_micros)
            .ok_or_else(|| Failure::usage("the planned burst ends beyond the calendar"))?;
        Ok(Burst { from, to, multiplier, symbol: bursts.burst_symbol, planned: true })
    };
    bursts.burst_at.iter().copied().map(burst).collect()
}
