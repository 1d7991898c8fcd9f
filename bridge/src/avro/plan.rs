//! The plan to read records of some schema: Avro's resolution against the event type's schema, computed once per
//! schema.
//!
//! Source: Apache Avro 1.12 specification, "Schema Resolution".

use std::fmt;

use tradesim_schemas::EventType;

use super::{
    datum::{Datum, unscaled},
    decode_error::DecodeError,
    record_schema::{Field, Schema, SchemaError, Shape},
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

/// The step for one field of the writer's.
#[derive(Debug)]
enum Step {
    Read { slot: usize, how: Read },
    Skip(Shape),
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
    /// For shapes that are skipped.
    named: Vec<(String, Shape)>,
}

impl Plan {
    /// Resolves the writer's schema against that of this event type.
    ///
    /// # Errors
    /// Another record, a missing field without a default, and a type that cannot be converted.
    pub(super) fn new(kind: EventType, writer: &Schema) -> Result<Plan, SchemaError> {
        let ours = Schema::parse(kind.avro_schema()).expect("the built-in schemas are valid");
        assert!(ours.fields.len() <= FIELDS_MAX);
        if writer.name != ours.name {
            return Err(SchemaError::OtherRecord { found: writer.name.clone(), expected: ours.name });
        }
        let mut absent = [Value::Absent; FIELDS_MAX];
        for (slot, field) in ours.fields.iter().enumerate() {
            let is_written = writer.fields.iter().any(|written| written.name == field.name);
            if !is_written && !field.has_default {
                return Err(SchemaError::MissingField { field: field.name.clone() });
            }
            // the default of an optional field is null
            let is_optional = matches!(field.shape, Shape::Union(_));
            absent[slot] = if is_optional { Value::Absent } else { Value::Default };
        }
        let step = |written: &Field| match ours.fields.iter().position(|field| field.name == written.name) {
            Some(slot) => {
                let how = resolve(writer, written, &ours, &ours.fields[slot])?;
                Ok(Step::Read { slot, how })
            }
            None => Ok(Step::Skip(written.shape.clone())),
        };
        let steps = writer.fields.iter().map(step).collect::<Result<_, _>>()?;
        Ok(Plan { steps, absent, named: writer.named.clone() })
    }

    /// Reads the values of one record, in the order of the event type's fields.
    #[inline]
    pub(super) fn read<'a>(&'a self, datum: &mut Datum<'a>) -> Result<[Value<'a>; FIELDS_MAX], DecodeError> {
        let mut values: [Value<'a>; FIELDS_MAX] = self.absent;
        let mut left = SKIPPED_MAX;
        for step in &self.steps {
            match step {
                Step::Read { slot, how } => values[*slot] = how.value(datum)?,
                Step::Skip(shape) => self.skip(shape, datum, DEPTH_MAX, &mut left)?,
            }
        }
        Ok(values)
    }

    fn skip(
        &self,
        shape: &Shape,
        datum: &mut Datum<'_>,
        depth: u32,
        left: &mut u32,
    ) -> Result<(), DecodeError> {
        let depth = depth.checked_sub(1).ok_or(DecodeError::TooDeep)?;
        *left = left.checked_sub(1).ok_or(DecodeError::TooMany)?;
        match shape {
            Shape::Null => {}
            Shape::Boolean => drop(datum.take(1)?),
            Shape::Int | Shape::Long => drop(datum.long()?),
            Shape::Float => drop(datum.take(4)?),
            Shape::Double => drop(datum.take(8)?),
            Shape::Bytes | Shape::String => drop(datum.bytes()?),
            Shape::Fixed(size) => drop(datum.take(*size)?),
            Shape::Enum(symbols) => drop(datum.place(symbols.len())?),
            Shape::Union(branches) => {
                let branch = datum.place(branches.len())?;
                self.skip(&branches[branch], datum, depth, left)?;
            }
            Shape::Record(fields) => {
                for field in fields {
                    self.skip(&field.shape, datum, depth, left)?;
                }
            }
            Shape::Array(items) => self.skip_blocks(datum, |datum| self.skip(items, datum, depth, left))?,
            Shape::Map(values) => self.skip_blocks(datum, |datum| {
                datum.bytes()?;
                self.skip(values, datum, depth, left)
            })?,
            Shape::Named(index) => self.skip(&self.named[*index].1, datum, depth, left)?,
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

fn resolve(writer: &Schema, written: &Field, ours: &Schema, field: &Field) -> Result<Read, SchemaError> {
    let refuse = || SchemaError::OtherType {
        field: field.name.clone(),
        found: in_words(writer, written),
        expected: in_words(ours, field),
    };
    let found = writer.defined(&written.shape);
    let same_meaning = written.logical == field.logical;
    match (ours.defined(&field.shape), found) {
        (Shape::String, Shape::String | Shape::Bytes) => Ok(Read::Text),
        (Shape::Int, Shape::Int) | (Shape::Long, Shape::Int | Shape::Long) if same_meaning => {
            Ok(Read::Number)
        }
        (Shape::Bytes, Shape::Bytes) if same_scale(written, field) => Ok(Read::Decimal(None)),
        (Shape::Bytes, Shape::Fixed(size)) if same_scale(written, field) => Ok(Read::Decimal(Some(*size))),
        (Shape::Enum(_), Shape::Enum(symbols)) => Ok(Read::Symbol(symbols.clone())),
        (Shape::Union(_), Shape::String | Shape::Bytes) => Ok(Read::Text),
        (Shape::Union(_), Shape::Null) => Ok(Read::Null),
        (Shape::Union(_), Shape::Union(branches)) => match branches.as_slice() {
            [Shape::Null, Shape::String] => Ok(Read::OptionalText { null: 0 }),
            [Shape::String, Shape::Null] => Ok(Read::OptionalText { null: 1 }),
            _ => Err(refuse()),
        },
        _ => Err(refuse()),
    }
}

/// Returns true if two decimals have the same scale; the precision does not matter for reading.
fn same_scale(written: &Field, field: &Field) -> bool {
    let scale = |field: &Field| {
        let text = field.logical.as_deref()?.strip_prefix("decimal(")?;
        text.split_once(',').map(|(_, scale)| scale.to_owned())
    };
    scale(field).is_some_and(|ours| scale(written) == Some(ours))
}

fn in_words(schema: &Schema, field: &Field) -> String {
    let shape = match schema.defined(&field.shape) {
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
        Shape::Record(_) | Shape::Named(_) => "record",
    };
    match &field.logical {
        Some(logical) => format!("{shape}, {logical}"),
        None => shape.to_owned(),
    }
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
                Value::Number(unscaled(bytes).ok_or(DecodeError::LongNumber)?)
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
