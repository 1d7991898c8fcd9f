//! The tail: all bytes after the last row group or state frame. It contains a marker with its digest (FORMAT.md, section 6).

use tradesim_schemas::{ByteHash, DIGEST_PREFIX};

/// The key of the metadata value that contains the marker.
pub(crate) const TAIL_KEY: &str = "tradesim.tail";
/// The beginning of a marker of any version.
pub(crate) const MARKER_START: &[u8] = b"tradesim-tail/";
/// The beginning of a marker of this version.
const MARKER_PREFIX: &str = "tradesim-tail/1 ";
/// The number of hex digits of the offset.
const OFFSET_DIGITS: usize = 16;
/// The position of the digest's hex digits in the marker, after " blake3:".
const DIGEST_AT: usize = MARKER_PREFIX.len() + OFFSET_DIGITS + 1 + DIGEST_PREFIX.len();
/// The number of hex digits of the digest.
const DIGEST_DIGITS: usize = 64;
/// The length of the marker in bytes.
pub(crate) const MARKER_LEN: usize = DIGEST_AT + DIGEST_DIGITS;

/// Returns the marker of a tail at `offset`, with zeros for its digest.
pub(crate) fn blank_marker(offset: u64) -> String {
    format!("{MARKER_PREFIX}{offset:016x} {}{}", DIGEST_PREFIX, "0".repeat(DIGEST_DIGITS))
}

/// The reason for which no valid marker was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MarkerError {
    /// The marker is missing.
    Absent,
    /// There are several markers, or its form is invalid.
    Malformed,
    /// It has another version.
    Version(String),
}

/// A valid marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// The position of the marker in the searched bytes.
    pub(crate) at: usize,
    /// The offset of the tail in the file.
    pub(crate) offset: u64,
    /// The digest of the tail.
    pub(crate) digest: ByteHash,
}

/// Finds the only marker in `bytes`.
pub(crate) fn find_marker(bytes: &[u8]) -> Result<Marker, MarkerError> {
    let mut places = find_all(bytes, MARKER_START);
    let at = places.next().ok_or(MarkerError::Absent)?;
    if places.next().is_some() {
        return Err(MarkerError::Malformed);
    }
    let rest = &bytes[at..];
    if !rest.starts_with(MARKER_PREFIX.as_bytes()) {
        let version = &rest[MARKER_START.len()..];
        let digits = version.iter().take_while(|byte| byte.is_ascii_digit()).count();
        return match version.get(digits) {
            Some(b' ') if (1..=5).contains(&digits) => {
                let number = std::str::from_utf8(&version[..digits]).expect("digits are ASCII");
                Err(MarkerError::Version(format!("unknown, with tail version {number}")))
            }
            _ => Err(MarkerError::Malformed),
        };
    }
    let marker = rest.get(..MARKER_LEN).ok_or(MarkerError::Malformed)?;
    let text = std::str::from_utf8(marker).map_err(|_| MarkerError::Malformed)?;
    let (offset, digest) = text[MARKER_PREFIX.len()..].split_once(' ').ok_or(MarkerError::Malformed)?;
    let lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if offset.len() != OFFSET_DIGITS || !offset.bytes().all(lower_hex) {
        return Err(MarkerError::Malformed);
    }
    let offset = u64::from_str_radix(offset, 16).map_err(|_| MarkerError::Malformed)?;
    let digest = digest.parse().map_err(|_| MarkerError::Malformed)?;
    Ok(Marker { at, offset, digest })
}

/// Returns the digest of a tail whose marker is at `marker_at`. The digits of the digest in the marker count as zeros.
pub(crate) fn tail_digest(tail: &[u8], marker_at: usize) -> ByteHash {
    let mut hasher = blake3::Hasher::new();
    hash_with_marker(&mut hasher, tail, marker_at);
    ByteHash::from(hasher.finalize())
}

/// Hashes the part of a tail that has the marker, at `marker_at`. The digits of the digest count as zeros.
pub(crate) fn hash_with_marker(hasher: &mut blake3::Hasher, part: &[u8], marker_at: usize) {
    let digits = marker_at + DIGEST_AT..marker_at + MARKER_LEN;
    hasher.update(&part[..digits.start]);
    hasher.update(&[b'0'; DIGEST_DIGITS]);
    hasher.update(&part[digits.end..]);
}

/// Writes the digest of a tail into its marker. Returns `None` if it does not have exactly one marker.
pub(crate) fn seal(tail: &mut [u8]) -> Option<()> {
    let marker = find_marker(tail).ok()?;
    let digest = tail_digest(tail, marker.at).to_string();
    let digits = &digest.as_bytes()[DIGEST_PREFIX.len()..];
    tail[marker.at + DIGEST_AT..marker.at + MARKER_LEN].copy_from_slice(digits);
    Some(())
}

/// Returns true if `bytes` contain `needle`.
pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    find_all(bytes, needle).next().is_some()
}

fn find_all<'a>(bytes: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = needle[0];
    let starts = bytes.iter().enumerate().filter(move |(_, byte)| **byte == first);
    starts.map(|(at, _)| at).filter(move |&at| bytes[at..].starts_with(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_tail_is_found_and_proven() {
        let mut tail = format!("before {} after", blank_marker(0x1234)).into_bytes();
        seal(&mut tail).unwrap();
        let marker = find_marker(&tail).unwrap();
        assert_eq!((marker.at, marker.offset), (7, 0x1234));
        assert_eq!(marker.digest, tail_digest(&tail, marker.at));
        for at in 0..tail.len() {
            let mut damaged = tail.clone();
            damaged[at] ^= 1;
            if let Ok(marker) = find_marker(&damaged) {
                assert_ne!(marker.digest, tail_digest(&damaged, marker.at), "byte {at}");
            }
        }
    }

    #[test]
    fn two_markers_are_none() {
        let two = format!("{0} {0}", blank_marker(0));
        assert_eq!(find_marker(two.as_bytes()), Err(MarkerError::Malformed));
        assert_eq!(find_marker(b"nothing here"), Err(MarkerError::Absent));
        assert_eq!(
            find_marker(b"tradesim-tail/2 x"),
            Err(MarkerError::Version("unknown, with tail version 2".to_owned()))
        );
        assert_eq!(find_marker(b"tradesim-tail/1 0"), Err(MarkerError::Malformed));
    }
}
