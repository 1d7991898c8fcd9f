use tradesim_replay::Kept;
use tradesim_schemas::{
    Exchange, Interval, MarketData, Price, ReadOptions, RecordSeq, StreamSeq, Symbol, read,
};

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text.as_bytes()).unwrap()
}

fn candle() -> Event {
    let price = Price::from_units(1_000_000).unwrap();
    Event::MarketData(MarketData {
        symbol: Symbol::new("AAPL").unwrap(),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 1,
        vwap: price,
        timestamp: at("2026-02-18T14:30:00.000000Z"),
        interval: Interval::OneMinute,
        exchange: Exchange::Nasdaq,
    })
}

fn raw(bytes: &[u8], opcode: Option<u8>) -> Captured {
    let content = Content::Raw { bytes: bytes.to_vec(), event: None };
    Captured {
        seq: RecordSeq(0),
        timestamp: at("2026-02-18T14:31:00.000000Z"),
        received: None,
        opcode,
        content,
    }
}

#[test]
fn the_first_message_falls_into_the_current_minute() {
    let first = at("2026-02-18T09:00:12.500000Z");
    for (now, sent) in [
        ("2026-11-24T00:20:12.500000Z", "2026-11-24T00:20:12.500000Z"),
        ("2026-11-24T00:20:12.499999Z", "2026-11-24T00:19:12.500000Z"),
        ("2026-11-24T00:21:00.000000Z", "2026-11-24T00:20:12.500000Z"),
        ("2026-02-18T09:00:00.000000Z", "2026-02-18T08:59:12.500000Z"),
    ] {
        assert_eq!(Timestamps::shifted_to(at(now), first).sent(first), at(sent), "{now}");
    }
    assert_eq!(Timestamps::Shifted { minutes: i64::MAX }.sent(first), Timestamp::MAX);
    assert_eq!(Timestamps::Shifted { minutes: i64::MIN }.sent(first), Timestamp::MIN);
}

#[test]
fn shifting_affects_envelope_and_payload_but_not_the_recorded_text() {
    let envelope = Envelope { timestamp: at("2026-02-18T14:31:00.000000Z"), event: candle() };
    let mut block = BlockBuilder::new(StreamSeq(0));
    let row = Captured {
        seq: RecordSeq(0),
        timestamp: envelope.timestamp,
        received: None,
        opcode: Some(1),
        content: Content::Event(candle()),
    };
    Messages::new(Timestamps::Shifted { minutes: 60 }, Pace::Received).push_rows(
        [RowRef::Captured(&row), RowRef::Captured(&raw(b"{odd", Some(1)))].into_iter(),
        &mut block,
    );
    let block = block.take();
    assert_eq!(block.recorded_text(0), envelope.to_json().as_bytes());
    let sent = envelope.to_json().replace("T14:31", "T15:31").replace("T14:30", "T15:30");
    assert_eq!(String::from_utf8_lossy(block.text(0)), sent);
    assert_eq!(block.entries()[0].meta.at, envelope.timestamp);
    assert_eq!((block.text(1), block.recorded_text(1)), (&b"{odd"[..], &b"{odd"[..]));
}

#[test]
fn the_event_that_is_kept_is_that_of_the_text() {
    let envelope = Envelope { timestamp: at("2026-02-18T14:31:00.000000Z"), event: candle() };
    let row = Captured { content: Content::Event(candle()), ..raw(b"", Some(1)) };
    let record = Record { seq: RecordSeq(0), origin: 0, order: None, envelope };
    for timestamps in [Timestamps::Recorded, Timestamps::Shifted { minutes: -7 }] {
        let mut messages = Messages::new(timestamps, Pace::Recorded);
        let mut block = BlockBuilder::new(StreamSeq(0));
        block.keep_events(true);
        messages.push_records(&[record], &mut block);
        messages.push_rows([RowRef::Event(&record), RowRef::Captured(&row)].into_iter(), &mut block);
        messages.push_rows([RowRef::Captured(&raw(b"{}", Some(1)))].into_iter(), &mut block);
        let block = block.take();
        for message in 0..3 {
            let text = read(block.text(message), ReadOptions::default()).unwrap();
            let Kept::Event { sent, recorded_at } = block.kept(message) else {
                panic!("{timestamps}: {message}")
            };
            assert_eq!((*sent, recorded_at), (text.to_envelope().unwrap().event, candle().timestamp()));
        }
        assert!(matches!(block.kept(3), Kept::Nothing));
    }
}

#[test]
fn a_frame_is_sent_as_text_only_if_it_is_utf_8() {
    let frames = [
        (raw(b"text", Some(1)), Opcode::Text),
        (raw(b"text", None), Opcode::Text),
        (raw(b"text", Some(2)), Opcode::Binary),
        (raw(b"\xff", Some(1)), Opcode::Binary),
    ];
    let mut block = BlockBuilder::new(StreamSeq(0));
    let rows = frames.iter().map(|(captured, _)| RowRef::Captured(captured));
    assert_eq!(Messages::new(Timestamps::Recorded, Pace::Recorded).push_rows(rows, &mut block), 4);
    let block = block.take();
    for (entry, (_, opcode)) in block.entries().iter().zip(&frames) {
        assert_eq!((entry.meta.opcode, entry.meta.kind), (*opcode, None));
    }
}

#[test]
fn a_capture_is_played_by_receive_times_or_by_emission_times() {
    let (stated, received) = (at("2026-02-18T14:31:00.000000Z"), at("2026-11-24T00:20:12.500000Z"));
    let captured = |content| Captured {
        seq: RecordSeq(0),
        timestamp: stated,
        received: Some(received),
        opcode: Some(1),
        content,
    };
    let rows = [
        captured(Content::Event(candle())),
        captured(Content::Raw { bytes: b"odd".to_vec(), event: None }),
        raw(b"without a receive time", None),
    ];
    for timestamps in [Timestamps::Recorded, Timestamps::Shifted { minutes: 1 }] {
        for (pace, expected) in [(Pace::Received, received), (Pace::Recorded, stated)] {
            let mut block = BlockBuilder::new(StreamSeq(0));
            Messages::new(timestamps, pace).push_rows(rows.iter().map(RowRef::Captured), &mut block);
            let block = block.take();
            let times: Vec<Timestamp> = block.entries().iter().map(|entry| entry.meta.at).collect();
            assert_eq!(times, [expected, expected, stated]);
        }
    }
}
