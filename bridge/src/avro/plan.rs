//! The plan to read records of some schema: Avro's resolution against the event type's schema, computed once per
//! schema.
//!
//! Source: Apache Avro 1.12 specification, "Schema Resolution".

use std::{fmt, sync::Arc};

use tradesim_schemas::EventType;

use super::{
    datum::{Datum, DatumError, unscaled},
    decode::DecodeError,
    schema::{Field, Logical, Schema, Shape, TypeId},
};

/// The limit of the nesting depth of skipped values; the next one limits their number in a record, because types
/// without bytes can be repeated without a limit.
const DEPTH_MAX: u32 = 64;
const SKIPPED_MAX: u32 = 1_000_000;
/// The number of fields of the largest record, including `schema_version` and `source`.
const FIELDS_MAX: usize = 14;

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A string, or an enum's symbol. It is not checked yet if it is UTF-8.
    Text(&'a [u8]),
    /// A whole number; for a decimal, the unscaled value.
    Number(i64),
    /// Null.
    Absent,
    /// The writer's schema has no such field, and the reader's has a default.
    Default,
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => write!(f, "{:?}", String::from_utf8_lossy(text)),
            Value::Number(number) => write!(f, "{number}"),
            Value::Absent | Value::Default => f.write_str("null"),
        }
    }
}

/// Values of a schema that are not messages of an event type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("it is of {found}, not of {expected}")]
    OtherRecord { found: String, expected: String },
    #[error("it lacks {field}, which has no default")]
    MissingField { field: String },
    #[error("its {field} is {found}, which cannot be read as {expected}")]
    OtherType { field: String, found: String, expected: String },
}

/// The step for one field of the writer's.
#[derive(Debug)]
enum Step {
    Read { slot: usize, how: Read },
    Skip(TypeId),
}

/// The way to read a value of the event type's schema.
#[derive(Debug)]
enum Read {
    Text,
    Number,
    /// An unscaled value on bytes, or on so many.
    Decimal(Option<usize>),
    Symbol(Vec<String>),
    /// A union of null and string, and which of them is null.
    OptionalText {
        null: usize,
    },
    Null,
}

/// The plan to read records of one schema.
#[derive(Debug)]
pub(super) struct Plan {
    steps: Vec<Step>,
    /// The values before any is read.
    absent: [Value<'static>; FIELDS_MAX],
    /// The writer's schema, for types that are skipped.
    schema: Arc<Schema>,
}

impl Plan {
    /// Resolves the writer's schema against that of this event type.
    ///
    /// # Errors
    /// Another record, a missing field without a default, and a type that cannot be converted.
    pub(super) fn new(kind: EventType, schema: Arc<Schema>) -> Result<Plan, Mismatch> {
        let ours = Schema::parse(kind.avro_schema()).expect("the built-in schemas are valid");
        let Shape::Record(expected) = ours.shape(ours.root()) else {
            panic!("the built-in schemas are records")
        };
        assert!(expected.fields.len() <= FIELDS_MAX);
        let written = match schema.shape(schema.root()) {
            Shape::Record(record) if record.name.full == expected.name.full => record,
            other => {
                let found = other.name().map_or_else(|| other.to_string(), |name| name.full.clone());
                return Err(Mismatch::OtherRecord { found, expected: expected.name.full.clone() });
            }
        };
        let mut absent = [Value::Absent; FIELDS_MAX];
        for (slot, field) in expected.fields.iter().enumerate() {
            let is_written = written.fields.iter().any(|written| written.name == field.name);
            if !is_written && !field.has_default {
                return Err(Mismatch::MissingField { field: field.name.clone() });
            }
            // the default of an optional field is null
            let is_optional = matches!(ours.shape(field.kind), Shape::Union(_));
            absent[slot] = if is_optional { Value::Absent } else { Value::Default };
        }
        let step = |written: &Field| match expected.fields.iter().position(|field| field.name == written.name)
        {
            Some(slot) => {
                let how = resolve(&schema, written.kind, &ours, &expected.fields[slot])?;
                Ok(Step::Read { slot, how })
            }
            None => Ok(Step::Skip(written.kind)),
        };
        let steps = written.fields.iter().map(step).collect::<Result<_, _>>()?;
        Ok(Plan { steps, absent, schema })
    }

