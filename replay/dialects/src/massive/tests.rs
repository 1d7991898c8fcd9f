use super::DIALECT;
use crate::{
    Fault, Handshake, SYMBOLS_MAX,
    testing::{Transcript, encoded, events, events_without_counterpart, symbol, texts, trade},
};
use tradesim_schemas::{Event, Exchange, MarketData, Quantity, Trade};

fn transcript(key: Option<&str>) -> Transcript {
    Transcript::new(&DIALECT, Handshake::default(), key)
}

#[test]
fn each_kind_of_message_is_known() {
    assert_eq!(
        texts(&DIALECT, 0, &events()),
        [
            r#"[{"ev":"Q","sym":"AAPL","bx":12,"bp":178.49,"bs":300,"ax":12,"ap":178.53,"as":200,"c":1,"i":[],"t":1771425000366,"q":299,"z":3}]"#,
            r#"[{"ev":"T","sym":"AAPL","x":12,"i":"300","z":3,"p":178.525,"s":50,"ds":"50","c":[37],"t":1771425000366,"pt":1771425000366,"q":300}]"#,
            r#"[{"ev":"AM","sym":"AAPL","v":70000,"av":50,"op":178.525,"vw":178.5123,"o":178.5,"c":178.525,"h":178.6,"l":178.4,"a":178.525,"z":70000,"s":1771425000000,"e":1771425060000}]"#,
        ]
    );
    assert_eq!(encoded(&DIALECT, 0, &events_without_counterpart()), []);
}

