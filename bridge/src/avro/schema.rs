//! An Avro schema as far as printing a value needs it, in a form that costs no more memory than its text: a list of
//! types that refer to each other by index. An unknown program may have registered it, so its size is limited.
//!
//! Source: Apache Avro 1.12 specification, "Schema Declaration", "Names" and "Logical Types".

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The limit of the text of a schema.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// The limit of types in a schema, counting each use of a primitive.
const TYPES_MAX: usize = 16_384;
/// The limit of a decimal's scale: more than 16 bytes can represent.
const SCALE_MAX: u64 = 64;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    Null,
    Boolean,
    Int,
    Long,
    /// Microseconds since the epoch.
    Micros,
    /// Milliseconds since the epoch.
    Millis,
    Float,
    Double,
    Bytes,
    String,
    /// So many bytes.
    Fixed(usize),
    /// A decimal on bytes or on so many, with digits after the decimal point.
    Decimal {
        size: Option<usize>,
        scale: usize,
    },
    Enum(Vec<String>),
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    Record(Vec<(String, usize)>),
}

/// A schema: its types, and the index of the top-level type.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    types: Vec<Type>,
    root: usize,
}

/// The reason why values of a schema are not decoded.
type Unusable = String;

impl Schema {
    /// Parses a schema.
    ///
    /// # Errors
    /// Text that is too long, is not JSON or not a schema, and a schema that exceeds the limits.
    pub(crate) fn parse(text: &str) -> Result<Schema, Unusable> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(format!("it has {} bytes, expected at most {TEXT_BYTES_MAX}", text.len()));
        }
        // nested at most 128 deep
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        let mut parser = Parser { types: Vec::new(), named: BTreeMap::new() };
        let root = parser.read(&value, "")?;
        Ok(Schema { types: parser.types, root })
    }

    pub(crate) fn root(&self) -> usize {
        self.root
    }

    pub(crate) fn get(&self, place: usize) -> &Type {
        &self.types[place]
    }
}

struct Parser {
    types: Vec<Type>,
    named: BTreeMap<String, usize>,
}

impl Parser {
    fn add(&mut self, kind: Type) -> Result<usize, Unusable> {
        if self.types.len() >= TYPES_MAX {
            return Err(format!("it has more than {TYPES_MAX} types"));
        }
        self.types.push(kind);
        Ok(self.types.len() - 1)
    }

    fn read(&mut self, value: &Value, namespace: &str) -> Result<usize, Unusable> {
        match value {
            Value::String(name) => self.by_name(name, namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.read(branch, namespace));
                let branches = branches.collect::<Result<_, _>>()?;
                self.add(Type::Union(branches))
            }
            Value::Object(object) => self.defined(object, namespace),
            other => Err(format!("{other} is not a type")),
        }
    }

    fn by_name(&mut self, name: &str, namespace: &str) -> Result<usize, Unusable> {
        if let Some(kind) = primitive(name) {
            return self.add(kind);
        }
        let full = full_name(name, namespace);
        let known = self.named.get(&full).copied();
        known.ok_or_else(|| format!("{full:?} is used before it is defined"))
    }

    fn defined(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<usize, Unusable> {
        let member = |name: &str| object.get(name).ok_or_else(|| format!("a type lacks {name:?}"));
        let kind = match member("type")? {
            Value::String(kind) => kind.as_str(),
            // a type may be nested in another pair of braces
            inner => return self.read(inner, namespace),
        };
        match kind {
            "array" => {
                let items = self.read(member("items")?, namespace)?;
                self.add(Type::Array(items))
            }
            "map" => {
                let values = self.read(member("values")?, namespace)?;
                self.add(Type::Map(values))
            }
            "record" | "error" | "enum" | "fixed" => {
                let name = member("name")?.as_str().ok_or("a name is not a text")?;
                let namespace = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
                let full = full_name(name, namespace);
                let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
                // the name is known inside its own definition
                let place = self.add(Type::Null)?;
                if self.named.insert(full.clone(), place).is_some() {
                    return Err(format!("{full:?} is defined twice"));
                }
                self.types[place] = match kind {
                    "enum" => Type::Enum(symbols(member("symbols")?)?),
                    "fixed" => {
                        let size = member("size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                        fixed(object, size.ok_or("a size is not a number")?)?
                    }
                    _ => self.record(member("fields")?, &namespace)?,
                };
                Ok(place)
            }
            "bytes" if is_decimal(object) => {
                let decimal = Type::Decimal { size: None, scale: scale(object)? };
                self.add(decimal)
            }
            "long" => {
                let kind = match object.get("logicalType").and_then(Value::as_str) {
                    Some("timestamp-micros" | "local-timestamp-micros") => Type::Micros,
                    Some("timestamp-millis" | "local-timestamp-millis") => Type::Millis,
                    _ => Type::Long,
                };
                self.add(kind)
            }
            name => self.by_name(name, namespace),
        }
    }

    fn record(&mut self, fields: &Value, namespace: &str) -> Result<Type, Unusable> {
        let fields = fields.as_array().ok_or("the fields of a record are not a list")?;
        let field = |field: &Value| {
            let name = field.get("name").and_then(Value::as_str).ok_or("a field has no name")?;
            let kind = field.get("type").ok_or_else(|| format!("the field {name:?} has no type"))?;
            Ok((name.to_owned(), self.read(kind, namespace)?))
        };
        fields.iter().map(field).collect::<Result<_, Unusable>>().map(Type::Record)
    }
}

fn fixed(object: &Map<String, Value>, size: usize) -> Result<Type, Unusable> {
    if is_decimal(object) {
        return Ok(Type::Decimal { size: Some(size), scale: scale(object)? });
    }
    Ok(Type::Fixed(size))
}

fn is_decimal(object: &Map<String, Value>) -> bool {
    object.get("logicalType").and_then(Value::as_str) == Some("decimal")
}

fn scale(object: &Map<String, Value>) -> Result<usize, Unusable> {
    let Some(value) = object.get("scale") else { return Ok(0) };
    match value.as_u64() {
        Some(scale) if scale <= SCALE_MAX => Ok(scale as usize),
        _ => Err(format!("a decimal has the scale {value}, expected at most {SCALE_MAX}")),
    }
}

fn symbols(value: &Value) -> Result<Vec<String>, Unusable> {
    let symbols = value.as_array().ok_or("the symbols of an enum are not a list")?;
    let text = |symbol: &Value| symbol.as_str().map(str::to_owned).ok_or("a symbol is not a text");
    Ok(symbols.iter().map(text).collect::<Result<_, _>>()?)
}

fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "null" => Type::Null,
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        _ => return None,
    })
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() { name.to_owned() } else { format!("{namespace}.{name}") }
}
