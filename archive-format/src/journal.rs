//! The journal of a capture: the received messages in the order of their arrival, with their receive times, in a file that
//! is only appended to. After a crash, everything that was written before can be read and converted to an archive.
//!
//! The file is a line of text with the version, followed by records (integers are little-endian):
//!
//! ```text
//! ordinal    u64   from 0
//! length     u32   of the content, at most 16 MiB
//! received   i64   microseconds since the Unix epoch
//! kind       u8    0 the feed, 1 a text message, 2 a binary message, 3 a gap before the next message
//! content          the feed's URL; the message's bytes; the reason for a gap, in at most 1 KiB
//! check      8 bytes, the first of BLAKE3 over all preceding bytes of the record
//! ```
//!
//! The ordinal and the check together distinguish a record from anything that a disk may contain after a power failure: old
//! bytes, zeros, or the beginning of a record. The journal ends at the first record that is incomplete or invalid.

mod read;
mod write;

pub use read::{JournalReader, TruncatedTail};
pub use write::JournalWriter;

use tradesim_schemas::{ByteHash, Timestamp};

use crate::limits;

/// The first line of every journal.
const MAGIC: &[u8] = b"tradesim-journal/1\n";
/// The length in bytes of a record before its content.
const HEAD_BYTES: usize = 8 + 4 + 8 + 1;
/// The length of the check in bytes.
const CHECK_BYTES: usize = 8;
/// The length in bytes of a record without content.
const SHORTEST_RECORD: u64 = (HEAD_BYTES + CHECK_BYTES) as u64;

/// The maximum length in bytes of the reason for a gap: enough for a sentence, and small enough to keep 1,000 of them.
const GAP_REASON_BYTES_MAX: usize = 1_024;

/// One record of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// The receive time, or the end of a gap.
    pub received: Timestamp,
    /// The kind of record.
    pub kind: JournalKind,
    /// The bytes of the message; for other kinds, a text.
    pub content: Vec<u8>,
}

/// The kind of a record of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum JournalKind {
    /// The URL of the feed.
    Feed = 0,
    /// A text message.
    Text = 1,
    /// A binary message.
    Binary = 2,
    /// Messages may be missing before the next one.
    Gap = 3,
}

impl JournalKind {
    fn from_byte(byte: u8) -> Option<JournalKind> {
        [JournalKind::Feed, JournalKind::Text, JournalKind::Binary, JournalKind::Gap]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }

    /// Returns the WebSocket opcode of a message; `None` for records that are not messages.
    pub fn opcode(self) -> Option<u8> {
        matches!(self, JournalKind::Text | JournalKind::Binary).then_some(self as u8)
    }
}

/// Truncates the reason for a gap at a character boundary.
pub(crate) fn bounded_reason(reason: &[u8]) -> &[u8] {
    if reason.len() <= GAP_REASON_BYTES_MAX {
        return reason;
    }
    let is_inside_character = |byte: u8| byte & 0xc0 == 0x80;
    let mut end = GAP_REASON_BYTES_MAX;
    while end > GAP_REASON_BYTES_MAX - 4 && is_inside_character(reason[end]) {
        end -= 1;
    }
    &reason[..end]
}

/// Appends a record.
///
/// # Panics
/// Panics if the content is longer than [`limits::FRAME_BYTES_MAX`].
pub(crate) fn encode(
    ordinal: u64,
    received: Timestamp,
    kind: JournalKind,
    content: &[u8],
    out: &mut Vec<u8>,
) {
    assert!(content.len() <= limits::FRAME_BYTES_MAX, "the content is within its limit");
    let start = out.len();
    out.extend_from_slice(&ordinal.to_le_bytes());
    out.extend_from_slice(&(content.len() as u32).to_le_bytes());
    out.extend_from_slice(&received.micros().to_le_bytes());
    out.push(kind as u8);
    out.extend_from_slice(content);
    let check = check(&out[start..]);
    out.extend_from_slice(&check);
}

fn check(record: &[u8]) -> [u8; CHECK_BYTES] {
    let digest = ByteHash::of(record);
    let (first, _) = digest.as_bytes().split_first_chunk().expect("a digest has 32 bytes");
    *first
}

/// Returns the length of the whole record that begins with this head, or `None` if the head is not valid for this ordinal.
fn record_len(head: &[u8; HEAD_BYTES], ordinal: u64) -> Option<usize> {
    let (stated, rest) = head.split_first_chunk().expect("the head is long enough");
    let (length, _) = rest.split_first_chunk().expect("the head is long enough");
    let length = u32::from_le_bytes(*length) as usize;
    let possible = u64::from_le_bytes(*stated) == ordinal && length <= limits::FRAME_BYTES_MAX;
    possible.then_some(HEAD_BYTES + length + CHECK_BYTES)
}

/// Reads a record of the length that [`record_len`] returned. Returns `None` if its check is wrong.
fn decode(record: &[u8]) -> Option<JournalRecord> {
    let (checked, stated) = record.split_last_chunk::<CHECK_BYTES>()?;
    if check(checked) != *stated {
        return None;
    }
    let received = checked[12..20].try_into().expect("the record has a head");
    Some(JournalRecord {
        received: Timestamp::from_micros(i64::from_le_bytes(received))?,
        kind: JournalKind::from_byte(checked[20])?,
        content: checked[HEAD_BYTES..].to_vec(),
    })
}

/// Converts any bytes to a journal with correct ordinals and checks, as far as the lengths in it are valid. A fuzz target
/// uses it.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut journal = MAGIC.to_vec();
    let mut rest = bytes;
    for ordinal in 0u64.. {
        let Some((head, _)) = rest.split_first_chunk::<HEAD_BYTES>() else { break };
        let mut head = *head;
        head[..8].copy_from_slice(&ordinal.to_le_bytes());
        let Some((record, behind)) =
            record_len(&head, ordinal).and_then(|length| rest.split_at_checked(length))
        else {
            break;
        };
        let content = &record[HEAD_BYTES..record.len() - CHECK_BYTES];
        let start = journal.len();
        journal.extend_from_slice(&head);
        journal.extend_from_slice(content);
        let check = check(&journal[start..]);
        journal.extend_from_slice(&check);
        rest = behind;
    }
    journal.extend_from_slice(rest);
    journal
}

#[cfg(test)]
mod tests;
