//! The hours of the simulated day, and of each venue within it.

use tradesim_schemas::{Event, Record, Timestamp, TradeStatus};

use super::report::{Findings, Rule};
use crate::session::TradingDay;

/// Checks the hours of one day.
#[derive(Debug)]
pub(super) struct Hours {
    day: TradingDay,
    start: Timestamp,
    end: Timestamp,
}

impl Hours {
    pub(super) fn new(day: TradingDay, market_hours: bool) -> Hours {
        Hours { day, start: day.start(), end: day.day_end(market_hours) }
    }

    #[inline]
    pub(super) fn record(&self, record: &Record, findings: &mut Findings) {
        findings.checked(Rule::Hours);
        let at = record.envelope.timestamp;
        // only the last candles and the events that end open orders are at the end itself; NEW and executions come before it
        let may_stand_at_end = match &record.envelope.event {
            Event::Trade(trade) => {
                matches!(trade.status, TradeStatus::Cancelled | TradeStatus::Rejected)
            }
            Event::OrderBook(_) | Event::MarketData(_) => true,
        };
        if at < self.start || at > self.end || at == self.end && !may_stand_at_end {
            findings.violated(Rule::Hours, || {
                format!("{at} is outside the day, which is from {} to {}", self.start, self.end)
            });
        }
        if let Event::Trade(trade) = &record.envelope.event {
            findings.checked(Rule::Venues);
            if !self.day.venue_open(trade.exchange, at) {
                let clock = self.day.exchange_time(at);
                findings.violated(Rule::Venues, || {
                    format!(
                        "{} executes on {} at {clock} exchange time, outside its hours",
                        trade.symbol, trade.exchange
                    )
                });
            }
        }
    }
}
