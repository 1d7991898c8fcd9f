//! The messages that were simulated most recently, for the state of the market at each of them.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tradesim_schemas::{Envelope, MarketState, OpenOrder, OrdersBackwards, Record, StreamSeq, Timestamp};

/// The number of messages that are kept: some more than a player reads ahead, in about 5 MB.
const MESSAGES_MAX: usize = 32_768;

/// The last messages of the reader that is the furthest, and the state before them.
#[derive(Debug)]
pub(super) struct Recent(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    /// The state before the first message that is kept.
    market: MarketState,
    first: StreamSeq,
    messages: VecDeque<Envelope>,
}

impl Recent {
    /// Begins with the state before the first message of the stream.
    pub(super) fn new(market: MarketState) -> Recent {
        Recent(Mutex::new(Kept { market, first: StreamSeq(0), messages: VecDeque::new() }))
    }

    /// Adds messages, the first of which is that of `seq`, as far as no other reader has added them.
    pub(super) fn add(&self, seq: StreamSeq, records: &[Record]) {
        let mut kept = self.kept();
        let Kept { market, first, messages } = &mut *kept;
        let end = *first + messages.len() as u64;
        // readers begin at a snapshot or at the beginning, and none of these is after the furthest reader
        debug_assert!(seq <= end);
        let known = end.since(seq) as usize;
        for record in records.get(known..).unwrap_or_default() {
            if messages.len() == MESSAGES_MAX
                && let Some(oldest) = messages.pop_front()
            {
                market.push(&oldest);
                *first += 1;
            }
            messages.push_back(record.envelope);
        }
    }

    /// Returns the state before a message, and the time of the message; `None` if it is not one of the recent ones.
    pub(super) fn before(&self, seq: StreamSeq) -> Option<(MarketState, Timestamp)> {
        let kept = self.kept();
        let index = (seq >= kept.first).then(|| seq.since(kept.first) as usize)?;
        let at = kept.messages.get(index)?.timestamp;
        let mut market = kept.market.clone();
        kept.messages.iter().take(index).for_each(|message| market.push(message));
        Some((market, at))
    }

    /// Returns the orders that begin among the recent messages before one and are open there; none if it is not one of them.
    pub(super) fn orders_before(&self, seq: StreamSeq) -> Vec<OpenOrder> {
        let kept = self.kept();
        let count = if seq >= kept.first { seq.since(kept.first) as usize } else { 0 };
        if count > kept.messages.len() {
            return Vec::new();
        }
        let mut orders = OrdersBackwards::new();
        for message in kept.messages.range(..count).rev() {
            orders.push(message);
        }
        orders.list()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // a panic while it is held leaves a message out at worst
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
