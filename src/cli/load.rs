//! Arguments of `load`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{KafkaArgs, PrefixArgs, RegistryArgs};

/// Load, soak and burst tests as recordings, with a verdict
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

/// Drive a target by a scenario, measure, and judge
#[derive(Debug, Args)]
#[command(after_help = "\
The scenario says what is sent, how fast, to whom, what goes wrong meanwhile, and what must come of it (docs/LOAD.md).
Messages are due on a schedule, whatever the target does, and latency counts from that instant. Exits with 99 when a
threshold does not hold, and with 3 when the recording is not the one that the scenario names.

Server, clients and bridge run in this process, which is what rss_growth and rss_max measure.")]
pub(crate) struct LoadRun {
    /// A scenario's file, or the name of one that `tradesim load list` lists
    #[arg(value_name = "FILE.toml")]
    pub(crate) scenario: PathBuf,
    /// Run the scenario's short form; the report says so
    #[arg(long)]
    pub(crate) short: bool,
    /// Write a report: a page for a browser (.html) or an object (.json); may be given more than once, and is written every
    /// few seconds while the load runs
    #[arg(long, value_name = "FILE", value_parser = report_file)]
    pub(crate) report: Vec<PathBuf>,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(crate) json: bool,
    /// Bring up stand-ins for brokers and registry in this process instead of using a cluster
    #[arg(long, conflicts_with_all = ["bootstrap_servers", "schema_registry_url"])]
    pub(crate) embedded: bool,
    /// Register our schemas where they are not registered yet
    #[arg(long)]
    pub(crate) register_schemas: bool,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// List the scenarios that come with tradesim
#[derive(Debug, Args)]
pub(crate) struct LoadList {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print a scenario that comes with tradesim, as a file to begin with
#[derive(Debug, Args)]
pub(crate) struct LoadShow {
    /// One that `tradesim load list` lists
    pub(crate) name: String,
}

fn report_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "json") => Ok(path),
        _ => Err("expected a name that ends in .html or .json".to_owned()),
    }
}
