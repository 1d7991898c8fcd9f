//! The command line, as `clap` parses it. [`crate::commands`] implements the commands.

mod bridge;
mod capture;
mod cluster;
mod common;
mod control;
mod dataset;
mod demo;
mod dev;
mod dlq;
mod export;
mod feed;
mod files;
mod flags;
mod kafka;
mod load;
mod publish;
mod realism;
mod record;
mod replay;
mod schemas;
mod serve;
mod server;
mod tail;
mod topics;
mod verify_topic;
mod view;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use tracing::Level;

pub(crate) use bridge::{Bridge, BridgeTuning, DeliveryMode};
pub(crate) use capture::{Capture, Recover};
pub(crate) use cluster::{Cluster, ClusterCommand, ClusterVerify};
pub(crate) use common::{CutArgs, FilterArgs, OutputArgs, ReadingArgs, ThreadArgs};
pub(crate) use control::{Control, ControlAction, LoopStart};
pub(crate) use dataset::{Dataset, DatasetCommand, DatasetDigest, DatasetRecord, DatasetSeal, DatasetVerify};
pub(crate) use demo::Demo;
pub(crate) use dev::{Dev, DevBrokerArgs, DevCommand, DevRegistryArgs};
pub(crate) use dlq::{Dlq, DlqCommand, DlqRetry, DlqShow, DlqTopic};
pub(crate) use export::{Export, ExportPrices, StreamFormat};
pub(crate) use feed::{FeedArgs, HeaderArgs};
pub(crate) use files::{Cat, Diff, Filter, Info, Labels, Merge, Plant, Verify};
pub(crate) use flags::flags;
pub(crate) use kafka::{AnswerArgs, KafkaArgs, PrefixArgs, RegistryArgs};
pub(crate) use load::{Load, LoadCommand, LoadCompare, LoadList, LoadRun, LoadShow};
pub(crate) use publish::Publish;
pub(crate) use realism::Realism;
pub(crate) use record::{BurstArgs, MarketArgs, PlannedArgs, Record};
pub(crate) use replay::{PaceMode, Replay, TimestampsMode};
pub(crate) use schemas::{Schemas, SchemasCheck, SchemasCommand, SchemasDdl, SchemasRegister};
pub(crate) use serve::Serve;
pub(crate) use server::{AtEndMode, ControlMode, OnSlowMode, ServerArgs};
pub(crate) use tail::Tail;
pub(crate) use topics::{TopicNames, Topics, TopicsCommand, TopicsPlan, TopicsTail};
pub(crate) use verify_topic::{DatasetAuditArgs, VerifyTopic};
pub(crate) use view::View;

use crate::{settings, telemetry::LogFormat};

/// Record, replay and verify market data streams, reproducibly.
#[derive(Debug, Parser)]
#[command(name = "tradesim", version, max_term_width = 110)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "\
`tradesim help COMMAND` prints the same text as `tradesim COMMAND --help`.

Exit codes: 0 done, 1 failed while running, 2 usage, 3 a difference, a loss or a broken market rule was found, \
65 bad data, 69 a peer cannot be reached, 73 the output exists or cannot be created, 78 bad configuration, \
99 a threshold of a load test failed, 129, 130 and 143 stopped by a signal.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Settings")]
pub(crate) struct GlobalArgs {
    /// Read settings from this file instead of `.env` in the working folder; every line must be NAME=value
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "no_env")]
    pub(crate) env_file: Option<PathBuf>,
    /// Ignore TRADE_GEN_* and KAFKA_BRIDGE_* variables and the `.env` file
    #[arg(long, global = true)]
    pub(crate) no_env: bool,
    /// Log level: TRACE, DEBUG, INFO, WARN or ERROR [setting: LOG_LEVEL, default: INFO]
    #[arg(long, global = true, value_name = "LEVEL", value_parser = settings::log_level)]
    pub(crate) log_level: Option<Level>,
    /// Log format: json or text [setting: LOG_FORMAT, default: json for commands that use Kafka; for all others, text
    /// on a terminal and json elsewhere]
    #[arg(long, global = true, value_name = "FORMAT", value_parser = settings::log_format)]
    pub(crate) log_format: Option<LogFormat>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Record(Record),
    Info(Info),
    Labels(Labels),
    Cat(Cat),
    Verify(Verify),
    Realism(Realism),
    Diff(Diff),
    Filter(Filter),
    Merge(Merge),
    Plant(Plant),
    Export(Export),
    Dataset(Dataset),
    Replay(Replay),
    View(View),
    Serve(Serve),
    Tail(Tail),
    Capture(Capture),
    Recover(Recover),
    Control(Control),
    Bridge(Bridge),
    Publish(Publish),
    VerifyTopic(VerifyTopic),
    Dlq(Dlq),
    Topics(Topics),
    Schemas(Schemas),
    Cluster(Cluster),
    Load(Load),
    Demo(Demo),
    Dev(Dev),
    Config(Config),
    Completions(Completions),
    Man(Man),
}

/// Show the settings
#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and the source of the value
    Show(ConfigShow),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigShow {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(crate) struct Completions {
    pub(crate) shell: Shell,
}

/// Print the manual page, or write the manual pages of all commands
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write tradesim.1, tradesim-record.1 and the other pages into this folder
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) output: Option<PathBuf>,
}
