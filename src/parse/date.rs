//! Trading dates.

use chrono::NaiveDate;
use tradesim_sim::session::parse_date;

use super::Invalid;

/// Parses a date in exactly the form 2026-02-18.
pub(crate) fn date(text: &str) -> Result<NaiveDate, Invalid> {
    parse_date(text).ok_or(Invalid::expected("a date such as 2026-02-18"))
}
