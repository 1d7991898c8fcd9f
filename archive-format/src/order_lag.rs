//! Order references in their stored form: the distance of an order's number from that of its symbol's newest order.
//!
//! Most events belong to a recent order, so the distance is a small number that takes a quarter of the space of the order's
//! number. Distances are relative to the beginning of a block of rows ([`crate::encode::CHUNK_ROWS`]), so that a block can be
//! read without the previous ones.

use tradesim_schemas::OrderRef;

/// The number of values of an event number, which is the low byte of a stored reference.
const EVENTS: i64 = 256;

/// The next expected order number for every origin and symbol of one block: 0 at the beginning, then one more than the
/// greatest number so far.
#[derive(Debug, Default)]
pub(crate) struct OrderLags {
    next: Vec<Vec<i64>>,
}

impl OrderLags {
    /// Returns the stored form of a reference: 256 × (next − order) + event.
    #[inline]
    pub(crate) fn store(&mut self, origin: usize, symbol: usize, order: OrderRef) -> i64 {
        let number = order.order() as i64;
        let next = self.next(origin, symbol);
        let lag = *next - number;
        *next = (*next).max(number + 1);
        lag * EVENTS + i64::from(order.event())
    }

    /// Returns the reference of a stored form, or `None` if it is invalid.
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
