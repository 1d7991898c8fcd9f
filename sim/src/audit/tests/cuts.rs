//! Cuts of a valid day are clean with their scope, name what was skipped, and are not mistaken for whole days.

use tradesim_schemas::{Event, EventType, TradeStatus};

use super::{market, *};

fn day() -> Vec<Record> {
    market::valid_day(3, 30)
}

fn cut_context(scope: Scope) -> AuditContext {
    AuditContext { scope: Scope { dense_seq: false, ..scope }, ..market::context() }
}

fn skipped(report: &AuditReport, rule: Rule) -> bool {
    report.skipped.iter().any(|skipped| skipped.rule == rule)
}

/// The records of `[from, to)`, by the time of the envelope.
fn cut_by_time(from: Option<Timestamp>, to: Option<Timestamp>) -> Vec<Record> {
    let mut records = day();
    records.retain(|record| {
        let at = record.envelope.timestamp;
        from.is_none_or(|from| at >= from) && to.is_none_or(|to| at < to)
    });
    records
}

#[test]
fn every_cut_by_time_is_clean() {
    let (start, end) = (market::day().start().micros(), market::day().end().micros());
    // odd steps, and the seconds at which candles end
    let step = 17 * 60_000_000 + 1;
    let marks: Vec<Timestamp> = (start..end)
        .step_by(step)
        .chain((start..end).step_by(30 * 60_000_000))
        .map(|at| Timestamp::from_micros(at).unwrap())
        .collect();
    for &mark in &marks {
        let before = cut_by_time(None, Some(mark));
        assert_clean(&audit(cut_context(Scope { to: Some(mark), ..Scope::WHOLE }), &before));
        let after = cut_by_time(Some(mark), None);
        assert_clean(&audit(cut_context(Scope { from: Some(mark), ..Scope::WHOLE }), &after));
    }
    for pair in marks.windows(3) {
        let (from, to) = (pair[0].min(pair[2]), pair[0].max(pair[2]));
        let scope = Scope { from: Some(from), to: Some(to), ..Scope::WHOLE };
        assert_clean(&audit(cut_context(scope), &cut_by_time(Some(from), Some(to))));
    }
}

/// An instant at which an order is filled in part: it began before and ends later.
fn within_an_order() -> Timestamp {
    let in_part = |record: &&Record| match &record.envelope.event {
        Event::Trade(trade) => trade.status == TradeStatus::PartiallyFilled,
        _ => false,
    };
    let after_ten = |record: &&Record| record.envelope.timestamp > market::at("10:00:00");
    day().iter().filter(after_ten).find(in_part).unwrap().envelope.timestamp
}

#[test]
fn a_cut_by_time_names_what_it_skips() {
    let mark = within_an_order();
    let report =
        audit(cut_context(Scope { from: Some(mark), ..Scope::WHOLE }), &cut_by_time(Some(mark), None));
    for rule in [Rule::SeqOrder, Rule::Lifecycle, Rule::Cadence, Rule::Prices, Rule::Candles] {
        assert!(skipped(&report, rule), "{rule}: {:?}", report.skipped);
        assert!(report.rule(rule).checked > 0, "{rule}");
    }
    let report = audit(cut_context(Scope { to: Some(mark), ..Scope::WHOLE }), &cut_by_time(None, Some(mark)));
    for rule in [Rule::SeqOrder, Rule::Lifecycle, Rule::Candles] {
        assert!(skipped(&report, rule), "{rule}: {:?}", report.skipped);
    }
    assert!(!skipped(&report, Rule::Prices));
}

#[test]
fn a_cut_is_not_taken_for_a_whole_day() {
    let mark = within_an_order();
    let whole = cut_context(Scope::WHOLE);
    let late = audit(whole.clone(), &cut_by_time(Some(mark), None));
    for rule in [Rule::Ids, Rule::Lifecycle, Rule::Cadence, Rule::Candles] {
        assert!(late.rule(rule).violations > 0, "{rule}");
    }
    let early = audit(whole, &cut_by_time(None, Some(mark)));
    for rule in [Rule::Lifecycle, Rule::Candles] {
        assert!(early.rule(rule).violations > 0, "{rule}");
    }
}

#[test]
fn damage_within_a_cut_is_still_found() {
    let (from, to) = (market::at("08:00:00"), market::at("16:00:00"));
    let scope = Scope { from: Some(from), to: Some(to), ..Scope::WHOLE };
    let records = cut_by_time(Some(from), Some(to));
    let mut found = 0;
    for lost in 0..records.len() {
        let mut records = records.clone();
        records.remove(lost);
        found += usize::from(!audit(cut_context(scope), &records).is_clean());
    }
    // a loss near either edge may be explained by the cut; in between, every loss must be found
    assert!(found * 10 > records.len() * 8, "{found} of {}", records.len());
}

#[test]
fn every_limit_is_clean() {
    let records = day();
    for limit in 0..records.len() {
        let scope = Scope { limited: true, ..Scope::WHOLE };
        let context = AuditContext { scope, ..market::context() };
        assert_clean(&audit(context, &records[..limit]));
    }
}

