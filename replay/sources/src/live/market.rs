//! The state of a simulated market, with the list of open orders, which archives do not store.

use tradesim_schemas::{Coverage, Envelope, MarketState, OpenOrders, OrdersFound};

/// The state of a simulated market before a message of a live stream.
#[derive(Clone, Debug, Default)]
pub struct LiveMarket {
    pub(super) state: MarketState,
    orders: OpenOrders,
}

impl LiveMarket {
    /// Returns the state before the first message.
    pub fn new() -> LiveMarket {
        LiveMarket::default()
    }

    /// Adds the next message.
    pub fn push(&mut self, message: &Envelope) {
        self.state.push(message);
        self.orders.push(message);
    }

    /// Returns the open orders.
    pub(super) fn orders(&self) -> OrdersFound {
        OrdersFound { orders: self.orders.list(), coverage: Coverage::All }
    }

    /// Returns an upper estimate of the memory that grows with the number of open orders, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.orders.bytes()
    }
}
