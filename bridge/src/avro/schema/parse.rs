//! The parser of schemas.

use std::collections::{BTreeMap, btree_map::Entry};

use serde_json::{Map, Value};

use super::{
    Enum, Field, Fixed, Logical, NAME_BYTES_MAX, Name, Record, Schema, SchemaError, Shape, TEXT_BYTES_MAX,
    TYPES_MAX, Type, TypeId,
};

/// The default of a field, which may be of a type that is defined after it.
pub(super) struct Default<'v> {
    pub(super) field: &'v str,
    pub(super) kind: TypeId,
    pub(super) value: &'v Value,
}

/// Parses a schema, and checks it together with the defaults of its fields.
pub(super) fn parse(
    text: &str,
    check: impl Fn(&Schema, &[Default<'_>]) -> Result<(), SchemaError>,
) -> Result<Schema, SchemaError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SchemaError::TooLong { bytes: text.len() });
    }
    // nested at most 128 deep
    let value: Value =
        serde_json::from_str(text).map_err(|error| SchemaError::NotJson { error: error.to_string() })?;
    let mut parser = Parser { types: Vec::new(), named: BTreeMap::new(), defaults: Vec::new() };
    let root = parser.read(&value, "")?;
    let schema = Schema { types: parser.types, root };
    check(&schema, &parser.defaults)?;
    Ok(schema)
}

struct Parser<'v> {
    types: Vec<Type>,
    named: BTreeMap<String, TypeId>,
    defaults: Vec<Default<'v>>,
}

impl<'v> Parser<'v> {
    fn add(&mut self, shape: Shape) -> Result<TypeId, SchemaError> {
        if self.types.len() >= TYPES_MAX {
            return Err(SchemaError::TooManyTypes);
        }
        self.types.push(Type { shape, logical: None });
        Ok(TypeId(self.types.len() as u32 - 1))
    }

    fn read(&mut self, value: &'v Value, namespace: &str) -> Result<TypeId, SchemaError> {
        match value {
            Value::String(name) => self.by_name(name, namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.read(branch, namespace));
                let branches = branches.collect::<Result<_, _>>()?;
                self.add(Shape::Union(branches))
            }
            Value::Object(object) => self.with_attributes(object, namespace),
            other => Err(SchemaError::NotAType { found: other.clone() }),
        }
    }

    fn by_name(&mut self, name: &str, namespace: &str) -> Result<TypeId, SchemaError> {
        if let Some(shape) = primitive(name) {
            return self.add(shape);
        }
        let full = full_name(name, namespace)?;
        self.named.get(&full).copied().ok_or(SchemaError::UnknownName { name: full })
    }

    fn with_attributes(
        &mut self,
        object: &'v Map<String, Value>,
        namespace: &str,
    ) -> Result<TypeId, SchemaError> {
        let first_new = self.types.len();
        let id = match member(object, "type")? {
            Value::String(kind) => self.of_kind(kind, object, namespace)?,
            // a type may be nested in another pair of braces
            inner => self.read(inner, namespace)?,
        };
        let at = id.0 as usize;
        // a type that is used by its name keeps the meaning of its definition
        if at >= first_new && self.types[at].logical.is_none() {
            self.types[at].logical = Logical::read(object, &self.types[at].shape);
        }
        Ok(id)
    }

    fn of_kind(
        &mut self,
        kind: &str,
        object: &'v Map<String, Value>,
        namespace: &str,
    ) -> Result<TypeId, SchemaError> {
        match kind {
            "array" => {
                let items = self.read(member(object, "items")?, namespace)?;
                self.add(Shape::Array(items))
            }
            "map" => {
                let values = self.read(member(object, "values")?, namespace)?;
                self.add(Shape::Map(values))
            }
            "record" | "error" | "enum" | "fixed" => self.define(kind, object, namespace),
            name => self.by_name(name, namespace),
        }
    }

    fn define(
        &mut self,
        kind: &str,
        object: &'v Map<String, Value>,
        namespace: &str,
    ) -> Result<TypeId, SchemaError> {
        let malformed = |what| SchemaError::Malformed { what };
        let name = member(object, "name")?.as_str().ok_or(malformed("a name is not a text"))?;
        let namespace = object.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
        let full = full_name(name, namespace)?;
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        let aliases = aliases(object).map(|alias| full_name(alias, &namespace)).collect::<Result<_, _>>()?;
        // the name is known inside its own definition
        let id = self.add(Shape::Null)?;
        match self.named.entry(full.clone()) {
            Entry::Vacant(vacant) => drop(vacant.insert(id)),
            Entry::Occupied(_) => return Err(SchemaError::DefinedTwice { name: full }),
        }
        let name = Name { full, aliases };
        let shape = match kind {
            "enum" => {
                let symbols = member(object, "symbols")?.as_array();
                let symbols = symbols.ok_or(malformed("the symbols of an enum are not a list"))?;
                let text = |text: &Value| {
                    text.as_str().map(str::to_owned).ok_or(malformed("a symbol is not a text"))
                };
                let symbols = symbols.iter().map(text).collect::<Result<_, _>>()?;
                let default = object.get("default").map(text).transpose()?;
                Shape::Enum(Box::new(Enum { name, symbols, default }))
            }
            "fixed" => {
                let size = member(object, "size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or(malformed("a size is not a number"))?;
                Shape::Fixed(Box::new(Fixed { name, size }))
            }
            _ => {
                let fields = member(object, "fields")?.as_array();
                let fields = fields.ok_or(malformed("the fields of a record are not a list"))?;
                let fields = fields.iter().map(|field| self.field(field, &namespace));
                Shape::Record(Box::new(Record { name, fields: fields.collect::<Result<_, _>>()? }))
            }
        };
        self.types[id.0 as usize].shape = shape;
        Ok(id)
    }

    fn field(&mut self, value: &'v Value, namespace: &str) -> Result<Field, SchemaError> {
        let no_name = SchemaError::Malformed { what: "a field has no name" };
        let Some(object) = value.as_object() else { return Err(no_name) };
        let name = object.get("name").and_then(Value::as_str).ok_or(no_name)?;
        let kind = object.get("type").ok_or_else(|| SchemaError::NoType { name: name.to_owned() })?;
        let kind = self.read(kind, namespace)?;
        let default = object.get("default");
        self.defaults.extend(default.map(|value| Default { field: name, kind, value }));
        Ok(Field {
            name: name.to_owned(),
            aliases: aliases(object).map(str::to_owned).collect(),
            kind,
            has_default: default.is_some(),
        })
    }
}

fn member<'v>(object: &'v Map<String, Value>, member: &'static str) -> Result<&'v Value, SchemaError> {
    object.get(member).ok_or(SchemaError::Lacks { member })
}

fn aliases(object: &Map<String, Value>) -> impl Iterator<Item = &str> {
    object.get("aliases").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
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

fn full_name(name: &str, namespace: &str) -> Result<String, SchemaError> {
    let is_full = name.contains('.') || namespace.is_empty();
    let bytes = if is_full { name.len() } else { namespace.len() + 1 + name.len() };
    if bytes > NAME_BYTES_MAX {
        return Err(SchemaError::LongName { bytes });
    }
    Ok(if is_full { name.to_owned() } else { format!("{namespace}.{name}") })
}
