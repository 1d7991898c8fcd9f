//! The audit of more input, and of stranger input, than a market produces.

use tradesim_schemas::{
    CorrelationId, Event, OrderRef, Price, Quantity, RecordSeq, Timestamp, TradeId, TradeStatus,
};

use super::{market, *};

/// A trade event with stored ids instead of an order number: of the order `order`, with the id `id`.
fn stored(template: &Record, seq: RecordSeq, order: u64, status: TradeStatus) -> Record {
    let mut record = Record { seq, order: None, ..*template };
    let Event::Trade(trade) = &mut record.envelope.event else { panic!("the template is a trade") };
    let mut id = [0x40; 16];
    id[8..].copy_from_slice(&(1 << 63 | seq.get()).to_be_bytes());
    trade.trade_id = TradeId::from_bytes(id).unwrap();
    trade.correlation_id = Some(CorrelationId(order));
    trade.status = status;
    record
}

#[test]
fn beyond_its_memory_an_audit_skips_and_says_so() {
    let scope = Scope { order_books: false, candles: false, limited: true, ..Scope::WHOLE };
    let mut audit = Audit::new(AuditContext { scope, ..market::context() });
    let template = *market::valid_day(1, 1).iter().find(|record| record.order.is_some()).unwrap();
    let limit = 1 << 20;
    for number in 0..limit + 2 {
        audit.push(&stored(&template, RecordSeq(number), number, TradeStatus::New));
    }
    // the end of an order that is tracked, and of one that is not
    audit.push(&stored(&template, RecordSeq(limit + 2), 7, TradeStatus::Rejected));
    audit.push(&stored(&template, RecordSeq(limit + 3), limit + 1, TradeStatus::Rejected));
    let report = audit.finish();
    assert_clean(&report);
    let reasons: Vec<&str> = report.skipped.iter().map(|skipped| skipped.reason.as_str()).collect();
    for reason in [
        "uniqueness of trade ids beyond the first 1048576",
        "orders beyond the first 1048576 live at the same time",
        "1048575 orders that end after the cut",
    ] {
        assert!(reasons.contains(&reason), "{reason:?} is not in {reasons:?}");
    }
}

#[test]
fn no_input_makes_an_audit_panic() {
    let mut state = 1u64;
    let mut below = move |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let times =
        [Timestamp::MIN, Timestamp::default(), Timestamp::MAX, market::day().start(), market::day().end()];
    let prices = [Price::default(), Price::from_units(1).unwrap(), Price::MAX];
    let valid = market::valid_day(9, 20);
    for round in 0..200 {
        let mut records = valid.clone();
        for _ in 0..100 {
            let index = below(records.len());
            let other = below(records.len());
            let (time, price) = (times[below(times.len())], prices[below(prices.len())]);
            let record = &mut records[index];
            match (below(8), &mut record.envelope.event) {
                (0, _) => records.swap(index, other),
                (1, _) => record.envelope.timestamp = time,
                (2, _) => record.seq = RecordSeq([0, u64::MAX][below(2)]),
                (3, _) => record.origin = u16::MAX,
                (4, _) => record.order = OrderRef::new(OrderRef::ORDER_MAX, [0, 255][below(2)]),
                (_, Event::Trade(trade)) => {
                    trade.timestamp = time;
                    trade.price = price;
                    trade.quantity = Quantity::MAX;
                    trade.status = TradeStatus::ALL[below(5)];
                }
                (_, Event::OrderBook(book)) => {
                    book.timestamp = time;
                    book.bid_price = price;
                    book.ask_price = prices[below(prices.len())];
                }
                (_, Event::MarketData(candle)) => {
                    candle.timestamp = time;
                    candle.vwap = price;
                    candle.volume = [0, u64::MAX][below(2)];
                }
            }
        }
        let scope = Scope {
            from: (round % 2 == 0).then(|| market::at("11:00:00")),
            limited: round % 3 == 0,
            ..Scope::WHOLE
        };
        let day = (round % 5 != 0).then(market::day);
        let report = audit(AuditContext { day, scope, ..market::context() }, &records);
        assert!(!report.is_clean());
        assert_eq!(report.records, records.len() as u64);
    }
}
