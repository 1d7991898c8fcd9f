//! Arguments of `load`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{KafkaArgs, PrefixArgs, RegistryArgs};

/// Run repeatable load, soak and burst tests with pass and fail thresholds
#[derive(Debug, Args)]
pub(crate) struct Load {
    #[command(subcommand)]
    pub(crate) command: LoadCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LoadCommand {
    Run(LoadRun),
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

fn report_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "json") => Ok(path),
        _ => Err("expected a file name that ends in .html or .json".to_owned()),
    }
}
