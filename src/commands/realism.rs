//! `realism`: measures the statistics of markets against published ranges.

use std::{
    io::Write,
    sync::mpsc::{Receiver, sync_channel},
    thread,
};

use chrono::NaiveDate;
use serde::Serialize;
use tradesim_archive::{Archive, Batch, Cut, Error as ArchiveError, Filter, Metadata, NewFile};
use tradesim_realism::{Market, Report, Session, SymbolFacts};
use tradesim_schemas::Timestamp;
use tradesim_sim::session::{Closed, TradingDay, date_at};

use crate::{
    cli::{FilterArgs, Realism},
    exit::Outcome,
    filter,
    output::{self, say},
    progress::Progress,
    report::SCHEMA_VERSION,
    signals, source,
};

/// The number of batches that are decoded ahead of the measurement.
const BATCHES_AHEAD: usize = 8;

#[derive(Serialize)]
struct RealismReport {
    schema_version: u32,
    files: Vec<String>,
    #[serde(flatten)]
    report: Report,
}

pub(crate) fn run(args: &Realism) -> anyhow::Result<Outcome> {
    signals::end_at_once()?;
    let archives =
        args.files.iter().map(|path| source::open(path, args.reading)).collect::<anyhow::Result<Vec<_>>>()?;
    let page = args.report.as_ref().map(|path| NewFile::create(path, true)).transpose()?;
    let total = archives.iter().map(|archive| archive.metadata().counts().total()).sum();
    let mut progress = Progress::new("measuring", total);
    let mut market = Market::default();
    let mut messages = 0;
    for archive in &archives {
        measure(args, archive, &mut market, &mut |rows| {
            messages += rows;
            progress.at(messages, messages);
        })?;
    }
    progress.finish();
    let report = market.finish();
    if let Some(page) = page {
        page.handle()?
            .write_all(report.to_html(&title(args)).as_bytes())
            .map_err(|source| page.write_error(source))?;
        page.publish()?;
    }
    let files = args.files.iter().map(|path| path.display().to_string()).collect();
    let report = RealismReport { schema_version: SCHEMA_VERSION, files, report };
    output::emit(args.json, &report, |out| {
        report.report.to_text().lines().try_for_each(|line| out.line(line))
    })?;
    let failed = args.check && !report.report.is_inside();
    Ok(if failed { Outcome::Difference } else { Outcome::Done })
}

/// Returns the names of the files for the page.
fn title(args: &Realism) -> String {
    let names: Vec<String> = args.files.iter().map(|path| path.display().to_string()).collect();
    match names.as_slice() {
        [first, .., last] if names.len() > 3 => format!("{first} to {last}"),
        names => names.join(", "),
    }
}

/// Adds the days of an archive to a market.
fn measure(
    args: &Realism,
    archive: &Archive,
    market: &mut Market,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<()> {
    let metadata = archive.metadata();
    let filters = FilterArgs { symbols: args.symbols.clone(), ..FilterArgs::default() };
    let filter = filter::of_archive(&filters, metadata)?;
    market.count_file();
    facts(metadata).for_each(|facts| market.describe(&facts));
    let Some(covered) = source::range(metadata) else {
        say(format_args!("warning: {} is empty", archive.path().display()));
        return Ok(());
    };
    let covered = narrowed(covered, &metadata.provenance().cuts);
    // decoding and measuring take about as long
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(BATCHES_AHEAD);
        let batches = filtered(archive, filter);
        scope.spawn(move || {
            for batch in batches {
                if sender.send(batch).is_err() {
                    break;
                }
            }
        });
        push(receiver, covered, market, progress)
    })
}

fn filtered(archive: &Archive, filter: Filter) -> impl Iterator<Item = Result<Batch, ArchiveError>> + Send {
    archive.filtered(filter)
}

