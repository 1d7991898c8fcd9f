//! Opens a file: from its last bytes to a checked footer.

use tradesim_schemas::ByteHash;

use super::{
    decoders::Decoders,
    footer::{Footer, FooterError, Group},
    source::Source,
};
use crate::{
    Error, FormatVersion, Metadata, Place,
    layout::Column,
    limits,
    metadata::from_json,
    tail::{Marker, MarkerError, contains, find_marker, hash_with_marker},
};

/// The first and the last bytes of a Parquet file.
const MAGIC: &[u8; 4] = b"PAR1";
/// The number of bytes at the end: the footer's length and the magic.
const END_BYTES: u64 = 8;
/// The number of bytes of the tail that are read and hashed at a time.
const PIECE_BYTES: u64 = 1 << 20;

/// The checked contents of a file's tail.
pub(super) struct Opened {
    pub(super) metadata: Metadata,
    pub(super) groups: Vec<Group>,
    pub(super) decoders: Decoders,
    pub(super) tail_hash: ByteHash,
}

pub(super) fn open(source: &Source) -> Result<Opened, Error> {
    let path = || source.path().to_owned();
    let magic_len = MAGIC.len() as u64;
    let head = source.read(0, magic_len.min(source.len()))?;
    if head[..] != MAGIC[..] {
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
        return Err(Error::DamagedTail { path: path(), what: "the footer is longer than the file" });
    }
    limit(source, "the length of the footer", footer_len, limits::FOOTER_BYTES_MAX)?;
    let footer = source.read(footer_end - footer_len, footer_len)?;
    let marker = find_marker(&footer).map_err(|error| match error {
        MarkerError::Version(found) => {
            Error::UnsupportedVersion { path: path(), found, supported: FormatVersion::WITH_PARTS }
        }
        MarkerError::Absent if !contains(&footer, b"tradesim.") => Error::Foreign { path: path() },
        MarkerError::Absent => Error::DamagedTail { path: path(), what: "the tail's marker is missing" },
        MarkerError::Malformed => Error::DamagedTail { path: path(), what: "the tail's marker is malformed" },
    })?;
    let footer_start = footer_end - footer_len;
    if marker.offset < magic_len || marker.offset > footer_start {
        return Err(Error::DamagedTail { path: path(), what: "the tail's offset is outside the file" });
    }
    limit(source, "the length of the tail", source.len() - marker.offset, limits::TAIL_BYTES_MAX)?;
    if digest_of_tail(source, &marker, footer_start, &footer, &end)? != marker.digest {
        source.check_len()?;
        return Err(Error::DamagedTail { path: path(), what: "its digest differs" });
    }
    let bad_footer = |error: FooterError| corrupt(source, Place::Footer, error.to_string());
    let parts = Footer::read(&footer).map_err(bad_footer)?;
    let metadata = read_metadata(source, &parts)?;
    for column in Column::of(metadata.columns) {
        parts.has(column).map_err(bad_footer)?;
    }
    check_places(source, &metadata, &parts.groups, marker.offset)?;
    let decoders = Decoders::new(metadata.columns);
    Ok(Opened { metadata, groups: parts.groups, decoders, tail_hash: marker.digest })
}

/// Computes the digest of the tail. The bytes before the footer are for other readers, and are not kept.
fn digest_of_tail(
    source: &Source,
    marker: &Marker,
    footer_start: u64,
    footer: &[u8],
    end: &[u8],
) -> Result<ByteHash, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut at = marker.offset;
    while at < footer_start {
        let piece = source.read(at, (footer_start - at).min(PIECE_BYTES))?;
        hasher.update(&piece);
        at += piece.len() as u64;
    }
    hash_with_marker(&mut hasher, footer, marker.at);
    hasher.update(end);
    Ok(ByteHash::from(hasher.finalize()))
}

fn read_metadata(source: &Source, footer: &Footer<'_>) -> Result<Metadata, Error> {
    let value = |key: &'static str| {
        footer.value(key).map_err(|error| corrupt(source, Place::Footer, error.to_string()))
    };
    let version = value("tradesim.format_version")?;
    if FormatVersion::parse(version).is_none() {
        return Err(Error::UnsupportedVersion {
            path: source.path().to_owned(),
            found: version.chars().take(20).collect(),
            supported: FormatVersion::WITH_PARTS,
        });
    }
    let document = value("tradesim.metadata")?;
    limit(source, "the length of the metadata", document.len() as u64, limits::METADATA_BYTES_MAX)?;
    let metadata = from_json(document).map_err(|what| corrupt(source, Place::Metadata, what))?;
    if metadata.format_version.to_string() != version {
        return Err(corrupt(
            source,
            Place::Metadata,
            "its format version differs from that of the footer".to_owned(),
        ));
    }
    Ok(metadata)
}

/// Checks that row groups and state frames cover every byte from the magic to the tail, and that they match the footer.
fn check_places(
    source: &Source,
    metadata: &Metadata,
    groups: &[Group],
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
        return bad("bytes before the tail belong to no row group or state frame");
    }
    if metadata.row_groups.len() != groups.len() {
        return bad("the footer has a different number of row groups");
    }
    let mut rows = 0u64;
    let mut before = None;
    for (group, found) in metadata.row_groups.iter().zip(groups) {
        limit(source, "the length of a row group", group.length, limits::GROUP_BYTES_MAX)?;
        limit(source, "the number of rows of a row group", group.rows, limits::GROUP_ROWS_MAX)?;
        if found.rows != group.rows || group.rows == 0 {
            return bad("the footer has a different number of rows for a row group");
        }
        for chunk in &found.chunks {
            let end = chunk.start.checked_add(chunk.length);
            if chunk.start < group.offset || end.is_none_or(|end| end > group.offset + group.length) {
                return bad("a column is outside of its row group");
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
        return bad("the row groups have a different number of rows than `counts`");
    }
    for frame in &metadata.state_frames {
        limit(source, "the length of a state frame", frame.length, limits::STATE_FRAME_BYTES_MAX)?;
        let content = frame.content_length;
        limit(source, "the uncompressed length of a state frame", content, limits::STATE_FRAME_BYTES_MAX)?;
    }
    Ok(())
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
