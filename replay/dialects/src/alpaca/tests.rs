use super::DIALECT;
use crate::{
    Fault, Framing, Handshake, Incoming, Output, SYMBOLS_MAX,
    testing::{Transcript, encoded, events, events_without_counterpart, hex, session, symbol, texts},
};

const JSON: usize = 0;
const MSGPACK: usize = 1;

fn transcript(key: Option<&str>) -> Transcript {
    Transcript::new(&DIALECT, Handshake::default(), key)
}

fn with_headers(headers: &[(&str, &str)]) -> Handshake {
    let owned = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Handshake { headers: owned.collect(), ..Handshake::default() }
}

#[test]
fn each_kind_of_message_is_known_as_json() {
    assert_eq!(
        texts(&DIALECT, JSON, &events()),
        [
            r#"[{"T":"q","S":"AAPL","bx":"Q","bp":178.49,"bs":300,"ax":"Q","ap":178.53,"as":200,"c":["R"],"z":"C","t":"2026-02-18T14:30:00.366511Z"}]"#,
            r#"[{"T":"t","S":"AAPL","i":300,"x":"Q","p":178.525,"s":50,"c":["@","I"],"z":"C","t":"2026-02-18T14:30:00.366511Z"}]"#,
            r#"[{"T":"b","S":"AAPL","o":178.5,"h":178.6,"l":178.4,"c":178.525,"v":70000,"t":"2026-02-18T14:30:00Z","n":1,"vw":178.5123}]"#,
            r#"[{"T":"d","S":"AAPL","o":178.5,"h":178.6,"l":178.4,"c":178.525,"v":5000000000,"t":"2026-02-18T09:00:00Z","n":1,"vw":178.5123}]"#,
        ]
    );
    assert_eq!(encoded(&DIALECT, JSON, &events_without_counterpart()), []);
}

/// The expected bytes are those of msgpack-python, but for times of whole seconds, which it writes in 4 bytes.
#[test]
fn each_kind_of_message_is_known_as_msgpack() {
    let found: Vec<String> =
        encoded(&DIALECT, MSGPACK, &events()).iter().map(|(_, bytes)| hex(bytes)).collect();
    assert_eq!(
        found,
        [
            "918ba154a171a153a44141504ca26278a151a26270cb40664fae147ae148a26273cd012ca26178a151a26170cb406650f5c28f5c29a26173ccc8a16391a152a17aa143a174d7ff57620e606995cce8",
            "9189a154a174a153a44141504ca169cd012ca178a151a170cb406650cccccccccda17332a16392a140a149a17aa143a174d7ff57620e606995cce8",
            "918aa154a162a153a44141504ca16fcb4066500000000000a168cb4066533333333333a16ccb40664ccccccccccda163cb406650cccccccccda176ce00011170a174d7ff000000006995cce8a16e01a27677cb40665064c2f837b5",
            "918aa154a164a153a44141504ca16fcb4066500000000000a168cb4066533333333333a16ccb40664ccccccccccda163cb406650cccccccccda176cf000000012a05f200a174d7ff0000000069957f90a16e01a27677cb40665064c2f837b5",
        ]
    );
}

