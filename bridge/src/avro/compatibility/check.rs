//! The comparison of one reader's schema with one writer's.

use std::{collections::BTreeMap, fmt};

use super::{Incompatibility, Kind, Roles, TooComplex};
use crate::avro::schema::{Enum, Fixed, Logical, Name, Record, Schema, Shape, TypeId};

/// The limit of the work of a comparison: compared pairs of types and fields, and bytes of descriptions.
const WORK_MAX: usize = 8 << 20;
/// The limit of the nesting depth of compared types: twice that of a schema's text.
const DEPTH_MAX: u32 = 256;

type Found = Result<Vec<Incompatibility>, TooComplex>;

/// Returns where the reader does not understand the writer, with fields in the reader's names.
pub(super) fn differences(reader: &Schema, writer: &Schema, roles: Roles) -> Found {
    let check =
        &mut Check { reader, writer, roles, records: BTreeMap::new(), work: WORK_MAX, depth: DEPTH_MAX };
    check.types(reader.root(), writer.root())
}

struct Check<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    roles: Roles,
    /// The results for pairs of records. A pair that is being compared counts as compatible, so that the comparison of
    /// recursive records ends.
    records: BTreeMap<(TypeId, TypeId), Vec<Incompatibility>>,
    work: usize,
    depth: u32,
}

impl<'s> Check<'s> {
    fn types(&mut self, reader: TypeId, writer: TypeId) -> Found {
        self.spend(1)?;
        self.depth = self.depth.checked_sub(1).ok_or(TooComplex)?;
        let found = self.shapes(reader, writer)?;
        self.depth += 1;
        let (reads, wrote) = (self.reader.get(reader), self.writer.get(writer));
        let is_union = |shape: &Shape| matches!(shape, Shape::Union(_));
        if found.is_empty()
            && reads.logical != wrote.logical
            && !is_union(&reads.shape)
            && !is_union(&wrote.shape)
        {
            let meaning = |logical: Option<Logical>, shape: &Shape| match logical {
                Some(logical) => format!("{logical} on {shape}"),
                None => format!("plain {shape}"),
            };
            let (reads, wrote) = (meaning(reads.logical, &reads.shape), meaning(wrote.logical, &wrote.shape));
            return self.different(Kind::LogicalTypeMismatch, &reads, &wrote);
        }
        Ok(found)
    }

    fn shapes(&mut self, reader: TypeId, writer: TypeId) -> Found {
        match (self.reader.shape(reader), self.writer.shape(writer)) {
            (_, Shape::Union(branches)) => {
                let mut found = Vec::new();
                for branch in branches {
                    found.extend(self.branch(reader, *branch)?);
                }
                Ok(found)
            }
            (Shape::Union(branches), _) => self.any_branch(branches, writer),
            (Shape::Record(reads), Shape::Record(wrote)) => {
                let pair = (reader, writer);
                if let Some(found) = self.records.get(&pair).cloned() {
                    return self.spend_on(found);
                }
                self.records.insert(pair, Vec::new());
                let found = self.records(reads, wrote)?;
                self.records.insert(pair, found.clone());
                Ok(found)
            }
            (Shape::Enum(reads), Shape::Enum(wrote)) => self.enums(reads, wrote),
            (Shape::Fixed(reads), Shape::Fixed(wrote)) => self.fixed(reads, wrote),
            (Shape::Array(reads), Shape::Array(wrote)) => {
                let found = self.types(*reads, *wrote)?;
                self.inside("[]", found)
            }
            (Shape::Map(reads), Shape::Map(wrote)) => {
                let found = self.types(*reads, *wrote)?;
                self.inside("{}", found)
            }
            (reads, wrote) if is_promoted(reads, wrote) => Ok(Vec::new()),
            (reads, wrote) => self.different(Kind::TypeMismatch, reads, wrote),
        }
    }

    /// Checks a branch of the writer's union, which the reader must accept in any case.
    fn branch(&mut self, reader: TypeId, branch: TypeId) -> Found {
        let found = self.types(reader, branch)?;
        let reads = self.reader.shape(reader);
        if found.is_empty() || matches!(reads, Shape::Union(_)) {
            return Ok(found);
        }
        let wrote = self.writer.shape(branch);
        let what = format!("{} is {reads}, {} may hold {wrote}", self.roles.reader, self.roles.writer);
        self.incompatible(Kind::TypeMismatch, what)
    }

    /// Checks that one branch of the reader's union accepts what the writer wrote.
    fn any_branch(&mut self, branches: &[TypeId], writer: TypeId) -> Found {
        let mut nearest = Vec::new();
        for branch in branches {
            let found = self.types(*branch, writer)?;
            if found.is_empty() {
                return Ok(found);
            }
            // a record that differs inside is reported by its fields, not as a missing branch
            if found.iter().all(|difference| !difference.field.is_empty()) {
                nearest = found;
            }
        }
        if !nearest.is_empty() {
            return Ok(nearest);
        }
        let (Roles { reader, writer: of }, wrote) = (self.roles, self.writer.shape(writer));
        let what = format!("the union of {reader} has no branch for {wrote} of {of}");
        self.incompatible(Kind::MissingUnionBranch, what)
    }

