//! Arguments of `view`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use tradesim_replay::Speed;

use super::{FilterArgs, ReadingArgs};
use crate::parse;

/// Show archives in a browser: a timeline, the market, and the controls of a replay
#[derive(Debug, Args)]
#[command(after_help = "\
Prints the URL of the page on standard output, and serves it until it is stopped. Playback starts paused. Only programs on \
this machine can connect; `tradesim replay` has the options for everything else, and the same page.")]
pub(crate) struct View {
    /// The archives to show, one after the other
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Speed of playback at the start: 1x, 50x, 0.5x or max
    #[arg(long, value_name = "SPEED", default_value = "1x")]
    pub(crate) speed: Speed,
    /// Shorten longer pauses between messages to this much recorded time
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) max_gap: Option<Duration>,
    /// Port to listen on; 0 picks a free port
    #[arg(long, value_name = "PORT", value_parser = parse::port, default_value = "0")]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}
