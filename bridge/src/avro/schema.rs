//! The model of an Avro schema, for every reader and for the comparison of schemas.
//!
//! An unknown program may have registered a schema, so it is parsed within limits, into a form that costs little more
//! memory than its text: a list of types that refer to each other by index. Attributes that no reader needs, such as
//! documentation, are dropped.
//!
//! [`Schema::parse`] accepts what can be read. [`Schema::parse_valid`] also refuses what the specification forbids
//! although it can be read, such as a default of another type.
//!
//! Source: Apache Avro 1.12 specification, "Schema Declaration", "Names" and "Logical Types".

mod logical;
mod parse;
#[cfg(test)]
mod tests;
mod validity;

use std::fmt;

use serde_json::Value;

pub(crate) use logical::Logical;

/// The limit of the text of a schema.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// The limit of types in a schema, counting each use of a primitive.
const TYPES_MAX: usize = 16_384;
/// The limit of a name with its namespace, which types inherit: without it, names could need far more memory than the
/// text.
const NAME_BYTES_MAX: usize = 1_024;

/// The text is not a schema that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error("it has {bytes} bytes, expected at most {TEXT_BYTES_MAX}")]
    TooLong { bytes: usize },
    #[error("it has more than {TYPES_MAX} types")]
    TooManyTypes,
    #[error("a name has {bytes} bytes, expected at most {NAME_BYTES_MAX}")]
    LongName { bytes: usize },
    #[error("it is not JSON: {error}")]
    NotJson { error: String },
    #[error("{found} is not a type")]
    NotAType { found: Value },
    #[error("a type lacks {member:?}")]
    Lacks { member: &'static str },
    #[error("{what}")]
    Malformed { what: &'static str },
    #[error("the field {name:?} has no type")]
    NoType { name: String },
    #[error("{name:?} is used before it is defined")]
    UnknownName { name: String },
    #[error("{name:?} is defined twice")]
    DefinedTwice { name: String },
    #[error("{name:?} is not a name")]
    NotAName { name: String },
    #[error("{name:?} has {member:?} twice")]
    Twice { name: String, member: String },
    #[error("the default of {name:?} is not a value of its type")]
    Default { name: String },
    #[error("a union contains {branch} twice")]
    TwiceInUnion { branch: String },
    #[error("a union contains a union")]
    UnionInUnion,
    #[error("its defaults are too complex to be checked")]
    ComplexDefaults,
}

/// The index of a type in its schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TypeId(u32);

/// A type: the form of its bytes, and their meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) shape: Shape,
    pub(crate) logical: Option<Logical>,
}

/// The form of the bytes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(Box<Fixed>),
    Enum(Box<Enum>),
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Record(Box<Record>),
}

/// The name of a type, with its namespace, and its other names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) full: String,
    pub(crate) aliases: Vec<String>,
}

impl Name {
    /// Returns the name without its namespace.
    pub(crate) fn short(&self) -> &str {
        self.full.rsplit_once('.').map_or(&*self.full, |(_, name)| name)
    }
}

/// A number of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fixed {
    pub(crate) name: Name,
    pub(crate) size: usize,
}

/// One of some symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Enum {
    pub(crate) name: Name,
    /// In the order of their indexes.
    pub(crate) symbols: Vec<String>,
    /// The symbol that a reader takes for one that it does not have.
    pub(crate) default: Option<String>,
}

/// Values one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: Name,
    pub(crate) fields: Vec<Field>,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) kind: TypeId,
    pub(crate) has_default: bool,
}

/// A schema: its types, and which of them is the top-level type.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    types: Vec<Type>,
    root: TypeId,
}

impl Schema {
    /// Parses a schema that values are read with.
    ///
    /// # Errors
    /// Text that is too long, is not JSON or not a schema, and a schema that exceeds the limits.
    pub(crate) fn parse(text: &str) -> Result<Schema, SchemaError> {
        parse::parse(text, |_, _| Ok(()))
    }

    /// Parses a schema that values are to be written with.
    ///
    /// # Errors
    /// Those of [`Schema::parse`], and everything else that the specification forbids.
    pub(crate) fn parse_valid(text: &str) -> Result<Schema, SchemaError> {
        parse::parse(text, validity::check)
    }

    pub(crate) fn root(&self) -> TypeId {
        self.root
    }

    pub(crate) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0 as usize]
    }

    pub(crate) fn types(&self) -> &[Type] {
        &self.types
    }

    pub(crate) fn shape(&self, id: TypeId) -> &Shape {
        &self.get(id).shape
    }
}

impl Shape {
    /// Returns the keyword of the specification.
    pub(crate) const fn keyword(&self) -> &'static str {
        match self {
            Shape::Null => "null",
            Shape::Boolean => "boolean",
            Shape::Int => "int",
            Shape::Long => "long",
            Shape::Float => "float",
            Shape::Double => "double",
            Shape::Bytes => "bytes",
            Shape::String => "string",
            Shape::Fixed(_) => "fixed",
            Shape::Enum(_) => "enum",
            Shape::Array(_) => "array",
            Shape::Map(_) => "map",
            Shape::Union(_) => "union",
            Shape::Record(_) => "record",
        }
    }

    /// Returns the name of a type that has one.
    pub(crate) fn name(&self) -> Option<&Name> {
        match self {
            Shape::Fixed(fixed) => Some(&fixed.name),
            Shape::Enum(definition) => Some(&definition.name),
            Shape::Record(record) => Some(&record.name),
            _ => None,
        }
    }
}

/// Writes the keyword, followed by the name of a type that has one.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())?;
        self.name().map_or(Ok(()), |name| write!(f, " {}", name.full))
    }
}
