//! Hand-made streams: one that keeps every rule, and for each rule what breaks it and nothing else.

use tradesim_schemas::{
    AccountId, CorrelationId, Event, Exchange, OrderRef, OrderType, Quantity, RecordSeq, Trade, TradeId,
    TradeStatus, TradeType, TraderId,
};

use super::{
    market::{at, book, candles_of, context, price, quantity, renumber, symbol},
    *,
};
use OrderType::{Limit, Market, Stop, StopLimit};
use TradeStatus::{Cancelled, Filled, New, PartiallyFilled, Rejected};
use TradeType::{Buy, Sell};

/// A trade event of AAPL: order.event, clock, status, type, side, price, quantity.
fn trade(
    number: (u64, u8),
    clock: &str,
    (status, order_type, side): (TradeStatus, OrderType, TradeType),
    text: &str,
    shares: u32,
) -> Record {
    let reference = OrderRef::new(number.0, number.1).unwrap();
    let mut id = [0x40; 16];
    id[0] = number.0 as u8;
    id[1] = number.1;
    id[8] = 0x80;
    let trade = Trade {
        trade_id: TradeId::from_bytes(id).unwrap(),
        symbol: symbol("AAPL"),
        trade_type: side,
        order_type,
        price: price(text),
        quantity: quantity(shares),
        timestamp: at(clock),
        exchange: Exchange::Nasdaq,
        trader_id: TraderId::new(42).unwrap(),
        account_id: AccountId::new(8).unwrap(),
        status,
        correlation_id: Some(CorrelationId(number.0)),
    };
    let envelope = tradesim_schemas::Envelope { timestamp: at(clock), event: Event::Trade(trade) };
    Record { seq: RecordSeq(0), origin: 0, order: Some(reference), envelope }
}

/// Five orders with the five kinds of endings; there are books after the fifth and the tenth trade event.
fn events() -> Vec<Record> {
    vec![
        book(at("09:30:00"), symbol("AAPL"), 1_785_000, 1_785_200),
        trade((0, 0), "09:30:01", (New, Limit, Buy), "178.60", 300),
        trade((1, 0), "09:30:02", (New, Market, Sell), "178.50", 5),
        trade((1, 1), "09:30:02", (Filled, Market, Sell), "178.50", 5),
        trade((0, 1), "09:30:03", (PartiallyFilled, Limit, Buy), "178.52", 100),
        trade((2, 0), "09:30:04", (New, Stop, Sell), "178.40", 7),
        book(at("09:30:04"), symbol("AAPL"), 1_785_400, 1_785_500),
        trade((0, 2), "09:31:00", (PartiallyFilled, Limit, Buy), "178.54", 1),
        trade((0, 3), "09:31:30", (Filled, Limit, Buy), "178.55", 199),
        trade((2, 1), "09:32:00", (Cancelled, Stop, Sell), "178.40", 7),
        trade((3, 0), "09:33:00", (New, StopLimit, Sell), "178.40", 9),
        trade((3, 1), "09:34:00", (Rejected, StopLimit, Sell), "178.40", 9),
        book(at("09:34:00"), symbol("AAPL"), 1_785_300, 1_785_500),
        trade((4, 0), "16:30:00", (New, Stop, Sell), "178.50", 20),
        trade((4, 1), "16:31:00", (Filled, Stop, Sell), "178.53", 20),
    ]
}

/// Adds the candles that follow from the events, and numbers all.
fn with_candles(mut records: Vec<Record>) -> Vec<Record> {
    records.extend(candles_of(&records));
    records.sort_by_key(|record| match &record.envelope.event {
        Event::MarketData(candle) => (record.envelope.timestamp, candle.interval as u8),
        _ => (record.envelope.timestamp, u8::MAX),
    });
    renumber(&mut records);
    records
}

fn edit_trade(record: &mut Record, edit: impl FnOnce(&mut Trade)) {
    match &mut record.envelope.event {
        Event::Trade(trade) => edit(trade),
        event => panic!("{event:?} is not a trade"),
    }
}

/// Checks that an edit of the events breaks the rules, candles being made from what it leaves.
#[track_caller]
fn check(rules: &[Rule], text: &str, edit: impl FnOnce(&mut Vec<Record>)) {
    let mut records = events();
    edit(&mut records);
    assert_broken(&audit(context(), &with_candles(records)), rules, text);
}

