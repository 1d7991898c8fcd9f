//! The filters `--symbols`, `--events`, `--from`, `--to` and `--limit`, with the same meaning in every command.

use chrono::NaiveDate;
use tradesim_archive::{Batch, Cut, Metadata, Provenance, RowRef};
use tradesim_schemas::{EventType, Record, Symbol, Timestamp};
use tradesim_sim::session::{Closed, TradingDay};

use crate::{
    cli::{CutArgs, FilterArgs},
    exit::Failure,
    parse::{self, TimeSpec},
};

/// The decision of a filter about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    Skip,
    /// Neither this message nor any later one passes.
    End,
}

/// A filter over messages in order. It counts the messages that pass, for `--limit`.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    symbols: Vec<Symbol>,
    /// [`Symbol::key`] of each, ascending.
    symbol_keys: Vec<u128>,
    events: Vec<EventType>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    limit: Option<u64>,
    /// True if there may be captured messages, whose emission times may be out of order.
    captured: bool,
    passed: u64,
    ended: bool,
}

impl Filter {
    /// Returns the filter of the command line for an archive.
    ///
    /// # Errors
    /// Fails on a symbol that is not in the archive, on exchange time if the archive has no date, and on an empty time range.
    pub(crate) fn of_archive(args: &FilterArgs, metadata: &Metadata) -> Result<Filter, Failure> {
        let provenance = metadata.provenance();
        let symbols = args.symbols.as_ref().map_or(&[][..], |names| &names.0);
        let tables = || provenance.origins.iter().flat_map(|origin| &origin.symbols);
        // a capture has no symbol table, and may contain any symbol
        if tables().next().is_some() {
            let names: Vec<&str> = tables().map(|entry| entry.symbol.as_str()).collect();
            check_symbols(symbols, &names, "the archive")?;
        }
        let filter = Filter::new(symbols.to_vec(), &args.cut, &|time| instant_in(time, provenance))?;
        // rows with planted faults keep the times of the recording, in order
        let captured = metadata.columns().captured && provenance.faults.is_none();
        Ok(Filter { captured, ..filter })
    }

    /// Returns the filter of the command line for a new recording of `day`.
    pub(crate) fn of_day(symbols: Vec<Symbol>, args: &CutArgs, day: &TradingDay) -> Result<Filter, Failure> {
        Filter::new(symbols, args, &|time| Ok(instant(time, day)))
    }

    fn new(
        symbols: Vec<Symbol>,
        args: &CutArgs,
        at: &dyn Fn(TimeSpec) -> Result<Timestamp, Failure>,
    ) -> Result<Filter, Failure> {
        let from = args.from.map(at).transpose()?;
        let to = args.to.map(at).transpose()?;
        if let (Some(from), Some(to)) = (from, to)
            && from >= to
        {
            return Err(Failure::usage(format!("empty time range: {from} to {to}")));
        }
        Ok(Filter::of(symbols, args.events.clone(), from, to, args.limit))
    }

    fn of(
        symbols: Vec<Symbol>,
        mut events: Vec<EventType>,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        limit: Option<u64>,
    ) -> Filter {
        let mut symbol_keys: Vec<u128> = symbols.iter().map(Symbol::key).collect();
        symbol_keys.sort_unstable();
        events.sort_unstable();
        events.dedup();
        Filter { symbols, symbol_keys, events, from, to, limit, captured: false, passed: 0, ended: false }
    }

    /// Returns whether every message passes.
    pub(crate) fn is_open(&self) -> bool {
        self.symbols.is_empty()
            && self.events.is_empty()
            && self.from.is_none()
            && self.to.is_none()
            && self.limit.is_none()
    }

    /// Returns the instant at which reading can start, if no earlier row can pass. Captured messages may be out of order, so for
    /// them there is none.
    pub(crate) fn from(&self) -> Option<Timestamp> {
        self.from.filter(|_| !self.captured)
    }

    /// Returns true if `--from` or `--to` refers to the emission times in captured messages.
    pub(crate) fn goes_by_stated_times(&self) -> bool {
        self.captured && (self.from.is_some() || self.to.is_some())
    }

