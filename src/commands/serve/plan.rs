//! The plan of a live stream, from flags, settings, defaults and the current time.

use tradesim_archive::{Cut, Filter};
use tradesim_schemas::{EventType, Timestamp};
use tradesim_sim::{Request, SimulationOptions};
use tradesim_sources::{
    Days, LivePlan,
    schedule::{self, Beginning, ScheduleError, Start, Wanted},
};

use crate::{
    cli::Serve,
    exit::Failure,
    market::{self, Market},
    output::say,
    planned::Requests,
    settings::{Group, Key, Mode, Settings},
};

/// The plan of a live stream. If it starts now, the exact instant is determined later.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) mode: Mode,
    pub(super) settings: Settings,
    pub(super) options: SimulationOptions,
    /// The planned events of each day, as they are asked for.
    requests: Vec<Request>,
    pub(super) start: Start,
    pub(super) days: Days,
    market: Market,
    events: Vec<EventType>,
    /// True if there are flags of bursts but no bursts.
    bursts_unused: bool,
}

impl Live {
    /// Combines flags and settings, checks them, and decides where the stream starts. `now` is the current time.
    ///
    /// # Errors
    /// Fails on an invalid setting (exit code 78), and on a date without trading, a time outside the day, an unknown symbol or
    /// flags that contradict each other (exit code 2).
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
        if start.follows_wall_clock() && args.server.wait_clients.is_some_and(|clients| clients > 0) {
            return Err(Failure::usage_hint(
                "--wait-clients cannot stop the wall clock",
                "use it with a clock that is set: --day, --clock or --market-hours false",
            )
            .into());
        }
        let market = Market::resolve(&args.market, &settings, day)?;
        let has_bursts = mode == Mode::Burst;
        let random_bursts = if has_bursts { Some(market::random_bursts(&settings)?) } else { None };
        let options = SimulationOptions { random_bursts, ..market.options.clone() };
        let requests = Requests::read(&args.planned)?;
        let planned_events = requests.of_day(&options)?;
        let options = SimulationOptions { planned_events, ..options };
        let requests = requests.requests().to_vec();
        let days = match mode {
            Mode::Historical => Days::One,
            // an archive contains one day
            _ if args.record.is_some() => Days::One,
            Mode::Normal | Mode::Burst => {
                Days::All { closed: wanted.closed, nights: start.follows_wall_clock() }
            }
        };
        let bursts_unused = args.bursts.is_given() && !has_bursts;
        let events = args.events.clone();
        Ok(Live { mode, settings, options, requests, start, days, market, events, bursts_unused })
    }

    /// Prints the settings that did not come from the command line.
    pub(super) fn log_settings(&self) {
        let mut keys = vec![
            Key::Mode,
            Key::StartDate,
            Key::Seed,
            Key::Rate,
            Key::NumSymbols,
            Key::Model,
            Key::SimulateMarketHours,
            Key::MarketTimezone,
        ];
        if self.mode == Mode::Burst {
            keys.extend([Key::BurstMultiplier, Key::BurstInterval, Key::BurstDuration]);
        }
        keys.extend([Key::WsHost, Key::WsPort, Key::LogLevel, Key::LogFormat]);
        market::log_settings(&self.settings, &keys);
        if self.bursts_unused {
            say(format_args!(
                "warning: --burst-… options have no effect in mode {}; use --mode burst",
                self.mode.as_str()
            ));
        }
        self.market.log_seed();
    }

    /// Returns the plan of a stream that starts at this instant of its first day.
    pub(super) fn plan(&self, start: Timestamp) -> LivePlan {
        let from = (start > self.options.day.start()).then_some(start);
        let (symbols, events) = (self.market.only.clone(), self.events.clone());
        let filter = Filter::new(Cut { from, symbols, events, ..Cut::default() });
        let (options, events) = (self.options.clone(), self.requests.clone());
        LivePlan { options, events, start, filter, days: self.days }
    }

    /// Prints what is served and from where. `now` is the current time.
    pub(super) fn describe(&self, start: Timestamp, now: Timestamp) {
        let day = &self.options.day;
        let (date, mode) = (day.date(), self.mode.as_str());
        let clock = day.exchange_time(start).format("%H:%M:%S");
        for label in self.options.labels() {
            let begins = day.exchange_time(label.from).format("%H:%M:%S");
            let is_over = if label.to <= start { ", which is over at the start of the stream" } else { "" };
            say(format_args!("planned event {} from {begins} exchange time{is_over}", label.id));
        }
        match (&self.start, self.mode) {
            (_, Mode::Historical) => say(format_args!("serving all of {date} ({mode}) at max")),
            (Start::At(_), _) => {
                say(format_args!("serving {date} ({mode}) from {clock} exchange time, at 1x"))
            }
            (Start::Now, _) => {
                say(format_args!("serving {date} ({mode}) from {clock} exchange time, with the wall clock"))
            }
            (Start::Opening { reason }, _) => {
                say(format_args!("{}", schedule::closed_sentence(now, day, reason)));
                say(format_args!("to start now, use --day {date} --clock 09:30 or --market-hours false"));
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
            ScheduleError::OutsideDay { .. } => Failure::usage(format!("--clock {error}")),
        });
    }
    if wanted.clock.is_some() {
        return Err(Failure::usage_hint(
            "--clock cannot be used with --mode historical, which serves a whole day",
            "--mode normal can start at any time of a day",
        ));
    }
    let day = schedule::historical(now, wanted).map_err(|error| market::closed_date(&error))?;
    Ok(Beginning { day, start: Start::At(day.start()) })
}
