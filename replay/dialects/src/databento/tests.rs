use super::{DIALECT, MBP_1, OHLCV_1D, OHLCV_1M, TBBO, TRADES};
use crate::{
    Fault, Handshake, Incoming, Output,
    testing::{
        CHALLENGE, Transcript, encoded, events, events_without_counterpart, hex, session, symbol, trade,
    },
};
use std::time::Duration;
use tradesim_schemas::{Event, OrderType, StreamSeq, Trade, TradeType};

const AUTH: &str = "auth=x|dataset=EQUS.SIP|encoding=dbn|ts_out=0|compression=none|client=test\n";
const METADATA: &str = "44424e0378000000455155532e5349500000000000000000ffff0000000000000000ffffffffffffffff0000000000000000ff0000470000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
const MAPPING: &str = "2c16000001000000ffffffffffffffff014141504c00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000014141504c00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000ffffffffffffffffffffffffffffffff";

fn transcript(key: Option<&str>) -> Transcript {
    Transcript::new(&DIALECT, Handshake::default(), key)
}

/// Returns all bytes that a session sends for lines of a client, after the greeting and the authentication.
fn sent(lines: &str) -> (Vec<u8>, Vec<Output>) {
    let mut session = session(&DIALECT, Handshake::default(), None);
    session.receive(Incoming::Bytes(format!("{AUTH}{lines}").as_bytes()), Duration::ZERO);
    let (mut bytes, mut others) = (Vec::new(), Vec::new());
    while let Some(output) = session.poll() {
        match output {
            Output::Send(message) => bytes.extend(message),
            other => others.push(other),
        }
    }
    const SUCCESS: &[u8] = b"success=1|session_id=1\n";
    (bytes.strip_prefix(SUCCESS).unwrap().to_vec(), others)
}

/// The expected bytes were packed by Python's `struct`, from the layouts that Databento publishes.
#[test]
fn each_kind_of_record_is_known() {
    let found: Vec<(u8, String)> =
        encoded(&DIALECT, 0, &events()).iter().map(|(channel, bytes)| (*channel, hex(bytes))).collect();
    let expected = [
        (
            MBP_1,
            "14017c000100000098931705a75d9518ffffffffffffff7f000000004d4ec00098931705a75d9518000000002b0100008042d58e29000000809c3791290000002c010000c80000000100000001000000",
        ),
        (
            TRADES,
            "0c007c000100000098931705a75d95184051eb9029000000320000005442800098931705a75d9518000000002c010000",
        ),
        (
            TBBO,
            "14017c000100000098931705a75d95184051eb9029000000320000005442800098931705a75d9518000000002c0100008042d58e29000000809c3791290000002c010000c80000000100000001000000",
        ),
        (
            MBP_1,
            "14017c000100000098931705a75d95184051eb9029000000320000005442800098931705a75d9518000000002c0100008042d58e29000000809c3791290000002c010000c80000000100000001000000",
        ),
        (
            OHLCV_1M,
            "0e217c000100000000103fefa65d951800d96d8f2900000000ba63952900000000f87789290000004051eb90290000007011010000000000",
        ),
        (
            OHLCV_1D,
            "0e237c000100000000a047e3a44b951800d96d8f2900000000ba63952900000000f87789290000004051eb902900000000f2052a01000000",
        ),
    ];
    assert_eq!(found, expected.map(|(channel, bytes)| (channel, bytes.to_owned())));
    assert_eq!(encoded(&DIALECT, 0, &events_without_counterpart()), []);
}

#[test]
fn an_execution_without_a_book_has_undefined_prices() {
    let found = encoded(&DIALECT, 0, &[(300, Event::Trade(trade()))]);
    assert_eq!(
        hex(&found[1].1),
        "14017c000100000098931705a75d95184051eb9029000000320000005442800098931705a75d9518000000002c010000ffffffffffffff7fffffffffffffff7f00000000000000000000000000000000"
    );
}

