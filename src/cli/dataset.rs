//! Arguments of `dataset`.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use tradesim_dataset::Shard;

use super::{BurstArgs, MarketArgs, PlannedArgs, ThreadArgs};
use crate::parse::{self, DateRanges, Seeds};

/// Record many days and seeds in parts, on any number of machines, and prove them together
#[derive(Debug, Args)]
pub(crate) struct Dataset {
    #[command(subcommand)]
    pub(crate) command: DatasetCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DatasetCommand {
    Record(DatasetRecord),
    Seal(DatasetSeal),
    Verify(DatasetVerify),
    Digest(DatasetDigest),
}

/// Record the parts of a dataset, or a worker's share of them
///
/// The options are those of `record`; --symbols takes only a number. A part has some of the symbols of one day, and its worker
/// simulates only these.
#[derive(Debug, Args)]
#[command(after_help = "\
The folder gets date=DATE/seed=SEED/part-003-of-016.parquet, and in _tradesim the recipe and a record of each complete part. \
Any number of workers may fill it at the same time, each with its own --shard of the same number, on any machines that share \
the folder. Names and content follow from the options alone: a part that is there is skipped, and a worker that was killed is \
started again. Run `tradesim dataset seal` at the end.

A folder with other options is refused (exit code 73).")]
pub(crate) struct DatasetRecord {
    /// The folder of the dataset; it is created
    pub(crate) root: PathBuf,
    /// Trading dates: 2026-02-18, 2026-02-02..2026-02-27 or a list; dates without trading are skipped in ranges
    #[arg(long, value_name = "DATES", value_parser = parse::date_ranges)]
    pub(crate) dates: DateRanges,
    /// Seeds: 42, 1..3 or a list
    #[arg(long, value_name = "SEEDS", value_parser = parse::seeds, allow_negative_numbers = true)]
    pub(crate) seeds: Seeds,
    /// Number of parts of a day
    #[arg(long, value_name = "P", default_value_t = 1, value_parser = parse::parts, allow_negative_numbers = true)]
    pub(crate) parts: u16,
    /// Only the share of worker I, from 0, of N workers
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE, value_parser = parse::shard, allow_hyphen_values = true)]
    pub(crate) shard: Shard,
    /// Print a JSON object for each part, and one at the end, each on its own line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) threads: ThreadArgs,
    #[command(flatten)]
    pub(crate) market: MarketArgs,
    #[command(flatten)]
    pub(crate) bursts: BurstArgs,
    #[command(flatten)]
    pub(crate) planned: PlannedArgs,
}

/// Check that a dataset is complete, write its manifest, and print its digest
///
/// The manifest is written last: a dataset without one is unfinished. The files are compared by what they state of themselves;
/// `tradesim dataset verify` reads their messages.
#[derive(Debug, Args)]
#[command(after_help = "\
The digest of a dataset covers the digest of every symbol of every day. It does not depend on the number of parts or workers.

Exit code 3 if a part is missing, or a file is of another dataset or another part; 65 if the end of a file is damaged. Then there \
is no manifest.")]
pub(crate) struct DatasetSeal {
    /// The folder of the dataset
    pub(crate) root: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Read the parts of a dataset, and check bytes, digests, market rules and the manifest
#[derive(Debug, Args)]
pub(crate) struct DatasetVerify {
    /// The folder of the dataset
    pub(crate) root: PathBuf,
    /// Only the share of worker I, from 0, of N workers
    #[arg(long, value_name = "I/N", default_value_t = Shard::WHOLE, value_parser = parse::shard, allow_hyphen_values = true)]
    pub(crate) shard: Shard,
    /// Simulate this share of the parts again, evenly spread, and compare
    #[arg(long, value_name = "N%", default_value = "0%", value_parser = parse::percent)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) recompute: f64,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Compute the content digest of a whole day from its parts
///
/// It is the digest that `record` prints for the same day, and that `merge` of the parts has.
#[derive(Debug, Args)]
#[command(after_help = "\
Several workers compute it together: each writes the hash of its share of the day with --shard and -o, and --combine makes the \
digest of all of them.")]
pub(crate) struct DatasetDigest {
    /// The folder of the dataset
    pub(crate) root: PathBuf,
    /// Trading date
    #[arg(long, value_name = "DATE", value_parser = parse::date, required_unless_present = "combine")]
    pub(crate) date: Option<NaiveDate>,
    /// Seed
    #[arg(long, value_name = "N", value_parser = parse::seed, allow_negative_numbers = true)]
    #[arg(required_unless_present = "combine")]
    pub(crate) seed: Option<u64>,
    /// Only the share of worker I, from 0, of N workers
    #[arg(long, value_name = "I/N", value_parser = parse::shard, requires = "output", allow_hyphen_values = true)]
    pub(crate) shard: Option<Shard>,
    /// Write the hash of the share into this file
    #[arg(short, long, value_name = "PIECES", requires = "shard", value_parser = parse::output_file())]
    pub(crate) output: Option<PathBuf>,
    /// Combine the files of all workers; --date and --seed then state the day that they must be of
    #[arg(long, value_name = "PIECES", num_args = 1.., conflicts_with_all = ["shard", "output"])]
    pub(crate) combine: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
