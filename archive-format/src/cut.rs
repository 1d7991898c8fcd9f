//! Cuts: the conditions that all kept messages satisfy, and the filter that applies them to messages in order.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};
use tradesim_schemas::{EventType, Record, Symbol, Timestamp};

use crate::{
    Batch, Batches, Error, Metadata, RowRef,
    metadata::{optional_text, text_list},
};

/// A cut: the conditions that all kept events satisfy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cut {
    /// The first instant that is kept.
    #[serde(default, with = "optional_text")]
    pub from: Option<Timestamp>,
    /// The end of the time range, exclusive.
    #[serde(default, with = "optional_text")]
    pub to: Option<Timestamp>,
    /// The symbols kept; all if empty.
    #[serde(with = "text_list")]
    pub symbols: Vec<Symbol>,
    /// The event types kept; all if empty.
    #[serde(with = "text_list")]
    pub events: Vec<EventType>,
    /// The maximum number of events.
    pub limit: Option<u64>,
}

impl Cut {
    /// Returns whether every message satisfies the conditions.
    pub fn is_open(&self) -> bool {
        self.symbols.is_empty()
            && self.events.is_empty()
            && self.from.is_none()
            && self.to.is_none()
            && self.limit.is_none()
    }
}

/// Lists the conditions: `symbols AAPL,MSFT, from 2026-02-18T14:30:00.000000Z, limit 10`.
impl Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut condition = |name: &str, value: &dyn Display| {
            write!(f, "{separator}{name} {value}")?;
            separator = ", ";
            Ok(())
        };
        if !self.symbols.is_empty() {
            condition("symbols", &joined(&self.symbols))?;
        }
        if !self.events.is_empty() {
            condition("events", &joined(&self.events))?;
        }
        if let Some(from) = &self.from {
            condition("from", from)?;
        }
        if let Some(to) = &self.to {
            condition("to", to)?;
        }
        if let Some(limit) = &self.limit {
            condition("limit", limit)?;
        }
        Ok(())
    }
}

fn joined(values: &[impl Display]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The decision of a filter about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    Skip,
    /// Neither this message nor any later one passes.
    End,
}

/// Applies a cut to messages in order. It counts the messages that pass, for the limit of the cut.
#[derive(Clone, Debug)]
pub struct Filter {
    cut: Cut,
    /// [`Symbol::key`] of each symbol, ascending.
    symbol_keys: Vec<u128>,
    /// True if there may be captured messages, whose emission times may be out of order.
    captured: bool,
    passed: u64,
    ended: bool,
}

impl Filter {
    /// Returns the filter for messages that are in order of time.
    pub fn new(mut cut: Cut) -> Filter {
        let mut symbol_keys: Vec<u128> = cut.symbols.iter().map(Symbol::key).collect();
        symbol_keys.sort_unstable();
        cut.events.sort_unstable();
        cut.events.dedup();
        Filter { cut, symbol_keys, captured: false, passed: 0, ended: false }
    }

    /// Returns the filter for the rows of an archive.
    pub fn for_archive(cut: Cut, metadata: &Metadata) -> Filter {
        // rows with planted faults keep the times of the recording, in order
        let captured = metadata.columns().captured && metadata.provenance().faults.is_none();
        Filter { captured, ..Filter::new(cut) }
    }

    /// Returns whether every message passes.
    pub fn is_open(&self) -> bool {
        self.cut.is_open()
    }

    /// Returns the instant at which reading can start, if no earlier row can pass. Captured messages may be out of order, so for
    /// them there is none.
    pub fn from(&self) -> Option<Timestamp> {
        self.cut.from.filter(|_| !self.captured)
    }

    /// Returns true if the time range of the cut refers to the emission times in captured messages.
    pub fn goes_by_stated_times(&self) -> bool {
        self.captured && (self.cut.from.is_some() || self.cut.to.is_some())
    }

    /// Returns whether no further message can pass.
    pub fn has_ended(&self) -> bool {
        self.ended || self.cut.limit.is_some_and(|limit| self.passed >= limit)
    }

    /// Returns the event types that can pass.
    pub fn event_types(&self) -> &[EventType] {
        if self.cut.events.is_empty() { EventType::ALL } else { &self.cut.events }
    }