    /// Returns whether no further message can pass.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended || self.limit.is_some_and(|limit| self.passed >= limit)
    }

    /// Returns the event types that can pass.
    pub(crate) fn event_types(&self) -> &[EventType] {
        if self.events.is_empty() { EventType::ALL } else { &self.events }
    }

    /// Returns the number of messages that passed so far. An open filter does not count.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    /// Returns the filter in its state after `passed` messages.
    pub(crate) fn resumed(&self, passed: u64) -> Filter {
        Filter { passed, ended: false, ..self.clone() }
    }

    /// Returns the filter as it is stored in the metadata of an archive.
    pub(crate) fn cut(&self) -> Cut {
        Cut {
            from: self.from,
            to: self.to,
            symbols: self.symbols.clone(),
            events: self.events.clone(),
            limit: self.limit,
        }
    }

    /// Returns whether the row passes. Rows must be given in order.
    pub(crate) fn admits(&mut self, row: RowRef<'_>) -> bool {
        let event = row.event().map(|event| (event.event_type(), event.symbol()));
        self.counted(self.time_of(row), event)
    }

    /// Returns the time that is compared with `--from` and `--to`: the emission time in a captured message, if it has one.
    fn time_of(&self, row: RowRef<'_>) -> Timestamp {
        let stated = match row.received() {
            Some(_) if self.goes_by_stated_times() => row.stated_timestamp(),
            _ => None,
        };
        stated.unwrap_or_else(|| row.timestamp())
    }

    /// Keeps only the records that pass.
    pub(crate) fn retain(&mut self, records: &mut Vec<Record>) {
        if !self.is_open() {
            records.retain(|record| {
                let event = &record.envelope.event;
                self.counted(record.envelope.timestamp, Some((event.event_type(), event.symbol())))
            });
        }
    }

    /// Keeps only the rows that pass.
    pub(crate) fn retain_rows(&mut self, batch: Batch) -> Batch {
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
        if self.to.is_some_and(|to| at >= to) {
            return if self.captured { Verdict::Skip } else { Verdict::End };
        }
        if self.from.is_some_and(|from| at < from) {
            return Verdict::Skip;
        }
        // a raw frame without an event has neither a type nor a symbol
        let type_passes =
            self.events.is_empty() || event.is_some_and(|(kind, _)| self.events.contains(&kind));
        let symbol_passes = self.symbols.is_empty()
            || event.is_some_and(|(_, symbol)| self.symbol_keys.binary_search(&symbol.key()).is_ok());
        if type_passes && symbol_passes { Verdict::Keep } else { Verdict::Skip }
    }
}

/// Resolves a time of the command line on a trading day.
pub(crate) fn instant(time: TimeSpec, day: &TradingDay) -> Timestamp {
    match time {
        TimeSpec::Instant(at) => at,
        TimeSpec::Exchange(time) => day.at(time),
    }
}

/// Resolves a time of the command line on the date of an archive.
///
/// # Errors
/// Fails on exchange time if the archive has no date.
pub(crate) fn instant_in(time: TimeSpec, provenance: &Provenance) -> Result<Timestamp, Failure> {
    match time {
        TimeSpec::Instant(at) => Ok(at),
        TimeSpec::Exchange(_) => {
            let date = provenance.date.as_deref().and_then(|date| parse::date(date).ok());
            on_date(time, date)
        }
    }
}

fn on_date(time: TimeSpec, date: Option<NaiveDate>) -> Result<Timestamp, Failure> {
    let date = date.ok_or_else(|| {
        Failure::usage_hint(
            "exchange time needs a date, but the archive has none",
            "use RFC 3339, for example 2026-02-18T14:30:00Z",
        )
    })?;
    let day = TradingDay::new(date, Closed::Allow).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(instant(time, &day))
}

/// Refuses symbols that are not in `names`, with a suggestion.
pub(crate) fn check_symbols(symbols: &[Symbol], names: &[&str], place: &str) -> Result<(), Failure> {
    for symbol in symbols {
        let name = symbol.as_str();
        if !names.contains(&name) {
            let what = format!("{name} is not a symbol of {place}");
            return Err(match parse::nearest(name, names.iter().copied()) {
                Some(nearest) => Failure::usage_hint(what, format!("did you mean {nearest}?")),
                None => Failure::usage_hint(what, format!("valid symbols: {}", names.join(", "))),
            });
        }
    }
    Ok(())
}
