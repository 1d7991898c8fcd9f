//! Minimum price increments and round lots, by price and date.

use chrono::NaiveDate;
use tradesim_schemas::Price;

/// A rule that is valid from a date on: a value for prices up to and including each bound, in ascending order.
struct Rule<T: 'static> {
    /// Year, month, day.
    effective: (i32, u32, u32),
    /// The highest price in units of 0.0001, and the value. The last bound is unlimited.
    steps: &'static [(i64, T)],
}

/// 17 CFR 242.612 (SEC Rule 612 of Regulation NMS), compliance since 2006-01-31: quotations of $1.00 and above in
/// $0.01, below $1.00 in $0.0001. The amended rule's $0.005, for stocks whose measured spread is narrow, is not in
/// force on any covered date before November 2026 (SEC order of 2025-10-31). It depends on measurements that a simulation
/// does not have, so it is not implemented.
const TICKS: &[Rule<i64>] = &[Rule { effective: (2006, 1, 31), steps: &[(9_999, 1), (i64::MAX, 100)] }];

/// 17 CFR 242.600(b) (Regulation NMS, definition of a round lot as amended in 2020), in force since 2025-11-03: 100
/// shares up to $250.00, 40 up to $1,000.00, 10 up to $10,000.00, then 1. Before: 100 shares by custom.
const LOTS: &[Rule<u32>] = &[
    Rule { effective: (1970, 1, 1), steps: &[(i64::MAX, 100)] },
    Rule {
        effective: (2025, 11, 3),
        steps: &[(2_500_000, 100), (10_000_000, 40), (100_000_000, 10), (i64::MAX, 1)],
    },
];

/// Returns the minimum price increment of a quotation at this price on this date.
pub fn tick_size(price: Price, date: NaiveDate) -> Price {
    Price::from_units(look_up(TICKS, price, date)).expect("a tick is a price")
}

/// Returns the round lot, in shares, of a stock at this price on this date.
///
/// The real lot depends on a stock's average close of the last March or September; here it depends on the given price.
pub fn round_lot(price: Price, date: NaiveDate) -> u32 {
    look_up(LOTS, price, date)
}

fn look_up<T: Copy>(rules: &[Rule<T>], price: Price, date: NaiveDate) -> T {
    let in_force = |rule: &&Rule<T>| {
        let (year, month, day) = rule.effective;
        NaiveDate::from_ymd_opt(year, month, day).expect("effective dates exist") <= date
    };
    // a date before the first rule uses the first rule; the calendar does not cover such dates
    let rule = rules.iter().rev().find(in_force).unwrap_or(&rules[0]);
    let step = rule.steps.iter().find(|(highest, _)| price.units() <= *highest);
    step.expect("the last step is open").1
}