#[test]
fn only_of_a_market_order_is_the_aggressor_known() {
    for (order_type, trade_type, side) in [
        (OrderType::Market, TradeType::Buy, b'B'),
        (OrderType::Market, TradeType::Sell, b'A'),
        (OrderType::Limit, TradeType::Buy, b'N'),
        (OrderType::StopLimit, TradeType::Sell, b'N'),
    ] {
        let trade = Trade { order_type, trade_type, ..trade() };
        assert_eq!(encoded(&DIALECT, 0, &[(1, Event::Trade(trade))])[0].1[29], side);
    }
}

#[test]
fn the_number_of_a_message_wraps_and_unknown_symbols_have_ids_of_their_own() {
    let seq = (1_u64 << 32) + 5;
    let known = &encoded(&DIALECT, 0, &[(seq, Event::Trade(trade()))])[0].1;
    assert_eq!(known[44..48], 5_u32.to_le_bytes());
    let other = Trade { symbol: symbol("XOM"), ..trade() };
    let unknown = &encoded(&DIALECT, 0, &[(StreamSeq(1).get(), Event::Trade(other))])[0].1;
    let id = u32::from_le_bytes(unknown[4..8].try_into().unwrap());
    assert!(id >= 1 << 31);
}

#[test]
fn a_client_proves_its_key() {
    let mut transcript = transcript(Some("secret-key"));
    transcript.send(concat!(
        "auth=99c1c4018bd3746e14db543f6ab2c09b8f98ecfdf041291478258f5a1fab9ec3-t-key",
        "|dataset=EQUS.SIP|encoding=dbn|ts_out=0|heartbeat_interval_s=5\n"
    ));
    transcript.check(&format!(
        "< lsg_version=0.6.0
        < cram={CHALLENGE}
        > auth=99c1c4018bd3746e14db543f6ab2c09b8f98ecfdf041291478258f5a1fab9ec3-t-key|dataset=EQUS.SIP|encoding=dbn|ts_out=0|heartbeat_interval_s=5
        < success=1|session_id=1"
    ));
}

#[test]
fn a_client_that_cannot_be_served_is_refused_by_a_line() {
    for (key, line, problem) in [
        (Some("secret-key"), AUTH, "authentication failed"),
        (None, "schema=trades|symbols=AAPL\n", "not authenticated: expected auth=…"),
        (None, "auth=x\n", "dataset: expected 1 to 16 ASCII characters"),
        (None, "auth=x|dataset=D|encoding=json\n", "encoding: only encoding=dbn is supported"),
        (None, "auth=x|dataset=D|compression=zstd\n", "compression: only compression=none is supported"),
        (None, "auth=x|dataset=D|ts_out=1\n", "ts_out: only ts_out=0 is supported"),
        (
            None,
            "auth=x|dataset=D|heartbeat_interval_s=0\n",
            "heartbeat_interval_s: expected a number of seconds, at least 1",
        ),
    ] {
        let mut transcript = transcript(key);
        transcript.send(line).send(AUTH);
        transcript.check(&format!(
            "< lsg_version=0.6.0
            < cram={CHALLENGE}
            > {}
            < success=0|error={problem}
            ! Close(Refused)
            > {}",
            line.trim_end(),
            AUTH.trim_end()
        ));
    }
}

#[test]
fn a_session_starts_with_metadata_acknowledgements_and_mappings() {
    const SUBSCRIPTION: &str = "schema=trades|stype_in=raw_symbol|symbols=AAPL|id=7|is_last=1\n";
    let (bytes, others) = sent(&format!("{SUBSCRIPTION}start_session=0\n"));
    // as the vendor's clients for Rust and C++ send it
    for line in ["start_session\n", "start_session\r\n", "start_session=\n"] {
        assert_eq!(sent(&format!("{SUBSCRIPTION}{line}")), (bytes.clone(), others.clone()), "{line:?}");
    }
    assert_eq!(hex(&bytes[..128]), METADATA);
    let acknowledgement = &bytes[128..448];
    assert_eq!(acknowledgement[..2], [80, 23]);
    assert!(acknowledgement[16..].starts_with(b"Subscription request 7 for trades data succeeded\0"));
    assert_eq!(acknowledgement[319], 1);
    assert_eq!(hex(&bytes[448..]), MAPPING);
    assert_eq!(others, [Output::Subscribed]);
}

