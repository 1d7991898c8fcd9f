//! Arguments of `load`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tradesim_load::Tolerance;

use super::{KafkaArgs, PrefixArgs, RegistryArgs};
use crate::parse;

/// Run repeatable load, soak and burst tests with pass and fail thresholds
#[derive(Debug, Args)]
pub(crate) struct Load {
    #[command(subcommand)]
    pub(crate) command: LoadCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LoadCommand {
    Run(LoadRun),
    Compare(LoadCompare),
    List(LoadList),
    Show(LoadShow),
}

/// Run a scenario, measure the target, and check the thresholds
#[derive(Debug, Args)]
#[command(after_help = "\
A scenario defines what is sent, how fast, to which target, which events and faults happen meanwhile, and which thresholds \
must hold (docs/LOAD.md). Messages are due on a fixed schedule, whether or not the target keeps up, and latency is measured \
from the instant at which a message is due. Exits with 99 if a threshold fails, and with 3 if the recording is not the one \
that the scenario specifies.

The server, the clients and the bridge run in this process, and rss_growth and rss_max measure its memory.")]
pub(crate) struct LoadRun {
    /// A scenario file, or the name of a bundled scenario (see `tradesim load list`)
    #[arg(value_name = "FILE.toml")]
    pub(crate) scenario: PathBuf,
    /// Run the short form of the scenario; the report is marked as such
    #[arg(long)]
    pub(crate) short: bool,
    /// Write a report as a web page (.html) or as a JSON object (.json), updated every few seconds during the run; may be
    /// given more than once
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    pub(crate) report: Vec<PathBuf>,
    /// Show the run as a web page while it lasts, on a free port of 127.0.0.1; its URL is printed to standard error
    #[arg(long)]
    pub(crate) watch: bool,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(crate) json: bool,
    /// Use embedded brokers and an embedded schema registry instead of a cluster
    #[arg(long, conflicts_with_all = ["bootstrap_servers", "schema_registry_url"])]
    pub(crate) embedded: bool,
    /// Register the Avro schemas that are not registered yet
    #[arg(long)]
    pub(crate) register_schemas: bool,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// Compare reports of load tests with a baseline, and find regressions
#[derive(Debug, Args)]
#[command(after_help = "\
Reports are written by `tradesim load run --report FILE.json`. A metric is a regression if it is worse than in the baseline by more \
than the tolerance. Latency that grows by at most 0.1 ms, and percentiles with fewer than 10 messages above them, are not judged. \
Metrics that vary from run to run, such as latency.max and backlog_max, are judged only if they have a tolerance of their own. A \
threshold that fails and held in the baseline, a metric that is not measured any more, and a run that did not end are regressions \
too. Exits with 3 if there is a regression.")]
pub(crate) struct LoadCompare {
    /// The report of the baseline (.json)
    #[arg(value_name = "BASELINE.json")]
    pub(crate) baseline: PathBuf,
    /// The reports that are compared with it, at most 7
    #[arg(value_name = "REPORT.json", required = true)]
    pub(crate) reports: Vec<PathBuf>,
    /// Tolerate a metric that is worse by this share, for example `15%`, `latency.p99=25%` or `throughput=off`; may be given
    /// more than once [default: 10%]
    #[arg(long, value_name = "[METRIC=]PERCENT", value_parser = tolerance)]
    pub(crate) tolerance: Vec<Tolerance>,
    /// Write the comparison as a web page (.html) or as a JSON object (.json); may be given more than once
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    pub(crate) report: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// List the bundled scenarios
#[derive(Debug, Args)]
pub(crate) struct LoadList {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print a bundled scenario, as a starting point for a new one
#[derive(Debug, Args)]
pub(crate) struct LoadShow {
    /// Name of the scenario (see `tradesim load list`)
    pub(crate) name: String,
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    text.parse().map_err(|error: tradesim_load::ParseToleranceError| error.to_string())
}

fn report_file(text: &str) -> Result<PathBuf, String> {
    let path = parse::local(PathBuf::from(text)).map_err(|error| error.to_string())?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "json") => Ok(path),
        _ => Err("expected a file name that ends in .html or .json".to_owned()),
    }
}
