//! The settings of the generator and of the bridge (contract, section 8).

use std::{borrow::Cow, net::IpAddr, time::Duration};

use chrono::NaiveDate;
use tracing::Level;
use tradesim_client::url::shown_url;
use tradesim_sim::Model;

use super::Settings;
use crate::{
    exit::Failure,
    parse::{self, Invalid},
    telemetry::LogFormat,
};

/// A group of settings whose names have the same prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// Settings of the generator and the server.
    Generator,
    /// Settings of commands that use Kafka and the schema registry.
    Bridge,
}

impl Group {
    /// All groups.
    pub(crate) const ALL: [Group; 2] = [Group::Generator, Group::Bridge];

    /// Returns the prefix of the names of the group.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Group::Generator => "TRADE_GEN_",
            Group::Bridge => "KAFKA_BRIDGE_",
        }
    }
}

/// A setting: its name without the prefix, its default and its check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    pub(crate) group: Group,
    pub(crate) name: &'static str,
    pub(crate) default: Option<&'static str>,
    /// The part of the value that may be shown.
    shown: Shown,
    /// Refuses invalid values.
    pub(crate) check: fn(&str) -> Result<(), Invalid>,
}

/// The part of a setting's value that may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// The whole value.
    Whole,
    /// The reference to a file or variable that contains the secret, but not a secret itself.
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
    /// Returns the name with its prefix.
    pub(crate) fn full_name(&self) -> String {
        format!("{}{}", self.group.prefix(), self.name)
    }

    /// Returns a value without its secret parts.
    pub(crate) fn shown<'a>(&self, value: &'a str) -> Cow<'a, str> {
        match self.shown {
            Shown::Place if !value.starts_with('@') && !value.starts_with("env:") => "***".into(),
            Shown::Whole | Shown::Place => value.into(),
            Shown::Url => shown_url(value).into(),
        }
    }
}

