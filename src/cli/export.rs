//! Arguments of `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{FilterArgs, OutputArgs, ReadingArgs};

/// Convert an archive to .jsonl, .csv, .avro or plain .parquet (.jsonl.zst and .csv.zst are compressed)
#[derive(Debug, Args)]
#[command(after_help = "\
`-o -` with --format jsonl or csv writes the messages to standard output while they are read.

In the export of a capture, `envelope_timestamp` is the emission time that the message states, or empty if it does not \
state one. In .csv, .parquet and .avro, `received` is the receive time, and `opcode` is 1 for text and 2 for binary. The \
export fails on a captured message that the format cannot express, unless --skip-raw skips it: .jsonl cannot express \
what is not JSON in UTF-8; .csv and .avro cannot express what is not one of the three event types. JSON that spans \
several lines is written on one line.")]
pub(crate) struct Export {
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Format of standard output (with -o -)
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<StreamFormat>,
    /// In .csv, put an apostrophe before each text that a spreadsheet would interpret as a formula: one that begins with =,
    /// +, -, @, a tab or a carriage return
    #[arg(long)]
    pub(crate) csv_safe: bool,
    /// Type of prices in .csv and .parquet
    #[arg(long, value_enum, default_value_t = ExportPrices::Decimal)]
    pub(crate) prices: ExportPrices,
    /// Skip captured messages that the format cannot express, instead of failing
    #[arg(long)]
    pub(crate) skip_raw: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// A format that can be streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StreamFormat {
    /// One message per line
    Jsonl,
    /// A table with a header line
    Csv,
}

/// The type of exported prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportPrices {
    /// Exact decimals with four digits after the point
    Decimal,
    /// Floating-point numbers, which pandas processes faster
    Float64,
}
