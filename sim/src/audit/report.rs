//! What an audit found.

use std::{collections::BTreeMap, fmt};

/// A market rule, or a family of rules that are broken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Rule {
    /// Time never goes back, and trades and books bear the time of their envelope.
    TimeOrder,
    /// seq ascends, by one where the stream is whole.
    SeqOrder,
    /// Within a microsecond: candles first, by interval and then symbol; then the others by symbol.
    TieOrder,
    /// Every symbol stands in the symbol table.
    Symbols,
    /// Nothing happens outside the simulated day.
    Hours,
    /// Unique trade ids, order numbers without gap or reuse, traders and their accounts.
    Ids,
    /// An order's events: their sequence, quantities and common fields.
    Lifecycle,
    /// A snapshot in itself: bid below ask, spread, middle, tick grid.
    Books,
    /// A snapshot before a symbol's first trade event, after every fifth, and nowhere else.
    Cadence,
    /// Executions within the quote, on the tick grid and within their order's limit; MARKET orders at the quote.
    Prices,
    /// Candles are exactly those that follow from the executions.
    Candles,
    /// Venues print in their hours only.
    Venues,
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
    ];

    /// The rule's name in reports.
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
    /// The record that broke it; `None` where something is missing at the end of the stream.
    pub seq: Option<u64>,
    /// What is wrong, with the values found and expected.
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

/// What was found about one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleReport {
    /// The rule.
    pub rule: Rule,
    /// How many times it was checked.
    pub checked: u64,
    /// How many times it was broken.
    pub violations: u64,
    /// The first few of these, at most [`AuditReport::EXAMPLES_MAX`].
    pub examples: Vec<Violation>,
}

/// A rule, or a part of one, that could not be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The rule.
    pub rule: Rule,
    /// Which part, and why.
    pub reason: String,
}

/// What an audit found about a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Records audited.
    pub records: u64,
    /// One entry a rule, in the order of [`Rule::ALL`].
    pub rules: Vec<RuleReport>,
    /// What could not be checked, by rule.
    pub skipped: Vec<Skipped>,
}

impl AuditReport {
    /// Examples kept of each rule's violations.
    pub const EXAMPLES_MAX: usize = 5;

    /// Whether no rule was found broken. Rules that were skipped do not count.
    pub fn is_clean(&self) -> bool {
        self.violations() == 0
    }

    /// The number of violations of all rules.
    pub fn violations(&self) -> u64 {
        self.rules.iter().map(|report| report.violations).sum()
    }

    /// What was found about one rule.
    pub fn rule(&self, rule: Rule) -> &RuleReport {
        &self.rules[rule as usize]
    }
}

/// Counts and examples while an audit runs.
#[derive(Debug)]
pub(super) struct Findings {
    /// The record at hand; `None` at the end.
    seq: Option<u64>,
    records: u64,
    rules: Vec<RuleReport>,
    skipped: Vec<Skipped>,
    /// How many origins each rule was skipped for, for each reason.
    origins_skipped: BTreeMap<(Rule, String), u64>,
    /// The origin at hand, named where an archive has several.
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

    /// The findings from here on are about this record.
    pub(super) fn at_record(&mut self, seq: u64) {
        self.seq = Some(seq);
        self.records += 1;
    }

    /// The findings from here on are about what is missing at the end.
    pub(super) fn at_end(&mut self) {
        self.seq = None;
    }

    /// Names the origin in what follows.
    pub(super) fn of_origin(&mut self, origin: Option<u16>) {
        self.origin = origin;
    }

    #[inline]
    pub(super) fn checked(&mut self, rule: Rule) {
        self.rules[rule as usize].checked += 1;
    }

    /// Counts a violation; the text is made for the first few only.
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

    /// Notes that a rule, or a part of it, cannot be checked. Of many origins the first few are named.
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
        self.skipped.sort_by_key(|skipped| skipped.rule);
        AuditReport { records: self.records, rules: self.rules, skipped: self.skipped }
    }
}
