//! The state of a simulated market at the start of a live stream, and the open orders later in it. These are found on request, from the
//! messages before: a table of them for each message would slow down all readers.

use tradesim_replay::SourceError;
use tradesim_schemas::{Coverage, Envelope, MarketState, OpenOrders, OrdersFound, StreamSeq};

use super::LiveSource;

/// The limit of snapshots from which a list of orders is simulated.
const TRIES_MAX: usize = 3;

/// The state of a simulated market before a live stream, from the events before.
#[derive(Clone, Debug, Default)]
pub struct LiveMarket {
    pub(super) state: MarketState,
    pub(super) orders: OpenOrders,
}

impl LiveMarket {
    /// Returns the state before the first event.
    pub fn new() -> LiveMarket {
        LiveMarket::default()
    }

    /// Adds the next event.
    pub fn push(&mut self, message: &Envelope) {
        self.state.push(message);
        self.orders.push(message);
    }
}

impl LiveSource {
    /// Returns the open orders before a message, of which `counted` pass the filter of the stream.
    ///
    /// # Errors
    /// Does not fail if the first day could be simulated.
    pub(super) fn orders_before(&self, seq: StreamSeq, counted: u64) -> Result<OrdersFound, SourceError> {
        let all = |orders| OrdersFound { orders, coverage: Coverage::All };
        let recent = self.recent.orders_before(seq);
        if recent.len() as u64 >= counted {
            return Ok(all(recent));
        }
        // orders that were open at a snapshot are only known from the one before
        let mut from = seq;
        let mut most = recent;
        for _ in 0..TRIES_MAX {
            let snapshot = self.snapshots.before_message(from);
            let start = snapshot.seq;
            let mut orders =
                if start == StreamSeq(0) { self.first_orders.clone() } else { OpenOrders::new() };
            let mut next = start;
            let mut records = self.records_from(snapshot);
            while next < seq
                && let Some(window) = records.next_window()?
            {
                for record in window.records.iter().take(seq.since(next) as usize) {
                    orders.push(&record.envelope);
                    next += 1;
                }
            }
            let found = orders.list();
            if start == StreamSeq(0) || found.len() as u64 >= counted {
                return Ok(all(found));
            }
            most = found;
            from = StreamSeq(start.get() - 1);
        }
        Ok(OrdersFound { orders: most, coverage: Coverage::Counted })
    }
}
