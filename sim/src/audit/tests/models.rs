//! The rules that differ between models.

use tradesim_schemas::{
    Envelope, Event, Exchange, OrderRef, OrderType, Record, RecordSeq, Trade, TradeStatus, TradeType,
};

use super::{
    market::{at, candles_of, context, quantity, renumber, symbol, valid_day},
    *,
};

fn of_model(model: Option<&str>) -> AuditContext {
    AuditContext { model: model.map(str::to_owned), ..context() }
}

/// A stream of `stylized/1`: an order of three parts at one instant, and an order that rests.
fn events() -> Vec<Record> {
    let book = |clock, lots: u32| {
        let mut record = market::book(at(clock), symbol("AAPL"), 1_785_000, 1_785_200);
        if let Event::OrderBook(book) = &mut record.envelope.event {
            book.bid_size = quantity(100 * lots);
        }
        record
    };
    let trade = |(order, event), clock, status, side, shares| {
        let template = valid_day(1, 20).into_iter().find_map(|record| match record.envelope.event {
            Event::Trade(trade) if trade.symbol == symbol("AAPL") => Some(trade),
            _ => None,
        });
        let trade = Trade {
            order_type: OrderType::Limit,
            trade_type: side,
            price: market::price("178.52"),
            quantity: quantity(shares),
            timestamp: at(clock),
            exchange: Exchange::Nasdaq,
            status,
            correlation_id: Some(tradesim_schemas::CorrelationId(order)),
            ..template.unwrap()
        };
        let envelope = Envelope { timestamp: at(clock), event: Event::Trade(trade) };
        Record { seq: RecordSeq(0), origin: 0, order: OrderRef::new(order, event), envelope }
    };
    use TradeStatus::{Filled, New, PartiallyFilled};
    use TradeType::{Buy, Sell};
    vec![
        book("10:00:00", 3),
        trade((0, 0), "10:00:01", New, Sell, 100),
        book("10:00:01", 4),
        trade((1, 0), "10:00:02", New, Buy, 90),
        trade((1, 1), "10:00:02", PartiallyFilled, Buy, 30),
        trade((1, 2), "10:00:02", PartiallyFilled, Buy, 30),
        trade((1, 3), "10:00:02", Filled, Buy, 30),
        trade((0, 1), "10:00:03", Filled, Sell, 100),
        book("10:00:03", 5),
    ]
}

fn with_candles(mut records: Vec<Record>) -> Vec<Record> {
    records.extend(candles_of(&records));
    records.sort_by_key(|record| match &record.envelope.event {
        Event::MarketData(candle) => (record.envelope.timestamp, candle.interval as u8),
        _ => (record.envelope.timestamp, u8::MAX),
    });
    renumber(&mut records);
    records
}

#[track_caller]
fn check(rules: &[Rule], text: &str, edit: impl FnOnce(&mut Vec<Record>)) {
    let mut records = events();
    edit(&mut records);
    assert_broken(&audit(of_model(Some("stylized/1")), &with_candles(records)), rules, text);
}

fn edit_trade(record: &mut Record, edit: impl FnOnce(&mut Trade)) {
    match &mut record.envelope.event {
        Event::Trade(trade) => edit(trade),
        event => panic!("{event:?} is not a trade"),
    }
}

#[test]
fn stylized_books_change_and_parts_have_one_price() {
    let report = audit(of_model(Some("stylized/1")), &with_candles(events()));
    assert_clean(&report);
    assert_eq!(report.skipped, []);
    // the same stream breaks the cadence of the other model
    assert_broken(
        &audit(of_model(Some("gbm/1")), &with_candles(events())),
        &[Rule::Cadence],
        "expected after 5",
    );
    check(&[Rule::Cadence], "equal to the one before it", |records| {
        let before = records[0];
        records[2] = Record { envelope: Envelope { timestamp: at("10:00:01"), ..before.envelope }, ..before };
        if let Event::OrderBook(book) = &mut records[2].envelope.event {
            book.timestamp = at("10:00:01");
        }
    });
    check(&[Rule::Cadence], "before the first snapshot", |records| {
        records.remove(0);
    });
    check(&[Rule::Prices], "expected one price", |records| {
        edit_trade(&mut records[5], |trade| trade.price = market::price("178.51"));
        edit_trade(&mut records[6], |trade| trade.price = market::price("178.51"));
    });
    check(&[Rule::Lifecycle], "must be filled whole", |records| {
        let mut part = records[7];
        edit_trade(&mut part, |trade| {
            trade.status = TradeStatus::PartiallyFilled;
            trade.quantity = quantity(40);
        });
        edit_trade(&mut records[7], |trade| trade.quantity = quantity(60));
        records[7].order = OrderRef::new(0, 2);
        records.insert(7, part);
    });
}

#[test]
fn the_cadence_of_an_unknown_model_is_skipped_by_name() {
    for (model, reason) in
        [(Some("tides/3"), "the cadence of the model tides/3 is not known"), (None, "the model is not known")]
    {
        for records in [with_candles(events()), valid_day(1, 20)] {
            let report = audit(of_model(model), &records);
            assert_clean(&report);
            assert_eq!(report.skipped, [Skipped { rule: Rule::Cadence, reason: reason.to_owned() }]);
            assert_eq!(report.rule(Rule::Cadence).checked, 0);
        }
    }
}
