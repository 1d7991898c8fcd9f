//! Arguments of `control`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use tradesim_replay::Speed;

use crate::{
    endpoint::{self, Endpoint},
    parse,
};

/// Steer a running replay
#[derive(Debug, Args)]
#[command(after_help = "\
Prints where the player stands after the change. A server can be steered from its own machine
only, unless it was started with --control token: the token is then taken from --token-file or
from the environment variable TRADESIM_CONTROL_TOKEN.")]
pub(crate) struct Control {
    /// The server, as ws://127.0.0.1:8765 (without a scheme the port may be left out: 8765)
    #[arg(value_name = "URL", value_parser = endpoint::plain)]
    pub(crate) url: Endpoint,
    /// Print the server's status as one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long the server may take to answer; a seek in a filtered archive reads up to the place
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s", value_parser = super::tail::timeout)]
    pub(crate) timeout: Duration,
    /// Read the token of the server from this file [environment: TRADESIM_CONTROL_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) action: ControlAction,
}

/// What is asked for.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ControlAction {
    /// Stop the clock
    Pause,
    /// Let the clock run; also starts a replay that waits for clients
    Resume,
    /// Play one message, or N, and pause
    Step {
        #[arg(value_name = "N", default_value_t = 1, value_parser = step, allow_negative_numbers = true)]
        messages: u64,
    },
    /// Jump to a message, or to the first one at or behind a time
    Seek {
        /// A seq, as 12345, or a time: exchange time, as 10:00, or RFC 3339
        #[arg(value_name = "PLACE", value_parser = place, allow_negative_numbers = true)]
        place: Place,
    },
    /// Change the speed
    Speed {
        /// As 1x, 50x, 0.5x or max
        #[arg(value_name = "SPEED")]
        speed: Speed,
    },
    /// Show where the player stands, and its clients
    Status,
    /// End the replay as a signal would
    Stop,
}

/// Where to jump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// To the message of this number.
    Seq(u64),
    /// To the first message at or behind this time, as it was typed.
    Time(String),
}

fn step(text: &str) -> Result<u64, parse::Invalid> {
    parse::limit(text)
        .ok()
        .filter(|messages| *messages > 0)
        .ok_or(parse::Invalid::expected("a whole number of messages, 1 or more"))
}

fn place(text: &str) -> Result<Place, parse::Invalid> {
    const FORMS: parse::Invalid =
        parse::Invalid::expected("a seq as 12345, or a time as 10:00, 09:30:15.250 or 2026-02-18T14:30:00Z");
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map(Place::Seq).map_err(|_| FORMS)
    } else {
        parse::time(text).map(|_| Place::Time(text.to_owned())).map_err(|_| FORMS)
    }
}
