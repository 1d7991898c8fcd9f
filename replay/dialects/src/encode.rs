//! Events in, messages of a dialect out.

use std::fmt;

use tradesim_schemas::{Event, Payload, ReadOptions, StreamSeq, Symbol, Timestamp, read};

/// An encoder: returns the messages that a client of everything receives.
///
/// An encoder remembers what a vendor's messages need of earlier ones, such as the last book of each symbol, until the trading
/// day ends. Its output for a message is a function of the messages of the same day before it.
pub trait Encode: fmt::Debug + Send {
    /// Adds the messages of an event, if it has counterparts in this dialect.
    fn encode(&mut self, input: &Input<'_>, out: &mut Frames);

    /// Forgets all earlier messages, because the next one does not follow them.
    fn reset(&mut self);
}

/// Reads the text of a message. Returns `None` if no dialect has a message for it: it is not a valid event, or a trade that
/// did not execute.
pub fn read_event(text: &[u8]) -> Option<Event> {
    if is_unexecuted(text) {
        return None;
    }
    let mut message = read(text, ReadOptions::default()).ok()?;
    if let Payload::Trade(trade) = &mut message.payload {
        // no dialect has a field for it, and an event contains only those of our own form
        trade.correlation_id = None;
    }
    Some(message.to_envelope()?.event).filter(has_counterpart)
}

/// Returns true if a dialect may have a message for an event: for all but trades that did not execute.
pub fn has_counterpart(event: &Event) -> bool {
    match event {
        Event::Trade(trade) => trade.status.is_execution(),
        Event::OrderBook(_) | Event::MarketData(_) => true,
    }
}

/// Returns true for a trade that did not execute, in the text that tradesim writes: four of ten messages of a simulated
/// day, which need not be parsed.
fn is_unexecuted(text: &[u8]) -> bool {
    const START: &[u8] = br#"{"schema_version":1,"event_type":"trade","#;
    const UNEXECUTED: [&[u8]; 3] =
        [br#""status":"NEW""#, br#""status":"CANCELLED""#, br#""status":"REJECTED""#];
    const CORRELATION: &[u8] = br#","correlation_id":"#;
    /// The length of `"corr-0123456789abcdef"`.
    const ID_LEN: usize = 23;
    let before_correlation = || {
        let value_end = text.strip_prefix(START)?.strip_suffix(b"}}")?;
        let value = value_end.strip_suffix(b"null").or_else(|| {
            let (rest, id) = value_end.split_at_checked(value_end.len().checked_sub(ID_LEN)?)?;
            id.starts_with(br#""corr-"#).then_some(rest)
        });
        value?.strip_suffix(CORRELATION)
    };
    before_correlation().is_some_and(|rest| UNEXECUTED.iter().any(|status| rest.ends_with(status)))
}

/// An event of the stream.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its number in the stream.
    pub seq: StreamSeq,
    /// The event, with the timestamps that are sent.
    pub event: &'a Event,
    /// Its recorded event time, which decides the period of the day. It differs from the event's own timestamp if shifted
    /// timestamps are sent.
    pub recorded_at: Timestamp,
}

/// A message of a dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The index of its channel.
    pub channel: u8,
    /// Its symbol.
    pub symbol: Symbol,
    /// The end of its bytes.
    end: usize,
}

/// Messages, back to back.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    frames: Vec<Frame>,
}

impl Frames {
    /// Adds a message: `write` appends its bytes.
    pub(crate) fn push(&mut self, channel: u8, symbol: Symbol, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.frames.push(Frame { channel, symbol, end: self.bytes.len() });
    }

    /// Removes all messages and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
    }

    /// Returns the messages and their bytes.
    pub fn iter(&self) -> impl Iterator<Item = (Frame, &[u8])> {
        self.frames.iter().scan(0, |start, frame| {
            let bytes = &self.bytes[*start..frame.end];
            *start = frame.end;
            Some((*frame, bytes))
        })
    }
}

#[cfg(test)]
mod tests {
    use tradesim_schemas::TradeStatus;

    use super::*;

    fn text(status: &str, correlation: &str) -> String {
        format!(
            r#"{{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.366511Z","payload":{{"trade_id":"01234567-89ab-4def-8123-456789abcdef","symbol":"AAPL","trade_type":"BUY","order_type":"LIMIT","price":"178.525","quantity":50,"timestamp":"2026-02-18T14:30:00.366511Z","exchange":"NASDAQ","trader_id":"TRD-00042","account_id":"ACC-0008","status":"{status}","correlation_id":{correlation}}}}}"#
        )
    }

    #[test]
    fn trades_that_did_not_execute_are_recognised_without_parsing_and_with() {
        for status in TradeStatus::ALL {
            for (correlation, is_ours) in [
                ("null", true),
                (r#""corr-0123456789abcdef""#, true),
                (r#""order 7""#, false),
                (r#""""#, false),
            ] {
                let text = text(status.as_str(), correlation);
                let what = format!("{status:?} {correlation}");
                assert_eq!(is_unexecuted(text.as_bytes()), is_ours && !status.is_execution(), "{what}");
                // executions with a correlation id of another feed belong to the stream, too
                assert_eq!(read_event(text.as_bytes()).is_some(), status.is_execution(), "{what}");
                let spaced = text.replace(':', ": ").replace("14: 30: 00", "14:30:00");
                assert_eq!(read_event(spaced.as_bytes()).is_some(), status.is_execution(), "{what}");
            }
        }
        assert_eq!(read_event(b"{}"), None);
        assert_eq!(read_event(text("FILLED", "7").as_bytes()), None);
    }
}