    /// Returns the number of messages that passed so far. An open filter does not count.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Returns the filter in its state after `passed` messages.
    pub fn resumed(&self, passed: u64) -> Filter {
        Filter { passed, ended: false, ..self.clone() }
    }

    /// Returns the cut, with its event types in order.
    pub fn cut(&self) -> &Cut {
        &self.cut
    }

    /// Returns whether the row passes. Rows must be given in order.
    pub fn admits(&mut self, row: RowRef<'_>) -> bool {
        let event = row.event().map(|event| (event.event_type(), event.symbol()));
        self.counted(self.time_of(row), event)
    }

    /// Returns the time that is compared with the time range: the emission time in a captured message, if it has one.
    fn time_of(&self, row: RowRef<'_>) -> Timestamp {
        let stated = match row.received() {
            Some(_) if self.goes_by_stated_times() => row.stated_timestamp(),
            _ => None,
        };
        stated.unwrap_or_else(|| row.timestamp())
    }

    /// Keeps only the records that pass.
    pub fn retain(&mut self, records: &mut Vec<Record>) {
        if !self.is_open() {
            records.retain(|record| {
                let event = &record.envelope.event;
                self.counted(record.envelope.timestamp, Some((event.event_type(), event.symbol())))
            });
        }
    }

    /// Keeps only the rows that pass.
    pub fn retain_rows(&mut self, batch: Batch) -> Batch {
        if self.is_open() {
            batch
        } else if batch.has_captured() {
            let mut kept = Batch::default();
            for row in batch.into_rows() {
                if self.admits(row.row_ref()) {
                    kept.push(row);
                }
            }
            kept
        } else {
            let mut records = batch.into_records();
            self.retain(&mut records);
            Batch::from(records)
        }
    }

    #[inline]
    fn counted(&mut self, at: Timestamp, event: Option<(EventType, Symbol)>) -> bool {
        if self.has_ended() {
            return false;
        }
        match self.verdict(at, event) {
            Verdict::Keep => {
                self.passed += 1;
                true
            }
            Verdict::Skip => false,
            Verdict::End => {
                self.ended = true;
                false
            }
        }
    }

    #[inline]
    fn verdict(&self, at: Timestamp, event: Option<(EventType, Symbol)>) -> Verdict {
        let Cut { from, to, symbols, events, .. } = &self.cut;
        if to.is_some_and(|to| at >= to) {
            return if self.captured { Verdict::Skip } else { Verdict::End };
        }
        if from.is_some_and(|from| at < from) {
            return Verdict::Skip;
        }
        // a raw frame without an event has neither a type nor a symbol
        let type_passes = events.is_empty() || event.is_some_and(|(kind, _)| events.contains(&kind));
        let symbol_passes = symbols.is_empty()
            || event.is_some_and(|(_, symbol)| self.symbol_keys.binary_search(&symbol.key()).is_ok());
        if type_passes && symbol_passes { Verdict::Keep } else { Verdict::Skip }
    }
}

/// The rows of an archive that pass a filter, in batches of at least one row.
#[derive(Debug)]
pub struct FilteredBatches {
    pub(crate) batches: Batches,
    pub(crate) filter: Filter,
}

impl Iterator for FilteredBatches {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Result<Batch, Error>> {
        while !self.filter.has_ended() {
            let batch = self.batches.next()?.map(|batch| self.filter.retain_rows(batch));
            if batch.as_ref().map_or(true, |batch| !batch.is_empty()) {
                return Some(batch);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_described_by_its_conditions() {
        let symbol = |name| Symbol::new(name).unwrap();
        let at = |text: &str| Some(Timestamp::parse(text.as_bytes()).unwrap());
        let cut = Cut {
            from: at("2026-02-18T14:30:00Z"),
            to: at("2026-02-18T15:30:00Z"),
            symbols: vec![symbol("MSFT"), symbol("AAPL")],
            events: vec![EventType::Trade],
            limit: Some(10),
        };
        assert_eq!(
            cut.to_string(),
            "symbols MSFT,AAPL, events trade, from 2026-02-18T14:30:00.000000Z, to 2026-02-18T15:30:00.000000Z, limit 10"
        );
        let limited = Cut { limit: Some(0), ..Cut::default() };
        assert_eq!((limited.to_string().as_str(), limited.is_open()), ("limit 0", false));
        assert_eq!((Cut::default().to_string().as_str(), Cut::default().is_open()), ("", true));
    }
}
