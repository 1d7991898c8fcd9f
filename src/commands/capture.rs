//! `capture`: stores any feed in an archive.
//!
//! Every message is appended to a journal next to the output at once, and at the end the journal is converted into the archive.
//! One thread reads and writes, so if the disk is slower than the feed, TCP flow control slows down the feed.

mod archiving;
mod receipt;
mod session;
mod state;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Serialize;
use signal_hook::consts::SIGTERM;
use tradesim_archive::{JournalWriter, NewFile};
use tradesim_client::Endpoint;

pub(super) use self::archiving::{JournalReport, archive};
use self::{
    receipt::ReceiveClock,
    session::{End, Session},
};
use crate::{
    cli::Capture,
    exit::{Failure, Outcome},
    feed,
    output::{self, grouped, say},
    signals::Stop,
    sink::check_name,
};

/// The suffix that is appended to the name of the output.
pub(super) const JOURNAL_SUFFIX: &str = ".journal";

/// The report of `capture`.
#[derive(Debug, Serialize)]
struct CaptureReport {
    #[serde(flatten)]
    archive: JournalReport,
    /// Time since the first connection.
    seconds: f64,
    connections: u64,
    /// The reason for the end.
    ended: String,
    /// The number of messages above the size limit, which are not in the archive, and the first of them.
    too_large_count: u64,
    too_large: Vec<TooLarge>,
    /// Heartbeats, which were answered or ignored and are not in the archive.
    heartbeats: u64,
    /// Differences from what the server announced.
    differences: Vec<String>,
}

/// A message above the size limit.
#[derive(Debug, Serialize)]
struct TooLarge {
    /// The number of messages in the archive before it.
    seq: u64,
    bytes: u64,
    blake3: String,
}

pub(crate) fn run(args: &Capture) -> anyhow::Result<Outcome> {
    let path = &args.output.output;
    check_name(path)?;
    let mut endpoint = args.url.clone();
    let from_seq = feed::from_seq(None, &mut endpoint)?;
    let dialogue = feed::dialogue(&args.feed)?;
    let stop = Stop::on_signals()?;
    // fail now rather than at the end
    drop(NewFile::create(path, args.output.force)?);
    let clock = ReceiveClock::start();
    let journal = JournalWriter::create(journal_of(path), &named(&endpoint), clock.started())?;
    say(format_args!("capturing {endpoint} into {}", path.display()));
    let mut session = Session::new(args, dialogue, endpoint, from_seq, stop, journal, clock);
    let end = session.follow();
    finish(args, session, end)
}

/// Returns the path of the journal of an output.
fn journal_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(JOURNAL_SUFFIX);
    PathBuf::from(name)
}

/// Returns the URL of the feed for the archive: without its query, which may contain a secret.
fn named(endpoint: &Endpoint) -> String {
    format!("ws://{}{}", endpoint.authority(), endpoint.path)
}

/// Describes the journal that is left when no archive could be written.
fn kept(journal: &JournalWriter, received: u64) -> String {
    let (path, whole) = (journal.path().display(), journal.messages_in_file());
    let messages = if received == 1 { "message" } else { "messages" };
    format!(
        "{} of {} received {messages} {} in {path}, and `tradesim recover {path}` converts them into an archive",
        grouped(whole),
        grouped(received),
        if whole == 1 { "is" } else { "are" },
    )
}

/// Writes the archive, prints the report, and returns the outcome.
fn finish(
    args: &Capture,
    session: Session<'_>,
    end: Result<End, tradesim_archive::Error>,
) -> anyhow::Result<Outcome> {
    let seconds = session.elapsed().as_secs_f64();
    let Session { mut journal, state, .. } = session;
    let end = end.and_then(|end| journal.sync().map(|()| end));
    let end = end.with_context(|| kept(&journal, state.resume().received()))?;
    let asked_for_more = args.count.is_some() || args.time.is_some();
    if state.resume().connections() == 0 {
        journal.remove()?;
        say(format_args!("nothing was received; no archive is written"));
        return outcome(end, true, asked_for_more);
    }
    let archive = archive(journal.path(), &args.output.output, args.output.force, args.threads, |_| Ok(()))
        .map_err(|error| match error.downcast_ref() {
        // the archive is complete
        Some(tradesim_archive::Error::FolderNotSynced { .. }) => {
            error.context(format!("{} is kept as well", journal.path().display()))
        }
        _ => error.context(kept(&journal, state.resume().received())),
    })?;
    journal.remove()?;
    let differences =
        state.resume().differences(archive.digest, args.url.has("symbols") || args.url.has("events"));
    for difference in &differences {
        say(format_args!("{difference}"));
    }
    let different = !differences.is_empty();
    let (too_large_count, too_large) = state.resume().too_large();
    let named = |message: &tradesim_client::TooLarge| TooLarge {
        seq: message.seq,
        bytes: message.bytes,
        blake3: message.hash.clone(),
    };
    let report = CaptureReport {
        archive,
        seconds,
        connections: state.resume().connections(),
        ended: end.describe(),
        too_large_count,
        too_large: too_large.iter().map(named).collect(),
        heartbeats: state.heartbeats(),
        differences,
    };
    report.archive.summarise("captured");
    say(format_args!(
        "{}, after {seconds:.3} s and {} connection{}",
        report.ended,
        grouped(report.connections),
        if report.connections == 1 { "" } else { "s" },
    ));
    if report.heartbeats > 0 {
        say(format_args!("{} heartbeats were left out", grouped(report.heartbeats)));
    }
    output::emit(args.json, &report, |out| out.line(&report.archive.digest.to_string()))?;
    match outcome(end, false, asked_for_more)? {
        Outcome::Done if different => Ok(Outcome::Difference),
        outcome => Ok(outcome),
    }
}

/// Returns the outcome of a capture. A signal is its normal end, unless nothing was received or more was asked for.
fn outcome(end: End, is_empty: bool, asked_for_more: bool) -> anyhow::Result<Outcome> {
    match end {
        End::Complete(_) | End::Enough => Ok(Outcome::Done),
        End::Signal(signal) if asked_for_more || is_empty && signal != SIGTERM => {
            Err(Failure::Interrupted { signal }.into())
        }
        End::Signal(_) => Ok(Outcome::Done),
        End::Failed(error) => Err(error),
    }
}
