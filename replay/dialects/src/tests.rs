//! What holds for every dialect.

use std::{collections::BTreeSet, time::Duration};

use proptest::{prelude::*, sample::select};
use tradesim_schemas::{Event, StreamSeq, Symbol, testing::any_envelope};

use crate::{
    CHANNELS_MAX, Dialect, Frames, Framing, Handshake, Incoming, Input, Output, REGISTRY, Transport, by_name,
    by_path, testing,
};

#[test]
fn dialects_have_distinct_names_and_paths() {
    let names: BTreeSet<_> = REGISTRY.iter().map(|dialect| dialect.name).collect();
    assert_eq!(names.len(), REGISTRY.len());
    for dialect in REGISTRY {
        assert_eq!(by_name(dialect.name).map(|found| found.name), Some(dialect.name));
        assert!(dialect.channels.len() <= CHANNELS_MAX && !dialect.wires.is_empty());
        assert!(dialect.channels.iter().any(|channel| channel.carries));
        let is_tcp = matches!(dialect.transport, Transport::Tcp);
        assert!(dialect.wires.iter().all(|wire| (wire.framing == Framing::Bytes) == is_tcp));
    }
    for (path, name) in [
        ("/stocks", Some("massive")),
        ("/v2/sip", Some("alpaca")),
        ("/v2/iex", Some("alpaca")),
        ("/finnhub", Some("finnhub")),
        ("/v2/", None),
        ("/v2/crypto", None),
        ("/v2/sip/x", None),
        ("/stocks/", None),
        ("/", None),
        ("/status", None),
    ] {
        assert_eq!(by_path(path).map(|dialect| dialect.name), name, "{path}");
    }
}

/// Messages that clients send, valid and invalid ones.
fn message(dialect: &Dialect) -> BoxedStrategy<Vec<u8>> {
    let json =
        |texts: &'static [&'static str]| select(texts).prop_map(|text| text.as_bytes().to_vec()).boxed();
    let known = match dialect.name {
        "massive" => json(&[
            r#"{"action":"auth","params":"KEY"}"#,
            r#"{"action":"auth","params":"wrong"}"#,
            r#"{"action":"subscribe","params":"T.*,Q.AAPL"}"#,
            r#"{"action":"subscribe","params":"AM.IBM,T.AAPL,X.Y"}"#,
            r#"{"action":"unsubscribe","params":"T.*,AM.IBM"}"#,
        ]),
        "alpaca" => json(&[
            r#"{"action":"auth","key":"KEY","secret":"s"}"#,
            r#"{"action":"auth","key":"wrong","secret":"s"}"#,
            r#"{"action":"subscribe","trades":["*"],"bars":["AAPL"]}"#,
            r#"{"action":"subscribe","quotes":["IBM"],"dailyBars":["*"]}"#,
            r#"{"action":"unsubscribe","trades":["*"],"quotes":["IBM"]}"#,
        ]),
        "finnhub" => json(&[
            r#"{"type":"subscribe","symbol":"AAPL"}"#,
            r#"{"type":"unsubscribe","symbol":"AAPL"}"#,
            r#"{"type":"subscribe","symbol":"IBM"}"#,
        ]),
        _ => json(&[
            "auth=x|dataset=EQUS.SIP\n",
            "auth=x\n",
            "schema=trades|symbols=AAPL\n",
            "schema=mbp-1|symbols=ALL_SYMBOLS|start=0\n",
            "schema=ohlcv-1m|symbols=IBM\n",
            "start_session=0\n",
            "\n",
        ]),
    };
    prop_oneof![6 => known, 1 => prop::collection::vec(any::<u8>(), 0..40)].boxed()
}

/// Cuts bytes into pieces of these lengths, repeated.
fn cut<'a>(bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let (mut rest, mut pieces) = (bytes, Vec::new());
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*length).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Returns what a session does about the messages.
fn outputs(
    dialect: &Dialect,
    messages: &[Vec<u8>],
    pieces: &[usize],
) -> (Vec<u8>, Vec<Output>, crate::Session) {
    let mut session = testing::session(dialect, Handshake::default(), None);
    session.greet();
    match dialect.transport {
        Transport::Tcp => {
            for piece in cut(&messages.concat(), pieces) {
                session.receive(Incoming::Bytes(piece), Duration::ZERO);
            }
        }
        Transport::WebSocket { .. } => {
            for message in messages {
                let message = match str::from_utf8(message) {
                    Ok(text) => Incoming::Text(text),
                    Err(_) => Incoming::Binary(message),
                };
                session.receive(message, Duration::ZERO);
            }
        }
    }
    let (mut bytes, mut others) = (Vec::new(), Vec::new());
    while let Some(output) = session.poll() {
        match output {
            Output::Send(message) => bytes.extend(message),
            other => others.push(other),
        }
    }
    (bytes, others, session)
}

