//! Arguments of the commands that read archives.

use std::path::PathBuf;

use clap::Args;
use tradesim_dialects::Dialect;

use super::{FilterArgs, OutputArgs, ReadingArgs, ThreadArgs};
use crate::parse;

/// Describe an archive
#[derive(Debug, Args)]
pub(crate) struct Info {
    pub(crate) file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the labels of the planned events of an archive
#[derive(Debug, Args)]
#[command(after_help = "\
Planned events are added by `--scenario` of `record`, `serve` and `dataset record`. A label states the kind, the symbol, the phases with their times and the parameters \
of an event: the ground truth for whatever detects such events. A cut has the labels that it touches.")]
pub(crate) struct Labels {
    pub(crate) file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the messages, one per line, exactly as `replay` sends them
#[derive(Debug, Args)]
pub(crate) struct Cat {
    pub(crate) file: PathBuf,
    /// Print raw bytes even on a terminal, where control characters are otherwise shown as \\u001b
    #[arg(long)]
    pub(crate) raw: bool,
    /// Print the messages that a client of this vendor's dialect receives when it subscribes to everything: massive, alpaca or
    /// finnhub
    #[arg(long, value_name = "NAME", value_parser = parse::dialect)]
    pub(crate) dialect: Option<&'static Dialect>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Check the structure, the digests and the market rules of an archive
#[derive(Debug, Args)]
pub(crate) struct Verify {
    pub(crate) file: PathBuf,
    /// Also check that the content has this digest, or the digest of this archive
    #[arg(long, value_name = "DIGEST|FILE")]
    pub(crate) against: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Show the first difference between two archives, field by field
#[derive(Debug, Args)]
pub(crate) struct Diff {
    pub(crate) a: PathBuf,
    pub(crate) b: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Cut an archive: keep the messages that pass the filters, with their sequence numbers
#[derive(Debug, Args)]
pub(crate) struct Filter {
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Merge archives by time and sequence number, and renumber the messages
#[derive(Debug, Args)]
pub(crate) struct Merge {
    #[arg(required = true, num_args = 1.., value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Write a new archive with the faults of a plan added, and list them in it
#[derive(Debug, Args)]
#[command(after_help = "\
The new archive contains what `replay --faults` sends for the same plan: messages are missing, duplicated, swapped or \
malformed. The messages are renumbered. `info --json` lists each fault with its sequence number in the new archive and \
the reason code with which a reader refuses it. Faults of the connection (disconnect, stall, drip) and messages of more \
than 16 MiB (oversize) exist only in `replay --faults`.")]
pub(crate) struct Plant {
    pub(crate) file: PathBuf,
    /// The fault plan (TOML)
    #[arg(long, value_name = "PLAN")]
    pub(crate) faults: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Print one JSON object with the list of all faults instead of the digest
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}
