//! The orders of one symbol: their parameters, their fates, and the queue of open ones.

use tradesim_schemas::{Exchange, OrderType, TradeType};

use super::book::{Quote, Resting};
use crate::{
    queue::Queue,
    rng::{Purpose, Stream},
    tape::OTHER_VENUES,
    trader::Trader,
};

/// The mean time from an order's arrival to its first fill, and from one fill to the next, in microseconds.
const FILL_DELAY_MEAN: f64 = 2e6;
/// The mean time until an order is cancelled, in microseconds.
const CANCEL_DELAY_MEAN: f64 = 20e6;
/// The maximum of all delays, in microseconds.
const DELAY_MAX: f64 = 600e6;

/// The outcome of an order. Shares: 50 % filled by one execution, 30 % by two or three, 10 % cancelled, 10 % rejected
/// (contract, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Filled by this many executions, 1 to 3.
    Filled(u8),
    /// Withdrawn before it was executed.
    Cancelled,
    /// Not accepted.
    Rejected,
}

/// The fates in twentieths: 50, 30, 10 and 10 %. Two executions are as frequent as three.
const FATES: [Fate; 20] = {
    let mut fates = [Fate::Filled(1); 20];
    let mut index = 10;
    while index < 20 {
        fates[index] = match index {
            10..13 => Fate::Filled(2),
            13..16 => Fate::Filled(3),
            16..18 => Fate::Cancelled,
            _ => Fate::Rejected,
        };
        index += 1;
    }
    fates
};

/// Typical order sizes: a multiple of the round lot, and single shares. Half of the orders are odd lots, as in US market
/// data since 2019, and most of the others are one round lot.
#[rustfmt::skip]
const SIZES: [(u32, u32); 16] = [
    (0, 1), (0, 1), (0, 5), (0, 10), (0, 10), (0, 20), (0, 25), (0, 50),
    (1, 0), (1, 0), (1, 0), (1, 0), (1, 0), (2, 0), (2, 0), (5, 0),
];

/// The ways to split an order into two and into three fills, in quarters of the order.
const SPLITS: [([u32; 2], [u32; 3]); 3] = [([1, 3], [1, 1, 2]), ([2, 2], [1, 2, 1]), ([3, 1], [2, 1, 1])];

/// Limits are multiples of this many ticks, rounded away from the market, because traders choose round prices.
const LIMIT_GRID: i64 = 5;

/// An order, with the events that are still to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    /// The number of the order within its symbol.
    pub(crate) number: u64,
    pub(crate) side: TradeType,
    pub(crate) order_type: OrderType,
    pub(crate) trader: Trader,
    pub(crate) other_venue: Exchange,
    pub(crate) fate: Fate,
    /// The limit price, the stop price or the quote at arrival, in ticks. It limits the executions of every order that will
    /// be filled: triggers of stop orders are not modelled.
    pub(crate) price: i64,
    pub(crate) quantity: u32,
    /// The number of shares of each fill.
    pub(crate) parts: [u32; 3],
    /// The delay before each fill, or before the one event that ends the order, in microseconds.
    pub(crate) delays: [u32; 3],
    /// The number of events so far.
    pub(crate) events: u8,
}

/// The circumstances in which an order arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The current quote.
    pub(crate) quote: Quote,
    /// The current quote, widened to include the quote for the current fair price.
    pub(crate) widened_quote: Quote,
    /// True if a MARKET order is possible: its two events must be within one quote.
    pub(crate) market_allowed: bool,
    /// The number of shares in a round lot.
    pub(crate) lot: u32,
}

/// Draws the orders of a symbol.
#[derive(Clone, Debug)]
pub(crate) struct OrderFlow {
    stream: Stream,
    next_number: u64,
}

impl OrderFlow {
    /// Creates the order flow of a symbol.
    pub(crate) fn new(seed: u64, symbol: &str) -> OrderFlow {
        OrderFlow { stream: Stream::new(seed, Purpose::Orders, symbol), next_number: 0 }
    }

