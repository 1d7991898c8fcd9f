//! An object of a store, with the bytes that opening an archive needs.

use bytes::Bytes;

use crate::{Object, PendingRead, StoreError};

/// The number of bytes at the end that are read at once. The tail of a day is about 20 KB, mostly statistics.
const TAIL_BYTES: u64 = 256 << 10;
/// The number of bytes at the beginning that are read at once.
const HEAD_BYTES: u64 = 4;

/// An object whose beginning and end are in memory, so that opening an archive takes one round trip, and not five.
#[derive(Debug)]
pub(super) struct Remote {
    object: Box<dyn Object>,
    head: Bytes,
    tail: Bytes,
}

/// Bytes that are here already.
struct Here(Bytes);

impl PendingRead for Here {
    fn wait(self: Box<Self>) -> Result<Bytes, StoreError> {
        Ok(self.0)
    }
}

impl Remote {
    pub(super) fn new(object: Box<dyn Object>) -> Result<Remote, StoreError> {
        let len = object.size();
        let tail_len = len.min(TAIL_BYTES);
        let tail = object.begin(len - tail_len, tail_len);
        let head = object.begin(0, len.min(HEAD_BYTES));
        let (tail, head) = (tail.wait()?, head.wait()?);
        Ok(Remote { object, head, tail })
    }

    pub(super) fn len(&self) -> u64 {
        self.object.size()
    }

    /// Requests a range within the object.
    pub(super) fn begin(&self, offset: u64, len: u64) -> Box<dyn PendingRead> {
        let tail_start = self.len() - self.tail.len() as u64;
        let held = [(0, &self.head), (tail_start, &self.tail)].into_iter().find_map(|(start, bytes)| {
            let from = usize::try_from(offset.checked_sub(start)?).ok()?;
            let to = from.checked_add(usize::try_from(len).ok()?)?;
            (to <= bytes.len()).then(|| bytes.slice(from..to))
        });
        match held {
            Some(bytes) => Box::new(Here(bytes)),
            None => self.object.begin(offset, len),
        }
    }
}
