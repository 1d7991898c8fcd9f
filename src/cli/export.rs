//! Arguments of `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{FilterArgs, OutputArgs, ReadingArgs};

/// Convert an archive to .jsonl, .csv, .avro or plain .parquet (.jsonl.zst and .csv.zst are compressed)
#[derive(Debug, Args)]
#[command(after_help = "\
-o - with --format jsonl or csv prints the messages to the standard output while they are read.

Of a capture, `envelope_timestamp` is the time that a message states (empty where it states none that can
be read); .csv, .parquet and .avro have when it was received, and whether as text (1) or binary (2), in
`received` and `opcode`. A captured message that a format cannot express makes the export fail, unless
--skip-raw leaves it out: in .jsonl what is not JSON in UTF-8, in .csv and .avro what is not one of the
three event types. JSON over several lines becomes one line.")]
pub(crate) struct Export {
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// The format of the standard output (-o -)
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<StreamFormat>,
    /// Write an apostrophe before each text of .csv that a spreadsheet would take for a formula: those that begin with =, +,
    /// -, @, a tab or a carriage return
    #[arg(long)]
    pub(crate) csv_safe: bool,
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

/// A format that can be read while it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StreamFormat {
    /// A message a line
    Jsonl,
    /// A table with a header line
    Csv,
}

/// The type of exported prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportPrices {
    /// Exact decimals with four digits after the point
    Decimal,
    /// Floating-point numbers, which pandas handles faster
    Float64,
}
