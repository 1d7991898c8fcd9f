//! The refusals of the registry, with the status and the code that Confluent documents for them.

use crate::avro::compatibility::{Incompatibility, Level};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("Subject '{subject}' not found.")]
    SubjectNotFound { subject: String },
    #[error("Version {version} not found.")]
    VersionNotFound { version: u32 },
    #[error("Schema not found")]
    SchemaNotFound,
    #[error("Schema {id} not found")]
    IdNotFound { id: String },
    #[error("Subject '{subject}' was soft deleted. Set permanent=true to delete permanently")]
    SubjectSoftDeleted { subject: String },
    #[error("Subject '{subject}' was not deleted first before being permanently deleted")]
    SubjectNotSoftDeleted { subject: String },
    #[error(
        "Subject '{subject}' Version {version} was soft deleted. Set permanent=true to delete permanently"
    )]
    VersionSoftDeleted { subject: String, version: u32 },
    #[error("Subject '{subject}' Version {version} was not deleted first before being permanently deleted")]
    VersionNotSoftDeleted { subject: String, version: u32 },
    #[error("Subject '{subject}' does not have subject-level compatibility configured")]
    NoSubjectLevel { subject: String },
    #[error("{}", incompatible(subject, *level, found))]
    Incompatible { subject: String, level: Level, found: Vec<Incompatibility> },
    #[error("Invalid schema: {what}")]
    InvalidSchema { what: String },
    #[error(
        "The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
    )]
    InvalidVersion { version: String },
    #[error("Invalid compatibility level. Valid values are {}", Level::ALL.map(Level::as_str).join(", "))]
    InvalidLevel,
    #[error("Subject must not be empty")]
    InvalidSubject,
    #[error("The request is not a JSON object: {what}")]
    NoJson { what: String },
    #[error("Not found: {what}")]
    NoSuchPath { what: String },
}

impl Failure {
    /// Returns the HTTP status and the code in the answer.
    pub(super) fn codes(&self) -> (u16, u32) {
        match self {
            Failure::NoJson { .. } => (400, 400),
            Failure::NoSuchPath { .. } => (404, 404),
            Failure::SubjectNotFound { .. } => (404, 40_401),
            Failure::VersionNotFound { .. } => (404, 40_402),
            Failure::SchemaNotFound | Failure::IdNotFound { .. } => (404, 40_403),
            Failure::SubjectSoftDeleted { .. } => (404, 40_404),
            Failure::SubjectNotSoftDeleted { .. } => (404, 40_405),
            Failure::VersionSoftDeleted { .. } => (404, 40_406),
            Failure::VersionNotSoftDeleted { .. } => (404, 40_407),
            Failure::NoSubjectLevel { .. } => (404, 40_408),
            Failure::Incompatible { .. } => (409, 409),
            Failure::InvalidSchema { .. } => (422, 42_201),
            Failure::InvalidVersion { .. } => (422, 42_202),
            Failure::InvalidLevel => (422, 42_203),
            Failure::InvalidSubject => (422, 42_208),
        }
    }
}

fn incompatible(subject: &str, level: Level, found: &[Incompatibility]) -> String {
    let details: Vec<String> = found.iter().map(detail).collect();
    format!(
        "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{}, {{compatibility: '{level}'}}]",
        details.join(", ")
    )
}

/// Formats one reason for an answer.
pub(super) fn detail(found: &Incompatibility) -> String {
    format!("{{errorType:'{}', description:'{found}'}}", found.kind.as_str())
}
