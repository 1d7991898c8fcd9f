//! `serve --record`: records the sent messages in an archive.
//!
//! A separate thread simulates the stream a second time and follows the player. So it records only messages that were sent, and
//! the player never waits for the disk.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context, anyhow};
use tradesim_archive::{ArchiveWriter, Cut, Summary, WriterOptions};
use tradesim_replay::Report;
use tradesim_schemas::{Record, StreamSeq};
use tradesim_sim::Simulation;
use tradesim_sources::{LiveRecords, LiveSource};

use crate::{market, serving::Steering};

/// The interval at which the recorder checks what was sent.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// An archive that is created before the stream starts, so that the command fails at once if that is impossible.
#[derive(Debug)]
pub(super) struct NewRecording {
    path: PathBuf,
    writer: ArchiveWriter,
}

impl NewRecording {
    /// Starts an archive of this day.
    ///
    /// # Errors
    /// Fails if the output exists and `overwrite` is false, and if it cannot be created.
    pub(super) fn create(path: &Path, overwrite: bool, day: &Simulation) -> anyhow::Result<NewRecording> {
        let options = WriterOptions { overwrite, ..WriterOptions::default() };
        let writer = ArchiveWriter::create(path, market::provenance(day), options)?;
        Ok(NewRecording { path: path.to_owned(), writer })
    }

    /// Starts recording a stream from its first message on.
    ///
    /// # Errors
    /// Fails if the thread cannot be started.
    pub(super) fn start(self, source: &Arc<LiveSource>, steering: Steering) -> anyhow::Result<Recorder> {
        let NewRecording { path, writer } = self;
        let records = source.records(StreamSeq(0))?;
        let (end, ended) = mpsc::channel();
        let writing =
            Writing { writer, records, pending: Vec::new(), written: StreamSeq(0), cut: source.cut() };
        let thread = thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                let outcome = writing.run(&steering, &ended);
                if outcome.is_err() {
                    steering.stop();
                }
                outcome
            })
            .context("cannot start the recorder")?;
        Ok(Recorder { path, end, thread })
    }
}

/// A running recorder.
#[derive(Debug)]
pub(super) struct Recorder {
    path: PathBuf,
    end: Sender<End>,
    thread: JoinHandle<anyhow::Result<Option<Summary>>>,
}

/// The end of a stream.
#[derive(Clone, Copy, Debug)]
struct End {
    messages: u64,
    /// True if the whole day was sent.
    complete: bool,
}

impl Recorder {
    /// Finishes the archive with the messages that were sent according to the report. Without a report, nothing is left.
    ///
    /// # Errors
    /// Returns any earlier error of the recorder.
    pub(super) fn finish(self, report: Option<&Report>) -> anyhow::Result<Option<Summary>> {
        let Recorder { path, end, thread } = self;
        if let Some(report) = report {
            // fails if the thread has failed, whose error is returned below
            let _ = end.send(End { messages: report.status.sent, complete: report.complete });
        }
        drop(end);
        thread.join().map_err(|_| anyhow!("the recorder of {} panicked", path.display()))?
    }
}

/// The state of the thread that writes.
struct Writing {
    writer: ArchiveWriter,
    records: LiveRecords,
    /// Records that are simulated but not sent yet.
    pending: Vec<Record>,
    written: StreamSeq,
    cut: Option<Cut>,
}

impl Writing {
    fn run(mut self, steering: &Steering, ended: &Receiver<End>) -> anyhow::Result<Option<Summary>> {
        loop {
            match ended.recv_timeout(LOOK_EVERY) {
                Ok(end) => return self.finish(end).map(Some),
                Err(RecvTimeoutError::Timeout) => self.write_to(steering.next_seq())?,
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
            }
        }
    }

    /// Writes the messages before `seq`, all of which were sent.
    fn write_to(&mut self, seq: StreamSeq) -> anyhow::Result<()> {
        while self.written < seq {
            if self.pending.is_empty() {
                let window = self.records.next_window()?;
                self.pending = window.context("more messages were sent than the stream contains")?.records;
            }
            let left = usize::try_from(seq - self.written).unwrap_or(usize::MAX);
            let rest = self.pending.split_off(left.min(self.pending.len()));
            let sent = std::mem::replace(&mut self.pending, rest);
            self.written += sent.len() as u64;
            self.writer.write_records(sent)?;
        }
        Ok(())
    }

    fn finish(mut self, end: End) -> anyhow::Result<Summary> {
        self.write_to(StreamSeq(end.messages))?;
        let cut = match (self.cut, end.complete) {
            (cut, true) => cut,
            (cut, false) => Some(Cut { limit: Some(end.messages), ..cut.unwrap_or_default() }),
        };
        if let Some(cut) = cut {
            self.writer.add_cut(cut);
        }
        Ok(self.writer.finish()?)
    }
}
