//! What is streamed: flags over settings over defaults, and the time, resolved into a day and where it begins.

use tradesim_schemas::{EventType, Timestamp};
use tradesim_sim::SimulationOptions;

use super::schedule::{self, Beginning, ScheduleError, Start, Wanted};
use crate::{
    cli::{CutArgs, Serve},
    exit::Failure,
    filter::Filter,
    market::{self, Market},
    output::say,
    parse::TimeSpec,
    settings::{Group, Key, Mode, Settings},
    streams::{Days, Plan},
};

/// A stream, determined but for the instant at which it begins, where that is the present one.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) mode: Mode,
    pub(super) settings: Settings,
    pub(super) options: SimulationOptions,
    pub(super) start: Start,
    pub(super) days: Days,
    market: Market,
    events: Vec<EventType>,
    /// Flags of bursts were given, and there are none.
    bursts_unused: bool,
}

impl Live {
    /// Puts the flags over the settings, checks all of them, and decides where the stream begins. `now` is the time.
    ///
    /// # Errors
    /// A bad setting (exit 78); a date without trading, a time outside the day, a symbol that does not exist, flags that
    /// contradict each other (exit 2).
    pub(super) fn resolve(args: &Serve, mut settings: Settings, now: Timestamp) -> anyhow::Result<Live> {
        apply_flags(args, &mut settings);
        settings.check(Group::Generator)?;
        let mode = settings.mode()?;
        let wanted = Wanted {
            date: settings.start_date()?,
            clock: args.clock,
            market_hours: settings.market_hours()?,
            closed: market::closed(&args.market),
        };
        let Beginning { day, start } = beginning(mode, now, &wanted)?;
        if start.is_of_wall_clock() && args.server.wait_clients.is_some_and(|clients| clients > 0) {
            return Err(Failure::usage_hint(
                "--wait-clients cannot hold the wall clock",
                "a clock that is set waits: --day, --clock, or --market-hours false",
            )
            .into());
        }
        let market = Market::resolve(&args.market, &settings, day)?;
        let has_bursts = mode == Mode::Burst;
        let random_bursts = if has_bursts { Some(market::random_bursts(&settings)?) } else { None };
        let options = SimulationOptions { random_bursts, ..market.options.clone() };
        let days = match mode {
            Mode::Historical => Days::One,
            // an archive is of one day
            _ if args.record.is_some() => Days::One,
            Mode::Normal | Mode::Burst => {
                Days::All { closed: wanted.closed, nights: start.is_of_wall_clock() }
            }
        };
        let bursts_unused = args.bursts.is_given() && !has_bursts;
        let events = args.events.clone();
        Ok(Live { mode, settings, options, start, days, market, events, bursts_unused })
    }

    /// Says on the standard error which settings did not come from the command line.
    pub(super) fn name_settings(&self) {
        let mut keys = vec![
            Key::Mode,
            Key::StartDate,
            Key::Seed,
            Key::Rate,
            Key::NumSymbols,
            Key::SimulateMarketHours,
            Key::MarketTimezone,
        ];
        if self.mode == Mode::Burst {
            keys.extend([Key::BurstMultiplier, Key::BurstInterval, Key::BurstDuration]);
        }
        keys.extend([Key::WsHost, Key::WsPort, Key::LogLevel, Key::LogFormat]);
        market::name_settings(&self.settings, &keys);
        if self.bursts_unused {
            say(format_args!(
                "warning: there are no bursts in mode {}, whatever --burst-… says; --mode burst makes them",
                self.mode.as_str()
            ));
        }
        self.market.name_seed();
    }

    /// The stream that begins at this instant of its first day.
    ///
    /// # Errors
    /// None that a day which was made would leave.
    pub(super) fn plan(&self, start: Timestamp) -> Result<Plan, Failure> {
        let day = &self.options.day;
        let from = (start > day.start()).then_some(TimeSpec::Instant(start));
        let cut = CutArgs { from, events: self.events.clone(), ..CutArgs::default() };
        let filter = Filter::of_day(self.market.only.clone(), &cut, day)?;
        Ok(Plan { options: self.options.clone(), start, filter, days: self.days })
    }

    /// Says on the standard error what is streamed from where on. `now` is the time.
    pub(super) fn describe(&self, start: Timestamp, now: Timestamp) {
        let day = &self.options.day;
        let (date, mode) = (day.date(), self.mode.as_str());
        let clock = day.exchange_time(start).format("%H:%M:%S");
        match (&self.start, self.mode) {
            (_, Mode::Historical) => say(format_args!("serving the whole of {date} ({mode}) at max")),
            (Start::At(_), _) => {
                say(format_args!("serving {date} ({mode}) from {clock} exchange time, at 1x"))
            }
            (Start::Now, _) => {
                say(format_args!("serving {date} ({mode}) from {clock} exchange time, with the wall clock"))
            }
            (Start::Opening { reason }, _) => {
                schedule::closed_sentences(now, day, reason)
                    .iter()
                    .for_each(|line| say(format_args!("{line}")));
            }
        }
    }
}

fn apply_flags(args: &Serve, settings: &mut Settings) {
    let bursts = &args.bursts;
    market::put(settings, Key::Mode, args.mode.map(Mode::as_str));
    market::put(settings, Key::StartDate, args.day);
    market::apply_flags(args.seed, &args.market, settings);
    market::apply_burst_flags(
        bursts.burst_multiplier,
        bursts.burst_interval,
        bursts.burst_duration,
        settings,
    );
    crate::serving::apply_flags(&args.server, settings);
}

fn beginning(mode: Mode, now: Timestamp, wanted: &Wanted) -> Result<Beginning, Failure> {
    if mode != Mode::Historical {
        return schedule::live(now, wanted).map_err(|error| match error {
            ScheduleError::Calendar(error) => market::closed_date(&error),
            ScheduleError::OutsideDay { .. } => Failure::usage(error.to_string()),
        });
    }
    if wanted.clock.is_some() {
        return Err(Failure::usage_hint(
            "a historical day is whole: it has no --clock",
            "--mode normal begins a day at any time",
        ));
    }
    let day = schedule::historical(now, wanted).map_err(|error| market::closed_date(&error))?;
    Ok(Beginning { day, start: Start::At(day.start()) })
}
