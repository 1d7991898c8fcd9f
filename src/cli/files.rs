//! Arguments of the commands that read archives.

use std::path::PathBuf;

use clap::Args;

use super::{FilterArgs, OutputArgs, ReadingArgs, ThreadArgs};

/// Describe an archive
#[derive(Debug, Args)]
pub(crate) struct Info {
    pub(crate) file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print the messages, one a line, exactly as a replay sends them
#[derive(Debug, Args)]
pub(crate) struct Cat {
    pub(crate) file: PathBuf,
    /// Write the messages' bytes on a terminal as well, where control characters are otherwise shown as \\u001b
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Check an archive's structure, its digests and the rules of the market
#[derive(Debug, Args)]
pub(crate) struct Verify {
    pub(crate) file: PathBuf,
    /// Also check that the content is that of this digest or archive
    #[arg(long, value_name = "DIGEST|FILE")]
    pub(crate) against: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Name the first difference of two archives, field by field
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

/// Cut an archive: keep the messages that pass, with their numbers
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

/// Join archives in the order of time and number, and number the messages anew
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

/// Plant the faults of a plan into a new archive, which lists them
#[derive(Debug, Args)]
#[command(after_help = "\
The new archive holds what `replay --faults` sends for the same plan: messages that are missing,
there twice, swapped or malformed. They are numbered anew, and `info --json` lists each fault with
its number in the new archive and the reason for which a reader refuses it. Faults of the line
(disconnect, stall, drip) and messages above 16 MiB (oversize) are left to `replay --faults`.")]
pub(crate) struct Plant {
    pub(crate) file: PathBuf,
    /// The plan (TOML)
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