#[test]
fn nothing_is_sent_before_the_start() {
    let (bytes, others) = sent("schema=trades|symbols=ALL_SYMBOLS\nschema=nothing|symbols=AAPL\n");
    assert_eq!((bytes, others), (Vec::new(), Vec::new()));
    let (bytes, others) = sent("schema=nothing|symbols=AAPL\nstart_session=0\n");
    assert_eq!(bytes.len(), 128 + 320);
    assert_eq!(bytes[128..130], [80, 21]);
    assert!(bytes[144..].starts_with(b"unknown schema\0"));
    assert_eq!(others, [Output::Close(crate::CloseReason::Refused)]);
}

#[test]
fn a_subscription_after_the_start_adds_its_mappings() {
    let (bytes, _) = sent("schema=trades|symbols=AAPL\nstart_session=0\nschema=mbp-1|symbols=ALL_SYMBOLS\n");
    // the second acknowledgement, and the mapping of the symbol that was not stated yet
    let added = &bytes[128 + 320 + 176..];
    assert_eq!((added.len(), &added[320 + 17..320 + 21]), (320 + 176, &b"IBM\0"[..]));
}

#[test]
fn a_start_time_is_the_earliest_that_was_requested() {
    let lines = "schema=trades|symbols=AAPL|start=1771425000366511000\nschema=mbp-1|symbols=AAPL|start=1771425000000000999\nstart_session=0\n";
    let (_, others) = sent(lines);
    let at = crate::testing::at("2026-02-18T14:30:00Z");
    assert_eq!(others, [Output::StartAt(at), Output::Subscribed]);
    for start in ["x", "-1x", "99999999999999999999"] {
        let (bytes, _) = sent(&format!("schema=trades|symbols=AAPL|start={start}\nstart_session=0\n"));
        assert_eq!(bytes[129], 21, "{start}");
    }
}

#[test]
fn a_silent_session_has_heartbeats() {
    let mut session = session(&DIALECT, Handshake::default(), None);
    let lines = format!(
        "{}schema=trades|symbols=AAPL\nstart_session=0\n",
        AUTH.replace("client=", "heartbeat_interval_s=5|client=")
    );
    session.receive(Incoming::Bytes(lines.as_bytes()), Duration::ZERO);
    while session.poll().is_some() {}
    assert_eq!(session.poll_timeout(), Some(Duration::from_secs(5)));
    session.delivered(Duration::from_secs(2));
    session.handle_timeout(Duration::from_secs(5));
    assert_eq!(session.poll(), None);
    session.handle_timeout(Duration::from_secs(7));
    let Some(Output::Send(heartbeat)) = session.poll() else { panic!("no heartbeat") };
    assert_eq!((heartbeat.len(), heartbeat[1], heartbeat[319]), (320, 23, 0));
    assert!(heartbeat[16..].starts_with(b"Heartbeat\0"));
}

#[test]
fn a_slow_reader_is_warned_and_disconnected() {
    let mut session = session(&DIALECT, Handshake::default(), None);
    let lines = format!("{AUTH}schema=trades|symbols=AAPL\nstart_session=0\n");
    session.receive(Incoming::Bytes(lines.as_bytes()), Duration::ZERO);
    while session.poll().is_some() {}
    session.plant(Fault::TooSlow, Duration::ZERO);
    let mut types = Vec::new();
    while let Some(output) = session.poll() {
        match output {
            Output::Send(record) => types.push((record[1], record.len())),
            other => assert_eq!(other, Output::Close(crate::CloseReason::Refused)),
        }
    }
    assert_eq!(types, [(23, 320), (21, 320)]);
    assert!(!session.selects(TRADES, symbol("AAPL")));
}
