//! Arguments of `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{FilterArgs, OutputArgs, ReadingArgs};

/// Convert an archive to .jsonl, .csv, .avro or plain .parquet (.jsonl.zst and .csv.zst are compressed)
#[derive(Debug, Args)]
pub(crate) struct Export {
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// How prices are written to .csv and .parquet
    #[arg(long, value_enum, default_value_t = ExportPrices::Decimal)]
    pub(crate) prices: ExportPrices,
    /// Leave out captured messages that the format cannot express, instead of failing
    #[arg(long)]
    pub(crate) skip_raw: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// The type of exported prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportPrices {
    /// Exact decimals with four digits after the point
    Decimal,
    /// Floating-point numbers, which pandas handles faster
    Float64,
}
