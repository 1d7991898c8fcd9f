//! The comparison of one reader's schema with one writer's.

use std::{collections::BTreeMap, fmt};

use apache_avro::{
    Schema,
    schema::{
        DecimalSchema, EnumSchema, FixedSchema, InnerDecimalSchema, NamesRef, RecordSchema, ResolvedSchema,
        UnionSchema, UuidSchema,
    },
};

use super::{Incompatibility, Kind, Roles};

/// Returns where the reader does not understand the writer, with fields in the reader's names.
pub(super) fn differences(reader: &Schema, writer: &Schema, roles: Roles) -> Vec<Incompatibility> {
    let names =
        |schema| ResolvedSchema::new(schema).expect("names were looked up when the schema was parsed");
    let (reader_names, writer_names) = (names(reader), names(writer));
    let mut check = Check {
        reader_names: reader_names.get_names(),
        writer_names: writer_names.get_names(),
        roles,
        named: BTreeMap::new(),
    };
    check.schemas(reader, writer)
}

/// A schema without its logical type: the form of its bytes.
#[derive(Clone, Copy)]
enum Shape<'s> {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(&'s Schema),
    Map(&'s Schema),
    Union(&'s UnionSchema),
    Record(&'s RecordSchema),
    Enum(&'s EnumSchema),
    Fixed(&'s FixedSchema),
}

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Null => "null",
            Shape::Boolean => "boolean",
            Shape::Int => "int",
            Shape::Long => "long",
            Shape::Float => "float",
            Shape::Double => "double",
            Shape::Bytes => "bytes",
            Shape::String => "string",
            Shape::Array(_) => "array",
            Shape::Map(_) => "map",
            Shape::Union(_) => "union",
            Shape::Record(record) => return write!(f, "record {}", record.name.fullname(None)),
            Shape::Enum(symbols) => return write!(f, "enum {}", symbols.name.fullname(None)),
            Shape::Fixed(fixed) => return write!(f, "fixed {}", fixed.name.fullname(None)),
        })
    }
}

/// The meaning of the bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Logical {
    Decimal { precision: usize, scale: usize },
    Named(&'static str),
}

impl fmt::Display for Logical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Logical::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Logical::Named(name) => f.write_str(name),
        }
    }
}

/// Splits a schema into the form of its bytes and their meaning. References are followed.
fn split<'s>(schema: &'s Schema, names: &NamesRef<'s>) -> (Shape<'s>, Option<Logical>) {
    let named = |name| Some(Logical::Named(name));
    match schema {
        Schema::Null => (Shape::Null, None),
        Schema::Boolean => (Shape::Boolean, None),
        Schema::Int => (Shape::Int, None),
        Schema::Long => (Shape::Long, None),
        Schema::Float => (Shape::Float, None),
        Schema::Double => (Shape::Double, None),
        Schema::Bytes => (Shape::Bytes, None),
        Schema::String => (Shape::String, None),
        Schema::Array(array) => (Shape::Array(&array.items), None),
        Schema::Map(map) => (Shape::Map(&map.types), None),
        Schema::Union(union) => (Shape::Union(union), None),
        Schema::Record(record) => (Shape::Record(record), None),
        Schema::Enum(symbols) => (Shape::Enum(symbols), None),
        Schema::Fixed(fixed) => (Shape::Fixed(fixed), None),
        Schema::Decimal(DecimalSchema { precision, scale, inner }) => {
            let logical = Some(Logical::Decimal { precision: *precision, scale: *scale });
            match inner {
                InnerDecimalSchema::Bytes => (Shape::Bytes, logical),
                InnerDecimalSchema::Fixed(fixed) => (Shape::Fixed(fixed), logical),
            }
        }
        Schema::BigDecimal => (Shape::Bytes, named("big-decimal")),
        Schema::Uuid(UuidSchema::Bytes) => (Shape::Bytes, named("uuid")),
        Schema::Uuid(UuidSchema::String) => (Shape::String, named("uuid")),
        Schema::Uuid(UuidSchema::Fixed(fixed)) => (Shape::Fixed(fixed), named("uuid")),
        Schema::Date => (Shape::Int, named("date")),
        Schema::TimeMillis => (Shape::Int, named("time-millis")),
        Schema::TimeMicros => (Shape::Long, named("time-micros")),
        Schema::TimestampMillis => (Shape::Long, named("timestamp-millis")),
        Schema::TimestampMicros => (Shape::Long, named("timestamp-micros")),
        Schema::TimestampNanos => (Shape::Long, named("timestamp-nanos")),
        Schema::LocalTimestampMillis => (Shape::Long, named("local-timestamp-millis")),
        Schema::LocalTimestampMicros => (Shape::Long, named("local-timestamp-micros")),
        Schema::LocalTimestampNanos => (Shape::Long, named("local-timestamp-nanos")),
        Schema::Duration(fixed) => (Shape::Fixed(fixed), named("duration")),
        Schema::Ref { name } => {
            split(names.get(name).copied().expect("names were looked up when the schema was parsed"), names)
        }
    }
}

