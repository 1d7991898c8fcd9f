//! The settings of the generator and of the bridge, as the contract lists them (section 8).

use std::{borrow::Cow, net::IpAddr};

use tracing::Level;
use tradesim_bridge::url::shown_url;

use crate::{
    parse::{self, Invalid},
    telemetry::LogFormat,
};

/// Whose setting it is: names begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// What makes and serves streams.
    Generator,
    /// What works with Kafka and the schema registry.
    Bridge,
}

impl Group {
    /// All of them.
    pub(crate) const ALL: [Group; 2] = [Group::Generator, Group::Bridge];

    /// What every name of the group begins with.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Group::Generator => "TRADE_GEN_",
            Group::Bridge => "KAFKA_BRIDGE_",
        }
    }
}

/// A setting: its name behind the prefix, its default, and what it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    pub(crate) group: Group,
    pub(crate) name: &'static str,
    pub(crate) default: Option<&'static str>,
    /// What of a value may be shown.
    shown: Shown,
    /// Refuses every text that is none of the valid ones.
    pub(crate) check: fn(&str) -> Result<(), Invalid>,
}

/// What of a setting's value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// All of it.
    Whole,
    /// The place where the secret is, and not the secret.
    Place,
    /// A URL without user information and query.
    Url,
}

impl Shown {
    const fn of(key: Key) -> Shown {
        match key {
            Key::SchemaRegistryAuth => Shown::Place,
            Key::SchemaRegistryUrl | Key::WsUri => Shown::Url,
            _ => Shown::Whole,
        }
    }
}

impl Definition {
    /// The name with its prefix.
    pub(crate) fn full_name(&self) -> String {
        format!("{}{}", self.group.prefix(), self.name)
    }

    /// Returns a value as it may be shown, without what is secret in it.
    pub(crate) fn shown<'a>(&self, value: &'a str) -> Cow<'a, str> {
        match self.shown {
            Shown::Place if !value.starts_with('@') && !value.starts_with("env:") => "***".into(),
            Shown::Whole | Shown::Place => value.into(),
            Shown::Url => shown_url(value).into(),
        }
    }
}

macro_rules! settings {
    ($($key:ident = $group:ident $name:literal, $default:expr, $read:path;)+) => {
        /// A setting of the table. Some are read by later commands only, and shown and checked by all.
        #[allow(dead_code, reason = "the table is the contract's, whole")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key { $($key,)+ }

        /// All settings, in the order of [`Key`].
        pub(crate) const DEFINITIONS: &[Definition] = &[
            $(Definition {
                group: Group::$group,
                name: $name,
                default: $default,
                shown: Shown::of(Key::$key),
                check: |text| $read(text).map(drop),
            },)+
        ];
    };
}