/// The same for an edit of the finished stream, seq included.
#[track_caller]
fn check_stream(rules: &[Rule], text: &str, edit: impl FnOnce(&mut Vec<Record>)) {
    let mut records = with_candles(events());
    edit(&mut records);
    assert_broken(&audit(context(), &records), rules, text);
}

#[test]
fn the_hand_made_stream_keeps_every_rule() {
    let report = audit(context(), &with_candles(events()));
    assert_clean(&report);
    assert_eq!(report.skipped, []);
    let checked: Vec<u64> = report.rules.iter().map(|rule| rule.checked).collect();
    // 15 events and the candles of 3 minutes, 2 of 5, 2 of 15, 2 hours and the day
    assert_eq!(checked, [25, 25, 25, 25, 25, 12, 12, 3, 15, 12, 10, 12]);
}

#[test]
fn time_and_seq_ascend() {
    check_stream(&[Rule::SeqOrder], "found seq 1, expected 0", |records| {
        records.iter_mut().for_each(|record| record.seq += 1);
    });
    check_stream(&[Rule::SeqOrder], "seq 3 follows seq 3", |records| {
        records.iter_mut().skip(4).for_each(|record| record.seq = record.seq - 1);
    });
    check_stream(&[Rule::TimeOrder], ", its envelope ", |records| {
        edit_trade(&mut records[1], |trade| trade.timestamp = at("09:30:01.000001"));
    });
    let mut records = late_book();
    renumber(&mut records);
    let text = "2026-02-18T14:30:04.000000Z follows 2026-02-18T14:30:05.000000Z";
    assert_broken(&audit(context(), &records), &[Rule::TimeOrder], text);
}

/// A book of AAPL followed by one of IBM that is a second earlier. Both are valid in themselves.
fn late_book() -> Vec<Record> {
    vec![
        book(at("09:30:05"), symbol("AAPL"), 1_785_000, 1_785_200),
        book(at("09:30:04"), symbol("IBM"), 1_785_000, 1_785_200),
    ]
}

#[test]
fn ties_are_in_order() {
    let candle = |records: &[Record]| {
        records.iter().position(|record| matches!(record.envelope.event, Event::MarketData(_))).unwrap()
    };
    // the first candle, of 09:30, stands before the trade of 09:31:00
    check_stream(&[Rule::TieOrder, Rule::Candles], "comes after another event", |records| {
        let at = candle(records);
        let (candle, trade) = (records[at].seq, records[at + 1].seq);
        records.swap(at, at + 1);
        (records[at].seq, records[at + 1].seq) = (candle, trade);
    });
    // an execution half a minute before 17:00: four candles end there
    let mut records = events();
    records[14] = trade((4, 1), "16:59:30", (Filled, Stop, Sell), "178.53", 20);
    let mut records = with_candles(records);
    assert_clean(&audit(context(), &records));
    let five = records.iter().position(|record| record.envelope.timestamp == at("17:00:00")).unwrap() + 1;
    records.swap(five, five + 1);
    renumber(&mut records);
    assert_broken(&audit(context(), &records), &[Rule::TieOrder], "out of order (by interval, then symbol)");
    let mut records = late_book();
    records[1].envelope.timestamp = at("09:30:05");
    records.swap(0, 1);
    renumber(&mut records);
    let Event::OrderBook(ibm) = &mut records[0].envelope.event else { unreachable!() };
    ibm.timestamp = at("09:30:05");
    assert_broken(
        &audit(context(), &records),
        &[Rule::TieOrder],
        "the orderbook of AAPL comes after the event of a later symbol",
    );
}

#[test]
fn symbols_are_in_the_table() {
    let records = [book(at("09:30:05"), symbol("TYPO"), 1_785_000, 1_785_200)];
    assert_broken(&audit(context(), &records), &[Rule::Symbols], "TYPO is not in the symbol table");
    let report = audit(AuditContext { symbols: Vec::new(), ..context() }, &records);
    assert_clean(&report);
    assert!(report.skipped.iter().any(|skipped| skipped.rule == Rule::TieOrder));
}

