//! The options of a recording, from flags, settings and defaults.

use tradesim_archive::Filter;
use tradesim_schemas::Timestamp;
use tradesim_sim::{Burst, SimulationOptions, session::TradingDay};

use crate::{
    cli::Record,
    exit::Failure,
    filter,
    market::{self, Market},
    output::say,
    planned::Requests,
    settings::{Group, Key, Mode, Origin, Settings},
};

/// The options of a recording.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) options: SimulationOptions,
    pub(super) filter: Filter,
    settings: Settings,
    market: Market,
    /// The setting `MODE`, which has no effect on a recording.
    mode: Mode,
    /// The settings that this recording depends on.
    relevant: Vec<Key>,
}

impl Recording {
    /// Combines flags and settings, and checks them.
    ///
    /// # Errors
    /// Fails on an invalid setting (exit code 78), and on a missing date, a date without trading, an unknown symbol or options
    /// that contradict each other (exit code 2).
    pub(super) fn resolve(args: &Record, mut settings: Settings) -> anyhow::Result<Recording> {
        apply_flags(args, &mut settings);
        settings.check(Group::Generator)?;
        let date = settings.start_date()?.ok_or_else(|| {
            Failure::usage_hint(
                "no trading date is given",
                "use --date, for example --date 2026-02-18, or the setting TRADE_GEN_START_DATE",
            )
        })?;
        let day = TradingDay::new(date, market::closed(&args.market))
            .map_err(|error| market::closed_date(&error))?;
        let market = Market::resolve(&args.market, &settings, day)?;
        market.check_symbols(args.bursts.burst_symbol.as_slice())?;
        let random_burst = args.bursts.burst;
        let random_bursts = if random_burst { Some(market::random_bursts(&settings)?) } else { None };
        let options = SimulationOptions {
            random_bursts,
            planned_bursts: planned_bursts(args, &settings, &day)?,
            ..market.options.clone()
        };
        let planned_events = Requests::read(&args.planned)?.of_day(&options)?;
        let options = SimulationOptions { planned_events, ..options };
        let filter = filter::of_day(market.only.clone(), &args.cut, &day)?;
        let mode = settings.mode()?;
        let relevant = relevant(random_burst, !args.bursts.burst_at.is_empty());
        Ok(Recording { options, filter, settings, market, mode, relevant })
    }

    /// Prints the settings that did not come from the command line.
    pub(super) fn log_settings(&self) {
        market::log_settings(&self.settings, &self.relevant);
        self.log_unused_settings();
        if self.mode == Mode::Burst && self.options.random_bursts.is_none() {
            say(format_args!(
                "setting {}=burst has no effect on a recording; --burst adds bursts",
                Key::Mode.definition().full_name()
            ));
        }
        self.market.log_seed();
    }
}

impl Recording {
    /// Prints the other settings of the generator that did not come from the command line, so that the output is complete.
    fn log_unused_settings(&self) {
        for (definition, text) in self.settings.iter() {
            let is_relevant = self.relevant.iter().any(|key| std::ptr::eq(key.definition(), definition));
            // the mode has its own message above
            let is_mode = std::ptr::eq(Key::Mode.definition(), definition)
                && self.mode == Mode::Burst
                && self.options.random_bursts.is_none();
            if let Some(text) = text
                && definition.group == Group::Generator
                && !is_relevant
                && !is_mode
                && !matches!(text.origin, Origin::CommandLine | Origin::Default)
            {
                let name = definition.full_name();
                let value = definition.shown(&text.value);
                say(format_args!("setting {name}={value} ({}) has no effect on a recording", text.origin));
            }
        }
    }
}

fn apply_flags(args: &Record, settings: &mut Settings) {
    let bursts = &args.bursts;
    market::put(settings, Key::StartDate, args.date);
    market::apply_flags(args.seed, &args.market, settings);
    market::apply_burst_flags(
        bursts.burst_multiplier,
        bursts.burst_interval,
        bursts.burst_duration,
        settings,
    );
}

/// Returns the settings that affect the recording or the log.
fn relevant(random_bursts: bool, planned_bursts: bool) -> Vec<Key> {
    let mut keys = vec![
        Key::StartDate,
        Key::Seed,
        Key::Rate,
        Key::NumSymbols,
        Key::Model,
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

fn planned_bursts(args: &Record, settings: &Settings, day: &TradingDay) -> Result<Vec<Burst>, Failure> {
    let bursts = &args.bursts;
    let Some(length) = bursts.burst_for else { return Ok(Vec::new()) };
    let multiplier = settings.burst_multiplier()?;
    let burst = |at| {
        let from = day.resolve(at);
        let to = i64::try_from(length.as_micros())
            .ok()
            .and_then(|micros| from.micros().checked_add(micros))
            .and_then(Timestamp::from_micros)
            .ok_or_else(|| Failure::usage("a burst of --burst-at ends after the last supported date"))?;
        Ok(Burst { from, to, multiplier, symbol: bursts.burst_symbol, planned: true })
    };
    bursts.burst_at.iter().copied().map(burst).collect()
}
