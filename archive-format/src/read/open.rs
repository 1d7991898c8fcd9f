//! Opening: from the last bytes of a file to a proven footer.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use arrow::datatypes::{DataType, Field, Schema};
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions},
    errors::ParquetError,
    file::metadata::{ParquetMetaData, ParquetMetaDataReader},
    schema::{parser::parse_message_type, types::SchemaDescriptor},
};

use super::source::Source;
use crate::{
    Error, FormatVersion, Metadata, Place, layout, limits,
    metadata::from_json,
    tail::{MarkerError, contains, find_marker, tail_digest},
};

/// How a Parquet file begins and ends.
const MAGIC: &[u8; 4] = b"PAR1";
/// Bytes at the end: the footer's length and the magic.
const END_BYTES: u64 = 8;

/// What was found out about a file.
pub(super) struct Opened {
    pub(super) metadata: Metadata,
    pub(super) parquet: ArrowReaderMetadata,
}

pub(super) fn open(source: &Source) -> Result<Opened, Error> {
    let path = || source.path().to_owned();
    let magic_len = MAGIC.len() as u64;
    let head = source.read(0, magic_len.min(source.len()))?;
    if head != MAGIC {
        return Err(Error::NotParquet { path: path() });
    }
    if source.len() < magic_len + END_BYTES {
        return Err(Error::Unfinished { path: path() });
    }
    let end = source.read(source.len() - END_BYTES, END_BYTES)?;
    if end[4..] != *MAGIC {
        return Err(Error::Unfinished { path: path() });
    }
    let footer_len = u64::from(u32::from_le_bytes(end[..4].try_into().expect("four bytes")));
    let footer_end = source.len() - END_BYTES;
    if footer_len > footer_end - magic_len {
        return Err(Error::DamagedTail { path: path(), what: "the footer's length is beyond the file" });
    }
    limit(source, "the footer", footer_len, limits::FOOTER_BYTES_MAX)?;
    let footer = source.read(footer_end - footer_len, footer_len)?;
    let marker = find_marker(&footer).map_err(|error| match error {
        MarkerError::Version(found) => {
            Error::UnsupportedVersion { path: path(), found, supported: FormatVersion::CURRENT }
        }
        MarkerError::Absent if !contains(&footer, b"tradesim.") => Error::Foreign { path: path() },
        MarkerError::Absent => Error::DamagedTail { path: path(), what: "the tail's marker is missing" },
        MarkerError::Malformed => Error::DamagedTail { path: path(), what: "the tail's marker is malformed" },
    })?;
    let footer_start = footer_end - footer_len;
    if marker.offset < magic_len || marker.offset > footer_start {
        return Err(Error::DamagedTail { path: path(), what: "the tail's offset is beyond the file" });
    }
    let tail_len = source.len() - marker.offset;
    limit(source, "the tail", tail_len, limits::TAIL_BYTES_MAX)?;
    let tail = source.read(marker.offset, tail_len)?;
    let footer_at = (footer_start - marker.offset) as usize;
    if tail_digest(&tail, footer_at + marker.at) != marker.digest {
        source.check_len()?;
        return Err(Error::DamagedTail { path: path(), what: "its digest differs" });
    }
    let footer = &tail[footer_at..footer_at + footer_len as usize];
    if source.len() != marker.offset + tail.len() as u64 {
        return Err(Error::DamagedTail { path: path(), what: "bytes were added behind it" });
    }
    let parquet = guarded(|| ParquetMetaDataReader::decode_metadata(footer))
        .map_err(|what| corrupt(source, Place::Footer, what))?;
    let metadata = read_metadata(source, &parquet)?;
    check_places(source, &metadata, &parquet, marker.offset)?;
    let parquet = typed_reader(&metadata, parquet).map_err(|what| corrupt(source, Place::Footer, what))?;
    Ok(Opened { metadata, parquet })
}

fn read_metadata(source: &Source, parquet: &ParquetMetaData) -> Result<Metadata, Error> {
    let value = |key: &str| -> Result<&str, Error> {
        let entries = parquet.file_metadata().key_value_metadata().map_or(&[][..], Vec::as_slice);
        let mut found = entries.iter().filter(|entry| entry.key == key);
        match (found.next().and_then(|entry| entry.value.as_deref()), found.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(corrupt(source, Place::Footer, format!("there is not exactly one `{key}`"))),
        }
    };
    let version = value("tradesim.format_version")?;
    if FormatVersion::parse(version).is_none() {
        return Err(Error::UnsupportedVersion {
            path: source.path().to_owned(),
            found: version.chars().take(20).collect(),
            supported: FormatVersion::CURRENT,
        });
    }
    let document = value("tradesim.metadata")?;
    limit(source, "the metadata", document.len() as u64, limits::METADATA_BYTES_MAX)?;
    let metadata = from_json(document).map_err(|what| corrupt(source, Place::Metadata, what))?;
    if metadata.format_version.to_string() != version {
        return Err(corrupt(
            source,
            Place::Metadata,
            "its format version differs from the file's".to_owned(),
        ));
    }
    Ok(metadata)
}

