//! The trading day: the calendar, the periods of a day, venue hours, price increments, and virtual trading time.
//!
//! This is the only module that uses a time zone. A [`TradingDay`] looks up the offset of its date once; afterwards it
//! calculates in microseconds. No session contains a change of daylight saving time (Sundays at 02:00), so one offset is
//! valid for a whole day.

mod calendar;
mod increments;
#[cfg(test)]
mod tests;

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Offset, TimeZone, Timelike, Weekday};
use chrono_tz::America::New_York;
use tradesim_schemas::{Exchange, TimeSpec, Timestamp};

pub use increments::{round_lot, tick_size};

/// The version of the tables of holidays, early closes, ticks and lots, and of the time zone database. An archive's
/// metadata contains it. Any change to a table or to the database changes it.
pub const CALENDAR_VERSION: &str = "us-equities/2024-2028/1";

/// The version of the time zone database that belongs to [`CALENDAR_VERSION`]. The crate that contains the database is
/// pinned. With a different database, the build fails until both constants are changed.
const TZDB_VERSION: &str = "2025b";
const _: () = assert!(
    is_same(TZDB_VERSION.as_bytes(), chrono_tz::IANA_TZDB_VERSION.as_bytes()),
    "the time zone database has changed: update CALENDAR_VERSION and TZDB_VERSION"
);

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// Returns the version of the time zone database in use, such as "2025b".
pub fn tzdb_version() -> &'static str {
    chrono_tz::IANA_TZDB_VERSION
}

/// Microseconds in a minute.
const MINUTE: i64 = 60_000_000;
/// Microseconds in a day.
const DAY: i64 = 1_440 * MINUTE;

/// Returns a time of day in microseconds since midnight.
const fn clock(hour: i64, minute: i64) -> i64 {
    (hour * 60 + minute) * MINUTE
}

const START: i64 = clock(4, 0);
const AMEX_OPEN: i64 = clock(7, 0);
const CORE_OPEN: i64 = clock(9, 30);
const CORE_CLOSE: i64 = clock(16, 0);
const CORE_CLOSE_EARLY: i64 = clock(13, 0);
const END: i64 = clock(20, 0);
const END_EARLY: i64 = clock(17, 0);

/// The treatment of a date on which the markets are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Return an error that names the reason.
    Refuse,
    /// Treat the date as a regular trading day.
    Allow,
}

/// The reason for which the markets are closed on a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closure {
    /// A Saturday or a Sunday.
    Weekend {
        /// The day of the week.
        weekday: Weekday,
    },
    /// A holiday of the yearly calendar.
    Holiday {
        /// Its name, such as "Good Friday".
        name: &'static str,
    },
    /// A closure that was announced for one occasion.
    AdHoc {
        /// The occasion, such as "National Day of Mourning for Jimmy Carter".
        name: &'static str,
    },
}

impl Closure {
    /// Returns the reason for which US markets are closed on a date, or `None` if they open or the calendar does not cover
    /// the date.
    pub fn of(date: NaiveDate) -> Option<Closure> {
        match date.weekday() {
            weekday @ (Weekday::Sat | Weekday::Sun) => Some(Closure::Weekend { weekday }),
            _ => calendar::holiday(date).map(|holiday| match holiday.ad_hoc {
                true => Closure::AdHoc { name: holiday.name },
                false => Closure::Holiday { name: holiday.name },
            }),
        }
    }
}

impl fmt::Display for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Closure::Weekend { weekday: Weekday::Sat } => f.write_str("a Saturday"),
            Closure::Weekend { .. } => f.write_str("a Sunday"),
            Closure::Holiday { name } => write!(f, "{name}: US markets are closed"),
            Closure::AdHoc { name } => write!(f, "the {name}: US markets are closed"),
        }
    }
}

/// A date that cannot be simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarError {
    /// The markets are closed.
    #[error("{date} is {closure}")]
    Closed {
        /// The date in New York.
        date: NaiveDate,
        /// The reason of the closure.
        closure: Closure,
    },
    /// The calendar's tables do not cover the date.
    #[error("{date} is outside the calendar, which covers {first} to {last}")]
    Uncovered {
        /// The date in New York.
        date: NaiveDate,
        /// The first year covered.
        first: i32,
        /// The last year covered.
        last: i32,
    },
}

