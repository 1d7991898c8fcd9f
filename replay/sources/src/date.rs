//! Exchange time on the date of an archive.

use tradesim_archive::Provenance;
use tradesim_schemas::{TimeSpec, Timestamp};
use tradesim_sim::session::{CalendarError, Closed, TradingDay, parse_date};

/// Exchange time cannot be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeTimeError {
    /// The archive has no date, as is usual for a capture.
    #[error("exchange time needs a date, but the archive has none")]
    NoDate,
    /// The date is outside the calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

/// Resolves a time on the date of an archive.
///
/// # Errors
/// Fails on exchange time if the archive has no date, or one outside the calendar.
pub fn instant_in(time: TimeSpec, provenance: &Provenance) -> Result<Timestamp, ExchangeTimeError> {
    match time {
        TimeSpec::Instant(at) => Ok(at),
        TimeSpec::Exchange(_) => {
            let date = provenance.date.as_deref().and_then(parse_date).ok_or(ExchangeTimeError::NoDate)?;
            Ok(TradingDay::new(date, Closed::Allow)?.resolve(time))
        }
    }
}
