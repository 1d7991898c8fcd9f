//! The rules of the US market that planned events follow, by the date from which they are in force.
//!
//! Each row has its source. What was not read in a source has no row: an event that would need it is refused.

use chrono::NaiveDate;
use tradesim_schemas::{Exchange, Price};

use super::SECOND;
use crate::{session::TradingDay, universe::SymbolInfo};

const MINUTE: i64 = 60 * SECOND;

/// The two groups of securities of the Limit Up-Limit Down Plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tier {
    /// The stocks of the S&P 500 and the Russell 1000, and the large exchange-traded products.
    One,
    /// All others.
    Two,
}

impl Tier {
    /// Returns the tier of a symbol. In the symbol table, all symbols but the one on NYSE American are in tier 1.
    pub(super) fn of(info: &SymbolInfo) -> Tier {
        if info.exchange == Exchange::Amex { Tier::Two } else { Tier::One }
    }

    /// Returns the number of the tier.
    pub(super) const fn number(self) -> u8 {
        match self {
            Tier::One => 1,
            Tier::Two => 2,
        }
    }
}

/// A rule about the time in which the price bands are twice as wide.
struct Doubling {
    /// The first date, as year, month and day.
    since: (i32, u32, u32),
    /// The bands of the first fifteen minutes are doubled, too.
    at_open: bool,
    /// All tiers at any price are doubled at the close, not only tier 1 and prices up to $3.00.
    all_at_close: bool,
}

/// Sources: the Plan (luldplan.com, 2012-05-31) for the first row; its Amendment 18, in force from 2020-02-24 (Cboe LULD FAQ,
/// UTP vendor alert 2019-09), for the second.
const DOUBLINGS: [Doubling; 2] = [
    Doubling { since: (2012, 5, 31), at_open: true, all_at_close: true },
    Doubling { since: (2020, 2, 24), at_open: false, all_at_close: false },
];

/// The half-width of the price bands in basis points of the reference price, by the previous close: above $3.00, and from
/// $0.75 to $3.00. The table of symbols has no lower price. Source: the Plan, Appendix A; Cboe LULD FAQ.
const fn single_band(tier: Tier, close: Price) -> i64 {
    match tier {
        _ if close.units() <= 30_000 => 2_000,
        Tier::One => 500,
        Tier::Two => 1_000,
    }
}

/// Returns the half-width of the price bands at an instant of the core session, in basis points of the reference price.
pub(super) fn band_points(day: &TradingDay, info: &SymbolInfo, at: i64) -> i64 {
    let tier = Tier::of(info);
    let single = single_band(tier, info.base_price);
    let Some(doubling) = in_force(day.date(), &DOUBLINGS, |row| row.since) else { return single };
    let early = at < day.core_open().micros() + 15 * MINUTE;
    let late = at >= day.core_close().micros() - 25 * MINUTE;
    let late_applies = doubling.all_at_close || tier == Tier::One || info.base_price.units() <= 30_000;
    if early && doubling.at_open || late && late_applies { 2 * single } else { single }
}

/// Returns the lower and the upper band around a reference price, in units of 0.0001, rounded to cents.
pub(super) fn bands(reference: i64, points: i64) -> (i64, i64) {
    let cents = |units: i64| (units + 50).div_euclid(100) * 100;
    let width = cents((reference * points + 5_000) / 10_000);
    let reference = cents(reference);
    (reference - width, reference + width)
}

/// The length of a limit state after which a trading pause begins, and of the pause. Source: the Plan, sections VI and VII.
pub(super) const LIMIT_STATE: i64 = 15 * SECOND;
pub(super) const PAUSE: i64 = 300 * SECOND;
/// The span before an instant whose executions make the reference price. Source: the Plan, section I (Reference Price).
pub(super) const REFERENCE_SPAN: i64 = 300 * SECOND;
/// A pause does not end within this time of the close: what happens then could not be read in a source.
pub(super) const NO_REOPENING: i64 = 10 * MINUTE;

/// The market-wide circuit breaker: NYSE Rule 7.12 (before: 80B), as amended from 2013-04-08.
struct Breaker {
    since: (i32, u32, u32),
    /// The declines of the levels, in percent of the index's previous close.
    declines: [f64; 3],
    /// The time before the close until which levels 1 and 2 halt, inclusive: 15:25, and 12:25 on an early close.
    last_halt: i64,
    /// The length of the halts of levels 1 and 2.
    halt: i64,
}

const BREAKERS: [Breaker; 1] = [Breaker {
    since: (2013, 4, 8),
    declines: [0.07, 0.13, 0.20],
    last_halt: 35 * MINUTE,
    halt: 15 * MINUTE,
}];

/// The effect of the circuit breaker when the index reaches a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// Trading continues.
    None,
    /// All trading stops until this instant.
    Until(i64),
    /// All trading stops for the rest of the day.
    Day,
}

fn breaker(day: &TradingDay) -> &'static Breaker {
    in_force(day.date(), &BREAKERS, |row| row.since).unwrap_or(&BREAKERS[0])
}

/// Returns the decline of a level, 1 to 3, as a fraction.
pub(super) fn decline(day: &TradingDay, level: usize) -> f64 {
    breaker(day).declines[level - 1]
}

/// Returns what happens when a level, 1 to 3, is reached at an instant of the core session.
pub(super) fn halt(day: &TradingDay, level: usize, at: i64) -> Halt {
    let row = breaker(day);
    if level == 3 {
        Halt::Day
    } else if at <= day.core_open().micros() || at > last_halt(day) {
        Halt::None
    } else {
        Halt::Until(at + row.halt)
    }
}

/// Returns the last instant at which levels 1 and 2 stop trading.
pub(super) fn last_halt(day: &TradingDay) -> i64 {
    day.core_close().micros() - breaker(day).last_halt
}

/// Returns the price at which short sales become restricted, in units of 0.0001: 10 % below the previous close. Source: Rule 201 of
/// Regulation SHO (75 FR 11232), with which markets comply since 2011-02-28 (SEC, extension of 2010-11-04), before the first
/// date of the calendar.
pub(super) const fn short_sale_trigger(close: i64) -> i64 {
    close * 9 / 10
}

/// Returns the row of a table that is in force on a date. Rows are in order of their dates.
fn in_force<T>(
    date: NaiveDate,
    rows: &'static [T],
    since: impl Fn(&T) -> (i32, u32, u32),
) -> Option<&'static T> {
    rows.iter().rev().find(|row| {
        let (year, month, day) = since(row);
        NaiveDate::from_ymd_opt(year, month, day).is_some_and(|first| first <= date)
    })
}