#[test]
fn the_day_has_an_end() {
    let early = |clock: &str| book(at(clock), symbol("IBM"), 1_785_000, 1_785_200);
    assert_clean(&audit(context(), &[early("04:00:00")]));
    assert_broken(&audit(context(), &[early("03:59:59.999999")]), &[Rule::Hours], "is outside the day");
    assert_clean(&audit(context(), &[early("20:00:00")]));
    assert_broken(&audit(context(), &[early("20:00:00.000001")]), &[Rule::Hours], "is outside the day");
    check(&[Rule::Hours], "is outside the day", |records| {
        records[13] = trade((4, 0), "20:00:00", (New, Stop, Sell), "178.50", 20);
        records[14] = trade((4, 1), "20:00:00", (Cancelled, Stop, Sell), "178.50", 20);
    });
    // an early close ends at 17:00, unless market hours are off
    let black_friday =
        crate::session::TradingDay::new("2026-11-27".parse().unwrap(), crate::session::Closed::Refuse)
            .unwrap();
    let late = black_friday.at("18:00:00".parse().unwrap());
    let records = [book(late, symbol("IBM"), 1_785_000, 1_785_200)];
    let context = |market_hours| AuditContext { day: Some(black_friday), market_hours, ..context() };
    assert_broken(&audit(context(true), &records), &[Rule::Hours], "is outside the day");
    assert_clean(&audit(context(false), &records));
}

#[test]
fn venues_print_in_their_hours() {
    let core =
        |venue| move |records: &mut Vec<Record>| edit_trade(&mut records[1], |trade| trade.exchange = venue);
    let late =
        |venue| move |records: &mut Vec<Record>| edit_trade(&mut records[14], |trade| trade.exchange = venue);
    for venue in [Exchange::Nyse, Exchange::Amex] {
        let mut records = events();
        core(venue)(&mut records);
        assert_clean(&audit(context(), &with_candles(records)));
    }
    check(&[Rule::Venues], "AAPL executes on NYSE at 16:31:00 exchange time", late(Exchange::Nyse));
    let mut records = events();
    late(Exchange::Amex)(&mut records);
    assert_clean(&audit(context(), &with_candles(records)));
    let mut records = vec![
        book(at("06:00:00"), symbol("AAPL"), 1_785_000, 1_785_200),
        trade((0, 0), "06:30:00", (New, Limit, Buy), "178.60", 300),
        trade((0, 1), "07:00:00", (Cancelled, Limit, Buy), "178.60", 300),
    ];
    for record in &mut records[1..] {
        edit_trade(record, |trade| trade.exchange = Exchange::Amex);
    }
    renumber(&mut records);
    let report = audit(context(), &records);
    assert_broken(&report, &[Rule::Venues], "AAPL executes on AMEX at 06:30:00 exchange time");
    assert_eq!(report.rule(Rule::Venues).violations, 1);
}

#[test]
fn traders_have_their_accounts() {
    let as_trader = |number: u32, account: u16| {
        move |records: &mut Vec<Record>| {
            for record in records.iter_mut().filter(|record| record.order.is_some_and(|at| at.order() == 2)) {
                edit_trade(record, |trade| {
                    trade.trader_id = TraderId::new(number).unwrap();
                    trade.account_id = AccountId::new(account).unwrap();
                });
            }
        }
    };
    check(&[Rule::Ids], "TRD-00042 has account ACC-0009", as_trader(42, 9));
    check(&[Rule::Ids], "TRD-00200 has account ACC-0040", as_trader(200, 40));
    let mut records = events();
    as_trader(199, 39)(&mut records);
    assert_clean(&audit(context(), &with_candles(records)));
}

#[test]
fn order_and_event_numbers_ascend_by_one() {
    let renumbered = |order: u64, to: u64, event: u8| {
        move |records: &mut Vec<Record>| {
            for record in records {
                if let Some(at) = record.order.filter(|at| at.order() == order) {
                    record.order = OrderRef::new(to, at.event() + event);
                }
            }
        }
    };
    check(&[Rule::Ids], "AAPL begins order 5, expected order 4", renumbered(4, 5, 0));
    // an ended order's number is used again
    check(&[Rule::Ids], "AAPL begins order 2, expected order 3", renumbered(3, 2, 0));
    check(&[Rule::Ids], "AAPL begins order 1, expected order 0", |records| {
        for order in (0..5).rev() {
            renumbered(order, order + 1, 0)(records);
        }
    });
    check(&[Rule::Ids], "NEW is event 1 of AAPL", renumbered(4, 4, 1));
    check(&[Rule::Ids], "event 3 of order 0 of AAPL, expected event 2", |records| {
        records[7].order = OrderRef::new(0, 3);
    });
}

