//! Arguments of `replay`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use tradesim_replay::Speed;

use super::{FilterArgs, ReadingArgs, ServerArgs};
use crate::parse;

/// Serve archives over WebSocket, in real time, faster, slower, or as fast as clients can read
#[derive(Debug, Args)]
#[command(after_help = "\
Several files are played one after the other. --limit counts the messages of all files together; an exchange time refers \
to the date of each file.

Playback starts when the first client connects. The replay ends when everything is delivered, unless --stay is given.")]
pub(crate) struct Replay {
    /// The archives to serve
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Speed of playback: 1x, 50x, 0.5x or max
    #[arg(long, value_name = "SPEED", default_value = "1x")]
    pub(crate) speed: Speed,
    /// Shorten longer pauses between messages to this much recorded time
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    pub(crate) max_gap: Option<Duration>,
    /// Play everything N times, or forever if N is missing
    #[arg(long = "loop", value_name = "N", value_parser = parse::rounds)]
    #[arg(num_args = 0..=1, require_equals = true)]
    pub(crate) rounds: Option<Option<u64>>,
    /// Timestamps in the messages
    #[arg(long, value_enum, default_value_t = TimestampsMode::Recorded)]
    pub(crate) timestamps: TimestampsMode,
    /// Times by which the messages of a capture are scheduled [default: received]
    #[arg(long, value_enum)]
    pub(crate) pace: Option<PaceMode>,
    /// Add the faults of this plan (TOML), such as missing, duplicated and malformed messages or broken connections
    #[arg(long, value_name = "PLAN")]
    pub(crate) faults: Option<PathBuf>,
    /// Answer WebSocket clients on any path with the messages as they were captured, and ignore what they send: for the
    /// client of any feed. The paths of dialects are then off, unless --dialects names some
    #[arg(long)]
    pub(crate) pass_through: bool,
    /// As --pass-through, and answer what clients send as this script (TOML) says, for example a subscription that must be
    /// acknowledged before the first message
    #[arg(long, value_name = "SCRIPT")]
    pub(crate) client_script: Option<PathBuf>,
    /// Keep serving after the end, for clients that connect later
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

/// The times by which messages are scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PaceMode {
    /// The receive times
    Received,
    /// The emission times in the messages; a message without one keeps its distance, in receive time, from the message
    /// before it
    Recorded,
}

/// The timestamps in the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TimestampsMode {
    /// As recorded
    Recorded,
    /// All shifted by the same number of whole minutes, so that the recording starts now
    Shifted,
}
