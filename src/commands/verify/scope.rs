//! Decides from the metadata of an archive which market rules can be checked.

use std::collections::BTreeMap;

use tradesim_archive::{Cut, LabelPhase, Metadata, Origin, Provenance};
use tradesim_schemas::EventType;
use tradesim_sim::{
    Label, Phase,
    audit::{AuditContext, AuditSymbol, Scope},
    session::{Closed, TradingDay, parse_date},
};
use tradesim_sources::ArchiveFaults;

use crate::report;

/// Returns the context of the audit for each origin, or the reason why the market rules do not apply to the archive.
pub(super) fn contexts(metadata: &Metadata) -> Result<Vec<AuditContext>, String> {
    let provenance = metadata.provenance();
    if let Some(faults) = &provenance.faults {
        let faults = report::describe_archive_faults(&ArchiveFaults::new(faults));
        return Err(format!("faults were planted on purpose: {faults}"));
    }
    if provenance.origins.is_empty() {
        return Err("the archive does not contain a simulated market".to_owned());
    }
    if metadata.columns().captured {
        return Err("the archive contains captured messages".to_owned());
    }
    if provenance.is_merge_of_cuts() {
        return Err("the archive is a merge of cuts that do not add up to a whole recording".to_owned());
    }
    let scope = scope(&provenance.cuts);
    let mut days = Days::default();
    Ok(provenance.origins.iter().map(|origin| context(origin, provenance, scope, &mut days)).collect())
}

/// A cache of trading days by date: origins often share a date, and creating a day reads the time zone database.
#[derive(Debug, Default)]
struct Days<'a>(BTreeMap<&'a str, Option<TradingDay>>);

impl<'a> Days<'a> {
    fn day(&mut self, date: &'a str) -> Option<TradingDay> {
        *self
            .0
            .entry(date)
            .or_insert_with(|| parse_date(date).and_then(|date| TradingDay::new(date, Closed::Allow).ok()))
    }
}

fn context<'a>(
    origin: &'a Origin,
    provenance: &'a Provenance,
    scope: Scope,
    days: &mut Days<'a>,
) -> AuditContext {
    let date = field(&origin.identity, "date").or(provenance.date.as_deref());
    let day = date.and_then(|date| days.day(date));
    let option = provenance.options.get("market_hours").map(String::as_str);
    let market_hours = field(&origin.identity, "market_hours").or(option) != Some("false");
    let model = field(&origin.identity, "model").or(provenance.model.as_deref());
    let symbols = origin
        .symbols
        .iter()
        .map(|entry| AuditSymbol {
            symbol: entry.symbol,
            listing: entry.exchange,
            tick_size: entry.tick_size,
            base_price: entry.base_price,
            weight: entry.weight,
        })
        .collect();
    let labels = labels(origin, provenance);
    AuditContext { day, market_hours, model: model.map(str::to_owned), symbols, scope, labels }
}

/// Returns the labels of an origin: those whose event is named in its identity. The first origin also has the labels that no
/// identity names, so that each label is checked.
fn labels(origin: &Origin, provenance: &Provenance) -> Vec<Label> {
    let is_first = provenance.origins.first().is_some_and(|first| std::ptr::eq(first, origin));
    let is_stray =
        |label: &tradesim_archive::Label| !provenance.origins.iter().any(|origin| is_planned(label, origin));
    let of_origin =
        |label: &&tradesim_archive::Label| is_planned(label, origin) || is_first && is_stray(label);
    provenance.labels.iter().filter(of_origin).map(label).collect()
}

/// Returns true if the identity of an origin names the event of a label.
fn is_planned(label: &tradesim_archive::Label, origin: &Origin) -> bool {
    let plan = field(&origin.identity, "planned_events").unwrap_or_default();
    let symbol = label.symbol.map(|symbol| format!(":{symbol}")).unwrap_or_default();
    // the label of a first trade begins with the day, and its event is the trade
    let at = label.phases.iter().find(|phase| label.kind == "ipo" && phase.name == "reopen");
    let at = at.map_or(label.from, |phase| phase.at);
    let head = format!("{}{symbol}@{at}", label.kind);
    plan.split(';').any(|event| event.split(',').next() == Some(&*head))
}

fn label(label: &tradesim_archive::Label) -> Label {
    let phase = |phase: &LabelPhase| Phase { name: phase.name.clone(), at: phase.at };
    Label {
        id: label.id.clone(),
        kind: label.kind.clone(),
        symbol: label.symbol,
        from: label.from,
        to: label.to,
        phases: label.phases.iter().map(phase).collect(),
        parameters: label.parameters.clone(),
        rule: label.rule.clone(),
    }
}

/// Returns the value of `key=value` in an identity.
fn field<'a>(identity: &'a str, key: &str) -> Option<&'a str> {
    identity.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

/// Returns the part of the recording that remains after all cuts.
fn scope(cuts: &[Cut]) -> Scope {
    let keeps = |event_type| cuts.iter().all(|cut| cut.events.is_empty() || cut.events.contains(&event_type));
    Scope {
        from: cuts.iter().filter_map(|cut| cut.from).max(),
        to: cuts.iter().filter_map(|cut| cut.to).min(),
        limited: cuts.iter().any(|cut| cut.limit.is_some()),
        trades: keeps(EventType::Trade),
        order_books: keeps(EventType::OrderBook),
        candles: keeps(EventType::MarketData),
        dense_seq: cuts.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_by_key() {
        let identity = "tradesim generator=1 model=gbm/1 seed=42 date=2026-02-18 market_hours=true";
        assert_eq!(field(identity, "date"), Some("2026-02-18"));
        assert_eq!(field(identity, "hours"), None);
    }
}