struct Check<'s> {
    reader_names: &'s NamesRef<'s>,
    writer_names: &'s NamesRef<'s>,
    roles: Roles,
    /// The results for pairs of records, by their full names. A pair that is being compared counts as compatible, so
    /// that the comparison of recursive records ends.
    named: BTreeMap<(String, String), Vec<Incompatibility>>,
}

impl<'s> Check<'s> {
    fn schemas(&mut self, reader: &'s Schema, writer: &'s Schema) -> Vec<Incompatibility> {
        let (reads, meant_by_reader) = split(reader, self.reader_names);
        let (wrote, meant_by_writer) = split(writer, self.writer_names);
        let found = match (reads, wrote) {
            (_, Shape::Union(wrote)) => {
                wrote.variants().iter().flat_map(|branch| self.branch(reader, reads, branch)).collect()
            }
            (Shape::Union(reads), _) => self.any_branch(reads, writer, wrote),
            (Shape::Record(reads), Shape::Record(wrote)) => self.records(reads, wrote),
            (Shape::Enum(reads), Shape::Enum(wrote)) => self.enums(reads, wrote),
            (Shape::Fixed(reads), Shape::Fixed(wrote)) => self.fixed(reads, wrote),
            (Shape::Array(reads), Shape::Array(wrote)) => inside("[]", self.schemas(reads, wrote)),
            (Shape::Map(reads), Shape::Map(wrote)) => inside("{}", self.schemas(reads, wrote)),
            _ if is_promoted(reads, wrote) => Vec::new(),
            _ => vec![self.different(Kind::TypeMismatch, &reads, &wrote)],
        };
        if found.is_empty() && meant_by_reader != meant_by_writer && !is_union(reads) && !is_union(wrote) {
            let words = |meant: Option<Logical>, shape: Shape<'_>| match meant {
                Some(logical) => format!("{logical} on {shape}"),
                None => format!("plain {shape}"),
            };
            let (reads, wrote) = (words(meant_by_reader, reads), words(meant_by_writer, wrote));
            return vec![self.different(Kind::LogicalTypeMismatch, &reads, &wrote)];
        }
        found
    }

    /// Checks a branch of the writer's union, which the reader must accept in any case.
    fn branch(&mut self, reader: &'s Schema, reads: Shape<'s>, branch: &'s Schema) -> Vec<Incompatibility> {
        let found = self.schemas(reader, branch);
        if found.is_empty() || is_union(reads) {
            return found;
        }
        let (wrote, _) = split(branch, self.writer_names);
        let what = format!("{} is {reads}, {} may hold {wrote}", self.roles.reader, self.roles.writer);
        vec![incompatibility(Kind::TypeMismatch, what)]
    }

    /// Checks that one branch of the reader's union accepts what the writer wrote.
    fn any_branch(
        &mut self,
        reads: &'s UnionSchema,
        writer: &'s Schema,
        wrote: Shape<'s>,
    ) -> Vec<Incompatibility> {
        let mut nearest = Vec::new();
        for branch in reads.variants() {
            let found = self.schemas(branch, writer);
            if found.is_empty() {
                return found;
            }
            // a record that differs inside is reported by its fields, not as a missing branch
            if found.iter().all(|difference| !difference.field.is_empty()) {
                nearest = found;
            }
        }
        if nearest.is_empty() {
            let what = format!(
                "the union of {} has no branch for {wrote} of {}",
                self.roles.reader, self.roles.writer
            );
            nearest.push(incompatibility(Kind::MissingUnionBranch, what));
        }
        nearest
    }

    fn records(&mut self, reads: &'s RecordSchema, wrote: &'s RecordSchema) -> Vec<Incompatibility> {
        let pair = (reads.name.fullname(None), wrote.name.fullname(None));
        if let Some(found) = self.named.get(&pair) {
            return found.clone();
        }
        self.named.insert(pair.clone(), Vec::new());
        let mut found = Vec::new();
        if !is_same_name(&reads.name, reads.aliases.as_deref(), &wrote.name) {
            found.push(self.different(Kind::NameMismatch, &Shape::Record(reads), &Shape::Record(wrote)));
        }
        for field in &reads.fields {
            let answers = |name: &str| name == field.name || field.aliases.iter().any(|alias| alias == name);
            // its own name takes precedence over an alias
            let same = wrote.fields.iter().find(|candidate| candidate.name == field.name);
            match same.or_else(|| wrote.fields.iter().find(|candidate| answers(&candidate.name))) {
                Some(written) => {
                    found.extend(inside(&field.name, self.schemas(&field.schema, &written.schema)))
                }
                None if field.default.is_some() => {}
                None => {
                    let what = format!(
                        "{} has no default for it, and {} lacks it",
                        self.roles.reader, self.roles.writer
                    );
                    found.extend(inside(&field.name, vec![incompatibility(Kind::MissingDefault, what)]));
                }
            }
        }
        self.named.insert(pair, found.clone());
        found
    }

    fn enums(&self, reads: &EnumSchema, wrote: &EnumSchema) -> Vec<Incompatibility> {
        if !is_same_name(&reads.name, reads.aliases.as_deref(), &wrote.name) {
            return vec![self.different(Kind::NameMismatch, &Shape::Enum(reads), &Shape::Enum(wrote))];
        }
        let unknown: Vec<&str> = wrote
            .symbols
            .iter()
            .filter(|symbol| !reads.symbols.contains(symbol))
            .map(String::as_str)
            .collect();
        if unknown.is_empty() || reads.default.is_some() {
            return Vec::new();
        }
        let what = format!("{} lacks {} of {}", self.roles.reader, unknown.join(", "), self.roles.writer);
        vec![incompatibility(Kind::MissingEnumSymbols, what)]
    }

    fn fixed(&self, reads: &FixedSchema, wrote: &FixedSchema) -> Vec<Incompatibility> {
        if !is_same_name(&reads.name, reads.aliases.as_deref(), &wrote.name) {
            return vec![self.different(Kind::NameMismatch, &Shape::Fixed(reads), &Shape::Fixed(wrote))];
        }
        if reads.size == wrote.size {
            return Vec::new();
        }
        let bytes = |fixed: &FixedSchema| format!("{} bytes", fixed.size);
        vec![self.different(Kind::FixedSizeMismatch, &bytes(reads), &bytes(wrote))]
    }

    fn different(&self, kind: Kind, reads: &dyn fmt::Display, wrote: &dyn fmt::Display) -> Incompatibility {
        incompatibility(kind, format!("{} has {reads}, {} {wrote}", self.roles.reader, self.roles.writer))
    }
}

