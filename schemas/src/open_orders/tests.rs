use proptest::prelude::*;

use super::*;
use crate::testing::market_envelope;

/// Returns messages in which few ids occur, so that most events continue an order, whatever their order is.
fn messages() -> impl Strategy<Value = Vec<Envelope>> {
    let message = (market_envelope(), prop::option::weighted(0.95, 0u64..6)).prop_map(|(mut message, id)| {
        if let Event::Trade(trade) = &mut message.event {
            trade.correlation_id = id.map(CorrelationId);
        }
        message
    });
    prop::collection::vec(message, 0..200)
}

/// Returns the open orders by the definition: for each first event, what follows it.
fn by_definition(messages: &[Envelope]) -> Vec<OpenOrder> {
    let mut open = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        let Event::Trade(first) = &message.event else { continue };
        let Some(key) = key_of(first).filter(|_| first.status == TradeStatus::New) else { continue };
        let later: Vec<&Trade> = messages[index + 1..]
            .iter()
            .filter_map(|message| match &message.event {
                Event::Trade(trade) if key_of(trade) == Some(key) => Some(trade),
                _ => None,
            })
            .collect();
        if later.iter().all(|trade| trade.status == TradeStatus::PartiallyFilled) {
            let executed = later.iter().map(|trade| u64::from(trade.quantity.get())).sum();
            open.push(OpenOrder { message: *message, executed });
        }
    }
    open
}

proptest! {
    #[test]
    fn orders_are_open_until_they_end(messages in messages()) {
        let mut orders = OpenOrders::new();
        messages.iter().for_each(|message| orders.push(message));
        prop_assert_eq!(orders.list(), by_definition(&messages));
    }

    #[test]
    fn the_same_orders_are_found_backwards(messages in messages()) {
        let mut orders = OrdersBackwards::new();
        let found: Vec<Symbol> = messages.iter().rev().filter_map(|message| orders.push(message)).collect();
        let list = orders.list();
        let symbols: Vec<Symbol> = list.iter().rev().map(|order| order.message.event.symbol()).collect();
        prop_assert_eq!(found, symbols);
        prop_assert_eq!(list, by_definition(&messages));
    }

    #[test]
    fn another_recording_begins_without_orders(before in messages(), after in messages()) {
        let mut orders = OpenOrders::new();
        before.iter().for_each(|message| orders.push(message));
        orders.begin_recording();
        after.iter().for_each(|message| orders.push(message));
        prop_assert_eq!(orders.list(), by_definition(&after));
    }
}
