//! What a filter leaves of a state, and the period of the trading day at an instant.

use tradesim_archive::{Filter, Provenance};
use tradesim_schemas::{EventType, MarketView, OpenOrder, Timestamp};
use tradesim_sim::session::{CalendarError, Closed, Period, TradingDay, date_at, parse_date};

/// The option of a simulation that switches the hours of the market off.
const OPTION_MARKET_HOURS: &str = "market_hours";

/// Returns true if a recording follows the hours of the market.
pub(crate) fn follows_market_hours(provenance: &Provenance) -> bool {
    provenance.options.get(OPTION_MARKET_HOURS).is_none_or(|value| value != "false")
}

/// Returns the period of an instant of a recording.
pub(crate) fn period_in(at: Timestamp, provenance: &Provenance) -> &'static str {
    // a simulated day may be a holiday that is treated as if the market were open
    let simulated = provenance.date.as_deref().and_then(parse_date);
    let closed = if simulated == Some(date_at(at)) { Closed::Allow } else { Closed::Refuse };
    period_at(at, follows_market_hours(provenance), closed)
}

/// Returns the period of an instant.
pub(crate) fn period_at(at: Timestamp, market_hours: bool, closed: Closed) -> &'static str {
    let date = date_at(at);
    let day = match TradingDay::new(date, closed) {
        Ok(day) => day,
        // a recording may be of any year; without a calendar, its days are taken for regular ones
        Err(CalendarError::Uncovered { .. }) => TradingDay::regular(date),
        Err(_) => return Period::Closed.as_str(),
    };
    day.period_at(at, market_hours).as_str()
}

/// Keeps what follows from the messages that pass a filter, and what the filter leaves out only because it is earlier: a cut in
/// time begins with the state at its beginning.
pub(crate) fn keep_passing(market: &mut MarketView, filter: &Filter) {
    let symbols = &filter.cut().symbols;
    if !symbols.is_empty() {
        market.books.retain(|book| symbols.contains(&book.event.symbol()));
        market.candles.retain(|candle| symbols.contains(&candle.symbol));
        market.open_orders.retain(|(symbol, _)| symbols.contains(symbol));
    }
    let types = filter.event_types();
    if !types.contains(&EventType::OrderBook) {
        market.books.clear();
    }
    if !types.contains(&EventType::Trade) {
        market.candles.clear();
        market.open_orders.clear();
    }
}

/// Keeps the orders that follow from the messages that pass a filter, as [`keep_passing`] does.
pub(crate) fn keep_passing_orders(orders: &mut Vec<OpenOrder>, filter: &Filter) {
    let symbols = &filter.cut().symbols;
    if !symbols.is_empty() {
        orders.retain(|order| symbols.contains(&order.message.event.symbol()));
    }
    if !filter.event_types().contains(&EventType::Trade) {
        orders.clear();
    }
}
