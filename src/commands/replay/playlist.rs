//! Builds the playlist from files and filters.

use std::path::PathBuf;

use tradesim_archive::{Archive, Filter};
use tradesim_schemas::Timestamp;
use tradesim_sources::{ArchiveSource, Pace, Playlist, Rounds, Timestamps};

use crate::{
    cli::{FilterArgs, PaceMode, ReadingArgs, TimestampsMode},
    dialects::{Listings, add_listings},
    filter,
    output::say,
    report, source,
};

/// The files of a playlist, and how they are played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) files: &'a [PathBuf],
    pub(crate) filter: &'a FilterArgs,
    pub(crate) reading: ReadingArgs,
    pub(crate) pace: Option<PaceMode>,
    /// The number of rounds; `Some(None)` for no limit.
    pub(crate) rounds: Option<Option<u64>>,
    pub(crate) timestamps: TimestampsMode,
}

/// Opens the files, and returns the listings of their symbols. `now` is the start of shifted timestamps.
///
/// # Errors
/// Fails on a file that is not an archive, and on a filter that does not fit an archive.
pub(crate) fn open(args: &Wanted<'_>, now: Timestamp) -> anyhow::Result<(Playlist, Listings)> {
    let mut parts = Vec::new();
    let mut listings = Listings::new();
    let mut limit = args.filter.cut.limit;
    let (mut was_said, mut is_capture) = (false, false);
    for file in args.files {
        let archive = source::open(file, args.reading)?;
        let filter = filter_of_file(args.filter, limit, &archive)?;
        // printed once, even for several captures
        if !was_said && filter.goes_by_stated_times() {
            report::explain_cut_times(&filter);
            was_said = true;
        }
        add_listings(archive.metadata(), &mut listings);
        is_capture |= archive.metadata().provenance().has_received_pace();
        let part = ArchiveSource::new(archive, filter, Timestamps::Recorded);
        let part = match args.pace {
            None => part,
            Some(PaceMode::Received) => part.with_pace(Pace::Received),
            Some(PaceMode::Recorded) => part.with_pace(Pace::Recorded),
        };
        // the limit after the last file is not needed
        if let Some(left) = &mut limit
            && parts.len() + 1 < args.files.len()
        {
            *left -= part.count()?;
        }
        parts.push(part);
    }
    if is_capture && args.pace == Some(PaceMode::Recorded) {
        say(format_args!(
            "pace: the emission times in captured messages; a message without one keeps its distance, in receive time, from the \
             message before it"
        ));
    }
    let rounds = match args.rounds {
        None => Rounds::Times(1),
        Some(Some(times)) => Rounds::Times(times),
        Some(None) => Rounds::Endless,
    };
    let timestamps = timestamps(args.timestamps, &parts, now)?;
    let parts = parts.into_iter().map(|part| part.with_timestamps(timestamps)).collect();
    Ok((Playlist::new(parts, rounds, timestamps), listings))
}

/// Returns the filter of one file, with the rest of the limit of all files.
fn filter_of_file(args: &FilterArgs, limit: Option<u64>, archive: &Archive) -> anyhow::Result<Filter> {
    let mut args = args.clone();
    args.cut.limit = limit;
    Ok(filter::of_archive(&args, archive.metadata())?)
}

/// Returns one offset for all files, which moves the first message into the current minute.
fn timestamps(mode: TimestampsMode, parts: &[ArchiveSource], now: Timestamp) -> anyhow::Result<Timestamps> {
    if mode == TimestampsMode::Recorded {
        return Ok(Timestamps::Recorded);
    }
    for part in parts {
        if let Some(first) = part.first()? {
            return Ok(Timestamps::shifted_to(now, first));
        }
    }
    Ok(Timestamps::Shifted { minutes: 0 })
}
