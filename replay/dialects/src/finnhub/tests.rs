use super::DIALECT;
use crate::{
    Handshake,
    testing::{Transcript, encoded, events, events_without_counterpart, symbol, texts},
};

fn transcript(query: &str, key: Option<&str>) -> Transcript {
    Transcript::new(&DIALECT, Handshake { query: query.to_owned(), ..Handshake::default() }, key)
}

#[test]
fn a_print_is_the_only_message() {
    let expected =
        [r#"{"data":[{"c":["1"],"p":178.525,"s":"AAPL","t":1771425000366,"v":50}],"type":"trade"}"#];
    assert_eq!(texts(&DIALECT, 0, &events()), expected);
    assert_eq!(encoded(&DIALECT, 0, &events_without_counterpart()), []);
}

#[test]
fn a_client_subscribes_by_symbol() {
    let mut transcript = transcript("token=KEY", Some("KEY"));
    transcript.send(r#"{"type":"subscribe","symbol":"AAPL"}"#).send(r#"{"type":"subscribe","symbol":"IBM"}"#);
    transcript.send(r#"{"type":"unsubscribe","symbol":"IBM"}"#);
    assert_eq!(["AAPL", "IBM"].map(|name| transcript.session.selects(0, symbol(name))), [true, false]);
    transcript.send(r#"{"type":"subscribe","symbol":""}"#).send(r#"{"type":"dance"}"#).send("x");
    transcript.pass(59).pass(60).pass(61).pass(120);
    transcript.check(
        r#"> {"type":"subscribe","symbol":"AAPL"}
        ! Subscribed
        > {"type":"subscribe","symbol":"IBM"}
        > {"type":"unsubscribe","symbol":"IBM"}
        > {"type":"subscribe","symbol":""}
        < {"type":"error","msg":"Invalid symbol"}
        > {"type":"dance"}
        < {"type":"error","msg":"Unknown message type"}
        > x
        < {"type":"error","msg":"Invalid message"}
        @ 59 s
        @ 60 s
        < {"type":"ping"}
        @ 61 s
        @ 120 s
        < {"type":"ping"}"#,
    );
}

#[test]
fn a_key_is_in_the_query_or_in_a_header() {
    let mut wrong = transcript("token=KEX", Some("KEY"));
    wrong.send(r#"{"type":"subscribe","symbol":"AAPL"}"#);
    wrong.check(
        r#"< {"type":"error","msg":"Invalid API key"}
        ! Close(Refused)
        > {"type":"subscribe","symbol":"AAPL"}"#,
    );
    assert!(!wrong.session.selects(0, symbol("AAPL")));
    transcript("a=1&token=%4bE%59", Some("KEY")).check("");
    transcript("token=a%2Bb%26%3D", Some("a+b&=")).check("");
    let headers = vec![("x-finnhub-token".to_owned(), "KEY".to_owned())];
    Transcript::new(&DIALECT, Handshake { headers, ..Handshake::default() }, Some("KEY")).check("");
}
