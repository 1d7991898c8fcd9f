//! The simulated market of `record` and `serve`, as defined by flags and settings.

use std::{fmt::Display, time::Duration};

pub(crate) use tradesim_dataset::provenance;
use tradesim_schemas::Symbol;
use tradesim_sim::{
    RandomBursts, SimulationOptions,
    session::{CalendarError, Closed, TradingDay},
    universe::Universe,
};

use crate::{
    cli::MarketArgs,
    exit::Failure,
    filter::check_symbols,
    output::say,
    parse::SymbolChoice,
    random,
    settings::{self, Key, Settings},
};

/// The options of a simulated day, without bursts.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) options: SimulationOptions,
    /// The symbols to keep; all if empty.
    pub(crate) only: Vec<Symbol>,
    /// True if the seed was drawn at random.
    seed_drawn: bool,
}

impl Market {
    /// Combines flags and settings into the options of a day.
    ///
    /// # Errors
    /// Fails on an invalid setting (exit code 78), and on a symbol that does not exist (exit code 2).
    pub(crate) fn resolve(args: &MarketArgs, settings: &Settings, day: TradingDay) -> anyhow::Result<Market> {
        let (seed, seed_drawn) = match settings.seed()? {
            Some(seed) => (seed, false),
            None => (random::seed()?, true),
        };
        let options = SimulationOptions {
            model: settings.model()?,
            rate: f64::from(settings.rate()?),
            symbols: usize::from(settings.num_symbols()?),
            market_hours: settings.market_hours()?,
            ..SimulationOptions::new(day, seed)
        };
        let only = match &args.symbols {
            Some(SymbolChoice::Only(symbols)) => symbols.clone(),
            _ => Vec::new(),
        };
        let market = Market { options, only, seed_drawn };
        market.check_symbols(&market.only)?;
        Ok(market)
    }

    /// Refuses symbols that are not simulated.
    pub(crate) fn check_symbols(&self, symbols: &[Symbol]) -> Result<(), Failure> {
        let count = self.options.symbols;
        let universe = Universe::on(self.options.day.date()).heaviest(count);
        let names: Vec<&str> = universe.names().collect();
        let place = if count == Universe::SYMBOLS_MAX {
            "the symbol table".to_owned()
        } else {
            format!("the {count} heaviest symbols")
        };
        check_symbols(symbols, &names, &place)
    }

    /// Prints the seed if it was drawn at random.
    pub(crate) fn log_seed(&self) {
        if self.seed_drawn {
            say(format_args!("seed {} (drawn)", self.options.seed));
        }
    }
}

/// Overrides settings with the flags of the market.
pub(crate) fn apply_flags(seed: Option<u64>, args: &MarketArgs, settings: &mut Settings) {
    let count = match args.symbols {
        Some(SymbolChoice::Heaviest(count)) => Some(count),
        _ => None,
    };
    put(settings, Key::Seed, seed);
    put(settings, Key::Model, args.model);
    put(settings, Key::Rate, args.rate);
    put(settings, Key::NumSymbols, count);
    put(settings, Key::SimulateMarketHours, args.market_hours);
}

/// Overrides settings with the flags of bursts.
pub(crate) fn apply_burst_flags(
    multiplier: Option<f64>,
    interval: Option<Duration>,
    duration: Option<Duration>,
    settings: &mut Settings,
) {
    put(settings, Key::BurstMultiplier, multiplier);
    put(settings, Key::BurstInterval, interval.map(|interval| interval.as_secs_f64()));
    put(settings, Key::BurstDuration, duration.map(|duration| duration.as_secs_f64()));
}

/// Overrides a setting with the value of a flag, if the flag was given.
pub(crate) fn put(settings: &mut Settings, key: Key, value: Option<impl Display>) {
    if let Some(value) = value {
        settings.set_from_command_line(key, value);
    }
}

/// Returns the parameters of random bursts from the settings.
pub(crate) fn random_bursts(settings: &Settings) -> Result<RandomBursts, Failure> {
    Ok(RandomBursts {
        multiplier: settings.burst_multiplier()?,
        interval_seconds: settings.burst_interval()?.as_secs_f64(),
        duration_seconds: settings.burst_duration()?.as_secs_f64(),
    })
}

/// Prints those of the settings that did not come from the command line.
pub(crate) fn log_settings(settings: &Settings, relevant: &[Key]) {
    let mut defaults = Vec::new();
    for &key in relevant {
        let name = key.definition().name;
        match settings.text(key) {
            Some(text) if text.origin == settings::Origin::CommandLine => {}
            Some(text) if text.origin == settings::Origin::Default => {
                defaults.push(format!("{name}={}", text.value));
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
}

/// Returns the error for a date that cannot be simulated.
pub(crate) fn closed_date(error: &CalendarError) -> Failure {
    match error {
        CalendarError::Closed { .. } => {
            Failure::usage_hint(error.to_string(), "--allow-closed simulates it as if the market were open")
        }
        _ => Failure::usage(error.to_string()),
    }
}

/// Returns the treatment of dates on which the market is closed.
pub(crate) fn closed(args: &MarketArgs) -> Closed {
    if args.allow_closed { Closed::Allow } else { Closed::Refuse }
}