    /// Draws the next order. `protection` returns an upper estimate of the price change, in ticks, over a number of
    /// microseconds.
    #[inline]
    pub(crate) fn draw(&mut self, arrival: Arrival, protection: impl Fn(u32) -> i64) -> Order {
        let stream = &mut self.stream;
        let (side_and_fate, percent) = stream.pair_below(2 * FATES.len() as u32, 100);
        let (venue_and_haste, size_and_split) =
            stream.pair_below(OTHER_VENUES.len() as u32 * HASTES, (SIZES.len() * SPLITS.len()) as u32);
        let (venue, haste) = (venue_and_haste / HASTES, venue_and_haste % HASTES);
        let side = if side_and_fate % 2 == 0 { TradeType::Buy } else { TradeType::Sell };
        let fate = FATES[side_and_fate as usize / 2];
        let order_type = order_type(fate, percent, arrival.market_allowed);
        let trader = Trader::draw(stream);
        let other_venue = OTHER_VENUES[venue as usize];
        let (size, split) = (size_and_split as usize / SPLITS.len(), size_and_split as usize % SPLITS.len());
        let quantity = quantity(SIZES[size], arrival.lot, fate);
        let parts = parts(fate, quantity, split);
        let delays = if order_type == OrderType::Market { [0; 3] } else { draw_delays(stream, fate, haste) };
        let price = match (order_type, fate) {
            (OrderType::Market, _) => marketable_price(side, arrival.quote),
            (_, Fate::Filled(_)) => beyond(side, arrival.widened_quote, protection(delays.iter().sum())),
            // too far from the market to be filled
            (_, Fate::Cancelled) => away(side, arrival.quote, 1 + i64::from(stream.below(10))),
            (_, Fate::Rejected) => away(side, arrival.quote, 50),
        };
        let number = self.next_number;
        self.next_number += 1;
        Order {
            number,
            side,
            order_type,
            trader,
            other_venue,
            fate,
            price,
            quantity,
            parts,
            delays,
            events: 0,
        }
    }

    /// Returns the price of an execution, in ticks: within the quote, and never worse than the order's price.
    #[inline]
    pub(crate) fn draw_execution(&mut self, order: &Order, quote: Quote) -> i64 {
        if order.order_type == OrderType::Market {
            return order.price;
        }
        // a marketable order trades at the far side of the quote
        let (near, far) = match order.side {
            TradeType::Buy => (quote.bid, quote.ask.min(order.price)),
            TradeType::Sell => (quote.ask, quote.bid.max(order.price)),
        };
        match self.stream.below(8) {
            0..5 => far,
            5..7 => near,
            _ => near.min(far) + i64::from(self.stream.below((near - far).unsigned_abs() as u32 + 1)),
        }
    }

    /// Returns the raw state, for the state digest.
    pub(crate) fn state(&self) -> [u64; 2] {
        [self.next_number, self.stream.position()]
    }
}

/// Draws the order type, in percent by fate. MARKET orders are filled in one piece or rejected.
#[inline]
fn order_type(fate: Fate, percent: u32, market_allowed: bool) -> OrderType {
    let market = match fate {
        Fate::Filled(1) => 65,
        Fate::Rejected => 30,
        _ => 0,
    };
    if percent < market && market_allowed {
        return OrderType::Market;
    }
    match percent {
        90..95 => OrderType::Stop,
        95.. => OrderType::StopLimit,
        _ => OrderType::Limit,
    }
}

#[inline]
fn quantity((lots, shares): (u32, u32), lot: u32, fate: Fate) -> u32 {
    let quantity = lots * lot + shares;
    match fate {
        // up to three fills of at least one share
        Fate::Filled(2 | 3) => quantity.max(3),
        _ => quantity,
    }
}

/// Returns the number of shares of each fill: quarters of the order, and at least one share each.
#[inline]
fn parts(fate: Fate, quantity: u32, split: usize) -> [u32; 3] {
    let (two, three) = SPLITS[split];
    let quarters = |count: u32, rest: u32, keep: u32| (quantity * count / 4).clamp(1, rest - keep);
    match fate {
        Fate::Filled(1) => [quantity, 0, 0],
        Fate::Filled(2) => {
            let first = quarters(two[0], quantity, 1);
            [first, quantity - first, 0]
        }
        Fate::Filled(_) => {
            let first = quarters(three[0], quantity, 2);
            let second = quarters(three[1], quantity - first, 1);
            [first, second, quantity - first - second]
        }
        Fate::Cancelled | Fate::Rejected => [0; 3],
    }
}

