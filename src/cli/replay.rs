//! Arguments of `replay`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use tradesim_replay::Speed;

use super::{FilterArgs, ReadingArgs, ServerArgs};
use crate::parse;

/// Serve archives over WebSocket, at their own pace, faster, slower or as fast as clients take them
#[derive(Debug, Args)]
#[command(after_help = "\
Several files play one after the other. --limit counts over all of them, exchange times are those of each file's date.
Time starts with the first client, and the replay ends when everything was delivered, unless --stay.")]
pub(crate) struct Replay {
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How fast: 1x, 50x, 0.5x or max
    #[arg(long, value_name = "SPEED", default_value = "1x")]
    pub(crate) speed: Speed,
    /// Shorten stretches without a message to this much recorded time
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) max_gap: Option<Duration>,
    /// Play everything N times, or for ever
    #[arg(long = "loop", value_name = "N", value_parser = parse::rounds)]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(crate) rounds: Option<Option<u64>>,
    /// Which times the messages carry
    #[arg(long, value_enum, default_value_t = TimestampsMode::Recorded)]
    pub(crate) timestamps: TimestampsMode,
    /// By which times captured messages are played [default: received, where the archive is a capture]
    #[arg(long, value_enum)]
    pub(crate) pace: Option<PaceMode>,
    /// Plant the faults of this plan (TOML): missing, repeated and malformed messages, broken connections and more
    #[arg(long, value_name = "PLAN")]
    pub(crate) faults: Option<PathBuf>,
    /// Stay when everything was delivered, for clients that come later
    #[arg(long)]
    pub(crate) stay: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// By which times messages are played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PaceMode {
    /// Those that they were received at
    Received,
    /// Those that they state; a message that states none follows the one before it as it was received
    Recorded,
}

/// Which times messages carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimestampsMode {
    /// Those of the recording
    Recorded,
    /// All moved by the same whole minutes, so that the recording begins now
    Shifted,
}
