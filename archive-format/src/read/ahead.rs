//! Requests the row groups and the state frames of an object before they are needed, so that a reader does not wait for each.

use std::{collections::VecDeque, fmt};

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

/// The largest number of state frames that are requested ahead. They are small, so their cost is the round trip.
const FRAMES_MAX: usize = 16;

/// The state frames of one reader that were requested and not used yet.
#[derive(Default)]
pub(crate) struct FramesAhead(VecDeque<(usize, Box<dyn PendingRead>)>);

impl fmt::Debug for FramesAhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(index, _)| index)).finish()
    }
}

impl FramesAhead {
    /// Returns the bytes of a state frame as stored, after checking their hash, and requests the first of `following`, which are
    /// needed next in their order.
    pub(super) fn take(
        &mut self,
        archive: &Inner,
        index: usize,
        following: impl Iterator<Item = usize>,
    ) -> Result<Bytes, Error> {
        while self.0.front().is_some_and(|(requested, _)| *requested != index) {
            self.0.pop_front();
        }
        let begin = |index: usize| {
            let frame = &archive.metadata.state_frames[index];
            (frame.length <= BYTES_MAX / FRAMES_MAX as u64)
                .then(|| archive.source.begin(frame.offset, frame.length))
                .flatten()
        };
        let Some(pending) = self.0.pop_front().map(|(_, pending)| pending).or_else(|| begin(index)) else {
            return archive.state_frame_bytes(index);
        };
        for next in following.skip(self.0.len()).take(FRAMES_MAX - self.0.len()) {
            let Some(pending) = begin(next) else { break };
            self.0.push_back((next, pending));
        }
        archive.check_state_frame(index, pending.wait()?)
    }
}
