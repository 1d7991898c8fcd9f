use apache_avro::{Decimal, Schema, types::Value, writer::datum::GenericDatumWriter};
use proptest::prelude::*;
use tradesim_schemas::{
    CorrelationId, EventType, Exchange, OrderType, Quantity, ReadOptions, TradeStatus, TradeType, read,
    testing,
};

use super::*;

/// Encodes a message with apache-avro and the schema's file.
fn by_apache_avro(message: &Message<'_>) -> Vec<u8> {
    let schema = Schema::parse_str(message.event_type().avro_schema()).unwrap();
    let value = match &message.payload {
        Payload::Trade(trade) => record([
            ("trade_id", Value::String(trade.trade_id.to_string())),
            ("symbol", string(&trade.symbol)),
            ("trade_type", symbol(trade.trade_type, TradeType::ALL)),
            ("order_type", symbol(trade.order_type, OrderType::ALL)),
            ("price", decimal(trade.price)),
            ("quantity", int(trade.quantity)),
            ("timestamp", time(trade.timestamp)),
            ("exchange", symbol(trade.exchange, Exchange::ALL)),
            ("trader_id", Value::String(trade.trader_id.to_string())),
            ("account_id", Value::String(trade.account_id.to_string())),
            ("status", symbol(trade.status, TradeStatus::ALL)),
            (
                "correlation_id",
                match &trade.correlation_id {
                    None => Value::Union(0, Box::new(Value::Null)),
                    Some(id) => Value::Union(1, Box::new(string(id))),
                },
            ),
        ]),
        Payload::OrderBook(book) => record([
            ("symbol", string(&book.symbol)),
            ("bid_price", decimal(book.bid_price)),
            ("ask_price", decimal(book.ask_price)),
            ("bid_size", int(book.bid_size)),
            ("ask_size", int(book.ask_size)),
            ("spread", decimal(book.spread)),
            ("mid_price", decimal(book.mid_price)),
            ("timestamp", time(book.timestamp)),
            ("exchange", string(book.exchange.as_str())),
        ]),
        Payload::MarketData(candle) => record([
            ("symbol", string(&candle.symbol)),
            ("open", decimal(candle.open)),
            ("high", decimal(candle.high)),
            ("low", decimal(candle.low)),
            ("close", decimal(candle.close)),
            ("volume", Value::Long(candle.volume as i64)),
            ("vwap", decimal(candle.vwap)),
            ("timestamp", time(candle.timestamp)),
            ("interval", string(candle.interval.as_str())),
            ("exchange", string(candle.exchange.as_str())),
        ]),
    };
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    writer.write_value_to_vec(value).unwrap()
}

/// Returns the payload's fields and the two that Avro adds.
fn record<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let added = [("schema_version", Value::Int(1)), ("source", string("trade-generator"))];
    Value::Record(fields.into_iter().chain(added).map(|(name, value)| (name.to_owned(), value)).collect())
}

fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn symbol<T: Copy + PartialEq + ToString>(value: T, all: &[T]) -> Value {
    let place = all.iter().position(|candidate| *candidate == value).unwrap();
    Value::Enum(place as u32, value.to_string())
}

fn decimal(price: Price) -> Value {
    // the library takes bytes, and shortens what is longer than necessary
    let bytes = price.units().to_be_bytes();
    let redundant = (0..7).take_while(|&at| bytes[at] == 0 && bytes[at + 1] < 0x80).count();
    Value::Decimal(Decimal::from(&bytes[redundant..]))
}

fn int(quantity: Quantity) -> Value {
    Value::Int(quantity.get() as i32)
}

fn time(timestamp: Timestamp) -> Value {
    Value::TimestampMicros(timestamp.micros())
}

fn written(message: &Message<'_>, schema_id: u32) -> Vec<u8> {
    let mut out = b"before".to_vec();
    write_confluent(message, schema_id, &mut out);
    out.strip_prefix(b"before").expect("existing bytes stay").to_vec()
}

#[track_caller]
fn check(message: &Message<'_>, schema_id: u32) {
    let bytes = written(message, schema_id);
    let (header, datum) = bytes.split_at(HEADER_BYTES);
    assert_eq!(header, [&[0][..], &schema_id.to_be_bytes()].concat());
    assert_eq!(datum, by_apache_avro(message), "{message:?}");
}

proptest! {
    #[test]
    fn every_event_is_written_as_apache_avro_writes_it(
        envelope in testing::any_envelope(),
        schema_id in any::<u32>(),
    ) {
        let text = envelope.to_json();
        check(&read(text.as_bytes(), ReadOptions::default()).unwrap(), schema_id);
    }

    #[test]
    fn so_is_what_only_a_message_can_hold(
        trade in testing::any_trade(),
        symbol in "\\PC{1,10}",
        correlation_id in proptest::option::of("\\PC{0,300}"),
    ) {
        let message = Message {
            timestamp: trade.timestamp,
            payload: Payload::Trade(TradeMessage {
                trade_id: trade.trade_id,
                symbol: symbol.as_str().into(),
                trade_type: trade.trade_type,
                order_type: trade.order_type,
                price: trade.price,
                quantity: trade.quantity,
                timestamp: trade.timestamp,
                exchange: trade.exchange,
                trader_id: trade.trader_id,
                account_id: trade.account_id,
                status: trade.status,
                correlation_id: correlation_id.as_deref().map(Into::into),
            }),
            unknown_fields: 3,
        };
        check(&message, 7);
    }

    #[test]
    fn decimals_are_as_short_as_their_sign_allows(price in testing::any_price()) {
        let mut out = Vec::new();
        put_price(price, &mut out);
        let bytes = &out[1..];
        prop_assert_eq!(usize::from(out[0]), bytes.len() * 2);
        let value = bytes.iter().fold(0i64, |value, &byte| value << 8 | i64::from(byte));
        prop_assert_eq!(value, price.units());
        prop_assert!(bytes[0] < 0x80, "it would be negative");
        prop_assert!(bytes.len() == 1 || bytes[0] > 0 || bytes[1] >= 0x80, "a byte too many");
    }
}

