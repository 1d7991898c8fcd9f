//! The generator's settings, as the contract lists them (section 8).

use std::net::IpAddr;

use tracing::Level;

use crate::{
    parse::{self, Invalid},
    telemetry::LogFormat,
};

/// What every name begins with.
pub(crate) const PREFIX: &str = "TRADE_GEN_";

/// A setting: its name behind the prefix, its default, and what it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) default: Option<&'static str>,
    /// Refuses every text that is none of the valid ones.
    pub(crate) check: fn(&str) -> Result<(), Invalid>,
}

macro_rules! settings {
    ($($key:ident = $name:literal, $default:expr, $read:path;)+) => {
        /// A setting of the table. Some are read by later commands only, and shown and checked by all.
        #[allow(dead_code, reason = "the table is the contract's, whole")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key { $($key,)+ }

        /// All settings, in the order of [`Key`].
        pub(crate) const DEFINITIONS: &[Definition] = &[
            $(Definition { name: $name, default: $default, check: |text| $read(text).map(drop) },)+
        ];
    };
}

settings! {
    WsHost = "WS_HOST", Some("127.0.0.1"), host;
    WsPort = "WS_PORT", Some("8765"), parse::port;
    Rate = "RATE", Some("10"), parse::rate;
    NumSymbols = "NUM_SYMBOLS", Some("50"), parse::symbol_count;
    Mode = "MODE", Some("normal"), mode;
    Seed = "SEED", None, parse::seed;
    BurstMultiplier = "BURST_MULTIPLIER", Some("20"), parse::burst_multiplier;
    BurstInterval = "BURST_INTERVAL_SECONDS", Some("60"), parse::burst_interval;
    BurstDuration = "BURST_DURATION_SECONDS", Some("10"), parse::burst_duration;
    SimulateMarketHours = "SIMULATE_MARKET_HOURS", Some("true"), parse::boolean;
    MarketTimezone = "MARKET_TIMEZONE", Some("US/Eastern"), timezone;
    StartDate = "START_DATE", None, parse::date;
    LogLevel = "LOG_LEVEL", Some("INFO"), log_level;
    LogFormat = "LOG_FORMAT", None, log_format;
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

fn host(text: &str) -> Result<(), Invalid> {
    let name = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if name || text.parse::<IpAddr>().is_ok() {
        Ok(())
    } else {
        Err(Invalid::expected("a host name or an IP address"))
    }
}