#[test]
fn the_answer_to_a_change_states_the_whole_subscription() {
    let mut transcript = transcript(Some("k:s"));
    transcript.send(r#"{"action":"auth","key":"k","secret":"s"}"#);
    transcript
        .send(r#"{"action":"subscribe","trades":["AAPL"],"quotes":["*"],"bars":null,"statuses":["*"]}"#);
    transcript.send(r#"{"action":"unsubscribe","quotes":["*"],"trades":["AAPL"]}"#);
    transcript.check(
        r#"< [{"T":"success","msg":"connected"}]
        > {"action":"auth","key":"k","secret":"s"}
        < [{"T":"success","msg":"authenticated"}]
        > {"action":"subscribe","trades":["AAPL"],"quotes":["*"],"bars":null,"statuses":["*"]}
        < [{"T":"subscription","trades":["AAPL"],"quotes":["*"],"bars":[],"updatedBars":[],"dailyBars":[],"statuses":["*"],"lulds":[],"corrections":["AAPL"],"cancelErrors":["AAPL"],"imbalances":[]}]
        ! Subscribed
        > {"action":"unsubscribe","quotes":["*"],"trades":["AAPL"]}
        < [{"T":"subscription","trades":[],"quotes":[],"bars":[],"updatedBars":[],"dailyBars":[],"statuses":["*"],"lulds":[],"corrections":[],"cancelErrors":[],"imbalances":[]}]"#,
    );
    assert!(!transcript.session.selects(super::QUOTES, symbol("AAPL")));
}

#[test]
fn the_header_of_the_handshake_chooses_the_encoding() {
    for (value, framing) in [
        ("application/msgpack", Framing::Binary),
        ("Application/MsgPack; v=1", Framing::Binary),
        ("application/json", Framing::Text),
    ] {
        let handshake = with_headers(&[("content-type", value)]);
        assert_eq!(session(&DIALECT, handshake, None).framing(), framing, "{value}");
    }
    let mut transcript =
        Transcript::new(&DIALECT, with_headers(&[("content-type", "application/msgpack")]), None);
    // {"action":"auth","key":"k","secret":"s"}, then {"action":"subscribe","trades":["AAPL"],"bars":["*"]}
    let auth = b"\x83\xa6action\xa4auth\xa3key\xa1k\xa6secret\xa1s";
    let subscribe = b"\x83\xa6action\xa9subscribe\xa6trades\x91\xa4AAPL\xa4bars\x91\xa1*";
    transcript.send_binary(auth).send_binary(subscribe).send_binary(b"\xc1");
    transcript.check(&format!(
        "< 9182a154a773756363657373a36d7367a9636f6e6e6563746564
        > {}
        < 9182a154a773756363657373a36d7367ad61757468656e74696361746564
        > {}
        < {}
        ! Subscribed
        > c1
        < 9183a154a56572726f72a4636f6465cd0190a36d7367ae696e76616c69642073796e746178",
        hex(auth),
        hex(subscribe),
        hex(
            b"\x91\x8b\xa1T\xacsubscription\xa6trades\x91\xa4AAPL\xa6quotes\x90\xa4bars\x91\xa1*\xabupdatedBars\x90\xa9dailyBars\x90\xa8statuses\x90\xa5lulds\x90\xabcorrections\x91\xa4AAPL\xaccancelErrors\x91\xa4AAPL\xaaimbalances\x90"
        ),
    ));
    assert!(transcript.session.selects(super::BARS, symbol("IBM")));
}

/// The bytes are those of alpaca-trade-api-go 3.9.1: all channels of all its feeds, in any order, those that are not wanted null.
#[test]
fn channels_of_other_feeds_may_be_named_without_symbols() {
    let subscribe = b"\x8c\xa6action\xa9subscribe\xa4bars\xc0\xa9dailyBars\xc0\xaaimbalances\xc0\xa5lulds\xc0\xa4news\xc0\xaaorderbooks\xc0\xa7pricing\xc0\xa6quotes\xc0\xa8statuses\xc0\xa6trades\x91\xa4AAPL\xabupdatedBars\xc0";
    let handshake = with_headers(&[("content-type", "application/msgpack")]);
    let mut session = session(&DIALECT, handshake, None);
    session.receive(
        Incoming::Binary(b"\x83\xa6action\xa4auth\xa3key\xa1k\xa6secret\xa1s"),
        std::time::Duration::ZERO,
    );
    session.receive(Incoming::Binary(subscribe), std::time::Duration::ZERO);
    assert!(session.selects(super::TRADES, symbol("AAPL")));
    assert!(!session.selects(super::QUOTES, symbol("AAPL")));

    let mut transcript = transcript(None);
    transcript.send(r#"{"action":"auth","key":"k","secret":"s"}"#);
    transcript.send(r#"{"action":"subscribe","trades":["IBM"],"news":[],"orderbooks":null}"#);
    transcript.send(r#"{"action":"subscribe","orderbooks":["IBM"]}"#);
    transcript.send(r#"{"action":"subscribe","news":"*"}"#);
    transcript.check(
        r#"< [{"T":"success","msg":"connected"}]
        > {"action":"auth","key":"k","secret":"s"}
        < [{"T":"success","msg":"authenticated"}]
        > {"action":"subscribe","trades":["IBM"],"news":[],"orderbooks":null}
        < [{"T":"subscription","trades":["IBM"],"quotes":[],"bars":[],"updatedBars":[],"dailyBars":[],"statuses":[],"lulds":[],"corrections":["IBM"],"cancelErrors":["IBM"],"imbalances":[]}]
        ! Subscribed
        > {"action":"subscribe","orderbooks":["IBM"]}
        < [{"T":"error","code":410,"msg":"invalid subscribe action for this feed"}]
        > {"action":"subscribe","news":"*"}
        < [{"T":"error","code":410,"msg":"invalid subscribe action for this feed"}]"#,
    );
}

#[test]
fn json_is_accepted_in_binary_messages() {
    let mut session = session(&DIALECT, Handshake::default(), None);
    session
        .receive(Incoming::Binary(br#"{"action":"auth","key":"k","secret":"s"}"#), std::time::Duration::ZERO);
    assert_eq!(session.poll(), Some(Output::Send(br#"[{"T":"success","msg":"authenticated"}]"#.to_vec())));
}

#[test]
fn headers_can_authenticate() {
    let headers = [("apca-api-key-id", "k"), ("apca-api-secret-key", "s")];
    Transcript::new(&DIALECT, with_headers(&headers), Some("k:s")).check(
        r#"< [{"T":"success","msg":"connected"}]
        < [{"T":"success","msg":"authenticated"}]"#,
    );
    Transcript::new(&DIALECT, with_headers(&headers), Some("k:t")).check(
        r#"< [{"T":"success","msg":"connected"}]
        < [{"T":"error","code":402,"msg":"auth failed"}]
        ! Close(Refused)"#,
    );
}

#[test]
fn errors_have_the_codes_of_the_vendor() {
    let mut transcript = transcript(Some("k:s"));
    for message in [
        r#"{"action":"subscribe","trades":["*"]}"#,
        "[1]",
        r#"{"action":"auth","key":"k"}"#,
        r#"{"action":"auth","key":"k","secret":"s"}"#,
        r#"{"action":"auth","key":"k","secret":"s"}"#,
        r#"{"action":"subscribe","trades":["IBM"],"news":["*"]}"#,
        r#"{"action":"subscribe","trades":[1]}"#,
        r#"{"action":"subscribe","trades":"IBM"}"#,
        r#"{"action":"listen"}"#,
    ] {
        transcript.send(message);
    }
    assert!(!transcript.session.selects(super::TRADES, symbol("IBM")), "a refused list changes nothing");
    transcript.check(
        r#"< [{"T":"success","msg":"connected"}]
        > {"action":"subscribe","trades":["*"]}
        < [{"T":"error","code":401,"msg":"not authenticated"}]
        > [1]
        < [{"T":"error","code":400,"msg":"invalid syntax"}]
        > {"action":"auth","key":"k"}
        < [{"T":"error","code":400,"msg":"invalid syntax"}]
        > {"action":"auth","key":"k","secret":"s"}
        < [{"T":"success","msg":"authenticated"}]
        > {"action":"auth","key":"k","secret":"s"}
        < [{"T":"error","code":403,"msg":"already authenticated"}]
        > {"action":"subscribe","trades":["IBM"],"news":["*"]}
        < [{"T":"error","code":410,"msg":"invalid subscribe action for this feed"}]
        > {"action":"subscribe","trades":[1]}
        < [{"T":"error","code":400,"msg":"invalid syntax"}]
        > {"action":"subscribe","trades":"IBM"}
        < [{"T":"error","code":400,"msg":"invalid syntax"}]
        > {"action":"listen"}
        < [{"T":"error","code":400,"msg":"invalid syntax"}]"#,
    );
}

#[test]
fn limits_and_faults_have_their_codes() {
    let mut silent = transcript(None);
    silent.pass(10);
    silent.check(
        r#"< [{"T":"success","msg":"connected"}]
        @ 10 s
        < [{"T":"error","code":404,"msg":"auth timeout"}]
        ! Close(Refused)"#,
    );
    let mut wrong = transcript(Some("k:s"));
    wrong.send(r#"{"action":"auth","key":"k","secret":"t"}"#);
    wrong.check(
        r#"< [{"T":"success","msg":"connected"}]
        > {"action":"auth","key":"k","secret":"t"}
        < [{"T":"error","code":402,"msg":"auth failed"}]
        ! Close(Refused)"#,
    );
    let mut many = transcript(None);
    many.send(r#"{"action":"auth","key":"k","secret":"s"}"#);
    let names: Vec<String> = (0..=SYMBOLS_MAX).map(|n| format!("\"{n}\"")).collect();
    let list = format!(r#"{{"action":"subscribe","trades":[{}]}}"#, names.join(","));
    many.session.receive(Incoming::Text(&list), std::time::Duration::ZERO);
    assert_eq!(
        many.session.poll(),
        Some(Output::Send(br#"[{"T":"error","code":405,"msg":"symbol limit exceeded"}]"#.to_vec()))
    );
    for (fault, code, text, reason) in [
        (Fault::ConnectionLimit, 406, "connection limit exceeded", "Refused"),
        (Fault::TooSlow, 407, "slow client", "TooSlow"),
    ] {
        let mut planted = transcript(None);
        planted.session.plant(fault, std::time::Duration::ZERO);
        planted.drain().check(&format!(
            r#"< [{{"T":"success","msg":"connected"}}]
            < [{{"T":"error","code":{code},"msg":"{text}"}}]
            ! Close({reason})"#
        ));
    }
}
