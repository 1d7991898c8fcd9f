use tradesim_archive::RowRef;
use tradesim_schemas::{Envelope, Event, Exchange, OrderBook, Price, Quantity, Record, RecordSeq, Symbol};

use super::*;
use crate::FaultPlan;

fn planted(plan: &str, messages: u64) -> Planted {
    plan.parse::<FaultPlan>().unwrap().resolve(messages).unwrap()
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_771_425_000_000_000 + micros).unwrap()
}

fn book(micros: i64, size: u32) -> Envelope {
    let price = |units| Price::from_units(units).unwrap();
    let event = Event::OrderBook(OrderBook {
        symbol: Symbol::new("AAPL").unwrap(),
        bid_price: price(1_000_000),
        ask_price: price(1_000_200),
        bid_size: Quantity::new(size).unwrap(),
        ask_size: Quantity::new(size).unwrap(),
        spread: price(200),
        mid_price: price(1_000_100),
        timestamp: at(micros),
        exchange: Exchange::Nasdaq,
    });
    Envelope { timestamp: at(micros), event }
}

/// Returns rows of a simulated archive with these times, whose sequence numbers have gaps.
fn events(times: &[i64]) -> Vec<Row> {
    let record = |(index, time): (usize, &i64)| Record {
        seq: RecordSeq(10 + 3 * index as u64),
        origin: 0,
        order: None,
        envelope: book(*time, 1 + index as u32),
    };
    times.iter().enumerate().map(record).map(Row::Event).collect()
}

fn faulty_rows(plan: &str, messages: u64) -> FaultyRows {
    FaultyRows::with_gaps(planted(plan, messages), Gaps::new(Vec::new(), RecordSeq(0)))
}

fn faulty(plan: &str, rows: &[Row]) -> Batch {
    let mut faulty = faulty_rows(plan, rows.len() as u64);
    let mut out = Batch::default();
    rows.iter().for_each(|row| faulty.push(row.clone(), &mut out));
    assert!(out.rows().map(RowRef::seq).eq((0..out.len() as u64).map(RecordSeq)));
    out
}

fn text(row: RowRef<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    row.write_message(&mut MessageEncoder::new(), &mut text);
    text
}

fn texts(batch: &Batch) -> Vec<Vec<u8>> {
    batch.rows().map(text).collect()
}

#[test]
fn the_list_has_the_numbers_of_the_new_archive() {
    let plan = "seed = 3\n[[fault]]\nkind = 'drop'\nat = [0, 1, 9]\n[[fault]]\nkind = 'duplicate'\nat = 3\n\
                [[fault]]\nkind = 'swap'\nat = 5\n[[fault]]\nkind = 'price'\nat = [4, 8]";
    let Faults { plan_seed, planted } = planted(plan, 10).in_archive(3);
    let listed = |kind: &str| {
        let planted = planted.as_ref().unwrap();
        planted.iter().find(|planted| planted.kind == kind).map(|planted| planted.seqs.clone()).unwrap()
    };
    assert_eq!(plan_seed, Some(3));
    // two messages are dropped before the first, and one after the last
    assert_eq!(listed("drop"), [0, 0, 8].map(RecordSeq));
    // the second copy
    assert_eq!(listed("duplicate"), [2].map(RecordSeq));
    assert_eq!(listed("swap"), [4].map(RecordSeq));
    assert_eq!(listed("price"), [3, 7].map(RecordSeq));
    assert_eq!(faulty(plan, &events(&[0; 10])).len(), 8);
}

#[test]
fn next_seq_maps_rows_of_the_source_to_new_numbers() {
    let plan = "[[fault]]\nkind = 'drop'\nat = 1\n[[fault]]\nkind = 'duplicate'\nat = 2\n\
                [[fault]]\nkind = 'swap'\nat = 3";
    let mut rows = faulty_rows(plan, 6);
    let mut out = Batch::default();
    let places = events(&[0, 1, 2, 3, 4, 5]).into_iter().map(|row| {
        let place = rows.next_seq();
        rows.push(row, &mut out);
        place
    });
    assert!(places.eq([0, 1, 1, 3, 4, 5].map(RecordSeq)));
}

#[test]
fn messages_with_the_same_time_are_swapped_as_events_and_others_as_frames() {
    let plan = "[[fault]]\nkind = 'swap'\nat = [0, 2]";
    let rows = events(&[5, 5, 6, 8, 9]);
    let swapped = faulty(plan, &rows);
    let expected: Vec<Vec<u8>> = [1, 0, 3, 2, 4].map(|row: usize| text(rows[row].row_ref())).into();
    assert_eq!(texts(&swapped), expected);
    let times: Vec<Timestamp> = swapped.rows().map(RowRef::timestamp).collect();
    assert_eq!(times, [5, 5, 6, 8, 9].map(at));
    let is_raw: Vec<bool> = swapped.rows().map(|row| row.raw().is_some()).collect();
    assert_eq!(is_raw, [false, false, true, true, false]);
    // queries see the events
    assert!(swapped.rows().all(|row| row.event().is_some()));
}

#[test]
fn a_swapped_captured_message_keeps_its_opcode_but_not_its_receive_time() {
    let captured = |micros: i64, opcode: Option<u8>, content: Content| {
        let received = Some(at(100 + micros));
        Row::Captured(Box::new(Captured {
            seq: RecordSeq(0),
            timestamp: at(micros),
            received,
            opcode,
            content,
        }))
    };
    let raw = |bytes: &[u8]| Content::Raw { bytes: bytes.to_vec(), event: None };
    let rows = [
        captured(1, Some(BINARY), Content::Event(book(1, 7).event)),
        captured(2, None, raw(b"\xff")),
        captured(3, Some(TEXT), raw(b"plain")),
        captured(4, Some(BINARY), raw(b"{")),
    ];
    let out =
        faulty("[[fault]]\nkind = 'swap'\nat = 0\n[[fault]]\nkind = 'schema-version'\nat = [2, 3]", &rows);
    let seen: Vec<_> = out
        .rows()
        .map(|row| match row {
            RowRef::Captured(captured) => (captured.received.unwrap(), captured.opcode.unwrap()),
            RowRef::Event(_) => panic!("an event has no receive time"),
        })
        .collect();
    assert_eq!(seen, [(at(101), BINARY), (at(102), BINARY), (at(103), TEXT), (at(104), BINARY)]);
    assert_eq!(texts(&out)[..2], [b"\xff".to_vec(), book(1, 7).to_json().into_bytes()]);
    assert!(out.rows().skip(2).all(|row| row.raw().is_some() && row.event().is_none()));
}

#[test]
fn the_list_of_faults_is_limited() {
    let of = |messages| planted("fault = [{ kind = 'drop', rate = 1.0 }]", messages).check_for_archives();
    of(100_000).unwrap();
    let refused = of(100_001).unwrap_err();
    assert!(refused.to_string().contains("affects 100,001 messages, but an archive lists at most 100,000"));
}

#[test]
fn only_archives_with_frames_have_their_columns() {
    let of = |kind: &str| {
        let planted = planted(&format!("fault = [{{ kind = '{kind}', at = 1 }}]"), 9);
        let columns = planted.columns(Columns::default());
        (columns.captured, columns.stored_ids)
    };
    assert_eq!((of("drop"), of("duplicate")), ((false, false), (false, false)));
    assert_eq!((of("swap"), of("price")), ((true, true), (true, false)));
}
