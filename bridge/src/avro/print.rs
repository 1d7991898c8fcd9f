//! An Avro datum as JSON, within a budget: decimals as exact texts, times in RFC 3339, bytes in base64.
//!
//! A few bytes may represent far more values than their length suggests: types without bytes can be nested and
//! repeated without a limit. So each value counts, and so does each byte that is printed.
//!
//! Source: Apache Avro 1.12 specification, "Binary Encoding".

#[cfg(test)]
mod tests;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Number, Value, json};
use tradesim_schemas::Timestamp;

use super::{
    datum::{Datum, DatumError},
    schema::{Logical, Schema, SchemaError, Shape, TypeId},
};

/// The limit of values in a record, including nested ones.
const VALUES_MAX: u32 = 100_000;
/// The limit of the bytes of names and texts that are printed of a record.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// The maximum nesting depth of values.
const DEPTH_MAX: u32 = 64;

/// The limit of a decimal's scale: more than 16 bytes can represent.
const SCALE_MAX: u64 = 64;

/// The reason for which no value of a schema is shown by its fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unusable {
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("a decimal has the scale {scale}, expected at most {SCALE_MAX}")]
    Scale { scale: u64 },
}

/// Parses a schema whose values can be shown.
///
/// # Errors
/// A text that is not a schema, a schema that exceeds the limits, and decimals with very many decimal places.
pub(crate) fn parse(text: &str) -> Result<Schema, Unusable> {
    let schema = Schema::parse(text)?;
    for kind in schema.types() {
        if let Some(Logical::Decimal { scale, .. }) = kind.logical
            && scale > SCALE_MAX
        {
            return Err(Unusable::Scale { scale });
        }
    }
    Ok(schema)
}

/// The reason for which a datum is not shown by its fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Undecodable {
    #[error(transparent)]
    Bytes(#[from] DatumError),
    #[error("a text is not UTF-8")]
    NotUtf8,
    #[error("{byte} is not a boolean")]
    NotABoolean { byte: u8 },
    #[error("it contains more than {VALUES_MAX} values")]
    TooMany,
    #[error("it contains more than {TEXT_BYTES_MAX} bytes of names and texts")]
    TooLong,
}

/// Decodes a datum with a schema.
///
/// # Errors
/// Bytes that end too early or continue after the value, and values beyond the budget.
pub(crate) fn decode(bytes: &[u8], schema: &Schema) -> Result<Value, Undecodable> {
    let mut decoder =
        Decoder { schema, datum: Datum::new(bytes), values_left: VALUES_MAX, text_left: TEXT_BYTES_MAX };
    let value = decoder.value(schema.root(), DEPTH_MAX)?;
    decoder.datum.end()?;
    Ok(value)
}

struct Decoder<'a> {
    schema: &'a Schema,
    datum: Datum<'a>,
    values_left: u32,
    text_left: usize,
}

