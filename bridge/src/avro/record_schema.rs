//! Avro schemas as far as reading needs them: the shape of the bytes of each field.
//!
//! Source: Apache Avro 1.12 specification, "Schema Declaration" and "Names".

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The limit of a schema's text: an unknown program may have registered it.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// The text is not an Avro schema that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error("it has {bytes} bytes, expected at most {TEXT_BYTES_MAX}")]
    TooLong { bytes: usize },
    #[error("it is not JSON")]
    NotJson,
    #[error("{place} is not an Avro type")]
    NotAType { place: String },
    #[error("{name} is used before it is defined")]
    UnknownName { name: String },
    #[error("it is of {found}, not of {expected}")]
    OtherRecord { found: String, expected: String },
    #[error("it lacks {field}, which has no default")]
    MissingField { field: String },
    #[error("its {field} is {found}, which cannot be read as {expected}")]
    OtherType { field: String, found: String, expected: String },
}

/// The shape of the bytes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    /// So many bytes.
    Fixed(usize),
    /// Symbols in their order.
    Enum(Vec<String>),
    Array(Box<Shape>),
    Map(Box<Shape>),
    Union(Vec<Shape>),
    Record(Vec<Field>),
    /// A named type that was defined elsewhere in the schema, by its index in [`Schema::named`].
    Named(usize),
}

/// A field of a record, or a type with its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) shape: Shape,
    /// The meaning of the bytes: a logical type with its parameters, such as `decimal(12,4)`.
    pub(super) logical: Option<String>,
    pub(super) has_default: bool,
}

/// A schema whose top-level type is a record.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    /// The record's name with its namespace.
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
    /// All named types, in the order of their definitions.
    pub(super) named: Vec<(String, Shape)>,
}

impl Schema {
    /// Parses a schema.
    ///
    /// # Errors
    /// Text that is too long or not JSON, types that do not exist, and a top-level type that is not a record.
    pub(super) fn parse(text: &str) -> Result<Schema, SchemaError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(SchemaError::TooLong { bytes: text.len() });
        }
        let value: Value = serde_json::from_str(text).map_err(|_| SchemaError::NotJson)?;
        let mut parser = Parser { named: Vec::new(), places: BTreeMap::new() };
        match parser.shape(&value, "", "the schema")? {
            Shape::Named(index) => match parser.named[index].clone() {
                (name, Shape::Record(fields)) => Ok(Schema { name, fields, named: parser.named }),
                _ => Err(SchemaError::NotAType { place: "the schema (a record)".to_owned() }),
            },
            _ => Err(SchemaError::NotAType { place: "the schema (a record)".to_owned() }),
        }
    }

    /// Returns the shape itself, if it was defined elsewhere.
    pub(super) fn defined<'a>(&'a self, shape: &'a Shape) -> &'a Shape {
        match shape {
            Shape::Named(index) => &self.named[*index].1,
            other => other,
        }
    }
}

struct Parser {
    named: Vec<(String, Shape)>,
    /// The index in `named`, by name.
    places: BTreeMap<String, usize>,
}

impl Parser {
    fn shape(&mut self, value: &Value, namespace: &str, place: &str) -> Result<Shape, SchemaError> {
        match value {
            Value::String(name) => self.by_name(name, namespace),
            Value::Array(branches) => branches
                .iter()
                .map(|branch| self.shape(branch, namespace, place))
                .collect::<Result<_, _>>()
                .map(Shape::Union),
            Value::Object(object) => self.defined(object, namespace, place),
            _ => Err(SchemaError::NotAType { place: place.to_owned() }),
        }
    }

    fn by_name(&self, name: &str, namespace: &str) -> Result<Shape, SchemaError> {
        if let Some(shape) = primitive(name) {
            return Ok(shape);
        }
        let full = full_name(name, namespace);
        let index = self.places.get(&full).copied();
        index.map(Shape::Named).ok_or(SchemaError::UnknownName { name: full })
    }

