//! Trading dates.

use chrono::NaiveDate;

use super::Invalid;

/// Parses a date in exactly the form 2026-02-18.
pub(crate) fn date(text: &str) -> Result<NaiveDate, Invalid> {
    let form = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let date = form.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
    date.ok_or(Invalid::expected("a date such as 2026-02-18"))
}