/// A period of the trading day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// From 04:00 to 09:30.
    PreMarket,
    /// From 09:30 to 09:45: a period of high activity, not the opening cross.
    OpeningAuction,
    /// From 09:45 to 11:30.
    Morning,
    /// From 11:30 to 13:00; on an early close to 12:30.
    Midday,
    /// From 13:00 to 15:30; a day with an early close has none.
    Afternoon,
    /// The last half hour of the core session: a period of high activity, not the closing cross.
    ClosingAuction,
    /// After the core session, to 20:00; on an early close to 17:00.
    AfterHours,
    /// Outside all other periods.
    Closed,
    /// From 04:00 to 20:00, if market hours are switched off.
    AllDay,
}

impl Period {
    /// Returns the period's name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Period::PreMarket => "pre_market",
            Period::OpeningAuction => "opening_auction",
            Period::Morning => "morning",
            Period::Midday => "midday",
            Period::Afternoon => "afternoon",
            Period::ClosingAuction => "closing_auction",
            Period::AfterHours => "after_hours",
            Period::Closed => "closed",
            Period::AllDay => "all_day",
        }
    }

    /// Returns the multiplier of the order rate. Source: contract, section 2.
    pub const fn multiplier(self) -> f64 {
        match self {
            Period::PreMarket | Period::AfterHours => 0.1,
            Period::OpeningAuction => 3.0,
            Period::Morning => 1.5,
            Period::Midday => 0.6,
            Period::Afternoon | Period::AllDay => 1.0,
            Period::ClosingAuction => 2.5,
            Period::Closed => 0.0,
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A period of one day, as instants: `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeriodSpan {
    /// The period.
    pub period: Period,
    /// The start.
    pub from: Timestamp,
    /// The end, exclusive.
    pub to: Timestamp,
    /// The value of [`Period::multiplier`].
    pub multiplier: f64,
}

/// Periods with their ends, in microseconds since midnight. The first one begins at 04:00.
type PeriodEnds = &'static [(Period, i64)];

const REGULAR_DAY: PeriodEnds = &[
    (Period::PreMarket, CORE_OPEN),
    (Period::OpeningAuction, clock(9, 45)),
    (Period::Morning, clock(11, 30)),
    (Period::Midday, clock(13, 0)),
    (Period::Afternoon, clock(15, 30)),
    (Period::ClosingAuction, CORE_CLOSE),
    (Period::AfterHours, END),
];

const EARLY_CLOSE_DAY: PeriodEnds = &[
    (Period::PreMarket, CORE_OPEN),
    (Period::OpeningAuction, clock(9, 45)),
    (Period::Morning, clock(11, 30)),
    (Period::Midday, clock(12, 30)),
    (Period::ClosingAuction, CORE_CLOSE_EARLY),
    (Period::AfterHours, END_EARLY),
];

const WITHOUT_MARKET_HOURS: PeriodEnds = &[(Period::AllDay, END)];

/// A trading day of the US equity markets: a date in New York and its instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradingDay {
    date: NaiveDate,
    /// The instant of 00:00 exchange time in microseconds since the epoch, with the offset that is valid at 04:00.
    midnight: i64,
    early_close: Option<&'static str>,
    closure: Option<Closure>,
}

impl TradingDay {
    /// Returns the trading day of a date.
    ///
    /// # Errors
    /// Returns an error for a date outside the calendar and, with [`Closed::Refuse`], for a date on which the markets are
    /// closed.
    pub fn new(date: NaiveDate, closed: Closed) -> Result<TradingDay, CalendarError> {
        let (first, last) = calendar::YEARS;
        if !(first..=last).contains(&date.year()) {
            return Err(CalendarError::Uncovered { date, first, last });
        }
        let closure = Closure::of(date);
        if let (Some(closure), Closed::Refuse) = (closure, closed) {
            return Err(CalendarError::Closed { date, closure });
        }
        Ok(TradingDay { date, midnight: midnight(date), early_close: calendar::early_close(date), closure })
    }

    /// Returns a date as a regular trading day, whatever the calendar states or does not cover.
    ///
    /// # Panics
    /// Panics for a date outside the years 0001 to 9999.
    pub fn regular(date: NaiveDate) -> TradingDay {
        TradingDay { date, midnight: midnight(date), early_close: None, closure: None }
    }

    /// Returns the first trading day on or after a date.
    ///
    /// # Errors
    /// Returns an error if the calendar ends before there is one.
    pub fn at_or_after(date: NaiveDate, closed: Closed) -> Result<TradingDay, CalendarError> {
        TradingDay::nearest(date, closed, NaiveDate::succ_opt)
    }

    /// Returns the last trading day on or before a date.
    ///
    /// # Errors
    /// Returns an error if the calendar has no such day.
    pub fn at_or_before(date: NaiveDate, closed: Closed) -> Result<TradingDay, CalendarError> {
        TradingDay::nearest(date, closed, NaiveDate::pred_opt)
    }

    /// Returns the next trading day.
    ///
    /// # Errors
    /// Returns an error if the calendar ends before there is one.
    pub fn following(&self, closed: Closed) -> Result<TradingDay, CalendarError> {
        TradingDay::at_or_after(self.date.succ_opt().expect("the calendar ends before dates do"), closed)
    }

    fn nearest(
        mut date: NaiveDate,
        closed: Closed,
        step: fn(&NaiveDate) -> Option<NaiveDate>,
    ) -> Result<TradingDay, CalendarError> {
        loop {
            match TradingDay::new(date, closed) {
                Err(CalendarError::Closed { .. }) => {
                    date = step(&date).expect("the calendar ends before dates do");
                }
                found => return found,
            }
        }
    }

    /// Returns the date in New York. After 19:00 or 20:00 exchange time it is the day before the UTC date.
    pub const fn date(&self) -> NaiveDate {
        self.date
    }

    /// Returns the start of the early session: 04:00.
    pub fn start(&self) -> Timestamp {
        self.instant(START)
    }

    /// Returns the start of the core session: 09:30.
    pub fn core_open(&self) -> Timestamp {
        self.instant(CORE_OPEN)
    }

    /// Returns the end of the core session: 16:00, or 13:00 on an early close.
    pub fn core_close(&self) -> Timestamp {
        self.instant(self.core_close_clock())
    }

    /// Returns the end of the late session: 20:00, or 17:00 on an early close.
    pub fn end(&self) -> Timestamp {
        self.instant(if self.is_early_close() { END_EARLY } else { END })
    }

    /// Returns the instant at which the next date begins in New York; [`Timestamp::MAX`] after the last date of timestamps.
    pub fn midnight_after(&self) -> Timestamp {
        let next = self.date.succ_opt().expect("dates have days after those of timestamps");
        let start = next.and_hms_opt(0, 0, 0).expect("00:00 is a time of day");
        // 00:00 exists exactly once on every date: the clocks change at 02:00
        let offset = New_York.offset_from_local_datetime(&start).single().expect("00:00 is unambiguous");
        let micros =
            start.and_utc().timestamp_micros() - i64::from(offset.fix().local_minus_utc()) * 1_000_000;
        Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
    }

    /// Returns the end of the simulated day: [`TradingDay::end`], or 20:00 if market hours are switched off.
    pub fn day_end(&self, market_hours: bool) -> Timestamp {
        if market_hours { self.end() } else { self.instant(END) }
    }

    /// Returns true if the core session ends at 13:00.
    pub const fn is_early_close(&self) -> bool {
        self.early_close.is_some()
    }

    /// Returns the name of an early close, such as "day after Thanksgiving".
    pub const fn early_close_name(&self) -> Option<&'static str> {
        self.early_close
    }

    /// Returns the reason for which the markets are closed on this date, if [`Closed::Allow`] permitted it.
    pub const fn closure(&self) -> Option<Closure> {
        self.closure
    }

    /// Returns the instant of a time of day in New York, truncated to microseconds.
    pub fn at(&self, time: NaiveTime) -> Timestamp {
        let micros = i64::from(time.num_seconds_from_midnight()) * 1_000_000;
        self.instant(micros + i64::from(time.nanosecond() / 1_000))
    }

    /// Returns the instant of a time that is given on this day.
    pub fn resolve(&self, time: TimeSpec) -> Timestamp {
        match time {
            TimeSpec::Instant(at) => at,
            TimeSpec::Exchange(time) => self.instant(time.micros()),
        }
    }

    /// Returns the time of day in New York at an instant, with the UTC offset of this day.
    pub fn exchange_time(&self, at: Timestamp) -> NaiveTime {
        let micros = (at.micros() - self.midnight).rem_euclid(DAY);
        let (seconds, nanos) = (micros / 1_000_000, micros % 1_000_000 * 1_000);
        NaiveTime::from_num_seconds_from_midnight_opt(seconds as u32, nanos as u32)
            .expect("the remainder is within a day")
    }

    /// Returns the periods of the simulated day, in order and without gaps from 04:00 to [`TradingDay::day_end`].
    pub fn periods(&self, market_hours: bool) -> Vec<PeriodSpan> {
        let mut from = START;
        let span = |&(period, to): &(Period, i64)| {
            let span = PeriodSpan {
                period,
                from: self.instant(from),
                to: self.instant(to),
                multiplier: period.multiplier(),
            };
            from = to;
            span
        };
        self.period_ends(market_hours).iter().map(span).collect()
    }

    /// Returns the period of an instant; [`Period::Closed`] outside the simulated day.
    pub fn period_at(&self, at: Timestamp, market_hours: bool) -> Period {
        let clock = at.micros() - self.midnight;
        if clock < START {
            return Period::Closed;
        }
        let found = self.period_ends(market_hours).iter().find(|(_, to)| clock < *to);
        found.map_or(Period::Closed, |&(period, _)| period)
    }

    /// Returns true if a venue executes trades at an instant of the day: NYSE during the core session, NYSE American from
    /// 07:00, the others all day. Source: contract, section 2.
    pub fn venue_open(&self, exchange: Exchange, at: Timestamp) -> bool {
        let clock = at.micros() - self.midnight;
        match exchange {
            Exchange::Nyse => (CORE_OPEN..self.core_close_clock()).contains(&clock),
            Exchange::Amex => clock >= AMEX_OPEN,
            Exchange::Nasdaq | Exchange::Arca | Exchange::Bats => true,
        }
    }

    /// Returns the virtual trading time since 04:00, in tenths of a microsecond: a microsecond of the core session counts
    /// ten tenths, any other microsecond one. It is an integer, so that differences are exact.
    pub fn weighted_micros(&self, at: Timestamp) -> i64 {
        let clock = at.micros() - self.midnight;
        let core = clock.clamp(CORE_OPEN, self.core_close_clock()) - CORE_OPEN;
        (clock - START) + 9 * core
    }

    /// Returns the virtual trading time between two instants in seconds. This is the time of the price model; a regular core
    /// session has 23,400 seconds.
    pub fn effective_seconds(&self, from: Timestamp, to: Timestamp) -> f64 {
        (self.weighted_micros(to) - self.weighted_micros(from)) as f64 / 10_000_000.0
    }

    fn period_ends(&self, market_hours: bool) -> PeriodEnds {
        match (market_hours, self.is_early_close()) {
            (false, _) => WITHOUT_MARKET_HOURS,
            (true, false) => REGULAR_DAY,
            (true, true) => EARLY_CLOSE_DAY,
        }
    }

    const fn core_close_clock(&self) -> i64 {
        if self.is_early_close() { CORE_CLOSE_EARLY } else { CORE_CLOSE }
    }

    fn instant(&self, clock: i64) -> Timestamp {
        Timestamp::from_micros(self.midnight + clock).expect("the calendar's years are within range")
    }
}

/// Returns the instant of 00:00 exchange time in microseconds since the epoch, with the offset that is valid at 04:00.
fn midnight(date: NaiveDate) -> i64 {
    let start = date.and_hms_opt(4, 0, 0).expect("04:00 is a time of day");
    // 04:00 exists exactly once on every date: the clocks change at 02:00
    let offset = New_York.offset_from_local_datetime(&start).single().expect("04:00 is unambiguous");
    let local_midnight = start.and_utc().timestamp_micros() - START;
    local_midnight - i64::from(offset.fix().local_minus_utc()) * 1_000_000
}

/// Parses a date in exactly the form 2026-02-18.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let form = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    form.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

/// Returns the date in New York at an instant.
pub fn date_at(at: Timestamp) -> NaiveDate {
    let seconds = at.micros().div_euclid(1_000_000);
    let utc = DateTime::from_timestamp(seconds, 0).expect("timestamps are within the years that dates have");
    utc.with_timezone(&New_York).date_naive()
}

/// Returns all trading days that the calendar covers, in ascending order.
pub fn trading_days() -> impl Iterator<Item = TradingDay> {
    let (first, last) = calendar::YEARS;
    let first = NaiveDate::from_ymd_opt(first, 1, 1).expect("1 January exists");
    let days = first.iter_days().take_while(move |date| date.year() <= last);
    days.filter_map(|date| TradingDay::new(date, Closed::Refuse).ok())
}
