//! `serve --record`: what was sent, as an archive.
//!
//! The stream is simulated a second time, by a thread that follows the player: it writes no message that was not sent, and
//! the player never waits for a disk.

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
use tradesim_schemas::Record;
use tradesim_sim::Simulation;

use crate::{
    market,
    serving::Steering,
    streams::{LiveSource, Records},
};

/// How often it is looked what was sent.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// An archive that is made before the stream begins, so that one which cannot be made ends the command at once.
#[derive(Debug)]
pub(super) struct NewRecording {
    path: PathBuf,
    writer: ArchiveWriter,
}

impl NewRecording {
    /// Begins an archive of this day.
    ///
    /// # Errors
    /// The output exists and may not be replaced, or cannot be made.
    pub(super) fn create(path: &Path, overwrite: bool, day: &Simulation) -> anyhow::Result<NewRecording> {
        let options = WriterOptions { overwrite, ..WriterOptions::default() };
        let writer = ArchiveWriter::create(path, market::provenance(day), options)?;
        Ok(NewRecording { path: path.to_owned(), writer })
    }

    /// Records a stream while it is played, from its first message on.
    ///
    /// # Errors
    /// No thread can be had.
    pub(super) fn start(self, source: &Arc<LiveSource>, steering: Steering) -> anyhow::Result<Recorder> {
        let NewRecording { path, writer } = self;
        let records = source.records(0)?;
        let (end, ended) = mpsc::channel();
        let writing = Writing { writer, records, pending: Vec::new(), written: 0, cut: source.cut() };
        let thread = thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || {
                let outcome = writing.run(&steering, &ended);
                if outcome.is_err() {
                    steering.stop();
                }
                outcome
            })
            .context("the recorder cannot be started")?;
        Ok(Recorder { path, end, thread })
    }
}

/// A recording in the making.
#[derive(Debug)]
pub(super) struct Recorder {
    path: PathBuf,
    end: Sender<End>,
    thread: JoinHandle<anyhow::Result<Option<Summary>>>,
}

/// What a stream came to.
#[derive(Clone, Copy, Debug)]
struct End {
    messages: u64,
    /// Whether the day was sent to its end.
    complete: bool,
}

impl Recorder {
    /// Publishes the archive of what was sent by this report; without one nothing is left.
    ///
    /// # Errors
    /// What writing met, whenever it was.
    pub(super) fn finish(self, report: Option<&Report>) -> anyhow::Result<Option<Summary>> {
        let Recorder { path, end, thread } = self;
        if let Some(report) = report {
            // one that failed has gone and says why below
            let _ = end.send(End { messages: report.status.sent, complete: report.complete });
        }
        drop(end);
        thread.join().map_err(|_| anyhow!("the recorder of {} panicked", path.display()))?
    }
}

/// The thread that writes.
struct Writing {
    writer: ArchiveWriter,
    records: Records,
    /// Simulated and not sent yet.
    pending: Vec<Record>,
    written: u64,
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
    fn write_to(&mut self, seq: u64) -> anyhow::Result<()> {
        while self.written < seq {
            if self.pending.is_empty() {
                let window = self.records.next_window()?;
                self.pending = window.context("more was sent than there is")?.records;
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
        self.write_to(end.messages)?;
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
