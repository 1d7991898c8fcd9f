//! The contents of the registry: schemas by id, versions by subject, rules. It has no socket and no lock.

use std::collections::BTreeMap;

use serde_json::Value;

use super::failure::Failure;
use crate::{
    avro::compatibility::{AvroSchema, Incompatibility, Level, incompatibilities},
    registry::compact,
};

/// A parsed schema from a request.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Without white space.
    text: String,
    /// Equal for texts that differ only in white space or the order of keys.
    identity: Value,
    parsed: AvroSchema,
}

impl Sent {
    /// Parses a schema.
    ///
    /// # Errors
    /// The text is not an Avro schema.
    pub(super) fn parse(text: &str) -> Result<Sent, Failure> {
        let parsed = AvroSchema::parse(text)
            .map_err(|invalid| Failure::InvalidSchema { what: invalid.to_string() })?;
        let identity =
            serde_json::from_str(text).map_err(|error| Failure::InvalidSchema { what: error.to_string() })?;
        Ok(Sent { text: compact(text), identity, parsed })
    }
}

/// A version of a subject, for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) subject: String,
    pub(super) version: u32,
    pub(super) id: u32,
    pub(super) schema: String,
}

/// A selection of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Latest,
    Number(u32),
}

impl Which {
    /// Parses a version.
    ///
    /// # Errors
    /// Neither a number from 1 on, nor `latest`, nor -1, which means the same.
    pub(super) fn parse(text: &str) -> Result<Which, Failure> {
        match text {
            "latest" | "-1" => Ok(Which::Latest),
            _ => match text.parse::<u32>() {
                Ok(number) if (1..=i32::MAX as u32).contains(&number) => Ok(Which::Number(number)),
                _ => Err(Failure::InvalidVersion { version: text.to_owned() }),
            },
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Version {
    number: u32,
    id: u32,
    deleted: bool,
}

#[derive(Clone, Debug, Default)]
struct Subject {
    /// Ascending.
    versions: Vec<Version>,
    /// The last version number that was assigned; none is assigned twice.
    last: u32,
}

impl Subject {
    fn live(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.versions.iter().filter(|version| !version.deleted)
    }

    fn is_deleted(&self) -> bool {
        self.versions.iter().all(|version| version.deleted)
    }
}

/// The whole contents.
#[derive(Debug)]
pub(super) struct Store {
    /// By id, from 1.
    schemas: Vec<Sent>,
    subjects: BTreeMap<String, Subject>,
    global: Level,
    levels: BTreeMap<String, Level>,
}

impl Store {
    pub(super) fn new() -> Store {
        Store {
            schemas: Vec::new(),
            subjects: BTreeMap::new(),
            global: Level::Backward,
            levels: BTreeMap::new(),
        }
    }

    pub(super) fn subjects(&self, deleted_too: bool) -> Vec<&str> {
        let wanted =
            |subject: &Subject| !subject.versions.is_empty() && (deleted_too || !subject.is_deleted());
        self.subjects.iter().filter(|(_, subject)| wanted(subject)).map(|(name, _)| name.as_str()).collect()
    }

    pub(super) fn versions(&self, subject: &str, deleted_too: bool) -> Result<Vec<u32>, Failure> {
        let found = self.subject(subject, deleted_too)?;
        Ok(found
            .versions
            .iter()
            .filter(|version| deleted_too || !version.deleted)
            .map(|version| version.number)
            .collect())
    }

    pub(super) fn version(&self, subject: &str, which: Which, deleted_too: bool) -> Result<Found, Failure> {
        let found = self.subject(subject, deleted_too)?;
        let mut candidates = found.versions.iter().filter(|version| deleted_too || !version.deleted);
        let version = match which {
            Which::Latest => candidates.next_back().ok_or_else(|| not_found(subject))?,
            Which::Number(number) => candidates
                .find(|version| version.number == number)
                .ok_or(Failure::VersionNotFound { version: number })?,
        };
        Ok(self.found(subject, *version))
    }

    /// Returns the version of a subject with exactly this schema.
    pub(super) fn lookup(&self, subject: &str, sent: &Sent, deleted_too: bool) -> Result<Found, Failure> {
        let found = self.subject(subject, deleted_too)?;
        let mut candidates = found.versions.iter().filter(|version| deleted_too || !version.deleted);
        let version = candidates.rfind(|version| self.stored(version.id).identity == sent.identity);
        version.map(|version| self.found(subject, *version)).ok_or(Failure::SchemaNotFound)
    }

    /// Returns the id of a schema under a subject, registering it if it is not registered yet.
    pub(super) fn register(&mut self, subject: &str, sent: Sent) -> Result<u32, Failure> {
        if subject.is_empty() {
            return Err(Failure::InvalidSubject);
        }
        if let Ok(found) = self.lookup(subject, &sent, false) {
            return Ok(found.id);
        }
        let level = self.level(subject);
        let found = self.check(subject, &sent, None)?;
        if !found.is_empty() {
            return Err(Failure::Incompatible { subject: subject.to_owned(), level, found });
        }
        let id = match self.schemas.iter().position(|stored| stored.identity == sent.identity) {
            Some(place) => place as u32 + 1,
            None => {
                self.schemas.push(sent);
                self.schemas.len() as u32
            }
        };
        let entry = self.subjects.entry(subject.to_owned()).or_default();
        entry.last += 1;
        entry.versions.push(Version { number: entry.last, id, deleted: false });
        Ok(id)
    }

    /// Returns where a schema breaks the rule of a subject: compared with one version, or with those that the rule
    /// names. A subject without versions accepts everything.
    pub(super) fn check(
        &self,
        subject: &str,
        sent: &Sent,
        against: Option<Which>,
    ) -> Result<Vec<Incompatibility>, Failure> {
        let previous = match against {
            Some(which) => vec![self.stored(self.version(subject, which, false)?.id).parsed.clone()],
            None => {
                let subject = self.subjects.get(subject);
                let live = subject.into_iter().flat_map(Subject::live);
                live.map(|version| self.stored(version.id).parsed.clone()).collect()
            }
        };
        incompatibilities(self.level(subject), &sent.parsed, &previous)
            .map_err(|error| Failure::InvalidSchema { what: error.to_string() })
    }

    pub(super) fn delete_subject(&mut self, subject: &str, permanent: bool) -> Result<Vec<u32>, Failure> {
        let found = self.subjects.get_mut(subject).filter(|found| !found.versions.is_empty());
        let found = found.ok_or_else(|| not_found(subject))?;
        let deleted = found.is_deleted();
        let subject = || subject.to_owned();
        match (permanent, deleted) {
            (false, true) => Err(Failure::SubjectSoftDeleted { subject: subject() }),
            (true, false) => Err(Failure::SubjectNotSoftDeleted { subject: subject() }),
            (true, true) => Ok(found.versions.drain(..).map(|version| version.number).collect()),
            (false, false) => {
                let live = found.versions.iter_mut().filter(|version| !version.deleted);
                Ok(live
                    .map(|version| {
                        version.deleted = true;
                        version.number
                    })
                    .collect())
            }
        }
    }

    pub(super) fn delete_version(
        &mut self,
        subject: &str,
        which: Which,
        permanent: bool,
    ) -> Result<u32, Failure> {
        let number = self.version(subject, which, permanent || which != Which::Latest)?.version;
        let found = self.subjects.get_mut(subject).ok_or_else(|| not_found(subject))?;
        let place = found.versions.iter().position(|version| version.number == number);
        let place = place.ok_or(Failure::VersionNotFound { version: number })?;
        let subject = || subject.to_owned();
        match (permanent, found.versions[place].deleted) {
            (false, true) => Err(Failure::VersionSoftDeleted { subject: subject(), version: number }),
            (true, false) => Err(Failure::VersionNotSoftDeleted { subject: subject(), version: number }),
            (true, true) => Ok(found.versions.remove(place).number),
            (false, false) => {
                found.versions[place].deleted = true;
                Ok(number)
            }
        }
    }

    pub(super) fn schema(&self, id: &str) -> Result<&str, Failure> {
        Ok(&self.by_id(id)?.1.text)
    }

    /// Returns the subjects and versions of a schema.
    pub(super) fn places(&self, id: &str, deleted_too: bool) -> Result<Vec<(&str, u32)>, Failure> {
        let (id, _) = self.by_id(id)?;
        let mut places = Vec::new();
        for (name, subject) in &self.subjects {
            let here = subject.versions.iter().filter(|version| version.id == id);
            let here = here.filter(|version| deleted_too || !version.deleted);
            places.extend(here.map(|version| (name.as_str(), version.number)));
        }
        Ok(places)
    }

    pub(super) fn global_level(&self) -> Level {
        self.global
    }

    pub(super) fn set_global_level(&mut self, level: Level) {
        self.global = level;
    }

    /// Returns the rule of a subject: its own, or the global one.
    pub(super) fn level(&self, subject: &str) -> Level {
        self.levels.get(subject).copied().unwrap_or(self.global)
    }

    pub(super) fn own_level(&self, subject: &str) -> Result<Level, Failure> {
        let own = self.levels.get(subject).copied();
        own.ok_or_else(|| Failure::NoSubjectLevel { subject: subject.to_owned() })
    }

    pub(super) fn set_level(&mut self, subject: &str, level: Level) {
        self.levels.insert(subject.to_owned(), level);
    }

    pub(super) fn delete_level(&mut self, subject: &str) -> Result<Level, Failure> {
        let own = self.levels.remove(subject);
        own.ok_or_else(|| Failure::NoSubjectLevel { subject: subject.to_owned() })
    }

    fn subject(&self, name: &str, deleted_too: bool) -> Result<&Subject, Failure> {
        let found = self.subjects.get(name).filter(|subject| !subject.versions.is_empty());
        found.filter(|subject| deleted_too || !subject.is_deleted()).ok_or_else(|| not_found(name))
    }

    fn by_id(&self, id: &str) -> Result<(u32, &Sent), Failure> {
        let number = id.parse::<u32>().ok().filter(|number| *number > 0);
        let found = number.and_then(|number| Some((number, self.schemas.get(number as usize - 1)?)));
        found.ok_or_else(|| Failure::IdNotFound { id: id.to_owned() })
    }

    fn stored(&self, id: u32) -> &Sent {
        &self.schemas[id as usize - 1]
    }

    fn found(&self, subject: &str, version: Version) -> Found {
        Found {
            subject: subject.to_owned(),
            version: version.number,
            id: version.id,
            schema: self.stored(version.id).text.clone(),
        }
    }
}

fn not_found(subject: &str) -> Failure {
    Failure::SubjectNotFound { subject: subject.to_owned() }
}