/// Row groups and state frames must cover every byte from the magic to the tail, and agree with the footer.
fn check_places(
    source: &Source,
    metadata: &Metadata,
    parquet: &ParquetMetaData,
    tail_offset: u64,
) -> Result<(), Error> {
    let bad = |what: &str| Err(corrupt(source, Place::Metadata, what.to_owned()));
    let mut parts: Vec<(u64, u64)> = metadata
        .row_groups
        .iter()
        .map(|group| (group.offset, group.length))
        .chain(metadata.state_frames.iter().map(|frame| (frame.offset, frame.length)))
        .collect();
    parts.sort_unstable();
    let mut at = MAGIC.len() as u64;
    for (offset, length) in parts {
        if offset != at {
            return bad("row groups and state frames are not contiguous");
        }
        at = match at.checked_add(length) {
            Some(end) if end <= tail_offset => end,
            _ => return bad("a row group or state frame reaches into the tail"),
        };
    }
    if at != tail_offset {
        return bad("there are bytes before the tail that belong to nothing");
    }
    if metadata.row_groups.len() != parquet.num_row_groups() {
        return bad("the footer has another number of row groups");
    }
    let mut rows = 0u64;
    let mut before = None;
    for (group, chunk) in metadata.row_groups.iter().zip(parquet.row_groups()) {
        limit(source, "the length of a row group", group.length, limits::GROUP_BYTES_MAX)?;
        limit(source, "the rows of a row group", group.rows, limits::GROUP_ROWS_MAX)?;
        if u64::try_from(chunk.num_rows()) != Ok(group.rows) || group.rows == 0 {
            return bad("the footer has another number of rows for a row group");
        }
        for column in chunk.columns() {
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let range = u64::try_from(start).ok().zip(u64::try_from(column.compressed_size()).ok());
            let inside = range.and_then(|(start, length)| {
                let end = start.checked_add(length)?;
                Some(start >= group.offset && end <= group.offset + group.length)
            });
            if inside != Some(true) {
                return bad("a column of a row group lies outside of it");
            }
        }
        let ordered = group.first.0 <= group.last.0
            && group.first.1 <= group.last.1
            && before.is_none_or(|(seq, ts)| seq < group.first.0 && ts <= group.first.1);
        if !ordered {
            return bad("row groups are not in order of seq and time");
        }
        before = Some(group.last);
        rows += group.rows;
    }
    if rows != metadata.counts.total() {
        return bad("the row groups do not hold as many rows as are counted");
    }
    for frame in &metadata.state_frames {
        limit(source, "the length of a state frame", frame.length, limits::STATE_FRAME_BYTES_MAX)?;
        limit(source, "the content of a state frame", frame.content_length, limits::STATE_FRAME_BYTES_MAX)?;
    }
    Ok(())
}

/// Reading instructions for the table: our own column types for the columns that we know, all of which must be there.
fn typed_reader(metadata: &Metadata, parquet: ParquetMetaData) -> Result<ArrowReaderMetadata, String> {
    let schema = |text: String| {
        let schema = parse_message_type(&text).expect("our own schema parses");
        SchemaDescriptor::new(Arc::new(schema))
    };
    let expected = schema(layout::message_type(metadata.columns));
    let with_uuid = schema(layout::message_type_with_uuid(metadata.columns));
    let found = parquet.file_metadata().schema_descr();
    for (column, older) in expected.columns().iter().zip(with_uuid.columns()) {
        let same = found.columns().iter().any(|other| {
            other.path() == column.path()
                && [column, older].iter().any(|known| known.self_type() == other.self_type())
        });
        if !same {
            return Err(format!("column `{}` is missing or of another type", column.name()));
        }
    }
    guarded(|| {
        let parquet = Arc::new(parquet);
        let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let plain = ArrowReaderMetadata::try_new(Arc::clone(&parquet), plain)?;
        let ours = layout::memory_schema(metadata.columns, &DataType::Int32);
        let fields: Vec<Arc<Field>> = plain
            .schema()
            .fields()
            .iter()
            .map(|field| match ours.field_with_name(field.name()) {
                Ok(known) => Arc::new(known.clone()),
                Err(_) => Arc::clone(field),
            })
            .collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        ArrowReaderMetadata::try_new(parquet, options)
    })
}

/// Runs a parser. Its bytes have been proven by a digest, so that an error or panic means a defective or malicious
/// writer; either becomes a text. (A panic's message is printed before: this happens to no file by accident.)
pub(super) fn guarded<T>(parse: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(parse)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the parser panicked".to_owned()),
    }
}

pub(super) fn corrupt(source: &Source, place: Place, what: String) -> Error {
    Error::Corrupt { path: source.path().to_owned(), place, what }
}

fn limit(source: &Source, what: &'static str, found: u64, limit: u64) -> Result<(), Error> {
    if found <= limit {
        Ok(())
    } else {
        Err(Error::TooLarge { path: source.path().to_owned(), what, found, limit })
    }
}