    fn records(&mut self, reads: &'s Record, wrote: &'s Record) -> Found {
        let mut found = Vec::new();
        if !is_same_name(&reads.name, &wrote.name) {
            let (reads, wrote) = (named("record", &reads.name), named("record", &wrote.name));
            found.extend(self.different(Kind::NameMismatch, &reads, &wrote)?);
        }
        self.spend(reads.fields.len() + wrote.fields.len())?;
        let places: BTreeMap<&str, usize> =
            wrote.fields.iter().enumerate().map(|(place, field)| (&*field.name, place)).collect();
        let place = |name: &String| places.get(name.as_str()).copied();
        for field in &reads.fields {
            // its own name takes precedence over an alias
            let written = place(&field.name).or_else(|| field.aliases.iter().filter_map(place).min());
            let inside = match written {
                Some(place) => self.types(field.kind, wrote.fields[place].kind)?,
                None if field.has_default => continue,
                None => {
                    let Roles { reader, writer } = self.roles;
                    let what = format!("{reader} has no default for it, and {writer} lacks it");
                    self.incompatible(Kind::MissingDefault, what)?
                }
            };
            found.extend(self.inside(&field.name, inside)?);
        }
        Ok(found)
    }

    fn enums(&mut self, reads: &Enum, wrote: &Enum) -> Found {
        if !is_same_name(&reads.name, &wrote.name) {
            let (reads, wrote) = (named("enum", &reads.name), named("enum", &wrote.name));
            return self.different(Kind::NameMismatch, &reads, &wrote);
        }
        self.spend(reads.symbols.len() + wrote.symbols.len())?;
        let known: std::collections::BTreeSet<&String> = reads.symbols.iter().collect();
        let unknown = wrote.symbols.iter().filter(|symbol| !known.contains(symbol));
        let unknown: Vec<&str> = unknown.map(String::as_str).collect();
        if unknown.is_empty() || reads.default.is_some() {
            return Ok(Vec::new());
        }
        let what = format!("{} lacks {} of {}", self.roles.reader, unknown.join(", "), self.roles.writer);
        self.incompatible(Kind::MissingEnumSymbols, what)
    }

    fn fixed(&mut self, reads: &Fixed, wrote: &Fixed) -> Found {
        if !is_same_name(&reads.name, &wrote.name) {
            let (reads, wrote) = (named("fixed", &reads.name), named("fixed", &wrote.name));
            return self.different(Kind::NameMismatch, &reads, &wrote);
        }
        if reads.size == wrote.size {
            return Ok(Vec::new());
        }
        let bytes = |fixed: &Fixed| format!("{} bytes", fixed.size);
        self.different(Kind::FixedSizeMismatch, &bytes(reads), &bytes(wrote))
    }

    fn different(&mut self, kind: Kind, reads: &dyn fmt::Display, wrote: &dyn fmt::Display) -> Found {
        let what = format!("{} has {reads}, {} {wrote}", self.roles.reader, self.roles.writer);
        self.incompatible(kind, what)
    }

    fn incompatible(&mut self, kind: Kind, what: String) -> Found {
        self.spend_on(vec![Incompatibility { field: String::new(), kind, what }])
    }

    /// Prefixes the fields of incompatibilities inside a field, or inside the items of one, with its name.
    fn inside(&mut self, name: &str, mut found: Vec<Incompatibility>) -> Found {
        for difference in &mut found {
            self.spend(name.len())?;
            let rest = std::mem::take(&mut difference.field);
            difference.field = match rest.bytes().next() {
                None => name.to_owned(),
                Some(b'[' | b'{') => format!("{name}{rest}"),
                Some(_) => format!("{name}.{rest}"),
            };
        }
        self.spend_on(found)
    }

    /// Counts the bytes of texts that were made.
    fn spend_on(&mut self, found: Vec<Incompatibility>) -> Found {
        for difference in &found {
            self.spend(difference.field.len() + difference.what.len())?;
        }
        Ok(found)
    }

    fn spend(&mut self, work: usize) -> Result<(), TooComplex> {
        self.work = self.work.checked_sub(work).ok_or(TooComplex)?;
        Ok(())
    }
}

fn named(keyword: &str, name: &Name) -> String {
    format!("{keyword} {}", name.full)
}

/// Compares names without their namespaces; an alias of the reader is a full name.
fn is_same_name(reads: &Name, wrote: &Name) -> bool {
    reads.short() == wrote.short() || reads.aliases.contains(&wrote.full)
}

/// Returns true if the reader accepts the writer's type as it is or by promotion. Both are primitive types.
fn is_promoted(reads: &Shape, wrote: &Shape) -> bool {
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
