//! `capture`: any feed into an archive.
//!
//! What is received goes into a journal beside the output at once, and at the end the journal becomes the archive. One
//! thread reads and writes, so that a disk that is slower than the feed makes TCP hold the feed back.

mod archiving;
mod course;
mod receipt;
mod session;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Serialize;
use signal_hook::consts::SIGTERM;
use tradesim_archive::{JournalWriter, NewFile};

pub(super) use self::archiving::{Report, archive};
use self::{
    receipt::ReceiveClock,
    session::{End, Session},
};
use crate::{
    cli::Capture,
    client,
    endpoint::Endpoint,
    exit::{Failure, Outcome},
    output::{self, grouped, say},
    signals::Stop,
    sink::check_name,
};

/// What is behind the name of an output in that of its journal.
pub(super) const JOURNAL_SUFFIX: &str = ".journal";

/// The report.
#[derive(Debug, Serialize)]
struct CaptureReport {
    #[serde(flatten)]
    archive: Report,
    /// Since the first connection.
    seconds: f64,
    connections: u64,
    /// How it ended, in words.
    ended: String,
    /// Messages above the limit, which are not in the archive, and the first of them.
    too_large_count: u64,
    too_large: Vec<TooLarge>,
    /// Messages that were answered or ignored, and are not in the archive.
    heartbeats: u64,
    /// What does not fit together.
    differences: Vec<String>,
}

/// A message above the limit.
#[derive(Debug, Serialize)]
struct TooLarge {
    /// Messages in the archive before it.
    seq: u64,
    bytes: u64,
    blake3: String,
}

pub(crate) fn run(args: &Capture) -> anyhow::Result<Outcome> {
    let path = &args.output.output;
    check_name(path)?;
    let mut endpoint = args.url.clone();
    let from_seq = client::from_seq(None, &mut endpoint)?;
    let dialogue = client::dialogue(&args.feed)?;
    let stop = Stop::on_signals()?;
    // what could not be made in the end is refused at once
    drop(NewFile::create(path, args.output.force)?);
    let clock = ReceiveClock::start();
    let journal = JournalWriter::create(journal_of(path), &named(&endpoint), clock.started())?;
    say(format_args!("capturing {endpoint} into {}", path.display()));
    let mut session = Session::new(args, dialogue, endpoint, from_seq, stop, journal, clock);
    let end = session.follow();
    finish(args, session, end)
}

/// The journal of an output.
fn journal_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(JOURNAL_SUFFIX);
    PathBuf::from(name)
}

/// The feed as the archive names it: without its query, which may hold a secret.
fn named(endpoint: &Endpoint) -> String {
    format!("ws://{}{}", endpoint.authority(), endpoint.path)
}

/// What is left, and what helps, where no archive could be made. `received` counts the messages that came.
fn kept(journal: &JournalWriter, received: u64) -> String {
    let (path, whole) = (journal.path().display(), journal.messages_in_file());
    let messages = if received == 1 { "message" } else { "messages" };
    format!(
        "{} of {} received {messages} {} in {path}, and `tradesim recover {path}` makes their archive",
        grouped(whole),
        grouped(received),
        if whole == 1 { "is" } else { "are" },
    )
}

/// Makes the archive of what was received, reports, and turns the end into the outcome.
fn finish(
    args: &Capture,
    session: Session<'_>,
    end: Result<End, tradesim_archive::Error>,
) -> anyhow::Result<Outcome> {
    let seconds = session.elapsed().as_secs_f64();
    let Session { mut journal, course, .. } = session;
    let end = end.and_then(|end| journal.sync().map(|()| end));
    let end = end.with_context(|| kept(&journal, course.received()))?;
    let asked_for_more = args.count.is_some() || args.time.is_some();
    if course.connections() == 0 {
        journal.remove()?;
        say(format_args!("nothing was received, and no archive is made"));
        return outcome(end, true, asked_for_more);
    }
    let archive = archive(journal.path(), &args.output.output, args.output.force, args.threads, |_| Ok(()))
        .map_err(|error| match error.downcast_ref() {
        // there is an archive, of everything
        Some(tradesim_archive::Error::FolderNotSynced { .. }) => {
            error.context(format!("{} is kept as well", journal.path().display()))
        }
        _ => error.context(kept(&journal, course.received())),
    })?;
    journal.remove()?;
    let differences = course.differences(archive.digest, args.url.has("symbols") || args.url.has("events"));
    for difference in &differences {
        say(format_args!("{difference}"));
    }
    let different = !differences.is_empty();
    let (too_large_count, too_large) = course.too_large();
    let named = |message: &client::TooLarge| TooLarge {
        seq: message.seq,
        bytes: message.bytes,
        blake3: message.hash.clone(),
    };
    let report = CaptureReport {
        archive,
        seconds,
        connections: course.connections(),
        ended: end.in_words(),
        too_large_count,
        too_large: too_large.iter().map(named).collect(),
        heartbeats: course.heartbeats(),
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
    if args.json {
        output::print_json(&report)?;
    } else {
        output::print_line(format_args!("{}", report.archive.digest))?;
    }
    match outcome(end, false, asked_for_more)? {
        Outcome::Done if different => Ok(Outcome::Difference),
        outcome => Ok(outcome),
    }
}

/// A capture has no end of its own, so that a signal ends it in order, unless there is nothing to show for it or more
/// was asked for.
fn outcome(end: End, in_vain: bool, asked_for_more: bool) -> anyhow::Result<Outcome> {
    match end {
        End::Complete(_) | End::Enough => Ok(Outcome::Done),
        End::Signal(signal) if asked_for_more || in_vain && signal != SIGTERM => {
            Err(Failure::Interrupted { signal }.into())
        }
        End::Signal(_) => Ok(Outcome::Done),
        End::Failed(error) => Err(error),
    }
}
