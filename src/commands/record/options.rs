//! What is recorded: flags over settings over defaults, resolved into the simulator's options.

use tradesim_schemas::Timestamp;
use tradesim_sim::{Burst, SimulationOptions, session::TradingDay};

use crate::{
    cli::Record,
    exit::Failure,
    filter::{self, Filter},
    market::{self, Market},
    output::say,
    settings::{Group, Key, Mode, Origin, Settings},
};

/// A recording, fully determined.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) options: SimulationOptions,
    pub(super) filter: Filter,
    settings: Settings,
    market: Market,
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
        settings.check(Group::Generator)?;
        let date = settings.start_date()?.ok_or_else(|| {
            Failure::usage_hint(
                "no trading date is given",
                "--date 2026-02-18, or the setting TRADE_GEN_START_DATE",
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
        let filter = Filter::of_day(market.only.clone(), &args.cut, &day)?;
        let mode = settings.mode()?;
        let relevant = relevant(random_burst, !args.bursts.burst_at.is_empty());
        Ok(Recording { options, filter, settings, market, mode, relevant })
    }

    /// Says on the standard error which settings did not come from the command line.
    pub(super) fn name_settings(&self) {
        market::name_settings(&self.settings, &self.relevant);
        self.name_unused_settings();
        if self.mode == Mode::Burst && self.options.random_bursts.is_none() {
            say(format_args!(
                "setting {}=burst is for live streams and makes no bursts here; --burst does",
                Key::Mode.definition().full_name()
            ));
        }
        self.market.name_seed();
    }
}

impl Recording {
    /// Says which other settings of the generator are there: whoever reads the output sees all that came from elsewhere.
    fn name_unused_settings(&self) {
        for (definition, text) in self.settings.iter() {
            let is_relevant = self.relevant.iter().any(|key| std::ptr::eq(key.definition(), definition));
            // the mode has a sentence of its own where it matters
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
