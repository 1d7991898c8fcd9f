//! The report of an audit.

use tradesim_schemas::RecordSeq;

use std::{collections::BTreeMap, fmt};

/// A market rule, or a group of rules that are usually broken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rule {
    /// Time never goes back, and trades and books have the time of their envelope.
    TimeOrder,
    /// seq ascends; in a whole stream, by one.
    SeqOrder,
    /// Within a microsecond, candles come first, by interval and then symbol; then the other events by symbol.
    TieOrder,
    /// Every symbol is in the symbol table.
    Symbols,
    /// All events are within the simulated day.
    Hours,
    /// Trade ids are unique, order numbers have no gaps and are not reused, traders have their accounts.
    Ids,
    /// The events of an order have a valid sequence, valid quantities and equal common fields.
    Lifecycle,
    /// A snapshot is consistent: bid below ask, spread, mid price, tick size.
    Books,
    /// There is a snapshot before a symbol's first trade event, and then as the model requires: `gbm/1` after every fifth
    /// one and no other, `stylized/1` only when the book has changed.
    Cadence,
    /// Executions are within the quote, on the tick grid and within the order's limit; MARKET orders have the quote's price.
    Prices,
    /// The candles are exactly those that result from the executions.
    Candles,
    /// Venues execute only during their hours.
    Venues,
    /// The events follow the rule of each label of a planned event. Only archives with labels have this rule.
    Planned,
}

impl Rule {
    /// All rules, in the order of reports.
    pub const ALL: &[Rule] = &[
        Rule::TimeOrder,
        Rule::SeqOrder,
        Rule::TieOrder,
        Rule::Symbols,
        Rule::Hours,
        Rule::Ids,
        Rule::Lifecycle,
        Rule::Books,
        Rule::Cadence,
        Rule::Prices,
        Rule::Candles,
        Rule::Venues,
        Rule::Planned,
    ];

    /// Returns the rule's name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::TimeOrder => "time_order",
            Rule::SeqOrder => "seq_order",
            Rule::TieOrder => "tie_order",
            Rule::Symbols => "symbols",
            Rule::Hours => "hours",
            Rule::Ids => "ids",
            Rule::Lifecycle => "lifecycle",
            Rule::Books => "books",
            Rule::Cadence => "cadence",
            Rule::Prices => "prices",
            Rule::Candles => "candles",
            Rule::Venues => "venues",
            Rule::Planned => "planned",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The record that breaks the rule; `None` if something is missing at the end of the stream.
    pub seq: Option<RecordSeq>,
    /// The description, with the values found and expected.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(f, "seq {seq}: {}", self.text),
            None => write!(f, "at the end: {}", self.text),
        }
    }
}

/// The result for one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleReport {
    /// The rule that was checked.
    pub rule: Rule,
    /// The number of checks.
    pub checked: u64,
    /// The number of violations.
    pub violations: u64,
    /// The first violations, at most [`AuditReport::EXAMPLES_MAX`].
    pub examples: Vec<Violation>,
}

/// A rule, or a part of one, that could not be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The rule that was not checked, or not completely.
    pub rule: Rule,
    /// The part that was not checked, and the reason.
    pub reason: String,
}

/// The result of the audit of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// The number of records.
    pub records: u64,
    /// One entry per rule, in the order of [`Rule::ALL`]; without labels none for [`Rule::Planned`].
    pub rules: Vec<RuleReport>,
    /// The rules that could not be checked, or not completely, in the order of [`Rule::ALL`].
    pub skipped: Vec<Skipped>,
}

impl AuditReport {
    /// The maximum number of examples per rule.
    pub const EXAMPLES_MAX: usize = 5;

    /// Returns true if there is no violation. Skipped rules do not count.
    pub fn is_clean(&self) -> bool {
        self.violations() == 0
    }

    /// Returns the number of violations of all rules.
    pub fn violations(&self) -> u64 {
        self.rules.iter().map(|report| report.violations).sum()
    }

    /// Returns the result for one rule.
    ///
    /// # Panics
    /// Panics for [`Rule::Planned`] if the stream has no labels.
    pub fn rule(&self, rule: Rule) -> &RuleReport {
        &self.rules[rule as usize]
    }
}

/// Collects counts and examples while an audit runs.
#[derive(Debug)]
pub(super) struct Findings {
    /// The current record; `None` at the end.
    seq: Option<RecordSeq>,
    records: u64,
    rules: Vec<RuleReport>,
    skipped: Vec<Skipped>,
    /// The number of origins for which a rule was skipped, by rule and reason.
    origins_skipped: BTreeMap<(Rule, String), u64>,
    /// The current origin, if the archive has several.
    origin: Option<u16>,
}

impl Findings {
    pub(super) fn new() -> Findings {
        let empty = |&rule| RuleReport { rule, checked: 0, violations: 0, examples: Vec::new() };
        let rules = Rule::ALL.iter().map(empty).collect();
        Findings {
            seq: None,
            records: 0,
            rules,
            skipped: Vec::new(),
            origins_skipped: BTreeMap::new(),
            origin: None,
        }
    }

    /// Sets the record that the following findings are about.
    pub(super) fn at_record(&mut self, seq: RecordSeq) {
        self.seq = Some(seq);
        self.records += 1;
    }

    /// Declares that the following findings are about the end of the stream.
    pub(super) fn at_end(&mut self) {
        self.seq = None;
    }

    /// Sets the origin that the following findings name.
    pub(super) fn of_origin(&mut self, origin: Option<u16>) {
        self.origin = origin;
    }

    #[inline]
    pub(super) fn checked(&mut self, rule: Rule) {
        self.rules[rule as usize].checked += 1;
    }

    /// Counts a violation. `text` is called for the first few only.
    #[cold]
    pub(super) fn violated(&mut self, rule: Rule, text: impl FnOnce() -> String) {
        let report = &mut self.rules[rule as usize];
        report.violations += 1;
        if report.examples.len() < AuditReport::EXAMPLES_MAX {
            let text = match self.origin {
                Some(origin) => format!("origin {origin}: {}", text()),
                None => text(),
            };
            report.examples.push(Violation { seq: self.seq, text });
        }
    }

    /// Records that a rule, or a part of it, cannot be checked. Only the first few origins are named.
    pub(super) fn skipped(&mut self, rule: Rule, reason: impl Into<String>) {
        let mut reason = reason.into();
        if let Some(origin) = self.origin {
            let origins = self.origins_skipped.entry((rule, reason.clone())).or_default();
            *origins += 1;
            if *origins > AuditReport::EXAMPLES_MAX as u64 {
                return;
            }
            reason = format!("origin {origin}: {reason}");
        }
        self.skipped.push(Skipped { rule, reason });
    }

    pub(super) fn into_report(mut self) -> AuditReport {
        for ((rule, reason), origins) in self.origins_skipped {
            let more = origins.saturating_sub(AuditReport::EXAMPLES_MAX as u64);
            if more > 0 {
                self.skipped.push(Skipped { rule, reason: format!("{more} more origins: {reason}") });
            }
        }
        let is_silent = |report: &RuleReport| report.checked + report.violations == 0;
        self.rules.pop_if(|last| last.rule == Rule::Planned && is_silent(last));
        self.skipped.sort_by_key(|skipped| skipped.rule);
        AuditReport { records: self.records, rules: self.rules, skipped: self.skipped }
    }
}
