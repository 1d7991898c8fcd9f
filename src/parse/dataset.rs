//! Dates, seeds and parts of a dataset.

use chrono::NaiveDate;
use tradesim_dataset::Shard;

use super::{Invalid, date, number::within, seed};

/// The largest number of seeds of a list.
const SEEDS_MAX: usize = 1_000_000;

/// Ranges of dates, each from its first to its last one. A date alone is a range of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DateRanges(pub(crate) Vec<(NaiveDate, NaiveDate)>);

/// Seeds. This is a type of its own because `clap` treats a `Vec` as a repeatable argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seeds(pub(crate) Vec<u64>);

/// Parses dates and ranges of dates with commas between them: `2026-02-02..2026-02-06,2026-02-18`.
pub(crate) fn date_ranges(text: &str) -> Result<DateRanges, Invalid> {
    const FORMS: Invalid = Invalid::expected(
        "dates such as 2026-02-18, ranges such as 2026-02-02..2026-02-27, or a list of both",
    );
    let range = |text: &str| {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let (first, last) = (date(first).map_err(|_| FORMS)?, date(last).map_err(|_| FORMS)?);
        if first <= last { Ok((first, last)) } else { Err(FORMS) }
    };
    text.split(',').map(range).collect::<Result<_, _>>().map(DateRanges)
}

/// Parses seeds and ranges of seeds with commas between them: `1..3,42`.
pub(crate) fn seeds(text: &str) -> Result<Seeds, Invalid> {
    const FORMS: Invalid =
        Invalid::expected("seeds such as 42, ranges such as 1..3, or a list of both, at most 1000000 in all");
    let mut seeds = Vec::new();
    for text in text.split(',') {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let (first, last) = (seed(first).map_err(|_| FORMS)?, seed(last).map_err(|_| FORMS)?);
        let count = last.checked_sub(first).ok_or(FORMS)?;
        if count >= (SEEDS_MAX - seeds.len()) as u64 {
            return Err(FORMS);
        }
        seeds.extend(first..=last);
    }
    Ok(Seeds(seeds))
}

/// Parses the number of parts of a day.
pub(crate) fn parts(text: &str) -> Result<u16, Invalid> {
    within(text, 1, 50, "a number of parts, 1 to 50, and at most the number of symbols")
}

/// Parses a worker and the number of workers.
pub(crate) fn shard(text: &str) -> Result<Shard, Invalid> {
    let forms =
        Invalid::expected("a worker from 0 and the number of workers, such as 0/16 for the first of 16");
    text.parse().map_err(|_| forms)
}

/// Parses a percentage; "5%" equals "5".
pub(crate) fn percent(text: &str) -> Result<f64, Invalid> {
    within(text.strip_suffix('%').unwrap_or(text), 0.0, 100.0, "a percentage from 0% to 100%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_lists_are_read() {
        let day = |text: &str| date(text).unwrap();
        assert_eq!(
            date_ranges("2026-02-02..2026-02-06,2026-02-18").unwrap().0,
            [(day("2026-02-02"), day("2026-02-06")), (day("2026-02-18"), day("2026-02-18"))]
        );
        assert_eq!(seeds("1..3,42").unwrap().0, [1, 2, 3, 42]);
        assert_eq!(percent("2.5%"), Ok(2.5));
        assert_eq!(shard("15/16").map(|shard| shard.to_string()), Ok("15/16".to_owned()));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "2026-02-18..", "..2026-02-18", "2026-02-18..2026-02-17", "2026-02-18,", "2026-2-1"]
        {
            assert!(date_ranges(text).is_err(), "{text}");
        }
        for text in ["", "3..1", "1,", "1..", "-1", "0..1000000", "0..18446744073709551615", "1..2..3"] {
            assert!(seeds(text).is_err(), "{text}");
        }
        for text in ["16/16", "1", "a/2"] {
            assert!(shard(text).is_err(), "{text}");
        }
        for text in ["", "101", "-1", "NaN", "%"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