/// The output of fastavro 1.13 for these values, after the header; made once, with a short script.
const KNOWN: [(&str, u32, &str); 4] = [
    (
        r#"{"schema_version":1,"event_type":"trade","timestamp":"2026-02-18T14:30:00.366511Z","payload":{"trade_id":"97ece17a-80a4-467a-9cf4-b892bafabcb3","symbol":"AAPL","trade_type":"BUY","order_type":"MARKET","price":"179.14","quantity":200,"timestamp":"2026-02-18T14:30:00.366511Z","exchange":"NASDAQ","trader_id":"TRD-00157","account_id":"ACC-0031","status":"NEW","correlation_id":"corr-b159fbda03058a34"}}"#,
        1,
        "00000000014839376563653137612d383061342d343637612d396366342d623839326261666162636233084141504c\
         0000061b55a89003de86a5dec0c6a50602125452442d3030313537104143432d3030333100022a636f72722d623135\
         39666264613033303538613334021e74726164652d67656e657261746f72",
    ),
    (
        r#"{"schema_version":1,"event_type":"trade","timestamp":"1969-12-31T23:59:59.999999Z","payload":{"trade_id":"97ece17a-80a4-467a-9cf4-b892bafabcb3","symbol":"BRK.B","trade_type":"SELL","order_type":"STOP_LIMIT","price":"99999999.9999","quantity":2147483647,"timestamp":"1969-12-31T23:59:59.999999Z","exchange":"BATS","trader_id":"TRD-99999","account_id":"ACC-9999","status":"REJECTED","correlation_id":null}}"#,
        0xffff_fffe,
        "00fffffffe4839376563653137612d383061342d343637612d396366342d6238393262616661626362330a42524b2e\
         4202060c00e8d4a50ffffeffffff0f0108125452442d3939393939104143432d393939390800021e74726164652d67\
         656e657261746f72",
    ),
    (
        r#"{"schema_version":1,"event_type":"orderbook","timestamp":"2026-02-18T14:30:00.000000Z","payload":{"symbol":"AAPL","bid_price":"178.49","ask_price":"178.51","bid_size":300,"ask_size":1,"spread":"0.02","mid_price":"178.50","timestamp":"2026-02-18T14:30:00.000000Z","exchange":"NASDAQ"}}"#,
        2,
        "0000000002084141504c061b3c44061b3d0cd804020400c8061b3ca880a8f8ddc0c6a5060c4e4153444151021e7472\
         6164652d67656e657261746f72",
    ),
    (
        r#"{"schema_version":1,"event_type":"marketdata","timestamp":"2026-02-18T14:45:00.000000Z","payload":{"symbol":"AAPL","open":"0.00","high":"0.0127","low":"0.0128","close":"3.2767","volume":9223372036854775807,"vwap":"3.2768","timestamp":"2026-02-18T14:30:00.000000Z","interval":"15m","exchange":"NYSE"}}"#,
        258,
        "0000000102084141504c0200027f040080047ffffeffffffffffffffff010600800080a8f8ddc0c6a5060631356d08\
         4e595345021e74726164652d67656e657261746f72",
    ),
];

#[test]
fn known_messages_have_known_bytes() {
    for (text, schema_id, expected) in KNOWN {
        let message = read(text.as_bytes(), ReadOptions::default()).unwrap();
        let bytes = written(&message, schema_id);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected, "{text}");
        check(&message, schema_id);
    }
    let types = KNOWN.map(|(text, ..)| read(text.as_bytes(), ReadOptions::default()).unwrap().event_type());
    assert!(EventType::ALL.iter().all(|event_type| types.contains(event_type)));
}

#[test]
fn numbers_are_zigzag_in_groups_of_seven_bits() {
    for (value, expected) in [
        (0, &[0][..]),
        (-1, &[1]),
        (1, &[2]),
        (63, &[126]),
        (-64, &[127]),
        (64, &[0x80, 1]),
        (i64::MAX, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
    ] {
        let mut out = Vec::new();
        put_long(value, &mut out);
        assert_eq!(out, expected, "{value}");
    }
}

#[test]
fn usual_values_fit_into_the_room_that_is_asked_for() {
    let text = KNOWN[1]
        .0
        .replace("null", &format!("\"{}\"", CorrelationId(u64::MAX)))
        .replace("BRK.B", "ABCDEFGHIJ");
    let message = read(text.as_bytes(), ReadOptions::default()).unwrap();
    let bytes = written(&message, 1);
    assert!(bytes.len() <= USUAL_BYTES, "{} bytes", bytes.len());
}