/// The number of values of `haste`.
const HASTES: u32 = 12;
/// Values below this are orders whose first fill is immediate: half of all orders.
const AT_ONCE: u32 = HASTES / 2;
/// One order in this many is filled over time; the others sweep the book, with all fills at one instant.
const SWEEPS: u32 = 3;

/// Draws the delay before each remaining event of an order, in microseconds. `haste` is uniform in `0..HASTES`.
#[inline]
fn draw_delays(stream: &mut Stream, fate: Fate, haste: u32) -> [u32; 3] {
    let mut wait = |mean: f64| (stream.exponential() * mean).clamp(1.0, DELAY_MAX) as u32;
    match fate {
        Fate::Filled(parts) => {
            let mut delays = [0; 3];
            if haste >= AT_ONCE {
                delays[0] = wait(FILL_DELAY_MEAN);
            }
            if haste.is_multiple_of(SWEEPS) {
                delays[1..usize::from(parts)].iter_mut().for_each(|delay| *delay = wait(FILL_DELAY_MEAN));
            }
            delays
        }
        Fate::Cancelled => [wait(CANCEL_DELAY_MEAN), 0, 0],
        // the gateway rejects an order immediately
        Fate::Rejected => [0; 3],
    }
}

/// Returns the side of the quote at which a marketable order trades.
#[inline]
fn marketable_price(side: TradeType, quote: Quote) -> i64 {
    match side {
        TradeType::Buy => quote.ask,
        TradeType::Sell => quote.bid,
    }
}

/// Returns a limit that crosses the quote by this distance or more.
#[inline]
fn beyond(side: TradeType, quote: Quote, ticks: i64) -> i64 {
    match side {
        TradeType::Buy => up(quote.ask + ticks),
        TradeType::Sell => down(quote.bid - ticks),
    }
}

/// Returns a limit that is short of the quote by this distance or more.
#[inline]
fn away(side: TradeType, quote: Quote, ticks: i64) -> i64 {
    match side {
        TradeType::Buy => down(quote.bid - ticks),
        TradeType::Sell => up(quote.ask + ticks),
    }
}

/// Returns the lowest round limit that is at least `ticks`.
#[inline]
fn up(ticks: i64) -> i64 {
    ticks + (LIMIT_GRID - ticks.rem_euclid(LIMIT_GRID)) % LIMIT_GRID
}

/// Returns the highest round limit that is at most `ticks`, but at least one tick.
#[inline]
fn down(ticks: i64) -> i64 {
    (ticks - ticks.rem_euclid(LIMIT_GRID)).max(1)
}

/// The open orders, by the time of their next event.
#[derive(Clone, Debug)]
pub(crate) struct OpenOrders {
    queue: Queue<Order>,
    /// A bound of the limits of open orders that will be filled. It may be too strict, because ended orders still count
    /// until it is recomputed.
    bound: Resting,
}

impl OpenOrders {
    /// Creates an empty queue.
    pub(crate) fn new() -> OpenOrders {
        OpenOrders { queue: Queue::new(), bound: Resting::NONE }
    }

    /// Returns the memory of a clone, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Returns the due time of the next event; `i64::MAX` without open orders.
    #[inline]
    pub(crate) fn next_due(&self) -> i64 {
        self.queue.next_due()
    }

    /// Adds an order whose next event is due at `at`.
    #[inline]
    pub(crate) fn push(&mut self, at: i64, order: Order) {
        widen(&mut self.bound, &order);
        self.queue.push(at, order.number, order);
    }