#[test]
fn stored_ids_are_unique() {
    let stored = |records: &mut Vec<Record>| records.iter_mut().for_each(|record| record.order = None);
    let mut records = events();
    stored(&mut records);
    assert_clean(&audit(context(), &with_candles(records)));
    check(&[Rule::Ids], "occurs twice", |records| {
        stored(records);
        let mut id = None;
        edit_trade(&mut records[1], |trade| id = Some(trade.trade_id));
        edit_trade(&mut records[10], |trade| trade.trade_id = id.unwrap());
    });
}

#[test]
fn an_order_has_a_beginning_and_an_end() {
    check(&[Rule::Lifecycle], "order corr-0000000000000004 of AAPL has not ended", |records| {
        records.pop();
    });
    check(
        &[Rule::Lifecycle],
        "FILLED of order corr-0000000000000004 of AAPL, which has not begun",
        |records| {
            records.remove(13);
        },
    );
    check(&[Rule::Lifecycle], "which has not begun or has ended", |records| {
        records.insert(14, trade((3, 2), "16:30:30", (Cancelled, StopLimit, Sell), "178.40", 9));
    });
    check(
        &[Rule::Ids, Rule::Lifecycle],
        "order corr-0000000000000004 of AAPL begins a second time",
        |records| {
            records.insert(14, trade((4, 0), "16:30:30", (New, Stop, Sell), "178.50", 20));
        },
    );
}

#[test]
fn a_market_order_is_filled_at_once_or_rejected() {
    let market = |status, clock: &'static str, shares| {
        move |records: &mut Vec<Record>| {
            records[13] = trade((4, 0), "16:30:00", (New, Market, Sell), "178.53", 20);
            records[14] = trade((4, 1), clock, (status, Market, Sell), "178.53", shares);
        }
    };
    for (status, clock) in [(Filled, "16:30:00"), (Rejected, "16:30:00"), (Rejected, "16:31:00")] {
        let mut records = events();
        market(status, clock, 20)(&mut records);
        assert_clean(&audit(context(), &with_candles(records)));
    }
    check(&[Rule::Lifecycle], "filled at the microsecond of its NEW", market(Filled, "16:30:00.000001", 20));
    check(&[Rule::Lifecycle], "a MARKET order must be filled or rejected", market(Cancelled, "16:30:00", 20));
    check(&[Rule::Lifecycle], "a MARKET order must be filled in one piece", |records| {
        market(PartiallyFilled, "16:30:00", 5)(records);
        records.push(trade((4, 2), "16:30:00", (Filled, Market, Sell), "178.53", 15));
    });
}

#[test]
fn parts_sum_to_the_order() {
    let shares = |index: usize, shares: u32| {
        move |records: &mut Vec<Record>| {
            edit_trade(&mut records[index], |trade| trade.quantity = quantity(shares))
        }
    };
    check(&[Rule::Lifecycle], "its executions sum to 299, not 300", shares(8, 198));
    check(&[Rule::Lifecycle], "its executions sum to 21, not 20", shares(14, 21));
    check(&[Rule::Lifecycle], "300 of 300 shares are executed", shares(7, 200));
    check(&[Rule::Lifecycle], "its quantity is 6, not that of the order, 7", shares(9, 6));
    check(&[Rule::Lifecycle], "an order of 2 shares must not be split", |records| {
        records[13] = trade((4, 0), "16:30:00", (New, Stop, Sell), "178.50", 2);
        records[14] = trade((4, 1), "16:31:00", (PartiallyFilled, Stop, Sell), "178.53", 1);
        records.push(trade((4, 2), "16:31:00", (Filled, Stop, Sell), "178.53", 1));
    });
    check(&[Rule::Lifecycle], "the order was partially executed", |records| {
        edit_trade(&mut records[8], |trade| {
            trade.status = Rejected;
            trade.quantity = Quantity::new(300).unwrap();
        });
    });
    check(&[Rule::Lifecycle], "the third execution must be FILLED", |records| {
        records[14] = trade((4, 1), "16:31:00", (PartiallyFilled, Stop, Sell), "178.53", 5);
        for event in 2..4 {
            records.push(trade((4, event), "16:31:00", (PartiallyFilled, Stop, Sell), "178.53", 5));
        }
        // the fifth trade event after the book
        records.push(trade((4, 4), "16:31:00", (Filled, Stop, Sell), "178.53", 5));
        records.push(book(at("16:31:00"), symbol("AAPL"), 1_785_300, 1_785_500));
    });
}

