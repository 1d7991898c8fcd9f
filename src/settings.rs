//! Settings from the environment and from a `.env` file, with the origin of each value.
//!
//! The first of these that has a value wins: command line, environment, `.env` file, default. The environment of the process
//! is never changed.

mod env_file;
mod sources;
mod table;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf};

use tracing::Level;

pub(crate) use sources::Sources;
#[cfg(test)]
pub(crate) use table::DEFINITIONS;
pub(crate) use table::{Definition, Group, Key, Mode, host_name, log_format, log_level, mode, model};

use crate::{exit::Failure, parse::Invalid, telemetry::LogFormat};

/// The origin of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag.
    CommandLine,
    /// An environment variable.
    Environment,
    /// A line of a `.env` file.
    EnvFile(PathBuf),
    /// The default.
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

/// A value and its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// All settings as texts, with their origins, in the order of the table.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    texts: Vec<Option<Sourced<String>>>,
}

impl Settings {
    /// Takes each setting from the first source that has it.
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

    /// Sets the value of a flag, which overrides all sources.
    pub(crate) fn set_from_command_line(&mut self, key: Key, value: impl fmt::Display) {
        self.texts[key as usize] = Some(Sourced { value: value.to_string(), origin: Origin::CommandLine });
    }

    /// Returns the text of a setting, if it has one.
    pub(crate) fn text(&self, key: Key) -> Option<&Sourced<String>> {
        self.texts[key as usize].as_ref()
    }

    /// Iterates over the settings of the table with their texts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static Definition, Option<&Sourced<String>>)> {
        table::DEFINITIONS.iter().zip(self.texts.iter().map(Option::as_ref))
    }

    /// Checks every setting of a group, so that an invalid one is reported before any work begins.
    ///
    /// # Errors
    /// Returns the first invalid value.
    pub(crate) fn check(&self, group: Group) -> Result<(), Failure> {
        for (definition, text) in self.iter() {
            if let Some(text) = text
                && definition.group == group
            {
                (definition.check)(&text.value).map_err(|invalid| error(definition, text, &invalid))?;
            }
        }
        Ok(())
    }

    fn optional<T>(&self, key: Key, read: fn(&str) -> Result<T, Invalid>) -> Result<Option<T>, Failure> {
        let Some(text) = self.text(key) else { return Ok(None) };
        read(&text.value).map(Some).map_err(|invalid| error(key.definition(), text, &invalid))
    }

    fn required<T>(&self, key: Key, read: fn(&str) -> Result<T, Invalid>) -> Result<T, Failure> {
        Ok(self.optional(key, read)?.expect("this setting has a default in the table"))
    }
}

impl Settings {
    /// Returns the level of the logs of commands of this group.
    pub(crate) fn log_level_of(&self, group: Group) -> Result<Level, Failure> {
        match group {
            Group::Generator => self.log_level(),
            Group::Bridge => self.bridge_log_level(),
        }
    }

    /// Returns the form of the logs of commands of this group, where one is set.
    pub(crate) fn log_format_of(&self, group: Group) -> Result<Option<LogFormat>, Failure> {
        match group {
            Group::Generator => self.log_format(),
            Group::Bridge => self.bridge_log_format().map(Some),
        }
    }
}

/// Returns the error of a value that is not valid: its name, what it is, where it comes from, and what is valid.
fn error(definition: &Definition, text: &Sourced<String>, invalid: &Invalid) -> Failure {
    let (name, value) = (definition.full_name(), definition.shown(&text.value));
    Failure::Configuration {
        what: format!("{name} is {value:?} in {}: {invalid}", text.origin),
        hint: Some("`tradesim config show` lists every setting, its value and its origin".to_owned()),
    }
}
