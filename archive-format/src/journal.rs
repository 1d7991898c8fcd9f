//! The journal of a capture: what was received, in the order and with the time of its arrival, in a file that is only
//! ever appended to. Whatever ends the process, what was written before can be read, and an archive made of it.
//!
//! The file is a line of text that names the version, and then records (integers little-endian):
//!
//! ```text
//! ordinal    u64   from 0
//! length     u32   of the content, at most 16 MiB
//! received   i64   microseconds since the Unix epoch
//! kind       u8    0 the feed, 1 a text message, 2 a binary one, 3 a gap before the next message
//! content          the feed's URL; the message's bytes; why there is a gap, in at most 1 KiB
//! check      8 bytes, the first of BLAKE3 over all that stands before them in the record
//! ```
//!
//! The ordinal and the check together tell a record from whatever a disk may hold after a loss of power: old bytes, zeros,
//! or the beginning of a record. The first record that is not whole ends the journal.

mod read;
mod write;

pub use read::{JournalReader, Torn};
pub use write::JournalWriter;

use tradesim_schemas::{Digest, Timestamp};

use crate::limits;

/// How every journal begins.
const MAGIC: &[u8] = b"tradesim-journal/1\n";
/// Bytes of a record before its content.
const HEAD_BYTES: usize = 8 + 4 + 8 + 1;
/// Bytes of the check.
const CHECK_BYTES: usize = 8;
/// Bytes of a record without content.
const SHORTEST_RECORD: u64 = (HEAD_BYTES + CHECK_BYTES) as u64;

/// Bytes of the reason for a gap that are kept: enough for any sentence, and 1,000 of them fit into any memory.
const GAP_REASON_BYTES_MAX: usize = 1_024;

/// One record of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// When it was received, or when a gap ended.
    pub received: Timestamp,
    /// What it is.
    pub kind: JournalKind,
    /// The message's bytes; else a text.
    pub content: Vec<u8>,
}

/// What a record of a journal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum JournalKind {
    /// Where the messages come from.
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

    /// The WebSocket opcode of a message; `None` for what is no message.
    pub fn opcode(self) -> Option<u8> {
        matches!(self, JournalKind::Text | JournalKind::Binary).then_some(self as u8)
    }
}

/// The beginning of a reason that is kept; it ends at a character.
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
/// On a content above the limit, which the caller has to keep.
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
    let digest = Digest::of(record);
    let (first, _) = digest.as_bytes().split_first_chunk().expect("a digest has 32 bytes");
    *first
}

/// Bytes of the whole record that begins with this head, if the head can be one of this ordinal.
fn record_len(head: &[u8; HEAD_BYTES], ordinal: u64) -> Option<usize> {
    let (stated, rest) = head.split_first_chunk().expect("the head is long enough");
    let (length, _) = rest.split_first_chunk().expect("the head is long enough");
    let length = u32::from_le_bytes(*length) as usize;
    let possible = u64::from_le_bytes(*stated) == ordinal && length <= limits::FRAME_BYTES_MAX;
    possible.then_some(HEAD_BYTES + length + CHECK_BYTES)
}

/// Reads a record of the length that [`record_len`] gave. `None` if its check does not hold.
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

/// Any bytes as a journal whose ordinals and checks are right, for as long as its lengths make sense: what a fuzz target
/// has of its input.
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
