//! Converts a journal into an archive, and reports the result.

use std::path::Path;

use serde::{Serialize, Serializer};
use tradesim_archive::{Archived, WriterOptions, archive_journal};
use tradesim_schemas::{ContentDigest, RecordSeq};

use crate::{
    cli::ThreadArgs,
    output::{grouped, say},
    progress::Progress,
    report::ArchiveReport,
    sink,
};

/// The report of a converted journal.
#[derive(Debug, Serialize)]
pub(crate) struct JournalReport {
    #[serde(flatten)]
    archive: ArchiveReport,
    /// The same digest as in `archive`.
    #[serde(skip)]
    pub(crate) digest: ContentDigest,
    /// Bytes at the end of the journal that are not a complete message.
    pub(crate) torn_bytes: u64,
    /// The maximum number of messages in these bytes.
    torn_messages_max: u64,
    /// The number of gaps, and the first of them.
    gap_count: u64,
    gaps: Vec<Gap>,
}

/// A place where messages may be missing.
#[derive(Debug, Serialize)]
struct Gap {
    /// The sequence number of the message after the gap.
    seq: RecordSeq,
    #[serde(serialize_with = "as_text")]
    at: tradesim_schemas::Timestamp,
    reason: String,
}

fn as_text<S: Serializer>(at: &tradesim_schemas::Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// Converts a journal into an archive. Calls `check` periodically, which can stop the work with an error.
///
/// # Errors
/// Returns errors of reading, of writing and of `check`.
pub(crate) fn archive(
    journal: &Path,
    output: &Path,
    overwrite: bool,
    threads: ThreadArgs,
    check: impl Fn(u64) -> anyhow::Result<()>,
) -> anyhow::Result<JournalReport> {
    let options =
        WriterOptions { overwrite, threads: sink::thread_count(threads), ..WriterOptions::default() };
    let length = std::fs::metadata(journal).map_or(0, |metadata| metadata.len());
    let mut progress = Progress::new("archiving", length);
    let archived = archive_journal(journal, output, options, |bytes, messages| {
        if messages % 1_024 == 0 {
            progress.at(bytes, messages);
            check(messages)?;
        }
        Ok::<(), anyhow::Error>(())
    })?;
    progress.finish();
    Ok(JournalReport::new(output, archived))
}

impl JournalReport {
    fn new(output: &Path, archived: Archived) -> JournalReport {
        let Archived { summary, truncated_tail: torn, gaps, gap_count } = archived;
        let gap = |gap: tradesim_archive::Gap| Gap { seq: gap.seq, at: gap.at, reason: gap.reason };
        JournalReport {
            archive: ArchiveReport::new(output, &summary.metadata, summary.bytes),
            digest: summary.digest,
            torn_bytes: torn.bytes,
            torn_messages_max: torn.messages_max,
            gap_count,
            gaps: gaps.into_iter().map(gap).collect(),
        }
    }

    /// Prints a summary on standard error. `done` is the verb.
    pub(crate) fn summarise(&self, done: &str) {
        let ArchiveReport { events, file, bytes, digest, .. } = &self.archive;
        say(format_args!(
            "{done} {} messages (trade {}, orderbook {}, marketdata {}, raw {})",
            grouped(events.total()),
            grouped(events.trade),
            grouped(events.orderbook),
            grouped(events.marketdata),
            grouped(events.raw)
        ));
        if self.torn_bytes > 0 {
            say(format_args!(
                "truncated: the last {} bytes of the journal are not a complete message; they contained at most {} messages",
                grouped(self.torn_bytes),
                grouped(self.torn_messages_max)
            ));
        }
        if self.gap_count > 0 {
            let seqs: Vec<String> = self.gaps.iter().take(10).map(|gap| gap.seq.to_string()).collect();
            let more = if self.gap_count > seqs.len() as u64 { ", …" } else { "" };
            say(format_args!(
                "gaps: {}; messages may be missing before seq {}{more}",
                grouped(self.gap_count),
                seqs.join(", ")
            ));
        }
        say(format_args!("file {file}: {}", crate::commands::info::size(*bytes, events.total())));
        say(format_args!("digest {digest}"));
    }
}
