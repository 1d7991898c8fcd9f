//! Backpressure: holding a playback for its clients.

use std::time::Duration;

use crate::{
    block::{BLOCK_BYTES, Block},
    control::IntervalStats,
    lateness::add_interval,
    options::{OnSlow, Options},
    ring::Ring,
};
use tradesim_protocol::Speed;

/// The limit of the blocks that the player is ahead of the fastest client at `--speed max`: 2 MiB. This is enough to
/// keep its socket full while the player sleeps, and little enough for the blocks to be still in the cache. The
/// player resumes at half of it: waking a thread for each block would cost as much as playing one.
pub(crate) const WINDOW_BLOCKS: usize = 32;

/// The play offsets of the clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PlayOffsets {
    /// The number of clients without an offset, because they read older messages from the source or are being closed.
    pub(crate) elsewhere: usize,
    /// The offset of the client that needs the next messages first. A client that begins at an offset that is not
    /// played yet needs none of them, and does not count.
    pub(crate) fastest: Option<u64>,
    /// The offset of the client that is furthest behind.
    pub(crate) slowest: Option<u64>,
    /// The time since which there are no clients, if there was one before.
    pub(crate) deserted_since: Option<Duration>,
}

impl PlayOffsets {
    /// Returns the summary of clients at these offsets, when so many messages were played.
    pub(crate) fn of(play_offsets: impl Iterator<Item = Option<u64>>, released: u64) -> PlayOffsets {
        let mut all = PlayOffsets::default();
        for play_offset in play_offsets {
            match play_offset {
                Some(play_offset) => {
                    all.slowest = Some(all.slowest.map_or(play_offset, |slowest| slowest.min(play_offset)));
                    if play_offset <= released {
                        all.fastest = all.fastest.max(Some(play_offset));
                    }
                }
                None => all.elsewhere += 1,
            }
        }
        all
    }
}

/// Holds a playback: at speed `max` until clients have taken what there is, and with `--on-slow wait` until the
/// slowest client would lose nothing.
#[derive(Debug)]
pub(crate) struct Backpressure {
    on_slow: OnSlow,
    window: usize,
    linger: Duration,
    /// True if the playback is held for the fastest client.
    full: bool,
    slow_since: Option<Duration>,
    waited: IntervalStats,
}

impl Backpressure {
    pub(crate) fn new(options: &Options) -> Backpressure {
        Backpressure {
            on_slow: options.on_slow,
            // a small buffer holds fewer blocks: the player must not outrun the client that it feeds
            window: (options.buffer_bytes / (4 * BLOCK_BYTES)).clamp(2, WINDOW_BLOCKS),
            linger: options.linger,
            full: false,
            slow_since: None,
            waited: IntervalStats::default(),
        }
    }

    /// Returns the offset that a client must reach before the playback resumes; `None` if it is not held. `next` is
    /// the block that is played next, if it is there and not begun.
    pub(crate) fn check(
        &mut self,
        speed: Speed,
        next: Option<&Block>,
        play_offsets: &PlayOffsets,
        ring: &Ring,
        now: Duration,
    ) -> Option<u64> {
        let for_slow = self.wanted_of_slowest(next, play_offsets, ring);
        match for_slow {
            Some(_) => _ = self.slow_since.get_or_insert(now),
            None => self.end_slow(now),
        }
        let for_fast = match speed {
            Speed::Max => self.wanted_of_fastest(play_offsets, ring, now),
            Speed::Times(_) => None,
        };
        self.full = for_fast.is_some();
        for_slow.or(for_fast)
    }

    /// Records that nothing is played.
    pub(crate) fn stand(&mut self, now: Duration) {
        self.full = false;
        self.end_slow(now);
    }

    /// Returns the times that the playback was held for a slow client, without one that has not ended.
    pub(crate) fn waited(&self) -> IntervalStats {
        self.waited
    }

    fn end_slow(&mut self, now: Duration) {
        if let Some(since) = self.slow_since.take() {
            add_interval(&mut self.waited, now.saturating_sub(since));
        }
    }

    fn wanted_of_slowest(
        &self,
        next: Option<&Block>,
        play_offsets: &PlayOffsets,
        ring: &Ring,
    ) -> Option<u64> {
        if self.on_slow == OnSlow::Disconnect {
            return None;
        }
        let wanted = ring.oldest_with(next?);
        play_offsets.slowest.filter(|&slowest| slowest < wanted).map(|_| wanted)
    }

    fn wanted_of_fastest(&self, play_offsets: &PlayOffsets, ring: &Ring, now: Duration) -> Option<u64> {
        match play_offsets.fastest {
            Some(fastest) => {
                let blocks = if self.full { self.window / 2 } else { self.window };
                let held = ring.blocks_after(fastest) >= blocks;
                held.then(|| ring.play_offset_with_fewer_after(self.window / 2))
            }
            // clients that catch up will be there soon
            None if play_offsets.elsewhere > 0 => Some(0),
            None => {
                let lingers = |since| now.saturating_sub(since) < self.linger;
                play_offsets.deserted_since.is_some_and(lingers).then_some(0)
            }
        }
    }
}