#[test]
fn a_cut_by_symbol_skips_gaps_in_seq_only() {
    let mut records = day();
    records.retain(|record| record.envelope.event.symbol() != market::symbol("IBM"));
    let report = audit(cut_context(Scope::WHOLE), &records);
    assert_clean(&report);
    let skipped: Vec<Rule> = report.skipped.iter().map(|skipped| skipped.rule).collect();
    assert_eq!(skipped, [Rule::SeqOrder]);
}

#[test]
fn every_cut_by_type_is_clean_and_says_what_it_lacks() {
    for mask in 1..8u8 {
        let kept = |event_type: EventType| mask & (1 << event_type as u8) != 0;
        let mut records = day();
        records.retain(|record| kept(record.envelope.event.event_type()));
        let scope = Scope {
            trades: kept(EventType::Trade),
            order_books: kept(EventType::OrderBook),
            candles: kept(EventType::MarketData),
            ..Scope::WHOLE
        };
        let report = audit(cut_context(scope), &records);
        assert_clean(&report);
        for rule in [Rule::Lifecycle, Rule::Ids, Rule::Venues] {
            assert_eq!(skipped(&report, rule), !scope.trades, "{rule}");
            assert_eq!(report.rule(rule).checked > 0, scope.trades, "{rule}");
        }
        assert_eq!(skipped(&report, Rule::Books), !scope.order_books);
        for rule in [Rule::Cadence, Rule::Prices] {
            assert_eq!(skipped(&report, rule), !(scope.trades && scope.order_books), "{rule}");
        }
        assert_eq!(skipped(&report, Rule::Candles), !(scope.trades && scope.candles));
        assert_eq!(report.rule(Rule::Candles).checked > 0, scope.candles);
    }
}

#[test]
fn without_a_day_or_a_table_the_rest_is_checked() {
    let records = day();
    let report = audit(AuditContext { day: None, ..market::context() }, &records);
    assert_clean(&report);
    assert!(
        skipped(&report, Rule::Hours) && skipped(&report, Rule::Venues) && skipped(&report, Rule::Candles)
    );
    let report = audit(AuditContext { day: None, symbols: Vec::new(), ..market::context() }, &records);
    assert_clean(&report);
    let mut records = day();
    let lost = records.iter().position(|record| record.order.is_some_and(|at| at.event() == 1)).unwrap();
    records.remove(lost);
    market::renumber(&mut records);
    let report = audit(AuditContext { day: None, symbols: Vec::new(), ..market::context() }, &records);
    assert!(report.rule(Rule::Lifecycle).violations > 0);
}

/// Two days in one stream, as `merge` makes it: by time, then seq, then input.
fn merged() -> Vec<Record> {
    let other = market::valid_day(4, 20).into_iter().map(|record| Record { origin: 1, ..record });
    let mut records: Vec<Record> = day().into_iter().chain(other).collect();
    records.sort_by_key(|record| (record.envelope.timestamp, record.seq, record.origin));
    market::renumber(&mut records);
    records
}

fn audit_merged(records: &[Record], origins: usize) -> AuditReport {
    let mut audit = Audit::merged(vec![market::context(); origins]);
    records.iter().for_each(|record| audit.push(record));
    audit.finish()
}

#[test]
fn the_origins_of_a_merged_stream_are_held_apart() {
    let records = merged();
    let report = audit_merged(&records, 2);
    assert_clean(&report);
    assert_eq!(report.skipped, []);
    let one_origin: Vec<Record> = records.iter().map(|record| Record { origin: 0, ..*record }).collect();
    assert!(!audit_merged(&one_origin, 1).is_clean());
    assert_broken(
        &audit_merged(
            &one_origin.iter().map(|record| Record { origin: 2, ..*record }).collect::<Vec<_>>(),
            2,
        ),
        &[Rule::Ids],
        "origin 2 does not exist: the archive has 2",
    );
}

#[test]
fn a_violation_in_a_merged_stream_names_its_origin() {
    let mut records = merged();
    let of_second =
        |record: &Record| record.origin == 1 && matches!(record.envelope.event, Event::MarketData(_));
    let lost = records.iter().position(of_second).unwrap();
    records.remove(lost);
    market::renumber(&mut records);
    assert_broken(&audit_merged(&records, 2), &[Rule::Candles], "origin 1: the 1m candle of");
}

#[test]
fn pieces_that_are_merged_again_are_a_whole_day() {
    let noon = market::at("12:00:00");
    let mut records = cut_by_time(None, Some(noon));
    records.extend(cut_by_time(Some(noon), None));
    assert_clean(&audit(market::context(), &records));
}

#[test]
fn orders_without_numbers_are_tied_by_correlation_id() {
    let mut records = day();
    records.iter_mut().for_each(|record| record.order = None);
    let report = audit(market::context(), &records);
    assert_clean(&report);
    let untied = |record: &Record| {
        let mut record = *record;
        if let Event::Trade(trade) = &mut record.envelope.event {
            trade.correlation_id = None;
        }
        record
    };
    let records: Vec<Record> = records.iter().map(untied).collect();
    let report = audit(market::context(), &records);
    assert_clean(&report);
    assert!(skipped(&report, Rule::Lifecycle));
}