    /// Reads the values of one record, in the order of the event type's fields.
    #[inline]
    pub(super) fn read<'a>(&'a self, datum: &mut Datum<'a>) -> Result<[Value<'a>; FIELDS_MAX], DecodeError> {
        let mut values: [Value<'a>; FIELDS_MAX] = self.absent;
        let mut left = SKIPPED_MAX;
        for step in &self.steps {
            match step {
                Step::Read { slot, how } => values[*slot] = how.value(datum)?,
                Step::Skip(kind) => self.skip(*kind, datum, DEPTH_MAX, &mut left)?,
            }
        }
        Ok(values)
    }

    fn skip(
        &self,
        kind: TypeId,
        datum: &mut Datum<'_>,
        depth: u32,
        left: &mut u32,
    ) -> Result<(), DecodeError> {
        let depth = depth.checked_sub(1).ok_or(DatumError::TooDeep)?;
        *left = left.checked_sub(1).ok_or(DecodeError::TooMany)?;
        match self.schema.shape(kind) {
            Shape::Null => {}
            Shape::Boolean => drop(datum.take(1)?),
            Shape::Int | Shape::Long => drop(datum.long()?),
            Shape::Float => drop(datum.take(4)?),
            Shape::Double => drop(datum.take(8)?),
            Shape::Bytes | Shape::String => drop(datum.bytes()?),
            Shape::Fixed(fixed) => drop(datum.take(fixed.size)?),
            Shape::Enum(definition) => drop(datum.place(definition.symbols.len())?),
            Shape::Union(branches) => {
                let branch = datum.place(branches.len())?;
                self.skip(branches[branch], datum, depth, left)?;
            }
            Shape::Record(record) => {
                for field in &record.fields {
                    self.skip(field.kind, datum, depth, left)?;
                }
            }
            Shape::Array(items) => self.skip_blocks(datum, |datum| self.skip(*items, datum, depth, left))?,
            Shape::Map(values) => self.skip_blocks(datum, |datum| {
                datum.bytes()?;
                self.skip(*values, datum, depth, left)
            })?,
        }
        Ok(())
    }

    fn skip_blocks(
        &self,
        datum: &mut Datum<'_>,
        mut item: impl FnMut(&mut Datum<'_>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        loop {
            let count = datum.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                // a negative count is followed by the size of the block in bytes
                datum.bytes()?;
                continue;
            }
            for _ in 0..count {
                let before = datum.len();
                item(datum)?;
                if datum.len() == before {
                    // an item without bytes: so are all the others, however many are stated
                    break;
                }
            }
        }
    }
}

fn resolve(writer: &Schema, written: TypeId, ours: &Schema, field: &Field) -> Result<Read, Mismatch> {
    let refuse = || Mismatch::OtherType {
        field: field.name.clone(),
        found: describe(writer, written),
        expected: describe(ours, field.kind),
    };
    let (expected, found) = (ours.get(field.kind), writer.get(written));
    let same_scale = || match (expected.logical, found.logical) {
        // the precision does not matter for reading
        (Some(Logical::Decimal { scale, .. }), Some(Logical::Decimal { scale: written, .. })) => {
            scale == written
        }
        _ => false,
    };
    match (&expected.shape, &found.shape) {
        (Shape::String, Shape::String | Shape::Bytes) => Ok(Read::Text),
        (Shape::Int, Shape::Int) | (Shape::Long, Shape::Int | Shape::Long)
            if expected.logical == found.logical =>
        {
            Ok(Read::Number)
        }
        (Shape::Bytes, Shape::Bytes) if same_scale() => Ok(Read::Decimal(None)),
        (Shape::Bytes, Shape::Fixed(fixed)) if same_scale() => Ok(Read::Decimal(Some(fixed.size))),
        (Shape::Enum(_), Shape::Enum(written)) => Ok(Read::Symbol(written.symbols.clone())),
        (Shape::Union(_), Shape::String | Shape::Bytes) => Ok(Read::Text),
        (Shape::Union(_), Shape::Null) => Ok(Read::Null),
        (Shape::Union(_), Shape::Union(branches)) => {
            match branches.iter().map(|branch| writer.shape(*branch)).collect::<Vec<_>>()[..] {
                [Shape::Null, Shape::String] => Ok(Read::OptionalText { null: 0 }),
                [Shape::String, Shape::Null] => Ok(Read::OptionalText { null: 1 }),
                _ => Err(refuse()),
            }
        }
        _ => Err(refuse()),
    }
}

fn describe(schema: &Schema, id: TypeId) -> String {
    let kind = schema.get(id);
    let keyword = kind.shape.keyword();
    kind.logical.map_or_else(|| keyword.to_owned(), |logical| format!("{keyword}, {logical}"))
}

impl Read {
    #[inline]
    fn value<'a>(&'a self, datum: &mut Datum<'a>) -> Result<Value<'a>, DecodeError> {
        Ok(match self {
            Read::Text => Value::Text(datum.bytes()?),
            Read::Number => Value::Number(datum.long()?),
            Read::Decimal(size) => {
                let bytes = match size {
                    None => datum.bytes()?,
                    Some(size) => datum.take(*size)?,
                };
                Value::Number(unscaled(bytes).ok_or(DatumError::LongNumber)?)
            }
            Read::Symbol(symbols) => Value::Text(symbols[datum.place(symbols.len())?].as_bytes()),
            Read::OptionalText { null } => {
                if datum.place(2)? == *null {
                    Value::Absent
                } else {
                    Value::Text(datum.bytes()?)
                }
            }
            Read::Null => Value::Absent,
        })
    }
}
