//! Arguments that several commands share. Filters mean the same everywhere.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::Args;
use tradesim_schemas::{EventType, Symbol};

use crate::parse::{self, TimeSpec};

/// Which messages of an archive.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct FilterArgs {
    /// Only these symbols, as AAPL,MSFT
    #[arg(long, value_name = "SYMBOLS", value_parser = symbol_names)]
    pub(crate) symbols: Option<SymbolNames>,
    #[command(flatten)]
    pub(crate) cut: CutArgs,
}

/// The filters besides `--symbols`, which `record` reads in its own way.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct CutArgs {
    /// Only these types, as trade,orderbook (of trade, orderbook, marketdata)
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) events: Vec<EventType>,
    /// Only from this time on: exchange time, as 09:30 or 09:30:15.250, or RFC 3339
    #[arg(long, value_name = "TIME", value_parser = parse::time)]
    pub(crate) from: Option<TimeSpec>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = parse::time)]
    pub(crate) to: Option<TimeSpec>,
    /// At most this many messages, counted behind all other filters
    #[arg(long, value_name = "N", value_parser = parse::limit, allow_negative_numbers = true)]
    pub(crate) limit: Option<u64>,
}

/// Names of symbols; a type of its own, because `clap` gives a bare `Vec` another meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SymbolNames(pub(crate) Vec<Symbol>);

pub(super) fn symbol_names(text: &str) -> Result<SymbolNames, parse::Invalid> {
    parse::symbol_list(text).map(SymbolNames)
}

/// Where a file goes.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputArgs {
    /// The file to make; it appears when it is whole
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Overwrite a file that exists
    #[arg(long)]
    pub(crate) force: bool,
}

/// How archives are read.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ReadingArgs {
    /// Read the archive with plain reads instead of mapping it
    #[arg(long)]
    pub(crate) no_mmap: bool,
}

/// How many threads work.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct ThreadArgs {
    /// Threads to use; they change the speed and nothing else [default: all cores]
    #[arg(long, value_name = "N", value_parser = parse::threads, allow_negative_numbers = true)]
    pub(crate) threads: Option<NonZeroUsize>,
}
