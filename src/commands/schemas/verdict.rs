//! The result of checking one schema against its subject, by the registry and by the rules of Avro.

use anyhow::Context;
use tradesim_bridge::{
    avro::compatibility::{AvroSchema, Incompatibility, Kind, Level, incompatibilities},
    registry::{Registry, RegistryError},
};

use super::{Candidate, changed};
use crate::kafka;

/// The state of a schema in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Exactly this schema is registered; `now` if this command registered it.
    Registered { id: u32, version: u32, now: bool },
    /// This schema is not registered.
    New,
}

/// The result of checking a schema.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) subject: String,
    pub(super) level: Level,
    pub(super) state: State,
    pub(super) versions: Vec<u32>,
    pub(super) found: Vec<Incompatibility>,
}

impl Verdict {
    /// Checks a schema with the registry and with the rules in this program: registries differ in the errors that they report, and
    /// some accept a changed scale of a decimal.
    pub(super) fn of(registry: &Registry, candidate: &Candidate) -> anyhow::Result<Verdict> {
        let Candidate { subject, text } = candidate;
        let state = match registry.lookup(subject, text) {
            Ok(found) => State::Registered { id: found.id, version: found.version, now: false },
            Err(RegistryError::NotRegistered { .. }) => State::New,
            Err(error) => return Err(kafka::registry_failure(error)),
        };
        let level = registry.subject_level(subject).map_err(kafka::registry_failure)?;
        let versions = registry.versions(subject).map_err(kafka::registry_failure)?;
        let mut verdict = Verdict { subject: subject.clone(), level, state, versions, found: Vec::new() };
        if verdict.state == State::New && !verdict.versions.is_empty() {
            verdict.found = verdict.compared(registry, text)?;
        }
        Ok(verdict)
    }

    fn compared(&self, registry: &Registry, text: &str) -> anyhow::Result<Vec<Incompatibility>> {
        // require BACKWARD even if the level of the registry is weaker
        let level = if self.level.is_backward() { self.level } else { Level::Backward };
        let compared = if level.is_transitive() {
            &self.versions[..]
        } else {
            &self.versions[self.versions.len() - 1..]
        };
        let mut previous = Vec::new();
        for version in compared {
            let registered = registry.version(&self.subject, *version).map_err(kafka::registry_failure)?;
            previous.push(
                AvroSchema::parse(&registered.schema)
                    .map_err(|error| anyhow::anyhow!("version {version} of {} is {error}", self.subject))?,
            );
        }
        let mut found = incompatibilities(level, &AvroSchema::parse(text)?, &previous)
            .with_context(|| format!("cannot check {}", self.subject))?;
        if found.is_empty() {
            let (compatible, messages) =
                registry.is_compatible(&self.subject, text).map_err(kafka::registry_failure)?;
            if !compatible {
                let what = if messages.is_empty() {
                    format!("the registry reports it as incompatible ({}), without a reason", self.level)
                } else {
                    format!(
                        "the registry reports it as incompatible ({}): {}",
                        self.level,
                        messages.join("; ")
                    )
                };
                found.push(Incompatibility { field: String::new(), kind: Kind::Unnamed, what });
            }
        }
        Ok(found)
    }

    pub(super) fn is_compatible(&self) -> bool {
        self.found.is_empty()
    }

    /// Sets the compatibility level of the subject to BACKWARD, and registers the schema if it is not registered.
    pub(super) fn register(&mut self, registry: &Registry, candidate: &Candidate) -> anyhow::Result<()> {
        self.level = registry.require_backward(&self.subject).map_err(kafka::registry_failure)?;
        if self.state != State::New {
            return Ok(());
        }
        match registry.register(&self.subject, &candidate.text) {
            Ok(_) => {}
            // another client registered a version since the check
            Err(RegistryError::Incompatible { message, .. }) => {
                let what = format!("the registry refuses it: {message}");
                self.found.push(Incompatibility { field: String::new(), kind: Kind::Unnamed, what });
                return Ok(());
            }
            Err(error) => return Err(kafka::registry_failure(error)),
        }
        match registry.lookup(&self.subject, &candidate.text) {
            Ok(found) => self.state = State::Registered { id: found.id, version: found.version, now: true },
            Err(RegistryError::NotRegistered { .. }) => return Err(changed(&self.subject)),
            Err(error) => return Err(kafka::registry_failure(error)),
        }
        self.versions = registry.versions(&self.subject).map_err(kafka::registry_failure)?;
        Ok(())
    }

    /// Returns the state as one word.
    pub(super) fn word(&self) -> &'static str {
        match self.state {
            _ if !self.is_compatible() => "incompatible",
            State::Registered { now: true, .. } => "registered",
            State::Registered { now: false, .. } => "exists",
            State::New if self.versions.is_empty() => "new",
            State::New => "compatible",
        }
    }

    /// Returns the details of the state.
    pub(super) fn details(&self) -> String {
        let versions = self.versions.len();
        match self.state {
            State::Registered { id, version, .. } => format!("id {id}, version {version}, {}", self.level),
            State::New => format!("not registered, {versions} other versions, {}", self.level),
        }
    }
}
