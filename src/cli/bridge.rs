//! Arguments of `bridge`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{FeedArgs, KafkaArgs, PrefixArgs, RegistryArgs};
use crate::{parse, settings};

/// Messages of a transaction.
const COMMIT_EVENTS: u64 = 50_000;

/// Bring a feed into Kafka: every message validated, as Avro, and exactly once
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Exactly once is what consumers with isolation.level=read_committed see: data, dead letters and the position are one
transaction. The feed has to number its messages, as `replay` and `serve` do; for any other one say
--delivery at-least-once. A bridge that comes back goes on where the last one was committed, and one that is started
twice takes over from the first. Brokers and registry that are away are waited for, and meanwhile nothing is read.

--answer and --ignore do not apply to a feed that numbers its messages, because every message has its number there.

Settings that have no flag here are those of KAFKA_BRIDGE_*, as `tradesim config show` lists them.")]
pub(crate) struct Bridge {
    /// The feed, as ws://localhost:8765 or wss://example.org/feed [setting: WS_URI, default: ws://localhost:8765]
    #[arg(long, value_name = "URL", value_parser = parse::ws_uri)]
    pub(crate) ws_uri: Option<String>,
    /// What is promised of every message
    #[arg(long, value_enum, default_value_t = DeliveryMode::ExactlyOnce)]
    pub(crate) delivery: DeliveryMode,
    /// Stop when the feed has said its end and everything before it is delivered
    #[arg(long)]
    pub(crate) until_end: bool,
    /// Take this run and no other; names the run of a feed that names none
    #[arg(long, value_name = "NAME", value_parser = parse::run_name)]
    pub(crate) run: Option<String>,
    /// Register our schemas where they are not registered yet
    #[arg(long)]
    pub(crate) register_schemas: bool,
    /// Where dead letters go [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) dlq_topic: Option<String>,
    #[command(flatten)]
    pub(crate) tuning: BridgeTuning,
    /// Where /metrics, /healthz and /readyz are [setting: METRICS_HOST, default: 127.0.0.1]
    #[arg(long, value_name = "HOST", value_parser = settings::host_name)]
    pub(crate) metrics_host: Option<String>,
    /// Their port; 0 picks a free one and prints it [setting: METRICS_PORT, default: 9090]
    #[arg(long, value_name = "PORT", value_parser = parse::port)]
    pub(crate) metrics_port: Option<u16>,
    /// Print one JSON object at the end
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) feed: FeedArgs,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    #[command(flatten)]
    pub(crate) prefix: PrefixArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}

/// The flags that say how a bridge works, wherever the feed and Kafka are. A scenario may have them.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct BridgeTuning {
    /// Refuse messages that break a rule of the market as well
    #[arg(long)]
    pub(crate) strict: bool,
    /// Commit a transaction, or without transactions write the position, after this time [default: 100ms, 1s]
    #[arg(long, value_name = "DURATION", value_parser = commit_interval)]
    pub(crate) commit_interval: Option<Duration>,
    /// Commit a transaction after so many messages
    #[arg(long, value_name = "N", default_value_t = COMMIT_EVENTS, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) commit_events: u64,
    /// Fence older bridges by this name [default: tradesim-, the topic prefix and the stream's id]
    #[arg(long, value_name = "ID", value_parser = parse::client_id)]
    pub(crate) transactional_id: Option<String>,
    /// Tries in a row, behind the first, to connect to the feed [setting: WS_MAX_RETRIES, default: 10]
    #[arg(long, value_name = "N", value_parser = parse::retries)]
    pub(crate) ws_retries: Option<u32>,
    /// Tries in a row to begin anew with the brokers [default: without a limit]
    #[arg(long, value_name = "N")]
    pub(crate) kafka_retries: Option<u32>,
    /// How long the feed may take to accept a connection and to answer the handshake
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = super::tail::timeout)]
    pub(crate) connect_timeout: Duration,
    /// How long a stop may take while something is not acknowledged
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = super::tail::timeout)]
    pub(crate) shutdown_timeout: Duration,
}

impl Default for BridgeTuning {
    fn default() -> BridgeTuning {
        BridgeTuning {
            strict: false,
            commit_interval: None,
            commit_events: COMMIT_EVENTS,
            transactional_id: None,
            ws_retries: None,
            kafka_retries: None,
            connect_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

/// What is promised of every message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeliveryMode {
    /// Consumers of committed records see each message once
    #[default]
    ExactlyOnce,
    /// Each message is acknowledged at least once; needs neither transactions nor a feed that can resume
    AtLeastOnce,
}

fn commit_interval(text: &str) -> Result<Duration, parse::Invalid> {
    parse::duration(text)
        .ok()
        .filter(|time| (Duration::from_millis(1)..=Duration::from_secs(20)).contains(time))
        .ok_or(parse::Invalid::expected("a duration as 100ms or 1s, of 1ms to 20s"))
}
