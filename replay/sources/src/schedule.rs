//! Decides at which day and instant a live stream starts, from the current time, the calendar and what is requested.

use chrono::{NaiveDate, NaiveTime};
use tradesim_schemas::{ExchangeTime, TimeSpec, Timestamp};
use tradesim_sim::session::{CalendarError, Closed, Closure, TradingDay, date_at};

/// The requested day and time.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The first day; `None` for the day that fits the current time.
    pub date: Option<NaiveDate>,
    /// The time of day at which the stream starts.
    pub clock: Option<ExchangeTime>,
    /// True if the stream follows the hours of the market.
    pub market_hours: bool,
    /// The treatment of dates on which the market is closed.
    pub closed: Closed,
}

/// The first day of a live stream, and its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// The first day.
    pub day: TradingDay,
    /// The start on that day.
    pub start: Start,
}

/// The start of a live stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this instant of its day, independently of the wall clock.
    At(Timestamp),
    /// Now, at an instant of its day. The stream follows the wall clock.
    Now,
    /// When its day starts by the wall clock. Until then the market is closed.
    Opening {
        /// The reason why the market is closed.
        reason: String,
    },
}

impl Start {
    /// Returns whether the stream follows the wall clock.
    pub fn follows_wall_clock(&self) -> bool {
        !matches!(self, Start::At(_))
    }
}

/// The stream cannot start as requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The date cannot be simulated.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// The time is outside the day.
    #[error("{clock} is outside the day, which lasts from {from} to {to} exchange time")]
    OutsideDay {
        /// The requested time of day.
        clock: NaiveTime,
        /// The start of the day.
        from: NaiveTime,
        /// Its end.
        to: NaiveTime,
    },
}

/// Returns the day of a historical stream: the given date, or the last trading day that has started.
///
/// # Errors
/// Fails on a date that cannot be simulated.
pub fn historical(now: Timestamp, wanted: &Wanted) -> Result<TradingDay, CalendarError> {
    match wanted.date {
        Some(date) => TradingDay::new(date, wanted.closed),
        None => TradingDay::at_or_before(date_at(now), wanted.closed),
    }
}

/// Decides where a live stream starts.
///
/// # Errors
/// Fails on a date that cannot be simulated, and on a time outside the day.
pub fn live(now: Timestamp, wanted: &Wanted) -> Result<Beginning, ScheduleError> {
    let day = match wanted.date {
        Some(date) => TradingDay::new(date, wanted.closed)?,
        None => TradingDay::at_or_after(date_at(now), wanted.closed)?,
    };
    if let Some(clock) = wanted.clock {
        let (at, end) = (day.resolve(TimeSpec::Exchange(clock)), day.day_end(wanted.market_hours));
        if at < day.start() || at >= end {
            let clock = day.exchange_time(at);
            let (from, to) = (day.exchange_time(day.start()), day.exchange_time(end));
            return Err(ScheduleError::OutsideDay { clock, from, to });
        }
        return Ok(Beginning { day, start: Start::At(at) });
    }
    if wanted.date.is_some() {
        return Ok(Beginning { day, start: Start::At(day.start()) });
    }
    let is_over = now >= day.day_end(wanted.market_hours);
    let next = if is_over { day.following(wanted.closed)? } else { day };
    let start = match (now >= next.start(), wanted.market_hours) {
        (true, true) => Start::Now,
        (true, false) => Start::At(now),
        (false, false) => Start::At(next.start()),
        (false, true) => Start::Opening { reason: reason(now, &day) },
    };
    Ok(Beginning { day: next, start })
}

/// Returns why the market is closed. `day` is the first trading day that starts today or later.
fn reason(now: Timestamp, day: &TradingDay) -> String {
    let today = date_at(now);
    if day.date() != today {
        return match Closure::of(today) {
            Some(Closure::Holiday { name } | Closure::AdHoc { name }) => format!("{today} is {name}"),
            Some(weekend) => format!("{today} is {weekend}"),
            None => format!("{today} has no session"),
        };
    }
    let clock = day.exchange_time(now).format("%H:%M");
    if now < day.start() {
        format!("it is {clock} in New York on {today}")
    } else {
        let early = day.early_close_name().map(|name| format!(", {name},")).unwrap_or_default();
        let end = day.exchange_time(day.end()).format("%H:%M");
        format!("it is {clock} in New York, and the session of {today}{early} ended at {end}")
    }
}

/// Describes why a stream waits for the market to open, and how long.
pub fn closed_sentence(now: Timestamp, opens: &TradingDay, reason: &str) -> String {
    let date = opens.date();
    let wait = wait_text(opens.start().micros() - now.micros());
    format!("the market is closed: {reason}; it opens on {date} at 04:00 in New York, in {wait}; waiting")
}

/// Formats a wait, such as "2 d 13 h", "6 h 46 min" or "12 min".
fn wait_text(micros: i64) -> String {
    // at least one minute
    let minutes = micros.max(1).unsigned_abs().div_ceil(60_000_000);
    match (minutes / 1_440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests;
