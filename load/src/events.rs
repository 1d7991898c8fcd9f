//! The events of a scenario.

use std::{
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{error::Error, measure::Measures, progress::Progress, scenario::Event, target::EndPoints};

/// The number of bytes that are shown of the output of a failed command.
const SHOWN_BYTES: usize = 400;

/// An event that has happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Happened {
    /// Time since the first message.
    pub at_seconds: f64,
    /// The name of the event.
    pub what: String,
    /// The duration of a command; null while it runs.
    pub took_seconds: Option<f64>,
}

/// The events of a scenario, in the order of their times.
#[derive(Debug)]
pub(crate) struct Events {
    coming: Vec<Event>,
    /// The zero of the clock.
    zero: Instant,
    happened: Vec<Happened>,
    running: usize,
    ended: Receiver<(usize, f64, Result<(), String>)>,
    sender: Sender<(usize, f64, Result<(), String>)>,
}

impl Events {
    pub(crate) fn new(events: &[Event], zero: Instant) -> Events {
        let mut coming = events.to_vec();
        // in reverse order, so that the next one is last
        coming.sort_by_key(|event| std::cmp::Reverse(event.at));
        let (sender, ended) = mpsc::channel();
        Events { coming, zero, happened: Vec::new(), running: 0, ended, sender }
    }

    /// Starts the events that are due. `began` and `now` are on the clock of the measurements.
    ///
    /// # Errors
    /// Fails if a command failed, with its output.
    pub(crate) fn advance(
        &mut self,
        (began, now): (Duration, Duration),
        measures: &Measures,
        end_points: &EndPoints,
        observer: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        while let Some(event) = self.coming.pop_if(|event| began + event.at <= now) {
            let what = event.name();
            observer(Progress::Event { at: event.at, name: &what });
            measures.lock().event(now);
            let at_seconds = now.saturating_sub(began).as_secs_f64();
            self.happened.push(Happened { at_seconds, what, took_seconds: None });
            if let Some(time) = event.stall_clients {
                end_points.stall(time);
            }
            if let Some(command) = event.run {
                self.start(command)?;
            }
        }
        while let Ok((index, seconds, result)) = self.ended.try_recv() {
            self.running -= 1;
            let happened = &mut self.happened[index];
            happened.took_seconds = Some(seconds);
            if let Err(cause) = result {
                return Err(Error::Event { event: happened.what.clone(), cause });
            }
        }
        Ok(())
    }

    /// Returns whether all events have happened and all commands have ended.
    pub(crate) fn are_over(&self) -> bool {
        self.coming.is_empty() && self.running == 0
    }

    pub(crate) fn happened(&self) -> &[Happened] {
        &self.happened
    }

    /// Runs a command on a thread of its own: the load does not wait for it.
    fn start(&mut self, command: String) -> Result<(), Error> {
        let (index, sender, zero) = (self.happened.len() - 1, self.sender.clone(), self.zero);
        self.running += 1;
        let job = move || {
            let started = zero.elapsed();
            let result = run(&command);
            // fails if the load has ended meanwhile
            let _ = sender.send((index, (zero.elapsed() - started).as_secs_f64(), result));
        };
        thread::Builder::new().name("load-event".to_owned()).spawn(job).map_err(Error::Thread)?;
        Ok(())
    }
}

fn run(command: &str) -> Result<(), String> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start sh: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stderr = stderr.trim();
    let start = stderr.char_indices().rev().map(|(at, _)| at).take(SHOWN_BYTES).last().unwrap_or(0);
    Err(format!("{}: {}", output.status, &stderr[start..]))
}

#[cfg(test)]
mod tests {
    use super::run;

    #[test]
    fn a_failed_command_is_reported_with_its_output() {
        assert_eq!(run("true"), Ok(()));
        assert_eq!(run("echo no broker 2 >&2; exit 4"), Err("exit status: 4: no broker 2".to_owned()));
    }
}
