//! Checks the market rules on any stream of records.
//!
//! The audit is independent of the simulator: it knows the contract, the calendar and the symbol table, but not how events
//! are generated. It reads records one by one, keeps only live orders, latest quotes and open candles, and reports every
//! rule that the stream breaks and every rule that it cannot check because the stream is a cut.

mod candles;
mod lifecycle;
mod model;
mod order;
mod planned;
mod quotes;
mod report;
mod symbols;
#[cfg(test)]
mod tests;
mod venues;

use tradesim_schemas::{Event, Record, Timestamp};

use self::{
    candles::Candles,
    lifecycle::Lifecycle,
    model::ModelRules,
    order::{StreamOrder, TieOrder},
    planned::Planned,
    quotes::Quotes,
    report::Findings,
    symbols::SymbolTable,
    venues::Hours,
};
use crate::{Label, session::TradingDay, universe::Universe};

pub use report::{AuditReport, Rule, RuleReport, Skipped, Violation};
pub use symbols::AuditSymbol;

/// The part of a recording that a stream contains. Rules that need something outside a cut are skipped.
///
/// A cut by symbol only sets `dense_seq` to false: no rule spans symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The start of a cut by time; `None` if the stream begins with the day.
    pub from: Option<Timestamp>,
    /// The end of a cut by time, exclusive; `None` if the stream ends with the day.
    pub to: Option<Timestamp>,
    /// The stream was cut after a number of records.
    pub limited: bool,
    /// The stream contains trades.
    pub trades: bool,
    /// The stream contains order book snapshots.
    pub order_books: bool,
    /// The stream contains candles.
    pub candles: bool,
    /// seq is 0, 1, 2, … without gaps, as in a whole recording or a merged archive. A cut keeps the numbers of the whole.
    pub dense_seq: bool,
}

impl Scope {
    /// A whole recording.
    pub const WHOLE: Scope = Scope {
        from: None,
        to: None,
        limited: false,
        trades: true,
        order_books: true,
        candles: true,
        dense_seq: true,
    };

    /// Returns true if the day may continue after the last record.
    const fn is_cut_at_end(&self) -> bool {
        self.to.is_some() || self.limited
    }
}

/// The facts about one recording that an audit starts from.
#[derive(Clone, Debug)]
pub struct AuditContext {
    /// The trading day; `None` if it is not known, as for a captured feed.
    pub day: Option<TradingDay>,
    /// The day has market hours, rather than one period from 04:00 to 20:00.
    pub market_hours: bool,
    /// The name of the market model, such as `gbm/1`; `None` if it is not known. Some rules differ between models.
    pub model: Option<String>,
    /// The symbol table, in its order; empty if it is not known.
    pub symbols: Vec<AuditSymbol>,
    /// The part of the recording that the stream contains.
    pub scope: Scope,
    /// The labels of planned events.
    pub labels: Vec<Label>,
}

impl AuditContext {
    /// Returns the context of a whole recorded day of these symbols, simulated by the model of this name.
    pub fn whole(model: &str, day: TradingDay, market_hours: bool, universe: &Universe) -> AuditContext {
        let symbol = |info: &crate::universe::SymbolInfo| AuditSymbol {
            symbol: info.symbol,
            listing: info.exchange,
            tick_size: info.tick_size,
            base_price: info.base_price,
            weight: info.weight,
        };
        let symbols = universe.symbols().iter().map(symbol).collect();
        let model = Some(model.to_owned());
        AuditContext { day: Some(day), market_hours, model, symbols, scope: Scope::WHOLE, labels: Vec::new() }
    }
}

/// A running audit. Push all records, then call [`Audit::finish`].
#[derive(Debug)]
pub struct Audit {
    stream: StreamOrder,
    origins: Vec<OriginAudit>,
    findings: Findings,
}

impl Audit {
    /// Creates the audit of a stream with one origin.
    pub fn new(context: AuditContext) -> Audit {
        Audit::merged(vec![context])
    }

    /// Creates the audit of a merged stream. The records of each origin must follow the rules among themselves; all records
    /// together must be in order of time and seq. `contexts` is indexed by origin; seq must be dense if it is in all of them.
    pub fn merged(contexts: Vec<AuditContext>) -> Audit {
        let dense = contexts.iter().all(|context| context.scope.dense_seq);
        let mut findings = Findings::new();
        let several = contexts.len() > 1;
        let origin = |(number, context): (usize, AuditContext)| {
            findings.of_origin(several.then_some(number as u16));
            OriginAudit::new(context, &mut findings)
        };
        let origins = contexts.into_iter().enumerate().map(origin).collect();
        findings.of_origin(None);
        if !dense {
            findings.skipped(Rule::SeqOrder, "missing numbers: the stream is a cut");
        }
        Audit { stream: StreamOrder::new(dense), origins, findings }
    }