fn incompatibility(kind: Kind, what: String) -> Incompatibility {
    Incompatibility { field: String::new(), kind, what }
}

/// Prefixes the fields of incompatibilities inside a field, or inside the items of one, with its name.
fn inside(name: &str, mut found: Vec<Incompatibility>) -> Vec<Incompatibility> {
    for difference in &mut found {
        let rest = std::mem::take(&mut difference.field);
        difference.field = match rest.bytes().next() {
            None => name.to_owned(),
            Some(b'[' | b'{') => format!("{name}{rest}"),
            Some(_) => format!("{name}.{rest}"),
        };
    }
    found
}

fn is_union(shape: Shape<'_>) -> bool {
    matches!(shape, Shape::Union(_))
}

/// Compares names without their namespaces; an alias of the reader is a full name.
fn is_same_name(
    reads: &apache_avro::schema::Name,
    aliases: Option<&[apache_avro::schema::Alias]>,
    wrote: &apache_avro::schema::Name,
) -> bool {
    reads.name() == wrote.name()
        || aliases.unwrap_or_default().iter().any(|alias| alias.fullname(None) == wrote.fullname(None))
}

/// Returns true if the reader accepts the writer's type as it is or by promotion. Both are primitive types.
fn is_promoted(reads: Shape<'_>, wrote: Shape<'_>) -> bool {
    use Shape::{Boolean, Bytes, Double, Float, Int, Long, Null, String};
    matches!(
        (reads, wrote),
        (Null, Null)
            | (Boolean, Boolean)
            | (Int, Int)
            | (Long, Int | Long)
            | (Float, Int | Long | Float)
            | (Double, Int | Long | Float | Double)
            | (Bytes | String, Bytes | String)
    )
}
