//! The orders that are open at a position of a stream: from the messages before it in their order, or backwards from the
//! position.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{CorrelationId, Envelope, Event, Symbol, Trade, TradeStatus};

/// An order that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// The message of its first event, `NEW`.
    pub message: Envelope,
    /// The number of shares that were executed since.
    pub executed: u64,
}

impl OpenOrder {
    /// Returns the first event, if the message is one of an order.
    pub fn trade(&self) -> Option<&Trade> {
        match &self.message.event {
            Event::Trade(trade) => Some(trade),
            _ => None,
        }
    }
}

/// Open orders before a position, as far as they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrdersFound {
    /// In order of arrival.
    pub orders: Vec<OpenOrder>,
    /// The orders that may be missing.
    pub coverage: Coverage,
}

/// The knowledge of open orders that were not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// There are none.
    All,
    /// Their number: that in [`MarketView::open_orders`](crate::MarketView::open_orders), less those that were found.
    Counted,
    /// Nothing: earlier messages are missing.
    Unknown,
}

/// An order: events of different symbols never belong to one.
type Key = (u128, CorrelationId);

fn key_of(trade: &Trade) -> Option<Key> {
    Some((trade.symbol.key(), trade.correlation_id?))
}

/// The open orders, message by message. Events without a correlation id belong to no order.
#[derive(Clone, Debug, Default)]
pub struct OpenOrders {
    /// The number of orders so far, open or not.
    arrived: u64,
    /// The open orders, by their number.
    orders: BTreeMap<u64, OpenOrder>,
    /// The number of each open order.
    numbers: BTreeMap<Key, u64>,
}

impl OpenOrders {
    /// Returns the state before the first message: no order is open.
    pub fn new() -> OpenOrders {
        OpenOrders::default()
    }

    /// Adds the next message.
    pub fn push(&mut self, message: &Envelope) {
        let Event::Trade(trade) = &message.event else { return };
        let Some(key) = key_of(trade) else { return };
        match trade.status {
            TradeStatus::New => {
                self.orders.insert(self.arrived, OpenOrder { message: *message, executed: 0 });
                if let Some(before) = self.numbers.insert(key, self.arrived) {
                    self.orders.remove(&before);
                }
                self.arrived += 1;
            }
            TradeStatus::PartiallyFilled => {
                if let Some(order) = self.numbers.get(&key).and_then(|number| self.orders.get_mut(number)) {
                    order.executed = order.executed.saturating_add(u64::from(trade.quantity.get()));
                }
            }
            TradeStatus::Filled | TradeStatus::Cancelled | TradeStatus::Rejected => {
                if let Some(number) = self.numbers.remove(&key) {
                    self.orders.remove(&number);
                }
            }
        }
    }

    /// Begins another recording of the stream: orders start again.
    pub fn begin_recording(&mut self) {
        self.orders.clear();
        self.numbers.clear();
    }

    /// Returns the open orders, in order of arrival.
    pub fn list(&self) -> Vec<OpenOrder> {
        self.orders.values().copied().collect()
    }
}

/// The open orders before a position, from the messages before it, last one first.
///
/// Each order is found at its first event: what came later was seen by then.
#[derive(Debug, Default)]
pub struct OrdersBackwards {
    /// The last one first.
    found: Vec<OpenOrder>,
    /// The events that were seen of each order.
    later: BTreeMap<Key, Later>,
}

/// The events of an order after the messages that are still to come.
#[derive(Clone, Copy, Debug)]
enum Later {
    /// It continues, with this number of executed shares.
    Executed(u64),
    /// Earlier events are not needed.
    Settled,
}

impl OrdersBackwards {
    /// Starts at a position.
    pub fn new() -> OrdersBackwards {
        OrdersBackwards::default()
    }

    /// Adds the message before those that were added. Returns the symbol of an open order that begins with it.
    pub fn push(&mut self, message: &Envelope) -> Option<Symbol> {
        let Event::Trade(trade) = &message.event else { return None };
        let later = self.later.entry(key_of(trade)?).or_insert(Later::Executed(0));
        match (trade.status, *later) {
            (_, Later::Settled) => None,
            (TradeStatus::New, Later::Executed(executed)) => {
                *later = Later::Settled;
                self.found.push(OpenOrder { message: *message, executed });
                Some(trade.symbol)
            }
            (TradeStatus::PartiallyFilled, Later::Executed(executed)) => {
                *later = Later::Executed(executed.saturating_add(u64::from(trade.quantity.get())));
                None
            }
            (TradeStatus::Filled | TradeStatus::Cancelled | TradeStatus::Rejected, _) => {
                *later = Later::Settled;
                None
            }
        }
    }

    /// Returns the orders that were found, in order of arrival.
    pub fn list(mut self) -> Vec<OpenOrder> {
        self.found.reverse();
        self.found
    }
}
