//! Price bands: nothing executes outside them, and the quote rests on one of them in a limit state.

use chrono::Datelike;
use tradesim_schemas::{Event, Exchange};

use super::{Check, Incomplete, Place, SECOND, Seen, State, direction, number, phase, shown};
use crate::{
    Label,
    audit::{
        Scope,
        report::{Findings, Rule},
    },
};

/// The bands of one label.
#[derive(Debug)]
struct Bands {
    id: String,
    symbol: u16,
    from: i64,
    /// The end of the time in which the bands bind.
    to: i64,
    /// The start of the limit state.
    limit: i64,
    sign: f64,
    /// The half-width in hundredths of a percent, by the rule.
    points: i64,
    /// The half-width that the label states.
    stated: f64,
    /// The previous close, in units of 0.0001.
    close: i64,
    sum: i64,
    count: i64,
    bands: Option<(i64, i64)>,
    /// The quote rested on the band at the start of the limit state; `None` if no snapshot showed it.
    rested: Option<bool>,
    executed_at_limit: bool,
    has_books: bool,
    /// The stream has what was executed before the five minutes of the reference price.
    has_start: bool,
    /// The stream lacks the executions from which the reference price follows.
    unknown: bool,
}

pub(super) fn check(label: &Label, place: &Place<'_>, scope: &Scope) -> Option<Box<dyn Check + Send>> {
    let end = match label.kind.as_str() {
        "luld" => "halt",
        "fat-finger" => "end",
        _ => return None,
    };
    let made = || {
        let info = place.info()?;
        let from = label.from.micros();
        let close = info.base_price.units();
        Some(Bands {
            id: label.id.clone(),
            symbol: place.symbol?,
            from,
            to: phase(label, end)?,
            limit: phase(label, "limit")?,
            sign: direction(label)?,
            points: half_width(place, info.listing, close, from)?,
            stated: number(label, "band")?,
            close,
            sum: 0,
            count: 0,
            bands: None,
            rested: None,
            executed_at_limit: false,
            has_books: scope.order_books,
            has_start: scope.from.is_none(),
            unknown: false,
        })
    };
    Some(made().map_or_else(|| Incomplete::of(label), |bands| Box::new(bands) as Box<dyn Check + Send>))
}

/// Returns the half-width of the bands of the Limit Up-Limit Down Plan as it is since 2020-02-24, in hundredths of a percent:
/// 5 % in tier 1 and 10 % in tier 2 above $3, doubled for tier 1 in the last 25 minutes. `None` for dates and prices of which
/// the rule is another one.
fn half_width(place: &Place<'_>, listing: Exchange, close: i64, at: i64) -> Option<i64> {
    let date = place.day.date();
    if close <= 30_000 || (date.year(), date.ordinal()) < (2020, 55) {
        return None;
    }
    let is_late = at >= place.day.core_close().micros() - 1_500 * SECOND;
    Some(match (tier(listing), is_late) {
        (2, _) | (_, true) => 1_000,
        _ => 500,
    })
}

/// Returns the tier of a symbol. Those of the table are in tier 1, except for the one that is listed on AMEX.
pub(super) fn tier(listing: Exchange) -> u8 {
    if listing == Exchange::Amex { 2 } else { 1 }
}

impl Bands {
    /// Returns the bands: reference price less and plus the percentage of it, each rounded to cents. `last` is the price of the
    /// last execution, 0 without one. `None` for a cut that has no execution before the event.
    fn bands(&mut self, last: i64) -> Option<(i64, i64)> {
        let (sum, count, points) = (self.sum, self.count, self.points);
        self.unknown |= self.bands.is_none() && count == 0 && last == 0 && !self.has_start;
        if self.unknown {
            return None;
        }
        let last = if last == 0 { self.close } else { last };
        Some(*self.bands.get_or_insert_with(|| {
            let mean = if count == 0 { last } else { (2 * sum + count) / (2 * count) };
            let width = (mean * points + 5_000) / 10_000;
            let (mean, width) = ((mean + 50) / 100 * 100, (width + 50) / 100 * 100);
            (mean - width, mean + width)
        }))
    }
}

impl Check for Bands {
    fn record(&mut self, seen: &Seen<'_>, findings: &mut Findings) {
        if seen.symbol != self.symbol || seen.at >= self.to || seen.at < self.from - 300 * SECOND {
            return;
        }
        if seen.at < self.from {
            if let Event::Trade(trade) = seen.event
                && trade.status.is_execution()
            {
                self.sum += trade.price.units();
                self.count += 1;
            }
            return;
        }
        let Some((lower, upper)) = self.bands(seen.state.last[usize::from(seen.symbol)]) else { return };
        match seen.event {
            Event::Trade(trade) if trade.status.is_execution() => {
                findings.checked(Rule::Planned);
                let price = trade.price.units();
                let band = if self.sign > 0.0 { upper } else { lower };
                self.executed_at_limit |= price == band;
                if price < lower || price > upper {
                    let (id, lower, upper) = (&self.id, shown(lower), shown(upper));
                    findings.violated(Rule::Planned, || {
                        let (symbol, price) = (trade.symbol, trade.price);
                        format!("{symbol} executes at {price}, outside the bands {lower} to {upper} of {id}")
                    });
                }
            }
            Event::OrderBook(book) if seen.at >= self.limit && self.rested.is_none() => {
                let (bid, ask) = (book.bid_price.units(), book.ask_price.units());
                self.rested = Some(if self.sign > 0.0 {
                    bid == upper || ask == upper
                } else {
                    ask == lower || bid == lower
                });
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: &State, findings: &mut Findings) {
        findings.checked(Rule::Planned);
        let (id, points, stated) = (&self.id, self.points, self.stated);
        if (stated * 10_000.0 - points as f64).abs() > 0.001 {
            let rule = points as f64 / 10_000.0;
            findings
                .violated(Rule::Planned, || format!("{id} states bands of {stated}, the rule has {rule}"));
        }
        if self.unknown {
            let reason = format!("bands of {}: the stream has no execution before it", self.id);
            findings.skipped(Rule::Planned, reason);
            return;
        }
        // without snapshots, a limit state in which nothing executes is not to be seen
        if self.has_books && self.rested != Some(true) && !self.executed_at_limit {
            findings.violated(Rule::Planned, || format!("the limit state of {id} is not on a band"));
        }
    }
}
