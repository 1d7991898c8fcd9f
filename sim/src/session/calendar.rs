//! Tables of closures and early closes of the US equity markets.
//!
//! Source: the holiday calendars that NYSE and Nasdaq publish for their members. The independent package
//! `exchange-calendars` has the same sessions (`tests/oracles/calendar_oracle.py`). A closure that is announced later, such
//! as the day of mourning of 2025, needs a new line here and a new [`CALENDAR_VERSION`](super::CALENDAR_VERSION).

use chrono::{Datelike, NaiveDate};

/// The years that the tables cover, both inclusive.
pub(super) const YEARS: (i32, i32) = (2024, 2028);

/// A full-day closure on a weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holiday {
    /// The name of the day.
    pub(super) name: &'static str,
    /// True if the closure was announced for one occasion, outside the yearly rules.
    pub(super) ad_hoc: bool,
}

/// A row of a table: year, month, day, name.
type Row = (i32, u32, u32, &'static str);

const NEW_YEAR: &str = "New Year's Day";
const KING: &str = "Martin Luther King Jr. Day";
const WASHINGTON: &str = "Washington's Birthday";
const GOOD_FRIDAY: &str = "Good Friday";
const MEMORIAL: &str = "Memorial Day";
const JUNETEENTH: &str = "Juneteenth";
const JUNETEENTH_OBSERVED: &str = "Juneteenth (observed)";
const INDEPENDENCE: &str = "Independence Day";
const INDEPENDENCE_OBSERVED: &str = "Independence Day (observed)";
const LABOR: &str = "Labor Day";
const THANKSGIVING: &str = "Thanksgiving Day";
const CHRISTMAS: &str = "Christmas Day";
const CHRISTMAS_OBSERVED: &str = "Christmas Day (observed)";

/// Full-day closures by the yearly rules, in ascending order. A holiday on a Sunday is observed on Monday and one on a
/// Saturday on Friday, except New Year's Day on a Saturday, which is not observed (2027-12-31 is a session).
pub(super) const HOLIDAYS: &[Row] = &[
    (2024, 1, 1, NEW_YEAR),
    (2024, 1, 15, KING),
    (2024, 2, 19, WASHINGTON),
    (2024, 3, 29, GOOD_FRIDAY),
    (2024, 5, 27, MEMORIAL),
    (2024, 6, 19, JUNETEENTH),
    (2024, 7, 4, INDEPENDENCE),
    (2024, 9, 2, LABOR),
    (2024, 11, 28, THANKSGIVING),
    (2024, 12, 25, CHRISTMAS),
    (2025, 1, 1, NEW_YEAR),
    (2025, 1, 20, KING),
    (2025, 2, 17, WASHINGTON),
    (2025, 4, 18, GOOD_FRIDAY),
    (2025, 5, 26, MEMORIAL),
    (2025, 6, 19, JUNETEENTH),
    (2025, 7, 4, INDEPENDENCE),
    (2025, 9, 1, LABOR),
    (2025, 11, 27, THANKSGIVING),
    (2025, 12, 25, CHRISTMAS),
    (2026, 1, 1, NEW_YEAR),
    (2026, 1, 19, KING),
    (2026, 2, 16, WASHINGTON),
    (2026, 4, 3, GOOD_FRIDAY),
    (2026, 5, 25, MEMORIAL),
    (2026, 6, 19, JUNETEENTH),
    (2026, 7, 3, INDEPENDENCE_OBSERVED),
    (2026, 9, 7, LABOR),
    (2026, 11, 26, THANKSGIVING),
    (2026, 12, 25, CHRISTMAS),
    (2027, 1, 1, NEW_YEAR),
    (2027, 1, 18, KING),
    (2027, 2, 15, WASHINGTON),
    (2027, 3, 26, GOOD_FRIDAY),
    (2027, 5, 31, MEMORIAL),
    (2027, 6, 18, JUNETEENTH_OBSERVED),
    (2027, 7, 5, INDEPENDENCE_OBSERVED),
    (2027, 9, 6, LABOR),
    (2027, 11, 25, THANKSGIVING),
    (2027, 12, 24, CHRISTMAS_OBSERVED),
    (2028, 1, 17, KING),
    (2028, 2, 21, WASHINGTON),
    (2028, 4, 14, GOOD_FRIDAY),
    (2028, 5, 29, MEMORIAL),
    (2028, 6, 19, JUNETEENTH),
    (2028, 7, 4, INDEPENDENCE),
    (2028, 9, 4, LABOR),
    (2028, 11, 23, THANKSGIVING),
    (2028, 12, 25, CHRISTMAS),
];

/// Full-day closures outside the yearly rules, in ascending order.
pub(super) const AD_HOC: &[Row] = &[(2025, 1, 9, "National Day of Mourning for Jimmy Carter")];

const BEFORE_INDEPENDENCE: &str = "day before Independence Day";
const AFTER_THANKSGIVING: &str = "day after Thanksgiving";
const CHRISTMAS_EVE: &str = "Christmas Eve";

/// Days that close at 13:00, in ascending order.
pub(super) const EARLY_CLOSES: &[Row] = &[
    (2024, 7, 3, BEFORE_INDEPENDENCE),
    (2024, 11, 29, AFTER_THANKSGIVING),
    (2024, 12, 24, CHRISTMAS_EVE),
    (2025, 7, 3, BEFORE_INDEPENDENCE),
    (2025, 11, 28, AFTER_THANKSGIVING),
    (2025, 12, 24, CHRISTMAS_EVE),
    (2026, 11, 27, AFTER_THANKSGIVING),
    (2026, 12, 24, CHRISTMAS_EVE),
    (2027, 11, 26, AFTER_THANKSGIVING),
    (2028, 7, 3, BEFORE_INDEPENDENCE),
    (2028, 11, 24, AFTER_THANKSGIVING),
];

/// Returns the holiday on a date.
pub(super) fn holiday(date: NaiveDate) -> Option<Holiday> {
    if let Some(name) = find(HOLIDAYS, date) {
        return Some(Holiday { name, ad_hoc: false });
    }
    find(AD_HOC, date).map(|name| Holiday { name, ad_hoc: true })
}

/// Returns the name of the early close on a date.
pub(super) fn early_close(date: NaiveDate) -> Option<&'static str> {
    find(EARLY_CLOSES, date)
}

fn find(table: &[Row], date: NaiveDate) -> Option<&'static str> {
    let key = (date.year(), date.month(), date.day());
    let at = table.binary_search_by_key(&key, |&(year, month, day, _)| (year, month, day)).ok()?;
    Some(table[at].3)
}
