//! The environment and the `.env` file, read once and never written.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{Definition, Group, Origin, Sourced, env_file, table};
use crate::{exit::Failure, parse};

/// The `.env` file that is read when none is named, if it exists.
const DEFAULT_ENV_FILE: &str = ".env";

/// Variables with the prefixes of tradesim, by source. Names are stored in upper case, because they are case-insensitive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    environment: Vec<(String, String)>,
    env_file: Vec<(String, String)>,
    env_file_path: PathBuf,
}

impl Sources {
    /// Reads the environment of the process and the `.env` file: the one given, or else the one in the working folder.
    ///
    /// # Errors
    /// Fails if the given file cannot be read or has a line that is not an assignment, if a setting of tradesim is not an
    /// assignment, or if the value of one is not Unicode.
    pub(crate) fn of_process(env_file: Option<&Path>) -> Result<Sources, Failure> {
        let environment = of_environment(std::env::vars_os())?;
        let path = env_file.unwrap_or(Path::new(DEFAULT_ENV_FILE));
        let lines = if env_file.is_some() { env_file::named(path)? } else { env_file::unnamed(path)? };
        Ok(Sources { environment, env_file: lines, env_file_path: path.to_owned() })
    }

    /// Returns sources without any values, so that every setting has its default.
    pub(crate) fn none() -> Sources {
        Sources::default()
    }

    #[cfg(test)]
    pub(super) fn of_lists(environment: &[(&str, &str)], env_file: &[(&str, &str)]) -> Sources {
        let list = |pairs: &[(&str, &str)]| {
            pairs.iter().filter_map(|(name, value)| ours(name, (*value).to_owned())).collect()
        };
        Sources {
            environment: list(environment),
            env_file: list(env_file),
            env_file_path: DEFAULT_ENV_FILE.into(),
        }
    }

    /// Returns the text of a setting in the first source that has it.
    pub(super) fn find(&self, definition: &Definition) -> Option<Sourced<String>> {
        let name = definition.full_name();
        let value_in = |list: &[(String, String)]| {
            list.iter().find(|(found, _)| *found == name).map(|(_, value)| value.clone())
        };
        if let Some(value) = value_in(&self.environment) {
            return Some(Sourced { value, origin: Origin::Environment });
        }
        let value = value_in(&self.env_file)?;
        Some(Sourced { value, origin: Origin::EnvFile(self.env_file_path.clone()) })
    }

    /// Returns a sentence for each name that has a prefix of tradesim and is not a setting, with a suggestion.
    pub(crate) fn unknown_names(&self) -> Vec<String> {
        let from_environment = self.environment.iter().map(|(name, _)| (name, Origin::Environment));
        let from_file =
            self.env_file.iter().map(|(name, _)| (name, Origin::EnvFile(self.env_file_path.clone())));
        from_environment
            .chain(from_file)
            .filter_map(|(name, origin)| {
                let group = group_of(name)?;
                let rest = &name[group.prefix().len()..];
                let known = || {
                    let ours = table::DEFINITIONS.iter().filter(|definition| definition.group == group);
                    ours.map(|definition| definition.name)
                };
                if known().any(|known| known == rest) {
                    return None;
                }
                let hint = parse::nearest(rest, known())
                    .map(|nearest| format!("; did you mean {}{nearest}?", group.prefix()))
                    .unwrap_or_default();
                Some(format!("{name} ({origin}) is not a setting and is ignored{hint}"))
            })
            .collect()
    }
}

/// Returns the group to which a name in upper case belongs by its prefix.
fn group_of(name: &str) -> Option<Group> {
    Group::ALL.into_iter().find(|group| name.starts_with(group.prefix()))
}

/// Returns the pair with its name in upper case, if the name has a prefix of tradesim.
pub(super) fn ours(name: &str, value: String) -> Option<(String, String)> {
    let name = name.to_ascii_uppercase();
    group_of(&name)?;
    Some((name, value.trim().to_owned()))
}

fn of_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, Failure> {
    let mut found = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| group_of(&name.to_ascii_uppercase()).is_some()) else {
            continue;
        };
        let value = value.into_string().map_err(|value| Failure::Configuration {
            what: format!("{name} is {value:?} in the environment: the value is not Unicode text"),
            hint: None,
        })?;
        found.extend(ours(name, value));
    }
    // the system has no fixed order; sorting makes the choice among names that differ only in case deterministic
    found.sort();
    Ok(found)
}