#[test]
fn conditions_and_the_tape_follow_time_size_and_listing() {
    let early = "2026-02-18T14:29:59.999999Z";
    for (time, quantity, name, exchange, expected) in [
        ("2026-02-18T14:30:00Z", 100, "AAPL", Exchange::Arca, r#""x":11,"i":"7","z":3,"#),
        ("2026-02-18T14:30:00Z", 100, "IBM", Exchange::Arca, r#""x":11,"i":"7","z":1,"#),
        ("2026-02-18T14:30:00Z", 100, "XOM", Exchange::Arca, r#""x":11,"i":"7","z":2,"#),
        ("2026-02-18T14:30:00Z", 100, "AAPL", Exchange::Nyse, r#""c":[],"#),
        ("2026-02-18T14:30:00Z", 99, "AAPL", Exchange::Amex, r#""c":[37],"#),
        (early, 100, "AAPL", Exchange::Bats, r#""c":[12],"#),
        (early, 1, "AAPL", Exchange::Bats, r#""c":[12,37],"#),
    ] {
        let trade = Trade {
            timestamp: crate::testing::at(time),
            quantity: Quantity::new(quantity).unwrap(),
            symbol: symbol(name),
            exchange,
            ..trade()
        };
        let text = texts(&DIALECT, 0, &[(7, Event::Trade(trade))]).remove(0);
        assert!(text.contains(expected), "{text}: {expected}");
    }
}

#[test]
fn a_minute_states_the_day_so_far() {
    let minute = crate::testing::minute();
    let early = Trade {
        timestamp: crate::testing::at("2026-02-18T14:29:00Z"),
        price: crate::testing::price("100.00"),
        ..trade()
    };
    let other = Trade { symbol: symbol("IBM"), ..trade() };
    let stream = [
        (0, Event::Trade(early)),
        (1, Event::Trade(other)),
        (2, Event::Trade(trade())),
        (3, Event::Trade(Trade { price: crate::testing::price("179.00"), ..trade() })),
        (4, Event::MarketData(minute)),
    ];
    let text = texts(&DIALECT, 0, &stream).pop().unwrap();
    // 150 shares; the first in the core session; (100 + 178.525 + 179) / 3; 70,000 shares in two executions
    for part in [r#""av":150,"op":178.525,"#, r#""a":152.5083,"z":35000,"#] {
        assert!(text.contains(part), "{text}: {part}");
    }
    // the next day begins from nothing, and a candle before the open has no opening price
    let next = MarketData { timestamp: crate::testing::at("2026-02-19T13:00:00Z"), ..minute };
    let stream = [(4, Event::MarketData(minute)), (5, Event::MarketData(next))];
    let text = texts(&DIALECT, 0, &stream).pop().unwrap();
    assert!(text.contains(r#""av":0,"op":0,"#) && text.contains(r#""a":178.5123,"z":0,"#), "{text}");
}

#[test]
fn a_client_authenticates_and_subscribes() {
    let mut transcript = transcript(Some("KEY"));
    transcript.send(r#"{"action":"auth","params":"KEY"}"#);
    transcript.send(r#"{"action":"subscribe","params":"T.AAPL,Q.*,AM.BRK.B"}"#);
    transcript.send(r#"{"action":"subscribe","params":"LULD.*"}"#);
    transcript.send(r#"{"action":"unsubscribe","params":"Q.*"}"#);
    transcript.check(
        r#"< [{"ev":"status","status":"connected","message":"Connected Successfully"}]
        > {"action":"auth","params":"KEY"}
        < [{"ev":"status","status":"auth_success","message":"authenticated"}]
        > {"action":"subscribe","params":"T.AAPL,Q.*,AM.BRK.B"}
        < [{"ev":"status","status":"success","message":"subscribed to: T.AAPL"}]
        ! Subscribed
        < [{"ev":"status","status":"success","message":"subscribed to: Q.*"}]
        < [{"ev":"status","status":"success","message":"subscribed to: AM.BRK.B"}]
        > {"action":"subscribe","params":"LULD.*"}
        < [{"ev":"status","status":"success","message":"subscribed to: LULD.*"}]
        > {"action":"unsubscribe","params":"Q.*"}
        < [{"ev":"status","status":"success","message":"unsubscribed to: Q.*"}]"#,
    );
    let session = &transcript.session;
    let selected = [(0, "AAPL"), (0, "IBM"), (1, "AAPL"), (2, "BRK.B"), (2, "AAPL")];
    let selected = selected.map(|(channel, name)| session.selects(channel, symbol(name)));
    assert_eq!(selected, [true, false, false, true, false]);
}

#[test]
fn a_star_replaces_what_was_named() {
    let mut transcript = transcript(None);
    for message in [
        r#"{"action":"auth","params":"any"}"#,
        r#"{"action":"subscribe","params":"T.AAPL"}"#,
        r#"{"action":"subscribe","params":"T.*"}"#,
        r#"{"action":"unsubscribe","params":"T.*"}"#,
    ] {
        transcript.send(message);
    }
    assert!(!transcript.session.selects(0, symbol("AAPL")));
}

#[test]
fn what_is_wrong_is_answered() {
    let mut wrong_key = transcript(Some("KEY"));
    wrong_key.send(r#"{"action":"subscribe","params":"T.*"}"#).send(r#"{"action":"auth","params":"KEX"}"#);
    wrong_key.send(r#"{"action":"auth","params":"KEY"}"#);
    wrong_key.check(
        r#"< [{"ev":"status","status":"connected","message":"Connected Successfully"}]
        > {"action":"subscribe","params":"T.*"}
        < [{"ev":"status","status":"error","message":"not authenticated: send the action auth first"}]
        > {"action":"auth","params":"KEX"}
        < [{"ev":"status","status":"auth_failed","message":"authentication failed"}]
        ! Close(Refused)
        > {"action":"auth","params":"KEY"}"#,
    );
    assert!(!wrong_key.session.selects(0, symbol("AAPL")));

    let mut malformed = transcript(None);
    malformed.send(r#"{"action":"auth","params":"any"}"#);
    malformed.send(r#"{"action":"subscribe","params":"X.AAPL,T,T.,T.TOO-LONG-A-SYMBOL,T.IBM"}"#);
    malformed
        .send("{")
        .send("[]")
        .send(r#"{"action":1,"params":"x"}"#)
        .send(r#"{"action":"x","params":"x"}"#);
    malformed.check(
        r#"< [{"ev":"status","status":"connected","message":"Connected Successfully"}]
        > {"action":"auth","params":"any"}
        < [{"ev":"status","status":"auth_success","message":"authenticated"}]
        > {"action":"subscribe","params":"X.AAPL,T,T.,T.TOO-LONG-A-SYMBOL,T.IBM"}
        < [{"ev":"status","status":"error","message":"unknown subscription: X.AAPL"}]
        < [{"ev":"status","status":"error","message":"unknown subscription: T"}]
        < [{"ev":"status","status":"error","message":"unknown subscription: T."}]
        < [{"ev":"status","status":"error","message":"unknown subscription: T.TOO-LONG-A-SYMBOL"}]
        < [{"ev":"status","status":"success","message":"subscribed to: T.IBM"}]
        ! Subscribed
        > {
        < [{"ev":"status","status":"error","message":"invalid message: expected a JSON object"}]
        > []
        < [{"ev":"status","status":"error","message":"invalid message: expected the texts action and params"}]
        > {"action":1,"params":"x"}
        < [{"ev":"status","status":"error","message":"invalid message: expected the texts action and params"}]
        > {"action":"x","params":"x"}
        < [{"ev":"status","status":"error","message":"unknown action: expected auth, subscribe or unsubscribe"}]"#,
    );
}

#[test]
fn who_does_not_authenticate_is_closed_and_who_does_is_not() {
    let mut silent = transcript(None);
    silent.pass(9).pass(10).pass(11);
    silent.check(
        r#"< [{"ev":"status","status":"connected","message":"Connected Successfully"}]
        @ 9 s
        @ 10 s
        < [{"ev":"status","status":"auth_timeout","message":"authentication timed out"}]
        ! Close(Refused)
        @ 11 s"#,
    );
    let mut authenticated = transcript(None);
    authenticated.send(r#"{"action":"auth","params":"any"}"#).pass(3_600);
    assert_eq!(authenticated.session.poll_timeout(), None);
}

#[test]
fn faults_use_the_words_of_the_vendor() {
    let mut refused = transcript(None);
    refused.session.plant(Fault::AuthenticationFails, std::time::Duration::ZERO);
    refused.send(r#"{"action":"auth","params":"any"}"#);
    let mut full = transcript(None);
    full.session.plant(Fault::ConnectionLimit, std::time::Duration::ZERO);
    let mut slow = transcript(None);
    slow.session.plant(Fault::TooSlow, std::time::Duration::ZERO);
    const CONNECTED: &str = r#"< [{"ev":"status","status":"connected","message":"Connected Successfully"}]"#;
    refused.check(&format!(
        r#"{CONNECTED}
        > {{"action":"auth","params":"any"}}
        < [{{"ev":"status","status":"auth_failed","message":"authentication failed"}}]
        ! Close(Refused)"#
    ));
    full.drain().check(&format!(
        r#"{CONNECTED}
        < [{{"ev":"status","status":"max_connections","message":"Maximum number of connections exceeded."}}]
        ! Close(Refused)"#
    ));
    slow.drain().check(&format!(
        r#"{CONNECTED}
        < [{{"ev":"status","status":"slow_consumer","message":"the client reads too slowly"}}]
        ! Close(TooSlow)"#
    ));
}

#[test]
fn the_number_of_named_symbols_is_limited() {
    let mut transcript = transcript(None);
    transcript.send(r#"{"action":"auth","params":"any"}"#);
    let names: Vec<String> = (0..=SYMBOLS_MAX).map(|n| format!("T.{n}")).collect();
    transcript.send(&format!(r#"{{"action":"subscribe","params":"{}"}}"#, names.join(",")));
    assert!(transcript.session.selects(0, symbol(&(SYMBOLS_MAX - 1).to_string())));
    assert!(!transcript.session.selects(0, symbol(&SYMBOLS_MAX.to_string())));
}
