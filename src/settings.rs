//! Settings from the environment and from a `.env` file: where each value comes from, and what it may be.
//!
//! The highest wins: command line, environment, `.env` file, default. Nothing is ever written to the process's
//! environment.

mod bridge;
mod env_file;
mod sources;
mod table;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, time::Duration};

use chrono::NaiveDate;
use tracing::Level;

pub(crate) use sources::Sources;
#[cfg(test)]
pub(crate) use table::DEFINITIONS;
pub(crate) use table::{Definition, Group, Key, Mode, host_name, log_format, log_level, mode};

use crate::{
    exit::Failure,
    parse::{self, Invalid},
    telemetry::LogFormat,
};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag.
    CommandLine,
    /// An environment variable.
    Environment,
    /// A line of a `.env` file.
    EnvFile(PathBuf),
    /// Nobody said anything.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::CommandLine => f.write_str("command line"),
            Origin::Environment => f.write_str("environment"),
            Origin::EnvFile(path) => write!(f, "{}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// A setting's value cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{name} is {value:?} in {origin}: {invalid}")]
pub(crate) struct SettingError {
    name: String,
    value: String,
    origin: Origin,
    invalid: Invalid,
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Failure {
        Failure::Configuration {
            what: error.to_string(),
            hint: Some("`tradesim config show` lists every setting, its value and its origin".to_owned()),
        }
    }
}

/// All settings, as texts with their origins, in the order of the table.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    texts: Vec<Option<Sourced<String>>>,
}

impl Settings {
    /// Takes each setting from the highest source that has it.
    pub(crate) fn from_sources(sources: &Sources) -> Settings {
        let texts = table::DEFINITIONS
            .iter()
            .map(|definition| {
                sources.find(definition).or_else(|| {
                    let value = definition.default?.to_owned();
                    Some(Sourced { value, origin: Origin::Default })
                })
            })
            .collect();
        Settings { texts }
    }

    /// Puts a flag's value in the place of whatever the sources said.
    pub(crate) fn set_from_command_line(&mut self, key: Key, value: impl fmt::Display) {
        self.texts[key as usize] = Some(Sourced { value: value.to_string(), origin: Origin::CommandLine });
    }

    /// The text of a setting, if it has one.
    pub(crate) fn text(&self, key: Key) -> Option<&Sourced<String>> {
        self.texts[key as usize].as_ref()
    }

    /// Each setting of the table with its text.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static Definition, Option<&Sourced<String>>)> {
        table::DEFINITIONS.iter().zip(self.texts.iter().map(Option::as_ref))
    }

    /// Reads every setting of a group, so that a bad one is named before any work begins.
    ///
    /// # Errors
    /// The first value that is none of the valid ones.
    pub(crate) fn check(&self, group: Group) -> Result<(), SettingError> {
        for (definition, text) in self.iter() {
            if let Some(text) = text
                && definition.group == group
            {
                (definition.check)(&text.value).map_err(|invalid| error(definition, text, invalid))?;
            }
        }
        Ok(())
    }

    fn optional<T>(&self, key: Key, read: fn(&str) -> Result<T, Invalid>) -> Result<Option<T>, SettingError> {
        let Some(text) = self.text(key) else { return Ok(None) };
        read(&text.value).map(Some).map_err(|invalid| error(key.definition(), text, invalid))
    }

    fn required<T>(&self, key: Key, read: fn(&str) -> Result<T, Invalid>) -> Result<T, SettingError> {
        Ok(self.optional(key, read)?.expect("the table gives this setting a default"))
    }
}

/// Typed access. Each fails on a value that is none of the valid ones.
impl Settings {
    pub(crate) fn rate(&self) -> Result<u32, SettingError> {
        self.required(Key::Rate, parse::rate)
    }

    pub(crate) fn num_symbols(&self) -> Result<u16, SettingError> {
        self.required(Key::NumSymbols, parse::symbol_count)
    }

    pub(crate) fn host(&self) -> Result<String, SettingError> {
        self.required(Key::WsHost, |text| table::host(text).map(|()| text.to_owned()))
    }

    pub(crate) fn port(&self) -> Result<u16, SettingError> {
        self.required(Key::WsPort, parse::port)
    }

    pub(crate) fn mode(&self) -> Result<Mode, SettingError> {
        self.required(Key::Mode, table::mode)
    }

    pub(crate) fn seed(&self) -> Result<Option<u64>, SettingError> {
        self.optional(Key::Seed, parse::seed)
    }

    pub(crate) fn burst_multiplier(&self) -> Result<f64, SettingError> {
        self.required(Key::BurstMultiplier, parse::burst_multiplier)
    }

    pub(crate) fn burst_interval(&self) -> Result<Duration, SettingError> {
        self.required(Key::BurstInterval, parse::burst_interval)
    }

    pub(crate) fn burst_duration(&self) -> Result<Duration, SettingError> {
        self.required(Key::BurstDuration, parse::burst_duration)
    }

    pub(crate) fn market_hours(&self) -> Result<bool, SettingError> {
        self.required(Key::SimulateMarketHours, parse::boolean)
    }

    pub(crate) fn start_date(&self) -> Result<Option<NaiveDate>, SettingError> {
        self.optional(Key::StartDate, parse::date)
    }

    pub(crate) fn log_level(&self, group: Group) -> Result<Level, SettingError> {
        let key = match group {
            Group::Generator => Key::LogLevel,
            Group::Bridge => Key::BridgeLogLevel,
        };
        self.required(key, table::log_level)
    }

    pub(crate) fn log_format(&self, group: Group) -> Result<Option<LogFormat>, SettingError> {
        let key = match group {
            Group::Generator => Key::LogFormat,
            Group::Bridge => Key::BridgeLogFormat,
        };
        self.optional(key, table::log_format)
    }
}

fn error(definition: &Definition, text: &Sourced<String>, invalid: Invalid) -> SettingError {
    SettingError {
        name: definition.full_name(),
        value: definition.shown(&text.value).into_owned(),
        origin: text.origin.clone(),
        invalid,
    }
}
