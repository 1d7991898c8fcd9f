//! The compatibility of Avro schemas: checks whether readers of one schema understand what writers of another wrote,
//! and reports where they do not. It is pure, and works on texts.
//!
//! The rules are those of "Schema Resolution" in the Avro 1.12 specification: fields are found by their names and the
//! reader's aliases, fields that the writer lacks need a default, numbers may be promoted, a reader's enum must
//! contain every symbol or have a default, a union must accept every branch. One rule is stricter than the
//! specification and Confluent's registry: a logical type that is changed, added or dropped is a changed type,
//! because a decimal of another scale or a time in another unit is read without an error, and is wrong.

mod check;
mod level;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt};

pub use level::{Level, ParseLevelError};

use super::schema::{Schema, SchemaError};

/// A parsed schema.
#[derive(Clone, Debug)]
pub struct AvroSchema {
    schema: Schema,
}

/// The text is not an Avro schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an Avro schema: {what}")]
pub struct InvalidSchema {
    what: SchemaError,
}

/// The comparison of two schemas would take too long. Schemas of messages are far below the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the schemas are too complex to be compared")]
pub struct TooComplex;

impl AvroSchema {
    /// Parses a schema and looks up the names that it refers to.
    ///
    /// # Errors
    /// A text that is not JSON, is not a schema, refers to undefined names, or exceeds the limits.
    pub fn parse(text: &str) -> Result<AvroSchema, InvalidSchema> {
        let schema = Schema::parse_valid(text).map_err(|what| InvalidSchema { what })?;
        Ok(AvroSchema { schema })
    }
}

/// The kind of an incompatibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// Records, enums or fixed types have different names.
    NameMismatch,
    /// Fixed types have different sizes.
    FixedSizeMismatch,
    /// The writer's enum has symbols that the reader's lacks.
    MissingEnumSymbols,
    /// The reader has a field without a default that the writer lacks.
    MissingDefault,
    /// One type cannot be read as the other.
    TypeMismatch,
    /// The same type has another meaning.
    LogicalTypeMismatch,
    /// The writer may write a branch that the reader's union lacks.
    MissingUnionBranch,
    /// A registry reports an incompatibility, for a reason of its own.
    Unnamed,
}

impl Kind {
    /// Returns the name that Confluent's registry has for it, if it has one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::NameMismatch => "NAME_MISMATCH",
            Kind::FixedSizeMismatch => "FIXED_SIZE_MISMATCH",
            Kind::MissingEnumSymbols => "MISSING_ENUM_SYMBOLS",
            Kind::MissingDefault => "READER_FIELD_MISSING_DEFAULT_VALUE",
            Kind::TypeMismatch => "TYPE_MISMATCH",
            Kind::LogicalTypeMismatch => "LOGICAL_TYPE_MISMATCH",
            Kind::MissingUnionBranch => "MISSING_UNION_BRANCH",
            Kind::Unnamed => "UNNAMED",
        }
    }
}

/// A place where a reader does not understand a writer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Incompatibility {
    /// The field, such as `price` or `legs[].price`; empty if the whole schema is incompatible.
    pub field: String,
    /// The kind.
    pub kind: Kind,
    /// A description.
    pub what: String,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "field {}: {}", self.field, self.what)
        }
    }
}

/// The names of reader and writer in the description of an [`Incompatibility`].
#[derive(Clone, Copy, Debug)]
struct Roles {
    reader: &'static str,
    writer: &'static str,
}

/// Returns where a new schema breaks a rule, given the existing ones, the oldest first. Rules that are not transitive
/// compare with the last of them only.
///
/// # Errors
/// Schemas whose comparison would take too long.
pub fn incompatibilities(
    level: Level,
    new: &AvroSchema,
    previous: &[AvroSchema],
) -> Result<Vec<Incompatibility>, TooComplex> {
    let compared = match (level.is_transitive(), previous) {
        (false, [.., latest]) => std::slice::from_ref(latest),
        _ => previous,
    };
    let mut found = Vec::new();
    for old in compared {
        if level.is_backward() {
            let roles = Roles { reader: "the new schema", writer: "the old one" };
            found.extend(check::differences(&new.schema, &old.schema, roles)?);
        }
        if level.is_forward() {
            let roles = Roles { reader: "the old schema", writer: "the new one" };
            found.extend(check::differences(&old.schema, &new.schema, roles)?);
        }
    }
    // several versions may break in the same place
    let mut seen = BTreeSet::new();
    found.retain(|difference| seen.insert(difference.clone()));
    Ok(found)
}
