//! Merges the ordered lists of all symbols into the total order of events.

use tradesim_schemas::{Event, Record, RecordSeq};

/// The sort key of an event, in one word: the time, then candles first and the shortest interval first, then the index in
/// the symbol table. The order within a symbol is that of its list.
type Key = u64;

/// A key that is above the key of every event.
const DONE: Key = Key::MAX;
/// The number of bits for the index in the symbol table.
const LIST_BITS: u32 = 8;
/// The number of bits for the rank among events of the same microsecond.
const RANK_BITS: u32 = 3;
/// The rank of all events except candles.
const LAST_RANK: Key = (1 << RANK_BITS) - 1;

/// Returns the rank of a record among those of the same microsecond.
#[inline]
fn rank(record: &Record) -> Key {
    match &record.envelope.event {
        Event::MarketData(candle) => candle.interval as Key,
        Event::Trade(_) | Event::OrderBook(_) => LAST_RANK,
    }
}

#[inline]
fn key(record: &Record, list: usize, base: i64) -> Key {
    let time = (record.envelope.timestamp.micros() - base) as Key;
    (time << RANK_BITS | rank(record)) << LIST_BITS | list as Key
}

/// The place of an event in the total order of a simulated day: the time, then candles before all else and the shortest
/// interval first, then the ordinal of the symbol in the symbol table. Events of one symbol with equal keys are in the order in
/// which the symbol's market made them.
///
/// So the parts of a day, each with some of the symbols, can be merged without a look at the other parts:
/// a simulation of the whole day returns the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarketOrder(u128);

impl MarketOrder {
    /// Returns the place of a record of the symbol with this ordinal.
    #[inline]
    pub fn of(record: &Record, ordinal: u16) -> MarketOrder {
        // the sign bit, so that times before 1970 sort first
        let time = u128::from(record.envelope.timestamp.micros() as u64 ^ 1 << 63);
        MarketOrder((time << RANK_BITS | u128::from(rank(record))) << u16::BITS | u128::from(ordinal))
    }
}

/// Merges the events before `until` (microseconds since the epoch) of `lists`, each of which is in order, and numbers the
/// result from `seq`. Removes these events from the lists.
///
/// # Panics
/// Panics if there are more than 256 lists.
pub(crate) fn merge(lists: &mut [Vec<Record>], until: i64, seq: &mut RecordSeq, out: &mut Vec<Record>) {
    assert!(lists.len() <= 1 << LIST_BITS, "the symbol table is shorter");
    let starts = lists.iter().filter_map(|list| list.first());
    let Some(base) = starts.map(|record| record.envelope.timestamp.micros()).min() else { return };
    let before = |list: &Vec<Record>| list.partition_point(|event| event.envelope.timestamp.micros() < until);
    let ends: Vec<usize> = lists.iter().map(before).collect();
    out.reserve(ends.iter().sum());
    let mut positions = vec![0; lists.len()];
    let head = |list: usize, position: usize| {
        if position < ends[list] { key(&lists[list][position], list, base) } else { DONE }
    };
    let mut tree = Tournament::new((0..lists.len()).map(|list| head(list, 0)).collect());
    while tree.winner() != DONE {
        let winner = tree.winner();
        let list = (winner & ((1 << LIST_BITS) - 1)) as usize;
        let mut position = positions[list];
        // an order and the book that it changes have the same key
        let next = loop {
            out.push(Record { seq: *seq, ..lists[list][position] });
            *seq += 1;
            position += 1;
            let next = head(list, position);
            if next != winner {
                break next;
            }
        };
        positions[list] = position;
        tree.replace_winner(list, next);
    }
    for (list, end) in lists.iter_mut().zip(ends) {
        list.drain(..end);
    }
}

/// A loser tree: each inner node stores the loser of the match played there, and the winner moves up.
///
/// Keys contain their list, so that a match is a minimum and a maximum, without a branch to mispredict.
struct Tournament {
    /// `nodes[0]` is the overall winner, the others are the losers at the inner nodes.
    nodes: Vec<Key>,
}

impl Tournament {
    /// Creates the tree of the first keys of all lists.
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

    /// Inserts the next key of `list`, whose previous key was the winner.
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