#[test]
fn the_events_of_an_order_agree() {
    type Edit = fn(&mut Trade);
    let edits: [Edit; 3] = [
        |trade| trade.trade_type = Buy,
        |trade| trade.order_type = Limit,
        |trade| trade.correlation_id = Some(CorrelationId(77)),
    ];
    for edit in edits {
        check(&[Rule::Lifecycle], "differs from its NEW", |records| edit_trade(&mut records[9], edit));
    }
}

#[test]
fn a_book_agrees_with_itself() {
    type Edit = fn(&mut tradesim_schemas::OrderBook);
    let cases: [(Edit, &str); 5] = [
        (|book| book.bid_price = book.ask_price, "has bid 178.55 and ask 178.55"),
        (|book| book.spread = price("0.03"), "has spread 0.03"),
        (|book| book.mid_price = price("178.5399"), "has mid price 178.5399"),
        (
            |book| {
                book.bid_price = price("178.535");
                book.spread = price("0.015");
                book.mid_price = price("178.5425");
            },
            "has bid 178.535, not a multiple of its tick 0.01",
        ),
        (|book| book.bid_price = price("0.00"), "has bid 0.00"),
    ];
    for (edit, text) in cases {
        check(&[Rule::Books], text, |records| {
            // there is no execution against this one
            records.truncate(13);
            match &mut records[12].envelope.event {
                Event::OrderBook(book) => edit(book),
                event => panic!("{event:?} is not a book"),
            }
        });
    }
}

#[test]
fn a_book_is_restated_after_every_fifth_trade_event_and_only_then() {
    check(&[Rule::Cadence], "a trade event of AAPL before the first snapshot of its book", |records| {
        records.clear();
        records.push(trade((0, 0), "09:30:01", (New, Limit, Buy), "178.60", 300));
        records.push(trade((0, 1), "09:30:02", (Cancelled, Limit, Buy), "178.60", 300));
    });
    check(&[Rule::Cadence], "after 2 trade events, expected after 5", |records| {
        records.push(book(at("16:31:00"), symbol("AAPL"), 1_785_300, 1_785_500));
    });
    check(&[Rule::Cadence], "no book of AAPL after five trade events", |records| {
        records.remove(12);
        edit_trade(&mut records[13], |trade| trade.price = price("178.54"));
    });
    check(&[Rule::Cadence], "no book of AAPL after its last five trade events", |records| {
        records.truncate(12);
    });
}

#[test]
fn executions_are_within_quote_grid_and_limit() {
    let executes = |index: usize, text: &'static str| {
        move |records: &mut Vec<Record>| edit_trade(&mut records[index], |trade| trade.price = price(text))
    };
    check(
        &[Rule::Prices],
        "AAPL executes at 178.56, outside bid 178.53 and ask 178.55",
        executes(14, "178.56"),
    );
    check(&[Rule::Prices], "AAPL executes at 178.52, outside bid", executes(14, "178.52"));
    check(
        &[Rule::Prices],
        "AAPL executes at 178.535, not a multiple of its tick 0.01",
        executes(14, "178.535"),
    );
    // the limit binds LIMIT, STOP and STOP_LIMIT alike
    for order_type in [Limit, Stop, StopLimit] {
        for (side, limit) in [(Sell, "178.54"), (Buy, "178.52")] {
            check(&[Rule::Prices], "executes at 178.53, worse than its", |records| {
                records[13] = trade((4, 0), "16:30:00", (New, order_type, side), limit, 20);
                records[14] = trade((4, 1), "16:31:00", (Filled, order_type, side), "178.53", 20);
            });
        }
    }
    check(&[Rule::Prices], "the NEW of AAPL has price zero", executes(13, "0.00"));
    check(
        &[Rule::Prices],
        "the NEW of a MARKET SELL of AAPL has price 178.51, not the quote 178.50",
        executes(2, "178.51"),
    );
    check(
        &[Rule::Prices],
        "the NEW of a MARKET BUY of AAPL has price 178.50, not the quote 178.52",
        |records| {
            for record in &mut records[2..4] {
                edit_trade(record, |trade| trade.trade_type = Buy);
            }
        },
    );
}

