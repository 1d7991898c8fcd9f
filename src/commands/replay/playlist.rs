//! From files and filters to what is played.

use tradesim_schemas::Timestamp;

use crate::{
    cli::{FilterArgs, PaceMode, Replay, TimestampsMode},
    filter::Filter,
    output::say,
    report, source,
    streams::{ArchiveSource, Pace, Playlist, Rounds, Timestamps},
};

/// Opens the files. `now` is the instant to which shifted times are moved.
///
/// # Errors
/// A file that is no archive; a filter that no archive can have.
pub(super) fn open(args: &Replay, now: Timestamp) -> anyhow::Result<Playlist> {
    let mut parts = Vec::new();
    let mut limit = args.filter.cut.limit;
    let (mut was_said, mut is_capture) = (false, false);
    for file in &args.files {
        let archive = source::open(file, args.reading)?;
        let filter = filter(&args.filter, limit, &archive)?;
        // of several captures it is said once
        if !was_said && filter.goes_by_stated_times() {
            report::say_times_of_cut(&filter);
            was_said = true;
        }
        is_capture |= archive.metadata().provenance().has_received_pace();
        let part = ArchiveSource::new(archive, filter, Timestamps::Recorded);
        let part = match args.pace {
            None => part,
            Some(PaceMode::Received) => part.with_pace(Pace::Received),
            Some(PaceMode::Recorded) => part.with_pace(Pace::Recorded),
        };
        // the last file needs no count
        if let Some(left) = &mut limit
            && parts.len() + 1 < args.files.len()
        {
            *left -= part.count()?;
        }
        parts.push(part);
    }
    if is_capture && args.pace == Some(PaceMode::Recorded) {
        say(format_args!(
            "pace: the times that captured messages state; a message that states none follows the one before it as it was \
             received"
        ));
    }
    let rounds = match args.rounds {
        None => Rounds::Times(1),
        Some(Some(times)) => Rounds::Times(times),
        Some(None) => Rounds::Endless,
    };
    let timestamps = timestamps(args.timestamps, &parts, now)?;
    let parts = parts.into_iter().map(|part| part.with_timestamps(timestamps)).collect();
    Ok(Playlist::new(parts, rounds, timestamps))
}

/// The filter of one file, of which no more than `limit` messages are left to play.
fn filter(
    args: &FilterArgs,
    limit: Option<u64>,
    archive: &tradesim_archive::Archive,
) -> anyhow::Result<Filter> {
    let mut args = args.clone();
    args.cut.limit = limit;
    Ok(Filter::of_archive(&args, archive.metadata())?)
}

/// One offset for everything that is played, so that the first message of all falls into the present minute.
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
