//! The rules of the specification that reading does not need.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Schema, SchemaError, Shape, TypeId, parse::Default};

/// The limit of the work of checking defaults: values, symbols and fields that they are compared with.
const WORK_MAX: usize = 4_000_000;

/// Checks names, symbols, unions and defaults.
pub(super) fn check(schema: &Schema, defaults: &[Default<'_>]) -> Result<(), SchemaError> {
    for kind in &schema.types {
        if let Some(name) = kind.shape.name() {
            name.full.split('.').try_for_each(check_name)?;
        }
        match &kind.shape {
            Shape::Enum(definition) => {
                let name = &definition.name.full;
                check_names(name, definition.symbols.iter())?;
                if definition.default.as_ref().is_some_and(|default| !definition.symbols.contains(default)) {
                    return Err(SchemaError::Default { name: name.clone() });
                }
            }
            Shape::Record(record) => {
                check_names(&record.name.full, record.fields.iter().map(|field| &field.name))?;
            }
            Shape::Union(branches) => check_union(schema, branches)?,
            _ => {}
        }
    }
    let mut left = WORK_MAX;
    for default in defaults {
        if !is_value(schema, default.kind, default.value, &mut left)? {
            return Err(SchemaError::Default { name: default.field.to_owned() });
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), SchemaError> {
    let mut bytes = name.bytes();
    let is_start = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let is_name =
        bytes.next().is_some_and(is_start) && bytes.all(|byte| is_start(byte) || byte.is_ascii_digit());
    if is_name { Ok(()) } else { Err(SchemaError::NotAName { name: name.to_owned() }) }
}

fn check_names<'s>(of: &str, members: impl Iterator<Item = &'s String>) -> Result<(), SchemaError> {
    let mut seen = BTreeSet::new();
    for member in members {
        check_name(member)?;
        if !seen.insert(member) {
            return Err(SchemaError::Twice { name: of.to_owned(), member: member.clone() });
        }
    }
    Ok(())
}

/// Checks that no branch is a union, and that none is there twice.
fn check_union(schema: &Schema, branches: &[TypeId]) -> Result<(), SchemaError> {
    let mut seen = BTreeSet::new();
    for branch in branches {
        let shape = schema.shape(*branch);
        if matches!(shape, Shape::Union(_)) {
            return Err(SchemaError::UnionInUnion);
        }
        let branch = shape.to_string();
        if let Some(branch) = seen.replace(branch) {
            return Err(SchemaError::TwiceInUnion { branch });
        }
    }
    Ok(())
}

/// Returns true if a JSON value encodes a value of the type.
///
/// Source: Apache Avro 1.12 specification, "Complex Types", the table of field default values.
fn is_value(schema: &Schema, kind: TypeId, value: &Value, left: &mut usize) -> Result<bool, SchemaError> {
    let shape = schema.shape(kind);
    let work = match shape {
        Shape::Enum(definition) => definition.symbols.len(),
        Shape::Record(record) => record.fields.len(),
        _ => 0,
    };
    *left = left.checked_sub(1 + work).ok_or(SchemaError::ComplexDefaults)?;
    Ok(match (shape, value) {
        (Shape::Union(branches), _) => {
            for branch in branches {
                if is_value(schema, *branch, value, left)? {
                    return Ok(true);
                }
            }
            false
        }
        (Shape::Null, Value::Null)
        | (Shape::Boolean, Value::Bool(_))
        | (Shape::Float | Shape::Double, Value::Number(_))
        | (Shape::Bytes | Shape::String, Value::String(_)) => true,
        (Shape::Int, number) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        (Shape::Long, number) => number.as_i64().is_some(),
        (Shape::Fixed(fixed), Value::String(text)) => text.chars().count() == fixed.size,
        (Shape::Enum(definition), Value::String(text)) => definition.symbols.contains(text),
        (Shape::Array(items), Value::Array(values)) => {
            all(schema, values.iter().map(|value| (*items, value)), left)?
        }
        (Shape::Map(values), Value::Object(object)) => {
            all(schema, object.values().map(|value| (*values, value)), left)?
        }
        (Shape::Record(record), Value::Object(object)) => {
            let values = record.fields.iter().map(|field| (field, object.get(&field.name)));
            values.clone().all(|(field, value)| value.is_some() || field.has_default)
                && all(schema, values.filter_map(|(field, value)| Some((field.kind, value?))), left)?
        }
        _ => false,
    })
}

fn all<'v>(
    schema: &Schema,
    values: impl Iterator<Item = (TypeId, &'v Value)>,
    left: &mut usize,
) -> Result<bool, SchemaError> {
    for (kind, value) in values {
        if !is_value(schema, kind, value, left)? {
            return Ok(false);
        }
    }
    Ok(true)
}