fn push(
    batches: Receiver<Result<Batch, ArchiveError>>,
    covered: (Timestamp, Timestamp),
    market: &mut Market,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<()> {
    let mut day_end = Timestamp::MIN;
    let begin = |market: &mut Market, at: Timestamp| {
        let day = Day::of(at);
        market.begin_day(Session::covered(day.open, day.close, covered.0, covered.1));
        day.end
    };
    for batch in batches {
        let batch = batch?;
        for row in batch.rows() {
            let at = row.timestamp();
            // no date follows that of the last timestamp
            if at >= day_end && day_end != Timestamp::MAX {
                day_end = begin(market, at);
            }
            if let Some(event) = row.event() {
                market.push(at, event);
            }
        }
        progress(batch.len() as u64);
    }
    market.end_day();
    Ok(())
}

/// The core session of a date in New York, and the end of the date.
struct Day {
    open: Timestamp,
    close: Timestamp,
    end: Timestamp,
}

impl Day {
    /// Returns the day of an instant. A date without trading has a regular session, as a market of another kind may have.
    fn of(at: Timestamp) -> Day {
        // the first timestamp is a date before the first year in New York, whose session is not an instant
        let first = NaiveDate::from_ymd_opt(1, 1, 1).expect("1 January exists");
        let date = date_at(at).max(first);
        let day = TradingDay::new(date, Closed::Allow).unwrap_or_else(|_| TradingDay::regular(date));
        Day { open: day.core_open(), close: day.core_close(), end: day.midnight_after() }
    }
}

/// Narrows a time range to that of cuts: a cut by time may keep no event near its ends.
fn narrowed((first, last): (Timestamp, Timestamp), cuts: &[Cut]) -> (Timestamp, Timestamp) {
    let from = cuts.iter().filter_map(|cut| cut.from).max();
    let to = cuts.iter().filter_map(|cut| cut.to).min();
    (from.unwrap_or(first), to.unwrap_or(last))
}

/// Returns what the symbol tables of an archive state.
fn facts(metadata: &Metadata) -> impl Iterator<Item = SymbolFacts> {
    metadata.provenance().origins.iter().flat_map(|origin| &origin.symbols).map(|entry| SymbolFacts {
        symbol: entry.symbol,
        sector: Some(entry.sector.clone()).filter(|sector| !sector.is_empty()),
        tick: Some(entry.tick_size),
        volatility: Some(entry.volatility),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_new_york() {
        let at = |text: &str| Timestamp::parse(text.as_bytes()).unwrap();
        let day = Day::of(at("2026-02-18T14:30:00Z"));
        assert_eq!((day.open, day.close), (at("2026-02-18T14:30:00Z"), at("2026-02-18T21:00:00Z")));
        assert_eq!(day.end, at("2026-02-19T05:00:00Z"));
        // an early close, a Saturday, and a date that the calendar does not cover
        assert_eq!(Day::of(at("2026-11-27T12:00:00Z")).close, at("2026-11-27T18:00:00Z"));
        assert_eq!(Day::of(at("2026-02-21T12:00:00Z")).open, at("2026-02-21T14:30:00Z"));
        assert_eq!(Day::of(at("2019-07-01T12:00:00Z")).open, at("2019-07-01T13:30:00Z"));
        // zero values of other programs, and the last date
        assert_eq!(Day::of(Timestamp::MIN).end, Day::of(at("0001-01-01T12:00:00Z")).end);
        assert_eq!(Day::of(Timestamp::MAX).end, Timestamp::MAX);
        // the clocks change on this day, which has 25 hours
        let day = Day::of(at("2026-11-01T12:00:00Z"));
        assert_eq!(day.end, at("2026-11-02T05:00:00Z"));
    }

    #[test]
    fn a_cut_by_time_narrows_what_is_covered() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
        let cut = |from, to| Cut { from, to, ..Cut::default() };
        assert_eq!(narrowed((at(5), at(50)), &[]), (at(5), at(50)));
        let cuts = [cut(Some(at(2)), None), cut(Some(at(4)), Some(at(60)))];
        assert_eq!(narrowed((at(5), at(50)), &cuts), (at(4), at(60)));
    }
}
