//! The total order of events: many ordered lists into one.

use tradesim_schemas::{Event, Record};

/// What the events of a window are ordered by, in one word: time, then candles before all else and the shortest first,
/// then the place in the symbol table. The order within a symbol is that of its list.
type Key = u64;

/// After every event.
const DONE: Key = Key::MAX;
/// Bits that hold the place in the symbol table.
const LIST_BITS: u32 = 8;
/// Bits that hold the rank among events of the same microsecond.
const RANK_BITS: u32 = 3;
/// The rank of everything but candles.
const LAST_RANK: Key = (1 << RANK_BITS) - 1;

#[inline]
fn key(record: &Record, list: usize, base: i64) -> Key {
    let rank = match &record.envelope.event {
        Event::MarketData(candle) => candle.interval as Key,
        Event::Trade(_) | Event::OrderBook(_) => LAST_RANK,
    };
    let time = (record.envelope.timestamp.micros() - base) as Key;
    (time << RANK_BITS | rank) << LIST_BITS | list as Key
}

/// Merges `lists`, each in its order, and numbers the result from `seq`. The lists are emptied.
///
/// # Panics
/// If there are more than 256 lists.
pub(crate) fn merge(lists: &mut [Vec<Record>], seq: &mut u64, out: &mut Vec<Record>) {
    assert!(lists.len() <= 1 << LIST_BITS, "the symbol table is shorter");
    let starts = lists.iter().filter_map(|list| list.first());
    let Some(base) = starts.map(|record| record.envelope.timestamp.micros()).min() else { return };
    out.reserve(lists.iter().map(Vec::len).sum());
    let mut positions = vec![0; lists.len()];
    let head =
        |list: usize, position: usize| lists[list].get(position).map_or(DONE, |next| key(next, list, base));
    let mut tree = Tournament::new((0..lists.len()).map(|list| head(list, 0)).collect());
    while tree.winner() != DONE {
        let list = (tree.winner() & ((1 << LIST_BITS) - 1)) as usize;
        let position = positions[list];
        out.push(Record { seq: *seq, ..lists[list][position] });
        *seq += 1;
        positions[list] = position + 1;
        tree.replace_winner(list, head(list, position + 1));
    }
    for list in lists {
        list.clear();
    }
}

/// A loser tree: each inner node keeps the loser of the match played there, the winner goes up.
///
/// Keys name their list, so that a match is a minimum and a maximum, without a branch to mispredict.
struct Tournament {
    /// `nodes[0]` is the winner of all, the others are the losers at the inner nodes.
    nodes: Vec<Key>,
}

impl Tournament {
    /// A tree over the first keys of all lists.
    fn new(mut heads: Vec<Key>) -> Tournament {
        let leaves = heads.len().next_power_of_two();
        heads.resize(leaves, DONE);
        let mut winners = vec![DONE; leaves];
        winners.extend(heads);
        let mut nodes = vec![DONE; leaves];
        for node in (1..leaves).rev() {
            let (left, right) = (winners[2 * node], winners[2 * node + 1]);
            winners[node] = left.min(right);
            nodes[node] = left.max(right);
        }
        nodes[0] = winners[1];
        Tournament { nodes }
    }

    #[inline]
    fn winner(&self) -> Key {
        self.nodes[0]
    }

    /// Puts the next key of `list`, which has just won, into the tree.
    #[inline]
    fn replace_winner(&mut self, list: usize, key: Key) {
        let mut winner = key;
        let mut node = (self.nodes.len() + list) / 2;
        while node > 0 {
            let other = self.nodes[node];
            self.nodes[node] = other.max(winner);
            winner = other.min(winner);
            node /= 2;
        }
        self.nodes[0] = winner;
    }
}