/// A row: the key, its accessor with type and parser, group and name, and the default where there is one.
macro_rules! settings {
    ($($key:ident, $field:ident: $type:ty = $parse:path, $group:ident $name:literal $(, $default:literal)?;)+) => {
        /// A setting of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key { $($key,)+ }

        /// All settings, in the order of [`Key`].
        pub(crate) const DEFINITIONS: &[Definition] = &[
            $(Definition {
                group: Group::$group,
                name: $name,
                default: settings!(@default $($default)?),
                shown: Shown::of(Key::$key),
                check: |text| $parse(text).map(drop),
            },)+
        ];

        /// Typed access. Each fails with exit code 78 on a value that is not valid.
        #[allow(dead_code, reason = "the contract's table is complete; a few settings are only checked and shown")]
        impl Settings {
            $(settings! { @accessor $key, $field: $type, $parse $(, $default)? })+
        }
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
    (@accessor $key:ident, $field:ident: $type:ty, $parse:path) => {
        pub(crate) fn $field(&self) -> Result<Option<$type>, Failure> {
            self.optional(Key::$key, $parse)
        }
    };
    (@accessor $key:ident, $field:ident: $type:ty, $parse:path, $default:literal) => {
        pub(crate) fn $field(&self) -> Result<$type, Failure> {
            self.required(Key::$key, $parse)
        }
    };
}

settings! {
    WsHost, host: String = host_name, Generator "WS_HOST", "127.0.0.1";
    WsPort, port: u16 = parse::port, Generator "WS_PORT", "8765";
    Rate, rate: u32 = parse::rate, Generator "RATE", "10";
    NumSymbols, num_symbols: u16 = parse::symbol_count, Generator "NUM_SYMBOLS", "50";
    Mode, mode: Mode = mode, Generator "MODE", "normal";
    Model, model: Model = model, Generator "MODEL", "gbm";
    Seed, seed: u64 = parse::seed, Generator "SEED";
    BurstMultiplier, burst_multiplier: f64 = parse::burst_multiplier, Generator "BURST_MULTIPLIER", "20";
    BurstInterval, burst_interval: Duration = parse::burst_interval, Generator "BURST_INTERVAL_SECONDS", "60";
    BurstDuration, burst_duration: Duration = parse::burst_duration, Generator "BURST_DURATION_SECONDS", "10";
    SimulateMarketHours, market_hours: bool = parse::boolean, Generator "SIMULATE_MARKET_HOURS", "true";
    MarketTimezone, market_timezone: () = timezone, Generator "MARKET_TIMEZONE", "US/Eastern";
    StartDate, start_date: NaiveDate = parse::date, Generator "START_DATE";
    LogLevel, log_level: Level = log_level, Generator "LOG_LEVEL", "INFO";
    LogFormat, log_format: LogFormat = log_format, Generator "LOG_FORMAT";
    WsUri, ws_uri: String = parse::ws_uri, Bridge "WS_URI", "ws://localhost:8765";
    WsMaxRetries, ws_max_retries: u32 = parse::retries, Bridge "WS_MAX_RETRIES", "10";
    WsBaseBackoff, ws_base_backoff: Duration = parse::base_backoff, Bridge "WS_BASE_BACKOFF", "1.0";
    WsMaxBackoff, ws_max_backoff: Duration = parse::max_backoff, Bridge "WS_MAX_BACKOFF", "60.0";
    BootstrapServers, bootstrap_servers: String = parse::servers, Bridge "KAFKA_BOOTSTRAP_SERVERS", "localhost:9092,localhost:9093,localhost:9094";
    ClientId, client_id: String = parse::client_id, Bridge "KAFKA_CLIENT_ID", "trade-bridge-producer";
    Acks, acks: &'static str = parse::acks, Bridge "KAFKA_ACKS", "all";
    BatchSize, batch_size: u32 = parse::batch_size, Bridge "KAFKA_BATCH_SIZE", "65536";
    LingerMs, linger_ms: u32 = parse::linger_ms, Bridge "KAFKA_LINGER_MS", "10";
    Compression, compression: &'static str = parse::compression, Bridge "KAFKA_COMPRESSION_TYPE", "snappy";
    Idempotence, idempotence: bool = parse::boolean, Bridge "KAFKA_ENABLE_IDEMPOTENCE", "true";
    SchemaRegistryUrl, schema_registry_url: String = parse::registry_url, Bridge "SCHEMA_REGISTRY_URL", "http://localhost:8081";
    SchemaRegistryAuth, schema_registry_auth: String = parse::registry_auth, Bridge "SCHEMA_REGISTRY_AUTH";
    MetricsEnabled, metrics_enabled: bool = parse::boolean, Bridge "METRICS_ENABLED", "true";
    MetricsHost, metrics_host: String = host_name, Bridge "METRICS_HOST", "127.0.0.1";
    MetricsPort, metrics_port: u16 = parse::port, Bridge "METRICS_PORT", "9090";
    DlqTopic, dlq_topic: String = parse::topic, Bridge "DLQ_TOPIC", "dlq.raw.failed";
    DlqMaxRetries, dlq_max_retries: u32 = parse::dlq_retries, Bridge "DLQ_MAX_RETRIES", "3";
    BridgeLogLevel, bridge_log_level: Level = log_level, Bridge "LOG_LEVEL", "INFO";
    BridgeLogFormat, bridge_log_format: LogFormat = log_format, Bridge "LOG_FORMAT", "json";
}

impl Key {
    pub(crate) fn definition(self) -> &'static Definition {
        &DEFINITIONS[self as usize]
    }
}

/// The value of `MODE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// The wall clock and the hours of the market.
    Normal,
    /// The same with random bursts.
    Burst,
    /// A whole day at once.
    Historical,
}

impl Mode {
    /// Returns the name in flags and settings.
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

/// Parses the name of a market model.
pub(crate) fn model(text: &str) -> Result<Model, Invalid> {
    let text = text.to_ascii_lowercase();
    let model = Model::ALL.iter().copied().find(|model| model.as_str() == text);
    model.ok_or(Invalid::expected("gbm or stylized"))
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

/// Checks the time zone. There is only one market; the setting exists so that the settings files of other generators can be
/// read.
fn timezone(text: &str) -> Result<(), Invalid> {
    if text == "US/Eastern" {
        Ok(())
    } else {
        Err(Invalid::expected("US/Eastern, the only market simulated"))
    }
}

/// Parses a host name or an IP address.
pub(crate) fn host_name(text: &str) -> Result<String, Invalid> {
    let name = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if name || text.parse::<IpAddr>().is_ok() {
        Ok(text.to_owned())
    } else {
        Err(Invalid::expected("a host name or an IP address"))
    }
}
