//! Trading dates.

use chrono::NaiveDate;
use tradesim_schemas::{TimeSpec, Timestamp};
use tradesim_sim::session::parse_date;

use super::Invalid;

/// Parses a date in exactly the form 2026-02-18.
pub(crate) fn date(text: &str) -> Result<NaiveDate, Invalid> {
    parse_date(text).ok_or(Invalid::expected("a date such as 2026-02-18"))
}

/// Parses an instant in RFC 3339.
pub(crate) fn instant(text: &str) -> Result<Timestamp, Invalid> {
    match text.parse() {
        Ok(TimeSpec::Instant(at)) => Ok(at),
        _ => Err(Invalid::expected("an instant in RFC 3339, such as 2026-12-01T14:25:00Z")),
    }
}