    /// Removes and returns the order whose event is due next.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Order> {
        self.queue.pop()
    }

    /// Returns true if every open order that will be filled can still be executed within the quote.
    #[inline]
    pub(crate) fn allow(&mut self, quote: Quote) -> bool {
        self.bound.allows(quote) || self.exact_bound().allows(quote)
    }

    /// Recomputes and returns the limits that a quote must not pass.
    pub(crate) fn exact_bound(&mut self) -> Resting {
        let mut bound = Resting::NONE;
        self.queue.iter().for_each(|order| widen(&mut bound, order));
        self.bound = bound;
        bound
    }

    /// Sets all remaining events of the orders that `quote` would pass to be due at `now`.
    pub(crate) fn make_due(&mut self, quote: Quote, now: i64) {
        self.queue.make_due(now, |order| {
            let mut alone = Resting::NONE;
            widen(&mut alone, order);
            let passed = !alone.allows(quote);
            if passed {
                order.delays = [0; 3];
            }
            passed
        });
    }

    /// Returns the raw state, for the state digest.
    pub(crate) fn state(&self) -> [u64; 2] {
        [self.queue.len() as u64, self.next_due() as u64]
    }
}

#[inline]
fn widen(bound: &mut Resting, order: &Order) {
    if matches!(order.fate, Fate::Filled(_)) {
        match order.side {
            TradeType::Buy => bound.lowest_buy = bound.lowest_buy.min(order.price),
            TradeType::Sell => bound.highest_sell = bound.highest_sell.max(order.price),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_shares_and_sum_to_the_order() {
        for fate in FATES {
            for size in SIZES {
                for split in 0..SPLITS.len() {
                    let quantity = quantity(size, 40, fate);
                    let parts = parts(fate, quantity, split);
                    if let Fate::Filled(count) = fate {
                        assert_eq!(parts.iter().sum::<u32>(), quantity);
                        let (filled, rest) = parts.split_at(usize::from(count));
                        assert!(filled.iter().all(|&part| part > 0) && rest.iter().all(|&part| part == 0));
                    }
                }
            }
        }
    }

    #[test]
    fn limits_are_round_and_not_nearer_than_asked() {
        for ticks in 1..50 {
            assert!(up(ticks) % LIMIT_GRID == 0 && (ticks..ticks + LIMIT_GRID).contains(&up(ticks)));
            assert!(down(ticks) == 1 || down(ticks) % LIMIT_GRID == 0);
            assert!(down(ticks) <= ticks && down(ticks) > ticks - LIMIT_GRID);
        }
        assert_eq!(down(-7), 1);
    }

    #[test]
    fn executions_stay_within_quote_and_limit() {
        let mut flow = OrderFlow::new(1, "AAPL");
        for ask in 1_001..1_020 {
            let quote = Quote { bid: 1_000, ask };
            let arrival = Arrival { quote, widened_quote: quote, market_allowed: true, lot: 100 };
            for _ in 0..500 {
                let order = flow.draw(arrival, |micros| i64::from(micros / 500_000));
                if !matches!(order.fate, Fate::Filled(_)) {
                    continue;
                }
                // the quote moves, but not past the order
                let moved = match order.side {
                    TradeType::Buy => Quote { bid: order.price.min(1_010), ask: order.price.min(1_010) + 3 },
                    TradeType::Sell => Quote { bid: order.price.max(990) - 3, ask: order.price.max(990) },
                };
                for quote in [quote, moved] {
                    let price = flow.draw_execution(&order, quote);
                    let better = match order.side {
                        TradeType::Buy => price <= order.price,
                        TradeType::Sell => price >= order.price,
                    };
                    assert!(better);
                    assert!(
                        order.order_type == OrderType::Market || (quote.bid..=quote.ask).contains(&price)
                    );
                }
            }
        }
    }

    #[test]
    fn orders_that_a_quote_would_pass_become_due_at_once() {
        let mut flow = OrderFlow::new(2, "AAPL");
        let quote = Quote { bid: 1_000, ask: 1_001 };
        let mut open = OpenOrders::new();
        let arrival = Arrival { quote, widened_quote: quote, market_allowed: false, lot: 100 };
        for at in 0..200 {
            let order = flow.draw(arrival, |_| 5);
            open.push(1_000 + at, Order { events: 1, ..order });
        }
        assert!(open.allow(quote));
        let far = Quote { bid: 2_000, ask: 2_001 };
        assert!(!open.allow(far));
        open.make_due(far, 500);
        while open.next_due() == 500 {
            let order = open.pop().unwrap();
            assert!(matches!(order.fate, Fate::Filled(_)) && order.side == TradeType::Buy);
        }
        assert!(open.allow(far));
    }
}
