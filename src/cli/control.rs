//! Arguments of `control`.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Subcommand};
use tradesim_replay::{ParsePositionError, Position, Speed};

use tradesim_client::Endpoint;

use crate::parse;

/// Control a running server
#[derive(Debug, Args)]
#[command(after_help = "\
Prints the position of the player after the command. A server accepts commands from its own machine only, unless it was \
started with --control token. The token is then read from --token-file or from the environment variable \
TRADESIM_CONTROL_TOKEN.")]
pub(crate) struct Control {
    /// URL of the server, for example ws://127.0.0.1:8765; without a scheme, HOST or HOST:PORT (default port: 8765)
    #[arg(value_name = "URL", value_parser = Endpoint::plain)]
    pub(crate) url: Endpoint,
    /// Print the server's status as one JSON object
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Timeout for the server's response; a seek in a filtered archive takes longer, because it reads up to its target
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s", value_parser = super::tail::timeout)]
    pub(crate) timeout: Duration,
    /// Read the token of the server from this file [environment: TRADESIM_CONTROL_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) action: ControlAction,
}

/// A command for the server.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ControlAction {
    /// Stop the clock
    Pause,
    /// Start the clock again; also starts a replay that waits for clients
    Resume,
    /// Play N messages, one by default, and pause
    Step {
        #[arg(value_name = "N", default_value_t = 1, value_parser = step, allow_negative_numbers = true)]
        messages: u64,
    },
    /// Jump to a message, or to the first message at or after a time
    Seek {
        /// A sequence number, such as 12345, or a time: exchange time, such as 10:00, or RFC 3339
        #[arg(value_name = "PLACE", allow_negative_numbers = true)]
        place: Position,
    },
    /// Repeat the messages from one place up to another, until a seek leads elsewhere
    #[command(
        after_help = "`tradesim control URL loop off` ends the repetition; playback continues where it is."
    )]
    Loop {
        /// The first message, as for `seek`; or `off`
        #[arg(value_name = "FROM", allow_negative_numbers = true)]
        from: LoopStart,
        /// The message after the last one; the number of messages stands for the end
        #[arg(value_name = "TO", allow_negative_numbers = true)]
        to: Option<Position>,
    },
    /// Change the speed
    Speed {
        /// The speed: 1x, 50x, 0.5x or max
        #[arg(value_name = "SPEED")]
        speed: Speed,
    },
    /// Show the position of the player, and its clients
    Status,
    /// Stop the server, like SIGTERM
    Stop,
}

/// The first argument of `loop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoopStart {
    /// Nothing is repeated any more.
    Off,
    /// The first message that is repeated.
    At(Position),
}

impl FromStr for LoopStart {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<LoopStart, ParsePositionError> {
        if text == "off" { Ok(LoopStart::Off) } else { text.parse().map(LoopStart::At) }
    }
}

fn step(text: &str) -> Result<u64, parse::Invalid> {
    parse::limit(text)
        .ok()
        .filter(|messages| *messages > 0)
        .ok_or(parse::Invalid::expected("a whole number of messages, 1 or more"))
}
