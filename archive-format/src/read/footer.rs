//! Parses the parts of a Parquet footer that an archive needs, with bounds.
//!
//! The parser of the `parquet` crate is not used, because it trusts the numbers in the footer. Unknown fields are skipped.

use crate::{
    layout::{Column, Kind as ColumnKind},
    limits,
    thrift::{Field, Kind, Reader, ThriftError},
};

/// The contents of a footer.
#[derive(Debug, Default)]
pub(super) struct Footer<'a> {
    /// The known columns, with their indices among all columns.
    columns: Vec<(Column, usize)>,
    pub(super) groups: Vec<Group>,
    /// The values of our own keys. [`Footer::value`] rejects duplicate keys.
    values: Vec<(&'a str, Option<&'a str>)>,
}

/// A row group.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) rows: u64,
    /// The chunks of the known columns, in the order of [`Footer::has`].
    pub(super) chunks: Vec<Chunk>,
}

/// The location of a column chunk in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) column: Column,
    pub(super) zstd: bool,
    pub(super) start: u64,
    pub(super) length: u64,
}

/// The reason for which a footer is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum FooterError {
    #[error("it is not well-formed: {0}")]
    Thrift(#[from] ThriftError),
    #[error("its schema is not a flat list of columns")]
    Nested,
    #[error("column `{name}` appears twice")]
    Twice { name: &'static str },
    #[error("column `{name}` is missing or has the wrong type")]
    WrongType { name: &'static str },
    #[error("row group {group} does not have the columns of the schema")]
    OtherColumns { group: usize },
    #[error("column `{name}` of row group {group}: {what}")]
    BadChunk { name: &'static str, group: usize, what: &'static str },
    #[error("there is not exactly one `{key}`")]
    NotOneValue { key: &'static str },
}

/// The keys whose values are read.
const KEYS: [&str; 2] = ["tradesim.format_version", "tradesim.metadata"];

impl<'a> Footer<'a> {
    /// Reads a footer.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Footer<'a>, FooterError> {
        let mut footer = Footer::default();
        let mut schema: Option<Vec<Option<Column>>> = None;
        // an error of our own, which the reader's error type cannot represent
        let mut wrong: Option<FooterError> = None;
        Reader::new(bytes).structure(|reader, field| {
            match field.id {
                2 => {
                    let elements = reader.list(field, Kind::Struct, limits::COLUMNS_MAX + 1)?;
                    match read_schema(reader, elements)? {
                        Ok(columns) => schema = Some(columns),
                        Err(error) => {
                            wrong.get_or_insert(error);
                            schema = Some(Vec::new());
                        }
                    }
                }
                4 => {
                    let columns = schema.as_ref().ok_or(ThriftError::Missing { id: 2 })?;
                    let groups = reader.list(field, Kind::Struct, limits::GROUPS_MAX as usize)?;
                    for index in 0..groups {
                        let group = read_group(reader, columns, index, &mut wrong)?;
                        footer.groups.push(group);
                    }
                }
                5 => {
                    for _ in 0..reader.list(field, Kind::Struct, usize::MAX)? {
                        let (key, value) = read_key_value(reader)?;
                        if KEYS.contains(&key) {
                            footer.values.push((key, value));
                        }
                    }
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if let Some(error) = wrong {
            return Err(error);
        }
        let columns = schema.ok_or(ThriftError::Missing { id: 2 })?;
        footer.columns =
            columns.iter().enumerate().filter_map(|(place, column)| Some(((*column)?, place))).collect();
        Ok(footer)
    }

    /// Returns the value of one of our keys, which must occur exactly once.
    pub(super) fn value(&self, key: &'static str) -> Result<&'a str, FooterError> {
        debug_assert!(KEYS.contains(&key));
        let mut found = self.values.iter().filter(|(name, _)| *name == key);
        match (found.next(), found.next()) {
            (Some((_, Some(value))), None) => Ok(value),
            _ => Err(FooterError::NotOneValue { key }),
        }
    }

    /// Checks that a column exists and has the right type.
    pub(super) fn has(&self, column: Column) -> Result<(), FooterError> {
        match self.columns.iter().any(|(known, _)| *known == column) {
            true => Ok(()),
            false => Err(FooterError::WrongType { name: column.name() }),
        }
    }
}

/// The relevant fields of an element of the schema.
#[derive(Default)]
struct Element<'a> {
    physical: Option<i32>,
    length: Option<i32>,
    repetition: Option<i32>,
    name: &'a str,
    children: Option<i32>,
    logical: Logical,
}

/// The logical type of a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Logical {
    #[default]
    None,
    String,
    Decimal {
        scale: i32,
        precision: i32,
    },
    MicrosUtc,
    Uuid,
    Other,
}

/// Reads the columns of a schema in the file's order; `None` stands for an unknown column.
fn read_schema(
    reader: &mut Reader<'_>,
    elements: usize,
) -> Result<Result<Vec<Option<Column>>, FooterError>, ThriftError> {
    let mut columns = Vec::with_capacity(elements);
    let mut wrong = None;
    for index in 0..elements {
        let element = read_element(reader)?;
        let flat = match index {
            0 => element.physical.is_none() && element.children == i32::try_from(elements - 1).ok(),
            _ => {
                let is_leaf = element.physical.is_some() && element.children.unwrap_or(0) == 0;
                is_leaf && matches!(element.repetition, Some(0 | 1))
            }
        };
        if !flat {
            wrong.get_or_insert(FooterError::Nested);
        }
        if index > 0 {
            let known = Column::ALL.iter().copied().find(|column| column.name() == element.name);
            match known {
                Some(column) if !element.is(column) => {
                    wrong.get_or_insert(FooterError::WrongType { name: column.name() });
                }
                Some(column) if columns.contains(&known) => {
                    wrong.get_or_insert(FooterError::Twice { name: column.name() });
                }
                _ => {}
            }
            columns.push(known);
        }
    }
    if elements == 0 {
        wrong.get_or_insert(FooterError::Nested);
    }
    Ok(wrong.map_or(Ok(columns), Err))
}

fn read_element<'a>(reader: &mut Reader<'a>) -> Result<Element<'a>, ThriftError> {
    let mut element = Element::default();
    reader.structure(|reader, field| {
        match field.id {
            1 => element.physical = Some(reader.i32(field)?),
            2 => element.length = Some(reader.i32(field)?),
            3 => element.repetition = Some(reader.i32(field)?),
            4 => element.name = reader.text(field)?,
            5 => element.children = Some(reader.i32(field)?),
            10 => element.logical = read_logical(reader, field)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(element)
}

/// Reads a logical type, which is a union of structures.
fn read_logical(reader: &mut Reader<'_>, field: Field) -> Result<Logical, ThriftError> {
    let mut logical = Logical::Other;
    reader.nested(field, |reader, field| {
        match field.id {
            1 => {
                logical = Logical::String;
                return Ok(false);
            }
            5 => {
                let (mut scale, mut precision) = (0, 0);
                reader.nested(field, |reader, field| {
                    match field.id {
                        1 => scale = reader.i32(field)?,
                        2 => precision = reader.i32(field)?,
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?;
                logical = Logical::Decimal { scale, precision };
            }
            8 => {
                let (mut utc, mut micros) = (false, false);
                reader.nested(field, |reader, field| {
                    match field.id {
                        1 => utc = field.boolean()?,
                        2 => reader.nested(field, |_, unit| {
                            micros = unit.id == 2;
                            Ok(false)
                        })?,
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?;
                logical = if utc && micros { Logical::MicrosUtc } else { Logical::Other };
            }
            14 => {
                logical = Logical::Uuid;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(logical)
}

impl Element<'_> {
    /// Returns true if this is the declaration of a column (FORMAT.md, 3.1).
    fn is(&self, column: Column) -> bool {
        const INT32: i32 = 1;
        const INT64: i32 = 2;
        const BYTE_ARRAY: i32 = 6;
        const FIXED_LEN_BYTE_ARRAY: i32 = 7;
        let (physical, logical) = match column.kind() {
            ColumnKind::Int64 => (INT64, Logical::None),
            ColumnKind::Int32 => (INT32, Logical::None),
            ColumnKind::Time => (INT64, Logical::MicrosUtc),
            ColumnKind::Price => (INT64, Logical::Decimal { scale: 4, precision: 12 }),
            ColumnKind::Text => (BYTE_ARRAY, Logical::String),
            ColumnKind::Uuid => (FIXED_LEN_BYTE_ARRAY, Logical::Uuid),
            ColumnKind::Bytes => (BYTE_ARRAY, Logical::None),
        };
        // archives whose `trade_id` is marked as a UUID are accepted, too (FORMAT.md, 3.1)
        let unmarked_uuid = column.kind() == ColumnKind::Uuid && self.logical == Logical::None;
        let length_fits = column.kind() != ColumnKind::Uuid || self.length == Some(16);
        self.physical == Some(physical)
            && (self.logical == logical || unmarked_uuid)
            && self.repetition == Some(i32::from(column.nullable()))
            && length_fits
    }
}

fn read_group(
    reader: &mut Reader<'_>,
    columns: &[Option<Column>],
    index: usize,
    wrong: &mut Option<FooterError>,
) -> Result<Group, ThriftError> {
    let mut group = Group::default();
    let mut seen = 0;
    let mut values = Vec::new();
    reader.structure(|reader, field| {
        match field.id {
            1 => {
                seen = reader.list(field, Kind::Struct, limits::COLUMNS_MAX)?;
                for place in 0..seen {
                    let found = read_chunk(reader)?;
                    let Some(Some(column)) = columns.get(place) else { continue };
                    match found.checked(*column) {
                        Ok((chunk, of_chunk)) => {
                            group.chunks.push(chunk);
                            values.push(of_chunk);
                        }
                        Err(what) => {
                            let name = column.name();
                            wrong.get_or_insert(FooterError::BadChunk { name, group: index, what });
                        }
                    }
                }
            }
            3 => group.rows = u64::try_from(reader.i64(field)?).unwrap_or(u64::MAX),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if seen != columns.len() {
        wrong.get_or_insert(FooterError::OtherColumns { group: index });
    }
    if let Some(place) = values.iter().position(|&values| values != group.rows) {
        let name = group.chunks[place].column.name();
        let what = "its number of values differs from the number of rows of the row group";
        wrong.get_or_insert(FooterError::BadChunk { name, group: index, what });
    }
    Ok(group)
}

/// The relevant fields of a column chunk in the footer.
#[derive(Default)]
struct Found<'a> {
    elsewhere: bool,
    encrypted: bool,
    path: Option<&'a str>,
    parts: usize,
    codec: i32,
    values: i64,
    length: i64,
    data: i64,
    dictionary: Option<i64>,
}

impl Found<'_> {
    /// Checks the chunk, and returns it with its number of values.
    fn checked(&self, column: Column) -> Result<(Chunk, u64), &'static str> {
        if self.elsewhere {
            return Err("it is in another file");
        }
        if self.encrypted {
            return Err("it is encrypted");
        }
        if self.parts != 1 || self.path != Some(column.name()) {
            return Err("it belongs to another column");
        }
        let zstd = match self.codec {
            0 => false,
            6 => true,
            _ => return Err("it is compressed with another codec than zstd"),
        };
        let number = |value: i64| u64::try_from(value).map_err(|_| "a number is negative");
        let start = number(self.dictionary.unwrap_or(self.data))?;
        Ok((Chunk { column, zstd, start, length: number(self.length)? }, number(self.values)?))
    }
}

fn read_chunk<'a>(reader: &mut Reader<'a>) -> Result<Found<'a>, ThriftError> {
    let mut found = Found::default();
    reader.structure(|reader, field| {
        match field.id {
            1 => {
                found.elsewhere = true;
                return Ok(false);
            }
            3 => reader.nested(field, |reader, field| read_chunk_field(reader, field, &mut found))?,
            8 | 9 => {
                found.encrypted = true;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(found)
}

fn read_chunk_field<'a>(
    reader: &mut Reader<'a>,
    field: Field,
    found: &mut Found<'a>,
) -> Result<bool, ThriftError> {
    match field.id {
        3 => {
            found.parts = reader.list(field, Kind::Binary, limits::COLUMNS_MAX)?;
            for _ in 0..found.parts {
                found.path = Some(reader.bare_text()?);
            }
        }
        4 => found.codec = reader.i32(field)?,
        5 => found.values = reader.i64(field)?,
        7 => found.length = reader.i64(field)?,
        9 => found.data = reader.i64(field)?,
        11 => found.dictionary = Some(reader.i64(field)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn read_key_value<'a>(reader: &mut Reader<'a>) -> Result<(&'a str, Option<&'a str>), ThriftError> {
    let (mut key, mut value) = ("", None);
    reader.structure(|reader, field| {
        match field.id {
            1 => key = reader.text(field)?,
            2 => value = Some(reader.text(field)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((key, value))
}
