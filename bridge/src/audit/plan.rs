//! How a record is read that was written with some schema: Avro's resolution against ours, worked out once for a schema.
//!
//! Source: Apache Avro 1.12 specification, "Schema Resolution".

use std::fmt;

use tradesim_schemas::EventType;

use super::{
    datum::{Datum, unscaled},
    decode::DecodeError,
    schema::{Field, Schema, SchemaError, Shape},
};

/// How deep values may be nested that are skipped, and how many there may be in a record: types without bytes can be repeated
/// without an end.
const DEPTH_MAX: u32 = 64;
const SKIPPED_MAX: u32 = 1_000_000;
/// Fields of our largest record, `schema_version` and `source` among them.
const FIELDS_MAX: usize = 14;

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A string, or an enum's symbol. Whether it is UTF-8, nobody has looked yet.
    Text(&'a [u8]),
    /// A whole number; of a decimal, the unscaled value.
    Number(i64),
    /// Null.
    Absent,
    /// The writer had no such field, and ours has a default.
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

/// What to do with a field of the writer's.
#[derive(Debug)]
enum Step {
    Read { slot: usize, how: Read },
    Skip(Shape),
}

/// How a value of ours is read.
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

/// How records of one schema are read as ours.
#[derive(Debug)]
pub(super) struct Plan {
    steps: Vec<Step>,
    /// What values are before any is read.
    absent: [Value<'static>; FIELDS_MAX],
    /// For shapes that are skipped.
    named: Vec<(String, Shape)>,
}

impl Plan {
    /// Resolves the writer's schema against ours of this type.
    ///
    /// # Errors
    /// Another record, a field without default that is missing, and a type that cannot become ours.
    pub(super) fn new(kind: EventType, writer: &Schema) -> Result<Plan, SchemaError> {
        let ours = Schema::parse(kind.avro_schema()).expect("our schemas are schemas");
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

    /// The values of one record, in the order of our fields.
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
                // a negative count says how many bytes the block has
                datum.bytes()?;
                continue;
            }
            for _ in 0..count {
                let before = datum.len();
                item(datum)?;
                if datum.len() == before {
                    // an item without bytes: so are all the others, however many are claimed
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

/// Whether two decimals count the same unit; how many digits one may have does not matter for reading it.
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