fn dialect_and_messages() -> impl Strategy<Value = (&'static Dialect, Vec<Vec<u8>>)> {
    select(REGISTRY.to_vec())
        .prop_flat_map(|dialect| (Just(dialect), prop::collection::vec(message(dialect), 0..12)))
}

proptest! {
    #[test]
    fn no_sequence_of_messages_panics_or_depends_on_its_fragments(
        (dialect, messages) in dialect_and_messages(),
        pieces in prop::collection::vec(1_usize..30, 1..5),
    ) {
        let (bytes, others, whole) = outputs(dialect, &messages, &[usize::MAX]);
        let (same_bytes, same_others, pieces) = outputs(dialect, &messages, &pieces);
        prop_assert_eq!(bytes, same_bytes);
        prop_assert_eq!(&others, &same_others);
        let closes = others.iter().filter(|output| matches!(output, Output::Close(_))).count();
        let closed = matches!(others.last(), Some(Output::Close(_)));
        prop_assert!(closes == usize::from(closed), "nothing follows a close: {others:?}");
        let subscribed = others.contains(&Output::Subscribed);
        prop_assert_eq!((whole.is_active(), pieces.is_active()), (subscribed, subscribed));
        // nothing is delivered that was not subscribed to, or before or after the subscription
        for channel in 0..dialect.channels.len() as u8 {
            for name in ["AAPL", "IBM", "XOM"] {
                let symbol = Symbol::new(name).unwrap();
                let selects = whole.selects(channel, symbol);
                prop_assert_eq!(selects, pieces.selects(channel, symbol));
                prop_assert!(!selects || (subscribed && !closed));
                prop_assert!(!selects || named(dialect, &messages, channel, name), "{} {name}", dialect.name);
            }
        }
    }

    #[test]
    fn any_event_is_encoded_and_an_encoder_that_was_reset_is_like_a_new_one(
        envelopes in prop::collection::vec(any_envelope(), 0..20),
    ) {
        for dialect in REGISTRY {
            for wire in dialect.wires {
                let mut encoder = (wire.encoder)(&testing::reference());
                let mut encode = |events: &mut dyn Iterator<Item = Event>, reset: bool| {
                    let mut frames = Frames::default();
                    if reset {
                        encoder.reset();
                    }
                    for (event, seq) in events.zip(0..) {
                        let input = Input { seq: StreamSeq(seq), event: &event, recorded_at: event.timestamp() };
                        encoder.encode(&input, &mut frames);
                    }
                    let bytes = |(frame, bytes): (crate::Frame, &[u8])| (frame.channel, frame.symbol, bytes.to_vec());
                    frames.iter().map(bytes).collect::<Vec<_>>()
                };
                let first = encode(&mut envelopes.iter().map(|envelope| envelope.event), false);
                let second = encode(&mut envelopes.iter().map(|envelope| envelope.event), true);
                prop_assert_eq!(&first, &second);
                for (channel, _, bytes) in first {
                    prop_assert!(dialect.channels[usize::from(channel)].carries);
                    match wire.framing {
                        Framing::Text => {
                            prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
                        }
                        Framing::Binary => prop_assert_eq!(bytes[0], 0x91),
                        Framing::Bytes => prop_assert_eq!(usize::from(bytes[0]) * 4, bytes.len()),
                    }
                }
            }
        }
    }
}

/// Returns true if any message subscribes to a symbol of a channel, or to all symbols of it.
fn named(dialect: &Dialect, messages: &[Vec<u8>], channel: u8, symbol: &str) -> bool {
    let channel = dialect.channels[usize::from(channel)].name;
    let text = messages.iter().map(|message| String::from_utf8_lossy(message).into_owned());
    text.filter(|text| !text.contains("unsubscribe")).any(|text| match dialect.name {
        "massive" => [symbol, "*"].iter().any(|name| {
            text.contains(&format!("\"{channel}.{name}")) || text.contains(&format!(",{channel}.{name}"))
        }),
        "alpaca" => [symbol, "*"].iter().any(|name| text.contains(&format!("\"{channel}\":[\"{name}\"]"))),
        "finnhub" => text.contains(symbol),
        _ => {
            text.contains(&format!("schema={channel}|"))
                && (text.contains(symbol) || text.contains("ALL_SYMBOLS"))
        }
    })
}