    fn defined(
        &mut self,
        object: &Map<String, Value>,
        namespace: &str,
        place: &str,
    ) -> Result<Shape, SchemaError> {
        let not_a_type = || SchemaError::NotAType { place: place.to_owned() };
        let member = |name: &str| object.get(name).ok_or_else(not_a_type);
        let Some(Value::String(kind)) = object.get("type") else {
            // a type may be nested in another pair of braces
            return self.shape(member("type")?, namespace, place);
        };
        match kind.as_str() {
            "array" => Ok(Shape::Array(Box::new(self.shape(member("items")?, namespace, place)?))),
            "map" => Ok(Shape::Map(Box::new(self.shape(member("values")?, namespace, place)?))),
            "record" | "error" | "enum" | "fixed" => {
                let name = member("name")?.as_str().ok_or_else(not_a_type)?;
                let namespace = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
                let full = full_name(name, namespace);
                let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
                let index = self.named.len();
                // the name is known inside its own definition
                self.places.entry(full.clone()).or_insert(index);
                self.named.push((full, Shape::Null));
                self.named[index].1 = match kind.as_str() {
                    "enum" => Shape::Enum(texts(member("symbols")?).ok_or_else(not_a_type)?),
                    "fixed" => {
                        let size = member("size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                        Shape::Fixed(size.ok_or_else(not_a_type)?)
                    }
                    _ => {
                        let fields = member("fields")?.as_array().ok_or_else(not_a_type)?;
                        let fields = fields.iter().map(|field| self.field(field, &namespace));
                        Shape::Record(fields.collect::<Result<_, _>>()?)
                    }
                };
                Ok(Shape::Named(index))
            }
            name => self.by_name(name, namespace),
        }
    }

    fn field(&mut self, value: &Value, namespace: &str) -> Result<Field, SchemaError> {
        let name = value.get("name").and_then(Value::as_str);
        let name =
            name.ok_or_else(|| SchemaError::NotAType { place: "a field without a name".to_owned() })?;
        let kind = value.get("type").ok_or_else(|| SchemaError::NotAType { place: name.to_owned() })?;
        Ok(Field {
            name: name.to_owned(),
            shape: self.shape(kind, namespace, name)?,
            logical: logical(kind),
            has_default: value.get("default").is_some(),
        })
    }
}

/// Returns the logical type, with precision and scale of a decimal.
fn logical(kind: &Value) -> Option<String> {
    let name = kind.get("logicalType")?.as_str()?;
    if name != "decimal" {
        return Some(name.to_owned());
    }
    let number = |name: &str| kind.get(name).and_then(Value::as_u64).unwrap_or(0);
    Some(format!("decimal({},{})", number("precision"), number("scale")))
}

fn primitive(name: &str) -> Option<Shape> {
    Some(match name {
        "null" => Shape::Null,
        "boolean" => Shape::Boolean,
        "int" => Shape::Int,
        "long" => Shape::Long,
        "float" => Shape::Float,
        "double" => Shape::Double,
        "bytes" => Shape::Bytes,
        "string" => Shape::String,
        _ => return None,
    })
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::EventType;

    use super::*;

    #[test]
    fn our_own_schemas_are_read() {
        for &kind in EventType::ALL {
            let schema = Schema::parse(kind.avro_schema()).unwrap();
            assert_eq!(schema.name, format!("com.tradeplatform.events.{}", kind.record_name()));
            let names: Vec<&str> = schema.fields.iter().map(|field| field.name.as_str()).collect();
            assert_eq!(names[..names.len() - 2], *kind.fields());
        }
        let trade = Schema::parse(EventType::Trade.avro_schema()).unwrap();
        let price = trade.fields.iter().find(|field| field.name == "price").unwrap();
        assert_eq!((&price.shape, price.logical.as_deref()), (&Shape::Bytes, Some("decimal(12,4)")));
        assert!(trade.fields.iter().find(|field| field.name == "correlation_id").unwrap().has_default);
    }

    #[test]
    fn a_type_is_used_by_its_name_also_inside_itself() {
        let list = r#"{"type":"record","name":"a.List","fields":[{"name":"next","type":["null","List"]}]}"#;
        let schema = Schema::parse(list).unwrap();
        assert_eq!(schema.fields[0].shape, Shape::Union(vec![Shape::Null, Shape::Named(0)]));
    }

    #[test]
    fn a_schema_that_is_too_long_is_refused_and_many_names_take_no_time() {
        let long = format!("\"{}\"", "x".repeat(TEXT_BYTES_MAX));
        let bytes = TEXT_BYTES_MAX + 2;
        assert_eq!(Schema::parse(&long).unwrap_err(), SchemaError::TooLong { bytes });
        let names = (0..2_500)
            .map(|name| format!(r#"{{"name":"f","type":{{"type":"fixed","name":"n{name}","size":1}}}},"#));
        let uses = r#"{"name":"f","type":"n2499"},"#.repeat(2_500);
        let fields = names.collect::<String>() + &uses;
        let schema = format!(r#"{{"type":"record","name":"A","fields":[{}]}}"#, fields.trim_end_matches(','));
        assert_eq!(Schema::parse(&schema).unwrap().fields.len(), 5_000);
    }

    #[test]
    fn what_is_no_schema_is_refused() {
        for text in [
            "",
            "{}",
            "\"string\"",
            "[]",
            r#"{"type":"record","name":"A"}"#,
            r#"{"type":"record","name":"A","fields":[{"name":"b","type":"C"}]}"#,
            r#"{"type":"record","name":"A","fields":[{"name":"b","type":{"type":"fixed","name":"F"}}]}"#,
            r#"{"type":"record","name":"A","fields":[{"type":"int"}]}"#,
        ] {
            assert!(Schema::parse(text).is_err(), "{text}");
        }
    }
}
