//! Whether clients keep a play from going on.

use std::time::Duration;

use crate::{
    block::{BLOCK_BYTES, Block},
    control::Stretches,
    lateness::add_stretch,
    options::{OnSlow, Options},
    ring::Ring,
    speed::Speed,
};

/// At `--speed max` the player stays at most this many blocks before the fastest client: 2 MiB, enough to keep its socket
/// full while the player sleeps, and little enough that the blocks are still in the cache. It goes on at half of that:
/// waking a thread for each block would cost as much as playing one.
pub(crate) const WINDOW_BLOCKS: usize = 32;

/// Where the clients stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Clients without a place, because they read older messages from the source or are being closed.
    pub(crate) elsewhere: usize,
    /// The place of the one that needs the next messages first. Who begins at a place that is not played yet needs
    /// none of them, and does not count.
    pub(crate) fastest: Option<u64>,
    /// The place of the one that is furthest behind.
    pub(crate) slowest: Option<u64>,
    /// Since when there has been no client at all, if there was one before.
    pub(crate) deserted_since: Option<Duration>,
}

impl Places {
    /// Of clients at these places, where so many messages were played.
    pub(crate) fn of(places: impl Iterator<Item = Option<u64>>, released: u64) -> Places {
        let mut all = Places::default();
        for place in places {
            match place {
                Some(place) => {
                    all.slowest = Some(all.slowest.map_or(place, |slowest| slowest.min(place)));
                    if place <= released {
                        all.fastest = all.fastest.max(Some(place));
                    }
                }
                None => all.elsewhere += 1,
            }
        }
        all
    }
}

/// Holds a play back: at `max` until clients have taken what there is, and with `--on-slow wait` until the slowest one
/// would lose nothing.
#[derive(Debug)]
pub(crate) struct Gate {
    on_slow: OnSlow,
    window: usize,
    linger: Duration,
    /// Whether the play is held for the fastest client.
    full: bool,
    slow_since: Option<Duration>,
    waited: Stretches,
}

impl Gate {
    pub(crate) fn new(options: &Options) -> Gate {
        Gate {
            on_slow: options.on_slow,
            // a small buffer holds fewer: the player must not run away from the client that it is to feed
            window: (options.buffer_bytes / (4 * BLOCK_BYTES)).clamp(2, WINDOW_BLOCKS),
            linger: options.linger,
            full: false,
            slow_since: None,
            waited: Stretches::default(),
        }
    }

    /// The place that a client has to reach before the play goes on; `None` if it may. `next` is the block that is
    /// played next, if it is there and not begun.
    pub(crate) fn check(
        &mut self,
        speed: Speed,
        next: Option<&Block>,
        places: &Places,
        ring: &Ring,
        now: Duration,
    ) -> Option<u64> {
        let for_slow = self.wanted_of_slowest(next, places, ring);
        match for_slow {
            Some(_) => _ = self.slow_since.get_or_insert(now),
            None => self.end_slow(now),
        }
        let for_fast = match speed {
            Speed::Max => self.wanted_of_fastest(places, ring, now),
            Speed::Times(_) => None,
        };
        self.full = for_fast.is_some();
        for_slow.or(for_fast)
    }

    /// Takes note that nothing is played.
    pub(crate) fn stand(&mut self, now: Duration) {
        self.full = false;
        self.end_slow(now);
    }

    /// Times that the play was held for a slow client; the one that lasts is not among them.
    pub(crate) fn waited(&self) -> Stretches {
        self.waited
    }

    fn end_slow(&mut self, now: Duration) {
        if let Some(since) = self.slow_since.take() {
            add_stretch(&mut self.waited, now.saturating_sub(since));
        }
    }

    fn wanted_of_slowest(&self, next: Option<&Block>, places: &Places, ring: &Ring) -> Option<u64> {
        if self.on_slow == OnSlow::Disconnect {
            return None;
        }
        let wanted = ring.oldest_with(next?);
        places.slowest.filter(|&slowest| slowest < wanted).map(|_| wanted)
    }

    fn wanted_of_fastest(&self, places: &Places, ring: &Ring, now: Duration) -> Option<u64> {
        match places.fastest {
            Some(fastest) => {
                let blocks = if self.full { self.window / 2 } else { self.window };
                let held = ring.blocks_behind(fastest) >= blocks;
                held.then(|| ring.place_with_fewer_behind(self.window / 2))
            }
            // those that catch up will be there soon
            None if places.elsewhere > 0 => Some(0),
            None => {
                let lingers = |since| now.saturating_sub(since) < self.linger;
                places.deserted_since.is_some_and(lingers).then_some(0)
            }
        }
    }
}
