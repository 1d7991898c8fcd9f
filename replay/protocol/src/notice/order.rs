//! The list of open orders in the notice of the state.

use serde::{Deserialize, Serialize};
use tradesim_schemas::{
    AccountId, CorrelationId, Envelope, Event, Exchange, OpenOrder, OrderType, Quantity, Symbol, Timestamp,
    Trade, TradeId, TradeStatus, TradeType, TraderId,
};

use super::state::price;

/// The limit of orders in a notice, of which none has more than 500 bytes: with the books and candles of 500 symbols the notice
/// remains below the limit of 1 MiB of clients.
pub const ORDERS_MAX: usize = 1_024;

/// Open orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderList {
    /// In order of arrival. The time of emission is not part of a notice: it is read as the time of the event.
    pub orders: Vec<OpenOrder>,
    /// True if no order is missing. Otherwise these are the most recent ones.
    pub complete: bool,
}

/// The payload of an order's first event (contract, section 1.2), with its keys in order, and what followed.
#[derive(Serialize, Deserialize)]
pub(super) struct OrderLayout {
    trade_id: String,
    symbol: String,
    trade_type: String,
    order_type: String,
    price: String,
    quantity: u32,
    timestamp: String,
    exchange: String,
    trader_id: String,
    account_id: String,
    status: String,
    correlation_id: Option<String>,
    executed: u64,
}

impl OrderLayout {
    /// Returns the layout of an order; `None` if its message is not an event of an order.
    pub(super) fn of(order: &OpenOrder) -> Option<OrderLayout> {
        let trade = order.trade()?;
        Some(OrderLayout {
            trade_id: trade.trade_id.to_string(),
            symbol: trade.symbol.to_string(),
            trade_type: trade.trade_type.to_string(),
            order_type: trade.order_type.to_string(),
            price: trade.price.to_string(),
            quantity: trade.quantity.get(),
            timestamp: trade.timestamp.to_string(),
            exchange: trade.exchange.to_string(),
            trader_id: trade.trader_id.to_string(),
            account_id: trade.account_id.to_string(),
            status: trade.status.to_string(),
            correlation_id: trade.correlation_id.map(|id| id.to_string()),
            executed: order.executed,
        })
    }

    /// Returns the order; `None` if a value is not one of this version.
    pub(super) fn order(&self) -> Option<OpenOrder> {
        let trade = Trade {
            trade_id: TradeId::parse(self.trade_id.as_bytes())?,
            symbol: Symbol::new(&self.symbol)?,
            trade_type: TradeType::parse(self.trade_type.as_bytes())?,
            order_type: OrderType::parse(self.order_type.as_bytes())?,
            price: price(&self.price)?,
            quantity: Quantity::new(self.quantity)?,
            timestamp: Timestamp::parse(self.timestamp.as_bytes()).ok()?,
            exchange: Exchange::parse(self.exchange.as_bytes())?,
            trader_id: TraderId::parse(self.trader_id.as_bytes())?,
            account_id: AccountId::parse(self.account_id.as_bytes())?,
            status: TradeStatus::parse(self.status.as_bytes())?,
            correlation_id: match &self.correlation_id {
                Some(id) => Some(CorrelationId::parse(id.as_bytes())?),
                None => None,
            },
        };
        let message = Envelope { timestamp: trade.timestamp, event: Event::Trade(trade) };
        Some(OpenOrder { message, executed: self.executed })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tradesim_schemas::testing::any_trade;

    use super::*;
    use crate::{Notice, StateNotice};

    /// The limit in the documentation of [`ORDERS_MAX`].
    const ORDER_BYTES_MAX: usize = 500;

    proptest! {
        #[test]
        fn an_order_is_the_payload_of_its_first_event(
            trade in any_trade(),
            executed in any::<u64>(),
            complete in any::<bool>(),
        ) {
            let message = Envelope { timestamp: trade.timestamp, event: Event::Trade(trade) };
            let list = OrderList { orders: vec![OpenOrder { message, executed }], complete };
            let notice = Notice::State(StateNotice { open_orders: Some(list), ..StateNotice::default() });
            let text = notice.text();
            let payload = message.to_json().split_once("\"payload\":").unwrap().1.to_owned();
            let order = format!("{},\"executed\":{executed}}}", payload.strip_suffix("}}").unwrap());
            let tail = format!(",\"open_orders\":[{order}],\"open_orders_complete\":{complete}}}");
            prop_assert!(text.ends_with(&tail), "{} {}", text, tail);
            prop_assert!(order.len() < ORDER_BYTES_MAX, "{}", order.len());
            prop_assert_eq!(Notice::parse(&text), Ok(Some(notice)));
        }
    }
}
