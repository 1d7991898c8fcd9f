//! The order of records: by time and seq, and within a microsecond.

use tradesim_schemas::{Event, EventType, Record, RecordSeq, Timestamp};

use super::report::{Findings, Rule};

/// Checks time and seq over the whole stream, across origins.
#[derive(Debug)]
pub(super) struct StreamOrder {
    dense: bool,
    next_seq: Option<RecordSeq>,
    last: Option<Timestamp>,
}

impl StreamOrder {
    /// With `dense`, seq must be 0, 1, 2, … without gaps.
    pub(super) fn new(dense: bool) -> StreamOrder {
        StreamOrder { dense, next_seq: dense.then_some(RecordSeq(0)), last: None }
    }

    /// Returns the time of the last record.
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
                findings.violated(Rule::SeqOrder, || format!("found seq {}, expected {next}", record.seq));
            }
            _ => {}
        }
        // counting continues from the found number, so that a misplaced record causes one or two violations
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
            findings
                .violated(Rule::TimeOrder, || format!("the {event_type} has time {own}, its envelope {at}"));
        }
    }
}

/// Checks the order within a microsecond and an origin: candles first by interval and symbol, then the other events by
/// symbol.
#[derive(Debug, Default)]
pub(super) struct TieOrder {
    at: Timestamp,
    /// The sort key of the last record: 0 for candles, the interval, the symbol's index.
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
                        format!("a candle of {name} comes after another event of the same microsecond, {at}")
                    }
                    (EventType::MarketData, _) => {
                        format!("a candle of {name} is out of order (by interval, then symbol) at {at}")
                    }
                    _ => {
                        format!("the {event_type} of {name} comes after the event of a later symbol at {at}")
                    }
                };
                findings.violated(Rule::TieOrder, text);
            } else if key == last && key.0 == 0 {
                let name = record.envelope.event.symbol();
                findings.violated(Rule::TieOrder, || format!("a candle of {name} occurs twice at {at}"));
            }
        }
        self.at = at;
        self.last = Some(key);
    }
}
