//! Progress of playback: one line on a terminal, otherwise a periodic log line.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::{task::JoinHandle, time};
use tracing::info;
use tradesim_replay::{Handle, Status};

use crate::output::grouped;

/// The interval of log lines where there is no terminal.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// The interval of updates on a terminal.
const LINE_INTERVAL: Duration = Duration::from_millis(250);

/// Shows the progress until it is finished.
#[derive(Debug)]
pub(super) struct Watch {
    line: ProgressBar,
    task: JoinHandle<()>,
}

impl Watch {
    /// Starts showing progress. Needs a tokio runtime.
    pub(super) fn start(what: &'static str, handle: Handle) -> Watch {
        let on_terminal = io::stderr().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(None, target);
        line.set_style(ProgressStyle::with_template("{msg}").expect("the template is valid"));
        let shown = line.clone();
        let task = tokio::spawn(async move {
            let mut ticks = time::interval(if on_terminal { LINE_INTERVAL } else { LOG_INTERVAL });
            // the first tick is immediate, when nothing has happened yet
            ticks.tick().await;
            loop {
                ticks.tick().await;
                let status = handle.status();
                if on_terminal {
                    shown.set_message(one_line(&status));
                } else {
                    let Status { seq, speed_achieved, clients, .. } = &status;
                    let state = status.state.as_str();
                    info!(state, seq = seq.get(), speed_achieved, clients = clients.len(), "{what}");
                }
            }
        });
        Watch { line, task }
    }

    /// Removes the line.
    pub(super) fn finish(self) {
        self.task.abort();
        self.line.finish_and_clear();
    }
}

fn one_line(status: &Status) -> String {
    let Status { state, seq, messages, time, speed, clients, .. } = status;
    let of = messages.map(|messages| format!(" of {}", grouped(messages))).unwrap_or_default();
    let at = time.as_deref().unwrap_or("the end");
    let clients = match clients.len() {
        1 => "1 client".to_owned(),
        count => format!("{count} clients"),
    };
    format!("{} at {at}, {speed}: message {}{of}, {clients}", state.as_str(), grouped(seq.get()))
}
