//! Arguments that several commands share. Filters have the same meaning in all of them.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;
use tradesim_schemas::{EventType, Symbol, TimeSpec};

use crate::parse;

/// Filters for the messages of an archive.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct FilterArgs {
    /// Only these symbols, for example AAPL,MSFT
    #[arg(long, value_name = "SYMBOLS", value_parser = symbol_names)]
    pub(crate) symbols: Option<SymbolNames>,
    #[command(flatten)]
    pub(crate) cut: CutArgs,
}

/// The filters besides `--symbols`, which `record` parses differently.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct CutArgs {
    /// Only these event types: a list of trade, orderbook and marketdata
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) events: Vec<EventType>,
    /// Only messages at or after this time: exchange time, such as 09:30 or 09:30:15.250, or RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<TimeSpec>,
    /// Only messages before this time
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<TimeSpec>,
    /// Stop after this many messages, counted after all other filters
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) limit: Option<u64>,
}

/// Names of symbols. This is a type of its own because `clap` treats a `Vec` as a repeatable argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SymbolNames(pub(crate) Vec<Symbol>);

pub(super) fn symbol_names(text: &str) -> Result<SymbolNames, parse::Invalid> {
    parse::symbol_list(text).map(SymbolNames)
}

/// Arguments of commands that write a file.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputArgs {
    /// The file to write; it is created only when it is complete
    #[arg(short, long, value_name = "FILE", value_parser = parse::output_file())]
    pub(crate) output: PathBuf,
    /// Overwrite an existing file
    #[arg(long)]
    pub(crate) force: bool,
}

/// Arguments of commands that read archives.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ReadingArgs {
    /// Read the archive without memory-mapping it
    #[arg(long)]
    pub(crate) no_mmap: bool,
}

/// Number of threads.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ThreadArgs {
    /// Number of threads; does not change the result [default: all cores]
    #[arg(long, value_name = "N", value_parser = parse::threads, allow_negative_numbers = true)]
    pub(crate) threads: Option<NonZeroUsize>,
}
