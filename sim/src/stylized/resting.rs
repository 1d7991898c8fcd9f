//! The resting orders of one symbol: when they are cancelled, and which of them a trade fills.

use tradesim_schemas::{Exchange, OrderType, TradeType};

use crate::{queue::Queue, trader::Trader};

/// The number of orders on each side that can be filled.
const TOUCH_MAX: usize = 32;

/// A resting order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) number: u64,
    /// The price in ticks.
    pub(super) price: i64,
    pub(super) shares: u32,
    pub(super) side: TradeType,
    pub(super) order_type: OrderType,
    pub(super) trader: Trader,
    pub(super) other_venue: Exchange,
    /// It joined the best price, and its shares are displayed.
    pub(super) at_touch: bool,
    /// It was filled or cancelled. Its slot keeps it until another order takes the slot.
    ended: bool,
}

impl Order {
    /// Creates an order that has not ended.
    #[inline]
    pub(super) fn new(
        number: u64,
        (side, order_type): (TradeType, OrderType),
        (price, shares): (i64, u32),
        (trader, other_venue): (Trader, Exchange),
        at_touch: bool,
    ) -> Order {
        Order { number, price, shares, side, order_type, trader, other_venue, at_touch, ended: false }
    }
}

/// The oldest orders at the best price of one side, as slots and numbers: a ring.
#[derive(Clone, Debug)]
struct Touch {
    orders: [(u32, u64); TOUCH_MAX],
    first: usize,
    count: usize,
}

impl Touch {
    const EMPTY: Touch = Touch { orders: [(0, 0); TOUCH_MAX], first: 0, count: 0 };

    /// Adds the newest order. The oldest one is dropped if there are too many.
    #[inline]
    fn push(&mut self, order: (u32, u64)) {
        if self.count == TOUCH_MAX {
            self.pop();
        }
        self.orders[(self.first + self.count) % TOUCH_MAX] = order;
        self.count += 1;
    }

    #[inline]
    fn pop(&mut self) -> Option<(u32, u64)> {
        let oldest = self.orders[self.first];
        if self.count == 0 {
            return None;
        }
        self.first = (self.first + 1) % TOUCH_MAX;
        self.count -= 1;
        Some(oldest)
    }
}

/// All resting orders of a symbol.
#[derive(Clone, Debug)]
pub(super) struct Resting {
    queue: Queue<Order>,
    /// Bids, then asks.
    touch: [Touch; 2],
}

impl Resting {
    /// Creates an empty book.
    pub(super) fn new() -> Resting {
        Resting { queue: Queue::new(), touch: [Touch::EMPTY; 2] }
    }

    /// Returns the memory of a clone that is not in the struct, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Returns the time at which an order is due to be cancelled; `i64::MAX` without orders. The order may be filled already.
    #[inline]
    pub(super) fn next_due(&self) -> i64 {
        self.queue.next_due()
    }

    /// Adds an order that is cancelled at `due` unless it is filled before.
    #[inline]
    pub(super) fn add(&mut self, due: i64, order: Order) {
        let slot = self.queue.push(due, order.number, order);
        if order.at_touch {
            self.touch[order.side as usize].push((slot, order.number));
        }
    }

    /// Removes the order that is due next. Returns `None` if it was filled before.
    #[inline]
    pub(super) fn cancel(&mut self) -> Option<Order> {
        let order = self.queue.pop_mut()?;
        let filled = std::mem::replace(&mut order.ended, true);
        (!filled).then_some(*order)
    }

    /// Returns the oldest order on `side` that rests at `price`, and marks it as filled. Older orders at other prices are
    /// passed, and cannot be filled any more.
    pub(super) fn fill(&mut self, side: TradeType, price: i64) -> Option<Order> {
        while let Some((slot, number)) = self.touch[side as usize].pop() {
            let order = self.queue.get_mut(slot);
            if order.number == number && !order.ended && order.price == price {
                order.ended = true;
                return Some(*order);
            }
        }
        None
    }

    /// Returns the raw state, for the state digest.
    pub(super) fn state(&self) -> [u64; 4] {
        let [bids, asks] = [0, 1].map(|side: usize| self.touch[side].count as u64);
        [self.queue.len() as u64, self.next_due() as u64, bids, asks]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Stream};

    fn order(number: u64, price: i64) -> Order {
        let trader = Trader::draw(&mut Stream::new(1, Purpose::Flow, ""));
        let kind = (TradeType::Buy, OrderType::Limit);
        Order::new(number, kind, (price, 100), (trader, Exchange::Arca), true)
    }

    #[test]
    fn the_oldest_order_at_the_price_is_filled_and_not_cancelled() {
        let mut resting = Resting::new();
        for (number, price) in [(0, 99), (1, 100), (2, 100)] {
            resting.add(10 + number as i64, order(number, price));
        }
        assert!(resting.fill(TradeType::Sell, 100).is_none());
        assert_eq!(resting.fill(TradeType::Buy, 100).unwrap().number, 1);
        let cancelled: Vec<Option<u64>> =
            (0..3).map(|_| resting.cancel().map(|order| order.number)).collect();
        assert_eq!(cancelled, [Some(0), None, Some(2)]);
        assert_eq!(resting.next_due(), i64::MAX);
        assert!(resting.fill(TradeType::Buy, 100).is_none(), "a cancelled order is not filled");
        // the slot of an ended order belongs to another one
        resting.add(20, order(3, 100));
        assert_eq!(resting.fill(TradeType::Buy, 100).unwrap().number, 3);
        assert!(resting.fill(TradeType::Buy, 100).is_none());
    }

    #[test]
    fn only_the_newest_orders_can_be_filled() {
        let mut resting = Resting::new();
        (0..40).for_each(|number| resting.add(1_000, order(number, 100)));
        assert_eq!(resting.fill(TradeType::Buy, 100).unwrap().number, 8);
    }
}