#[test]
fn candles_follow_from_executions() {
    let candle = |records: &[Record], number: usize| {
        let candles = records.iter().enumerate();
        let mut candles = candles.filter(|(_, record)| matches!(record.envelope.event, Event::MarketData(_)));
        candles.nth(number).unwrap().0
    };
    check_stream(
        &[Rule::Candles],
        "the 1m candle of AAPL from 2026-02-18T14:30:00.000000Z is missing",
        |records| {
            let first = candle(records, 0);
            records.remove(first);
            renumber(records);
        },
    );
    check_stream(
        &[Rule::Candles],
        "the 1d candle of AAPL from 2026-02-18T09:00:00.000000Z is missing",
        |records| {
            records.pop();
        },
    );
    check_stream(&[Rule::Candles], "without an execution", |records| {
        // a minute of IBM, which does not trade
        let mut extra = records[candle(records, 0)];
        let Event::MarketData(minute) = &mut extra.envelope.event else { unreachable!() };
        minute.symbol = symbol("IBM");
        minute.exchange = Exchange::Nyse;
        records.insert(candle(records, 0) + 1, extra);
        renumber(records);
    });
    type Edit = fn(&mut tradesim_schemas::MarketData);
    let cases: [(Edit, &str); 4] = [
        (|candle| candle.volume += 1, "has volume 106, its executions have 105"),
        (|candle| candle.close = candle.open, "has close 178.50, its executions have 178.52"),
        (|candle| candle.low = price("178.53"), "is inconsistent"),
        (|candle| candle.exchange = Exchange::Arca, "has exchange ARCA, not its listing NASDAQ"),
    ];
    for (edit, text) in cases {
        check_stream(&[Rule::Candles], text, |records| {
            let at = candle(records, 0);
            match &mut records[at].envelope.event {
                Event::MarketData(candle) => edit(candle),
                _ => unreachable!(),
            }
        });
    }
    check_stream(&[Rule::Candles], "does not match an interval", |records| {
        let last = records.len() - 1;
        records[last].envelope.timestamp = at("19:59:59.999999");
    });
}

#[test]
fn vwap_is_rounded_half_up() {
    // two shares at 178.50 and 178.51 average 178.505; with three, thirds are rounded to the nearest 0.0001
    for (first, second, vwap) in [(1, 1, "178.505"), (2, 1, "178.5033"), (1, 2, "178.5067")] {
        let mut records = vec![
            book(at("09:30:00"), symbol("AAPL"), 1_785_000, 1_785_200),
            trade((0, 0), "09:30:01", (New, Market, Sell), "178.50", first),
            trade((0, 1), "09:30:01", (Filled, Market, Sell), "178.50", first),
            trade((1, 0), "09:30:02", (New, Limit, Sell), "178.50", second),
            trade((1, 1), "09:30:03", (Filled, Limit, Sell), "178.51", second),
        ];
        records = with_candles(records);
        let candles = records.iter().filter_map(|record| match &record.envelope.event {
            Event::MarketData(candle) => Some(candle.vwap),
            _ => None,
        });
        assert_eq!(candles.collect::<Vec<_>>(), [price(vwap); 5]);
        assert_clean(&audit(context(), &records));
    }
}

#[test]
fn a_report_keeps_five_examples_of_a_rule() {
    let records: Vec<Record> = (0..9)
        .map(|seq| Record {
            seq: RecordSeq(seq),
            ..book(at("09:30:00"), symbol("TYPO"), 1_785_000, 1_785_200)
        })
        .collect();
    let report = audit(context(), &records);
    assert_eq!(report.rule(Rule::Symbols).violations, 9);
    assert_eq!(report.violations(), 9);
    let seqs: Vec<_> = report.rule(Rule::Symbols).examples.iter().map(|example| example.seq).collect();
    assert_eq!(seqs, [0, 1, 2, 3, 4].map(|seq| Some(RecordSeq(seq))));
    assert_eq!(report.rule(Rule::Symbols).examples[1].to_string(), "seq 1: TYPO is not in the symbol table");
}