impl<'a> Decoder<'a> {
    fn value(&mut self, id: TypeId, depth: u32) -> Result<Value, Undecodable> {
        let depth = depth.checked_sub(1).ok_or(DatumError::TooDeep)?;
        self.values_left = self.values_left.checked_sub(1).ok_or(Undecodable::TooMany)?;
        let schema = self.schema;
        let kind = schema.get(id);
        if let Some(Logical::Decimal { scale, .. }) = kind.logical {
            return self.decimal(&kind.shape, scale as usize);
        }
        Ok(match &kind.shape {
            Shape::Null => Value::Null,
            Shape::Boolean => match self.datum.take(1)?[0] {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                byte => return Err(Undecodable::NotABoolean { byte }),
            },
            Shape::Int | Shape::Long => {
                let number = self.datum.long()?;
                match kind.logical {
                    Some(Logical::Micros { .. }) => time(number, 1),
                    Some(Logical::Millis { .. }) => time(number, 1_000),
                    _ => json!(number),
                }
            }
            Shape::Float => float(f64::from(f32::from_le_bytes(self.array()?))),
            Shape::Double => float(f64::from_le_bytes(self.array()?)),
            Shape::Bytes | Shape::Fixed(_) => {
                let bytes = self.bytes(&kind.shape)?;
                self.base64(bytes)?
            }
            Shape::String => {
                let text = std::str::from_utf8(self.datum.bytes()?).map_err(|_| Undecodable::NotUtf8)?;
                self.text(text)?
            }
            Shape::Enum(definition) => {
                let symbol = &definition.symbols[self.datum.place(definition.symbols.len())?];
                self.text(symbol)?
            }
            Shape::Union(branches) => {
                let branch = branches[self.datum.place(branches.len())?];
                self.value(branch, depth)?
            }
            Shape::Record(record) => {
                let mut object = Map::new();
                for field in &record.fields {
                    self.spend(field.name.len())?;
                    object.insert(field.name.clone(), self.value(field.kind, depth)?);
                }
                Value::Object(object)
            }
            Shape::Array(items) => {
                let mut list = Vec::new();
                self.blocks(|decoder| {
                    list.push(decoder.value(*items, depth)?);
                    Ok(())
                })?;
                Value::Array(list)
            }
            Shape::Map(values) => {
                let mut object = Map::new();
                self.blocks(|decoder| {
                    let key = std::str::from_utf8(decoder.datum.bytes()?);
                    let key = key.map_err(|_| Undecodable::NotUtf8)?;
                    decoder.spend(key.len())?;
                    object.insert(key.to_owned(), decoder.value(*values, depth)?);
                    Ok(())
                })?;
                Value::Object(object)
            }
        })
    }

    /// Reads the bytes of a type that has nothing else.
    fn bytes(&mut self, shape: &Shape) -> Result<&'a [u8], DatumError> {
        match shape {
            Shape::Fixed(fixed) => self.datum.take(fixed.size),
            _ => self.datum.bytes(),
        }
    }

    fn decimal(&mut self, shape: &Shape, scale: usize) -> Result<Value, Undecodable> {
        let bytes = self.bytes(shape)?;
        match decimal_text(bytes, scale) {
            Some(text) => self.text(&text),
            None => self.base64(bytes),
        }
    }

    /// Decodes the items of an array or map: blocks with a count each, until one of zero. A negative count is
    /// followed by the block's size in bytes.
    fn blocks(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), Undecodable>,
    ) -> Result<(), Undecodable> {
        loop {
            let count = self.datum.long()?;
            if count == 0 {
                return Ok(());
            }
            if count < 0 {
                self.datum.long()?;
            }
            for _ in 0..count.unsigned_abs() {
                item(self)?;
            }
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Undecodable> {
        Ok(self.datum.take(N)?.try_into().expect("as many bytes as requested"))
    }

    fn text(&mut self, text: &str) -> Result<Value, Undecodable> {
        self.spend(text.len())?;
        Ok(Value::String(text.to_owned()))
    }

    fn base64(&mut self, bytes: &[u8]) -> Result<Value, Undecodable> {
        self.spend(bytes.len().div_ceil(3) * 4)?;
        Ok(Value::String(BASE64_STANDARD.encode(bytes)))
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Undecodable> {
        self.text_left = self.text_left.checked_sub(bytes).ok_or(Undecodable::TooLong)?;
        Ok(())
    }
}

/// Returns a time as a text, or as its number if the calendar does not cover it.
fn time(number: i64, micros_each: i64) -> Value {
    let time = number.checked_mul(micros_each).and_then(Timestamp::from_micros);
    time.map_or_else(|| json!(number), |time| Value::String(time.to_string()))
}

/// Returns a number, or a text if JSON has no such number.
fn float(number: f64) -> Value {
    Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// Returns a number in two's complement as a decimal text; `None` beyond 16 bytes.
fn decimal_text(bytes: &[u8], scale: usize) -> Option<String> {
    if bytes.is_empty() || bytes.len() > 16 {
        return None;
    }
    let sign = if bytes[0] >= 0x80 { 0xff } else { 0 };
    let mut wide = [sign; 16];
    wide[16 - bytes.len()..].copy_from_slice(bytes);
    let value = i128::from_be_bytes(wide);
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}
