//! Order references as they are stored: how far an order lies behind its symbol's newest one.
//!
//! Most events belong to an order that is new or nearly so, which makes the lag a small number and costs a quarter of what the
//! order's number does. Lags count from the beginning of a block of rows ([`crate::encode::CHUNK_ROWS`]), so that a block can
//! be read without the ones before it.

use tradesim_schemas::OrderRef;

/// Values of an event's number: the low digits of a stored reference.
const EVENTS: i64 = 256;

/// For every origin and symbol of one block, the order number that is expected next: one more than the greatest so far, and
/// 0 at the beginning.
#[derive(Debug, Default)]
pub(crate) struct OrderLags {
    next: Vec<Vec<i64>>,
}

impl OrderLags {
    /// The stored form of a reference: 256 × (next − order) + event.
    #[inline]
    pub(crate) fn store(&mut self, origin: usize, symbol: usize, order: OrderRef) -> i64 {
        let number = order.order() as i64;
        let next = self.next(origin, symbol);
        let lag = *next - number;
        *next = (*next).max(number + 1);
        lag * EVENTS + i64::from(order.event())
    }

    /// The reference of a stored form; `None` where it names no order.
    #[inline]
    pub(crate) fn load(&mut self, origin: usize, symbol: usize, stored: i64) -> Option<OrderRef> {
        let next = self.next(origin, symbol);
        let number = next.checked_sub(stored.div_euclid(EVENTS))?;
        let order = OrderRef::new(u64::try_from(number).ok()?, stored.rem_euclid(EVENTS) as u8)?;
        *next = (*next).max(number + 1);
        Some(order)
    }

    #[inline]
    fn next(&mut self, origin: usize, symbol: usize) -> &mut i64 {
        if self.next.get(origin).is_none_or(|symbols| symbols.len() <= symbol) {
            self.grow(origin, symbol);
        }
        &mut self.next[origin][symbol]
    }

    #[cold]
    fn grow(&mut self, origin: usize, symbol: usize) {
        if self.next.len() <= origin {
            self.next.resize(origin + 1, Vec::new());
        }
        let symbols = &mut self.next[origin];
        symbols.resize(symbols.len().max(2 * symbol + 2), 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn order(number: u64, event: u8) -> OrderRef {
        OrderRef::new(number, event).unwrap()
    }

    #[test]
    fn a_new_order_is_stored_as_zero_and_an_older_one_as_its_distance() {
        let mut lags = OrderLags::default();
        let stored: Vec<i64> = [(7, 0), (8, 0), (7, 1), (9, 0), (7, 2), (12, 0)]
            .into_iter()
            .map(|(number, event)| lags.store(0, 3, order(number, event)))
            .collect();
        assert_eq!(stored, [-7 * 256, 0, 2 * 256 + 1, 0, 3 * 256 + 2, -2 * 256]);
    }

    proptest! {
        #[test]
        fn what_is_stored_is_loaded(
            orders in prop::collection::vec((0usize..3, 0usize..5, 0..=OrderRef::ORDER_MAX, any::<u8>()), 0..50),
        ) {
            let (mut store, mut load) = (OrderLags::default(), OrderLags::default());
            for (origin, symbol, number, event) in orders {
                let stored = store.store(origin, symbol, order(number, event));
                prop_assert_eq!(load.load(origin, symbol, stored), Some(order(number, event)));
            }
        }

        #[test]
        fn any_stored_value_is_loaded_or_refused(stored in prop::collection::vec(any::<i64>(), 0..20)) {
            let mut lags = OrderLags::default();
            for value in stored {
                lags.load(0, 0, value);
            }
        }
    }
}