settings! {
    WsHost = Generator "WS_HOST", Some("127.0.0.1"), host;
    WsPort = Generator "WS_PORT", Some("8765"), parse::port;
    Rate = Generator "RATE", Some("10"), parse::rate;
    NumSymbols = Generator "NUM_SYMBOLS", Some("50"), parse::symbol_count;
    Mode = Generator "MODE", Some("normal"), mode;
    Seed = Generator "SEED", None, parse::seed;
    BurstMultiplier = Generator "BURST_MULTIPLIER", Some("20"), parse::burst_multiplier;
    BurstInterval = Generator "BURST_INTERVAL_SECONDS", Some("60"), parse::burst_interval;
    BurstDuration = Generator "BURST_DURATION_SECONDS", Some("10"), parse::burst_duration;
    SimulateMarketHours = Generator "SIMULATE_MARKET_HOURS", Some("true"), parse::boolean;
    MarketTimezone = Generator "MARKET_TIMEZONE", Some("US/Eastern"), timezone;
    StartDate = Generator "START_DATE", None, parse::date;
    LogLevel = Generator "LOG_LEVEL", Some("INFO"), log_level;
    LogFormat = Generator "LOG_FORMAT", None, log_format;
    WsUri = Bridge "WS_URI", Some("ws://localhost:8765"), parse::ws_uri;
    WsMaxRetries = Bridge "WS_MAX_RETRIES", Some("10"), parse::retries;
    WsBaseBackoff = Bridge "WS_BASE_BACKOFF", Some("1.0"), parse::base_backoff;
    WsMaxBackoff = Bridge "WS_MAX_BACKOFF", Some("60.0"), parse::max_backoff;
    BootstrapServers = Bridge "KAFKA_BOOTSTRAP_SERVERS", Some("localhost:9092,localhost:9093,localhost:9094"), parse::servers;
    ClientId = Bridge "KAFKA_CLIENT_ID", Some("trade-bridge-producer"), parse::client_id;
    Acks = Bridge "KAFKA_ACKS", Some("all"), parse::acks;
    BatchSize = Bridge "KAFKA_BATCH_SIZE", Some("65536"), parse::batch_size;
    LingerMs = Bridge "KAFKA_LINGER_MS", Some("10"), parse::linger_ms;
    Compression = Bridge "KAFKA_COMPRESSION_TYPE", Some("snappy"), parse::compression;
    Idempotence = Bridge "KAFKA_ENABLE_IDEMPOTENCE", Some("true"), parse::boolean;
    SchemaRegistryUrl = Bridge "SCHEMA_REGISTRY_URL", Some("http://localhost:8081"), parse::registry_url;
    SchemaRegistryAuth = Bridge "SCHEMA_REGISTRY_AUTH", None, parse::registry_auth;
    MetricsEnabled = Bridge "METRICS_ENABLED", Some("true"), parse::boolean;
    MetricsHost = Bridge "METRICS_HOST", Some("127.0.0.1"), host;
    MetricsPort = Bridge "METRICS_PORT", Some("9090"), parse::port;
    DlqTopic = Bridge "DLQ_TOPIC", Some("dlq.raw.failed"), parse::topic;
    DlqMaxRetries = Bridge "DLQ_MAX_RETRIES", Some("3"), parse::dlq_retries;
    BridgeLogLevel = Bridge "LOG_LEVEL", Some("INFO"), log_level;
    BridgeLogFormat = Bridge "LOG_FORMAT", Some("json"), log_format;
}

impl Key {
    pub(crate) fn definition(self) -> &'static Definition {
        &DEFINITIONS[self as usize]
    }
}

/// How time and bursts run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As the market's hours say.
    Normal,
    /// With random bursts.
    Burst,
    /// A whole day at once.
    Historical,
}

impl Mode {
    /// The name in flags and settings.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Mode::Normal => "normal",
            Mode::Burst => "burst",
            Mode::Historical => "historical",
        }
    }
}

pub(crate) fn mode(text: &str) -> Result<Mode, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "normal" => Ok(Mode::Normal),
        "burst" => Ok(Mode::Burst),
        "historical" => Ok(Mode::Historical),
        _ => Err(Invalid::expected("normal, burst or historical")),
    }
}

pub(crate) fn log_level(text: &str) -> Result<Level, Invalid> {
    match text.to_ascii_uppercase().as_str() {
        "TRACE" => Ok(Level::TRACE),
        "DEBUG" => Ok(Level::DEBUG),
        "INFO" => Ok(Level::INFO),
        "WARN" | "WARNING" => Ok(Level::WARN),
        "ERROR" | "CRITICAL" => Ok(Level::ERROR),
        _ => Err(Invalid::expected("TRACE, DEBUG, INFO, WARN or ERROR")),
    }
}

pub(crate) fn log_format(text: &str) -> Result<LogFormat, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "json" => Ok(LogFormat::Json),
        "text" => Ok(LogFormat::Text),
        _ => Err(Invalid::expected("json or text")),
    }
}

/// The market's clock is New York's; the setting exists so that files written for other generators are read.
fn timezone(text: &str) -> Result<(), Invalid> {
    if text == "US/Eastern" {
        Ok(())
    } else {
        Err(Invalid::expected("US/Eastern, the only market simulated"))
    }
}

/// A host name or an address, as a flag.
pub(crate) fn host_name(text: &str) -> Result<String, Invalid> {
    host(text).map(|()| text.to_owned())
}

pub(super) fn host(text: &str) -> Result<(), Invalid> {
    let name = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if name || text.parse::<IpAddr>().is_ok() {
        Ok(())
    } else {
        Err(Invalid::expected("a host name or an IP address"))
    }
}
