//! The order of records: time, seq, and ties within a microsecond.

use tradesim_schemas::{Event, EventType, Record, Timestamp};

use super::report::{Findings, Rule};

/// Time and seq over the whole stream, whatever the origins.
#[derive(Debug)]
pub(super) struct StreamOrder {
    dense: bool,
    next_seq: Option<u64>,
    last: Option<Timestamp>,
}

impl StreamOrder {
    /// `dense`: seq counts 0, 1, 2, … without gaps.
    pub(super) fn new(dense: bool) -> StreamOrder {
        StreamOrder { dense, next_seq: dense.then_some(0), last: None }
    }

    /// The time of the last record.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.last
    }

    #[inline]
    pub(super) fn record(&mut self, record: &Record, findings: &mut Findings) {
        findings.checked(Rule::SeqOrder);
        match self.next_seq {
            Some(next) if record.seq < next => {
                findings.violated(Rule::SeqOrder, || format!("seq {} follows seq {}", record.seq, next - 1));
            }
            Some(next) if self.dense && record.seq > next => {
                findings
                    .violated(Rule::SeqOrder, || format!("seq {} stands where {next} is next", record.seq));
            }
            _ => {}
        }
        // after a step back the count goes on from there, so that one misplaced record is one violation or two, not all
        self.next_seq = Some(record.seq.saturating_add(1));

        findings.checked(Rule::TimeOrder);
        let at = record.envelope.timestamp;
        if let Some(last) = self.last.filter(|last| at < *last) {
            findings.violated(Rule::TimeOrder, || format!("{at} follows {last}"));
        }
        self.last = Some(at);
        let own = match &record.envelope.event {
            Event::Trade(trade) => trade.timestamp,
            Event::OrderBook(book) => book.timestamp,
            Event::MarketData(_) => return,
        };
        if own != at {
            let event_type = record.envelope.event.event_type();
            findings.violated(Rule::TimeOrder, || {
                format!("the {event_type}'s time {own} is not its envelope's {at}")
            });
        }
    }
}

/// Candles before all else by interval and symbol, then symbols in table order; within one origin.
#[derive(Debug, Default)]
pub(super) struct TieOrder {
    at: Timestamp,
    /// (0 for candles, interval, symbol's place) of the last record.
    last: Option<(u8, u8, u16)>,
}

impl TieOrder {
    #[inline]
    pub(super) fn record(&mut self, record: &Record, symbol: u16, findings: &mut Findings) {
        findings.checked(Rule::TieOrder);
        let at = record.envelope.timestamp;
        let key = match &record.envelope.event {
            Event::MarketData(candle) => (0, candle.interval as u8, symbol),
            _ => (1, 0, symbol),
        };
        if at == self.at
            && let Some(last) = self.last
        {
            if key < last {
                let (event_type, name) = (record.envelope.event.event_type(), record.envelope.event.symbol());
                let text = || match (event_type, last.0) {
                    (EventType::MarketData, 1) => {
                        format!(
                            "a candle of {name} stands behind another event of the same microsecond, {at}"
                        )
                    }
                    (EventType::MarketData, _) => {
                        format!("a candle of {name} is out of order (interval, then symbol) at {at}")
                    }
                    _ => format!("the {event_type} of {name} stands behind a later symbol's event of {at}"),
                };
                findings.violated(Rule::TieOrder, text);
            } else if key == last && key.0 == 0 {
                let name = record.envelope.event.symbol();
                findings.violated(Rule::TieOrder, || format!("a candle of {name} stands twice at {at}"));
            }
        }
        self.at = at;
        self.last = Some(key);
    }
}
