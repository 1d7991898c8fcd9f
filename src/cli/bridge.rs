//! Arguments of `bridge`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{FeedArgs, KafkaArgs, PrefixArgs, RegistryArgs};
use crate::{parse, settings};

/// The default number of messages in a transaction.
const COMMIT_EVENTS: u64 = 50_000;

/// Deliver a WebSocket feed to Kafka: validated, encoded as Avro, exactly once
#[derive(Debug, Default, Args)]
#[command(after_help = "\
With --delivery exactly-once, the bridge writes records, dead letters and its position in one transaction, so consumers \
with isolation.level=read_committed see each message exactly once. This requires a feed that numbers its messages, as \
`replay` and `serve` do; for other feeds, use --delivery at-least-once. A restarted bridge continues from the last \
committed position. A second bridge with the same transactional id takes over from the first. While brokers or the \
schema registry are unavailable, the bridge waits for them and does not read from the feed.

--answer and --ignore do not apply to feeds that number their messages.

Some settings have no flag here: set them as KAFKA_BRIDGE_* variables. `tradesim config show` lists them all.")]
pub(crate) struct Bridge {
    /// URL of the feed, for example wss://example.org/feed [setting: WS_URI, default: ws://localhost:8765]
    #[arg(long, value_name = "URL", value_parser = parse::ws_uri)]
    pub(crate) ws_uri: Option<String>,
    /// Delivery guarantee
    #[arg(long, value_enum, default_value_t = DeliveryMode::ExactlyOnce)]
    pub(crate) delivery: DeliveryMode,
    /// Exit when the feed has ended and everything before its end is delivered
    #[arg(long)]
    pub(crate) until_end: bool,
    /// Accept only this run; for a feed that does not name its run, the name to use
    #[arg(long, value_name = "NAME", value_parser = parse::run_name)]
    pub(crate) run: Option<String>,
    /// Register the Avro schemas that are not registered yet
    #[arg(long)]
    pub(crate) register_schemas: bool,
    /// Dead-letter topic, without the prefix [setting: DLQ_TOPIC, default: dlq.raw.failed]
    #[arg(long, value_name = "TOPIC", value_parser = parse::topic)]
    pub(crate) dlq_topic: Option<String>,
    #[command(flatten)]
    pub(crate) tuning: BridgeTuning,
    /// Address to serve /metrics, /healthz and /readyz on [setting: METRICS_HOST, default: 127.0.0.1]
    #[arg(long, value_name = "HOST", value_parser = settings::host_name)]
    pub(crate) metrics_host: Option<String>,
    /// Port to serve them on; 0 picks a free port and prints it [setting: METRICS_PORT, default: 9090]
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

/// Flags that change how a bridge works, independent of the feed and of Kafka. Scenarios accept them.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct BridgeTuning {
    /// Also refuse messages that break a market rule
    #[arg(long)]
    pub(crate) strict: bool,
    /// Interval between commits; with at-least-once delivery, between writes of the position [default: 100ms, or 1s with
    /// at-least-once delivery]
    #[arg(long, value_name = "DURATION", value_parser = commit_interval)]
    pub(crate) commit_interval: Option<Duration>,
    /// Commit a transaction after this many messages, even before the interval ends
    #[arg(long, value_name = "N", default_value_t = COMMIT_EVENTS, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) commit_events: u64,
    /// Transactional id; a new bridge fences older ones with the same id [default: tradesim-, the topic prefix and the
    /// stream id]
    #[arg(long, value_name = "ID", value_parser = parse::client_id)]
    pub(crate) transactional_id: Option<String>,
    /// Consecutive reconnect attempts before giving up on the feed [setting: WS_MAX_RETRIES, default: 10]
    #[arg(long, value_name = "N", value_parser = parse::retries)]
    pub(crate) ws_retries: Option<u32>,
    /// Consecutive restarts after Kafka failures before giving up [default: unlimited]
    #[arg(long, value_name = "N")]
    pub(crate) kafka_retries: Option<u32>,
    /// Timeout for connecting to the feed and for its handshake response
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = super::tail::timeout)]
    pub(crate) connect_timeout: Duration,
    /// Time to wait for outstanding acknowledgements when stopping
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

/// Delivery guarantee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeliveryMode {
    /// Consumers of committed records see each message exactly once
    #[default]
    ExactlyOnce,
    /// Each message is acknowledged, and may be written twice after a failure; needs neither transactions nor a feed
    /// that can resume
    AtLeastOnce,
}

fn commit_interval(text: &str) -> Result<Duration, parse::Invalid> {
    parse::duration(text)
        .ok()
        .filter(|time| (Duration::from_millis(1)..=Duration::from_secs(20)).contains(time))
        .ok_or(parse::Invalid::expected("a duration such as 100ms or 1s, from 1ms to 20s"))
}
