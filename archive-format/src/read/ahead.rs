//! Requests the row groups of an object before they are needed, so that a reader does not wait for each.

use std::collections::VecDeque;

use bytes::Bytes;

use super::Inner;
use crate::{Error, PendingRead};

/// The largest number of row groups that are requested ahead.
const GROUPS_MAX: usize = 8;
/// The largest length in bytes of the row groups that are requested ahead: seven of the default size, 2.2 MB.
const BYTES_MAX: u64 = 16 << 20;

/// The row groups of one reader that were requested and not used yet.
///
/// The number of requests begins at one and doubles with each row group, so a reader that needs a single row group does not
/// cause the transfer of eight.
#[derive(Default)]
pub(super) struct Ahead {
    requested: VecDeque<(usize, Box<dyn PendingRead>)>,
    depth: usize,
}

impl Ahead {
    /// Returns the bytes of a row group after checking their hash, and requests those that follow.
    pub(super) fn take(&mut self, archive: &Inner, index: usize) -> Result<Bytes, Error> {
        while self.requested.front().is_some_and(|(requested, _)| *requested != index) {
            self.requested.pop_front();
        }
        let Some(pending) = self.requested.pop_front().map(|(_, pending)| pending).or_else(|| {
            let group = archive.metadata.row_groups[index];
            archive.source.begin(group.offset, group.length)
        }) else {
            return archive.row_group_bytes(index);
        };
        self.request(archive, index + 1);
        let bytes = pending.wait()?;
        archive.check_row_group(index, bytes)
    }

    /// Requests row groups from `next` on, as many as may be under way.
    fn request(&mut self, archive: &Inner, next: usize) {
        let groups = &archive.metadata.row_groups;
        self.depth = (self.depth * 2).clamp(1, GROUPS_MAX);
        let mut bytes: u64 = self.requested.iter().map(|(index, _)| groups[*index].length).sum();
        let mut next = self.requested.back().map_or(next, |(index, _)| index + 1);
        while let Some(group) = groups.get(next).filter(|_| self.requested.len() < self.depth) {
            bytes = bytes.saturating_add(group.length);
            if bytes > BYTES_MAX {
                break;
            }
            let Some(pending) = archive.source.begin(group.offset, group.length) else { break };
            self.requested.push_back((next, pending));
            next += 1;
        }
    }

    /// Drops all requests.
    pub(super) fn clear(&mut self) {
        self.requested.clear();
    }
}