    /// Checks the next record.
    pub fn push(&mut self, record: &Record) {
        self.findings.at_record(record.seq);
        if self.origins.len() > 1 {
            self.findings.of_origin(Some(record.origin));
        }
        self.stream.record(record, &mut self.findings);
        match self.origins.get_mut(usize::from(record.origin)) {
            Some(origin) => origin.record(record, &mut self.findings),
            None => {
                let count = self.origins.len();
                self.findings.violated(Rule::Ids, || {
                    format!("origin {} does not exist: the archive has {count}", record.origin)
                });
            }
        }
    }

    /// Checks what must have happened before the end, and returns the report.
    pub fn finish(mut self) -> AuditReport {
        self.findings.at_end();
        let several = self.origins.len() > 1;
        for (number, origin) in self.origins.into_iter().enumerate() {
            self.findings.of_origin(several.then_some(number as u16));
            origin.finish(self.stream.last(), &mut self.findings);
        }
        self.findings.into_report()
    }
}

/// The rules that hold within one origin.
#[derive(Debug)]
struct OriginAudit {
    symbols: SymbolTable,
    ties: TieOrder,
    hours: Option<Hours>,
    lifecycle: Lifecycle,
    quotes: Quotes,
    candles: Candles,
    planned: Planned,
}

impl OriginAudit {
    fn new(context: AuditContext, findings: &mut Findings) -> OriginAudit {
        let AuditContext { day, market_hours, model, symbols, scope, labels } = context;
        report_skipped(&scope, day, &symbols, findings);
        let rules = ModelRules::of(model.as_deref(), &scope, findings);
        let planned = Planned::new(labels, day, &symbols, &scope, findings);
        OriginAudit {
            planned,
            symbols: SymbolTable::new(symbols),
            ties: TieOrder::default(),
            hours: day.map(|day| Hours::new(day, market_hours)),
            lifecycle: Lifecycle::new(&scope, rules.parts_at_once),
            quotes: Quotes::new(&scope, rules.cadence),
            candles: Candles::new(&scope, day, market_hours),
        }
    }

    #[inline]
    fn record(&mut self, record: &Record, findings: &mut Findings) {
        if let Some(hours) = &self.hours {
            hours.record(record, findings);
        }
        let event = &record.envelope.event;
        findings.checked(Rule::Symbols);
        let Some(symbol) = self.symbols.index(event.symbol()) else {
            findings.violated(Rule::Symbols, || format!("{} is not in the symbol table", event.symbol()));
            return;
        };
        if self.symbols.is_given() {
            self.ties.record(record, symbol, findings);
        }
        let known = self.symbols.known(symbol);
        if !self.planned.is_empty() {
            self.planned.record(record.envelope.timestamp, event, symbol, findings);
        }
        match event {
            Event::Trade(trade) => {
                self.quotes.trade(trade, symbol, known, findings);
                self.lifecycle.trade(record, trade, symbol, findings);
                if trade.status.is_execution() {
                    self.candles.execution(trade, symbol, findings);
                }
            }
            Event::OrderBook(book) => self.quotes.book(book, symbol, known, findings),
            Event::MarketData(candle) => {
                self.candles.candle(record.envelope.timestamp, candle, symbol, known, findings);
            }
        }
    }

    fn finish(self, last: Option<Timestamp>, findings: &mut Findings) {
        self.lifecycle.finish(findings);
        self.quotes.finish(&self.symbols, findings);
        self.candles.finish(last, &self.symbols, findings);
        self.planned.finish(findings);
    }
}

/// Reports the rules that cannot be checked at all for a stream of this scope.
fn report_skipped(scope: &Scope, day: Option<TradingDay>, symbols: &[AuditSymbol], findings: &mut Findings) {
    if !scope.trades {
        findings.skipped(Rule::Lifecycle, "the stream has no trades");
        findings.skipped(Rule::Ids, "the stream has no trades");
        findings.skipped(Rule::Venues, "the stream has no trades");
        findings.skipped(Rule::Cadence, "the stream has no trades");
        findings.skipped(Rule::Prices, "the stream has no trades");
        findings.skipped(Rule::Candles, "equality with the executions: the stream has no trades");
    }
    if !scope.order_books {
        findings.skipped(Rule::Books, "the stream has no order book snapshots");
        if scope.trades {
            findings.skipped(Rule::Cadence, "the stream has no order book snapshots");
            findings
                .skipped(Rule::Prices, "executions within the quote: the stream has no order book snapshots");
        }
    }
    if !scope.candles {
        findings.skipped(Rule::Candles, "the stream has no candles");
    }
    if day.is_none() {
        findings.skipped(Rule::Hours, "the trading day is not known");
        findings.skipped(Rule::Venues, "the trading day is not known");
    }
    if symbols.is_empty() {
        findings.skipped(Rule::TieOrder, "the symbol table is not known");
        findings.skipped(Rule::Prices, "the tick grid: the symbol table is not known");
        findings.skipped(Rule::Books, "the tick grid: the symbol table is not known");
        findings.skipped(Rule::Candles, "the listing: the symbol table is not known");
    }
}
