//! Transcripts of sessions, errors of files, and laws.

use proptest::prelude::*;

use tradesim_dialects::{Incoming, ScriptOutput, ScriptSession, script::ELEMENTS_MAX};

use super::*;

const BINANCE: &str = include_str!("../../../../examples/pass-through/binance.toml");
const MASSIVE: &str = include_str!("../../../../examples/pass-through/massive.toml");

fn of(text: &str) -> Result<Script, ClientScriptError> {
    parse("client.toml".into(), text)
}

/// A session, and everything it wants as texts.
struct Talk(ScriptSession);

impl Talk {
    fn begin(script: &str) -> (Talk, Vec<String>) {
        let script = of(script).unwrap_or_else(|error| panic!("{error}"));
        let mut session = ScriptSession::new(script.into());
        session.greet(7);
        let mut talk = Talk(session);
        let greeting = talk.outputs();
        (talk, greeting)
    }

    fn outputs(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.poll())
            .map(|output| match output {
                ScriptOutput::Text(text) => text,
                ScriptOutput::Binary(bytes) => format!("{bytes:02x?}"),
                ScriptOutput::Start => "START".to_owned(),
                ScriptOutput::Close => "CLOSE".to_owned(),
            })
            .collect()
    }

    fn say(&mut self, text: &str) -> Vec<String> {
        self.0.receive(Incoming::Text(text), 1_764_500_000_123);
        self.outputs()
    }

    fn say_binary(&mut self, bytes: &[u8]) -> Vec<String> {
        self.0.receive(Incoming::Binary(bytes), 0);
        self.outputs()
    }
}

#[test]
fn an_empty_script_starts_at_once_and_ignores_everything() {
    let (mut talk, greeting) = Talk::begin("");
    assert_eq!(greeting, ["START"]);
    assert!(talk.0.is_open() && talk.0.poll_timeout().is_none());
    assert!(talk.say("anything").is_empty() && talk.say_binary(&[0xff]).is_empty());
    let script = Script::default();
    assert!(script.answers("/") && script.answers("/any/path") && script.plays_all());
    assert!(!script.leaves_out(b"{}") && script.subprotocol.is_none());
}

#[test]
fn the_script_for_binance_wants_a_subscription_and_answers_pings() {
    let (mut talk, greeting) = Talk::begin(BINANCE);
    assert!(greeting.is_empty() && !talk.0.is_open());
    assert_eq!(talk.0.poll_timeout(), Some(Duration::from_secs(10)));
    // in any layout, and with any kind of id
    assert_eq!(
        talk.say(r#"{"method":"SUBSCRIBE"}"#),
        [r#"{"error":{"code":2,"msg":"Invalid request"},"id":null}"#]
    );
    assert_eq!(
        talk.say(r#"{"id": "a\"b", "method": "ping"}"#),
        [r#"{"id":"a\"b","status":200,"result":{},"time":1764500000123}"#]
    );
    assert!(talk.say("no json").is_empty() && !talk.0.is_open());
    let subscribe = r#"{ "method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 18446744073709551615 }"#;
    assert_eq!(talk.say(subscribe), [r#"{"result":null,"id":18446744073709551615}"#, "START"]);
    assert!(talk.0.is_open() && talk.0.poll_timeout().is_none());
    // a second one is answered, and starts nothing
    assert_eq!(talk.say_binary(subscribe.as_bytes()).len(), 1, "JSON in a binary message is read, too");
    let script = talk.0.script();
    assert!(script.answers("/ws") && !script.answers("/ws/x") && !script.answers("/"));
    assert!(script.leaves_out(br#"{"result":null,"id":1}"#));
    assert!(!script.leaves_out(br#"{"e":"trade"}"#) && !script.leaves_out(&[0xff, b'{']));
}

#[test]
fn the_script_for_massive_answers_each_subscription_after_the_authentication() {
    let (mut talk, greeting) = Talk::begin(MASSIVE);
    assert_eq!(greeting.len(), 1);
    let subscribe = r#"{"action":"subscribe","params":"T.*, Q.\"X\""}"#;
    assert!(talk.say(subscribe)[0].contains("not authenticated"));
    assert!(talk.say(r#"{"action":"auth","params":"key"}"#)[0].contains("auth_success"));
    assert_eq!(
        talk.say(subscribe),
        [
            r#"[{"ev":"status","status":"success","message":"subscribed to: T.*"}]"#,
            r#"[{"ev":"status","status":"success","message":"subscribed to: Q.\"X\""}]"#,
            "START"
        ]
    );
}

#[test]
fn texts_bytes_and_json_are_matched_as_stated() {
    let (mut talk, greeting) = Talk::begin(
        r#"
        subprotocol = "vendor.v2"
        greeting = ["hello $${name} at ${unix_ms}", { hex = "00fF" }]
        [[reply]]
        text = "login *:*"
        send = "welcome ${1}"
        [[reply]]
        hex = "82a6*"
        send = { hex = "c0" }
        [[reply]]
        hex = "01"
        send = "one"
        [[reply]]
        json = { "/a/0/b" = true, n = 0x10, "c~d/e" = "x*", here = "*" }
        send = '${/a} ${a} ${text here} ${c~d/e}'
        [[reply]]
        json = { bye = "*" }
        send = "bye"
        close = true
        [[reply]]
        json = { nothing = 1 }
        [[reply]]
        send = "?"
        "#,
    );
    assert_eq!(greeting, ["hello ${name} at 7", "[00, ff]", "START"]);
    assert_eq!(talk.0.script().subprotocol.as_deref(), Some("vendor.v2"));
    assert_eq!(talk.say("login me:pass:word"), ["welcome me"]);
    assert_eq!(talk.say_binary(&[0x82, 0xa6, 0xff]), ["[c0]"]);
    assert_eq!(talk.say_binary(&[1]), ["one"]);
    assert_eq!(talk.say_binary(&[1, 1]), ["?"]);
    let json = r#"{"a":[{"b":true}],"n":16,"c~d/e":"xy","here":{"k":[1.5]}}"#;
    assert_eq!(talk.say(json), [r#"[{"b":true}] [{"b":true}] {"k":[1.5]} "xy""#]);
    for other in [
        json.replace("true", "false"),
        json.replace("16", "16.5"),
        json.replace("xy", "y"),
        json.replace("here", "her"),
    ] {
        assert_eq!(talk.say(&other), ["?"], "{other}");
    }
    assert!(
        talk.say(r#"{"nothing":1}"#).is_empty(),
        "a rule without an answer takes messages from later ones"
    );
    assert_eq!(talk.say(r#"{"bye":null}"#), ["bye", "CLOSE"]);
    assert!(talk.say(json).is_empty() && !talk.0.is_open(), "nothing follows a close");
}

#[test]
fn heartbeats_come_at_intervals_and_a_late_handshake_closes() {
    let (mut talk, _) = Talk::begin(
        "handshake_within = '5s'\n[heartbeat]\nevery = '2s'\nsend = '${unix_ms}'\n[[reply]]\ntext = 'go'\nstart = true",
    );
    let at = Duration::from_secs;
    assert_eq!(talk.0.poll_timeout(), Some(at(2)));
    talk.0.handle_timeout(at(1), 1);
    assert!(talk.outputs().is_empty());
    // late by two of them: one is sent
    talk.0.handle_timeout(at(4), 4);
    assert_eq!(talk.outputs(), ["4"]);
    assert_eq!(talk.0.poll_timeout(), Some(at(5)), "the handshake comes before the next heartbeat");
    talk.0.handle_timeout(at(5), 5);
    assert_eq!(talk.outputs(), ["CLOSE"]);
    assert_eq!(talk.0.poll_timeout(), None);
    assert!(talk.say("go").is_empty());
}

#[test]
fn an_answer_has_a_limit() {
    let script = "[[reply]]\njson = { ids = '*' }\neach = 'ids'\nsend = '${ids}${each}'\nstart = true";
    let (mut talk, _) = Talk::begin(script);
    assert_eq!(talk.say(r#"{"ids":[1,[2]]}"#), ["[1,[2]]1", "[1,[2]][2]", "START"]);
    assert!(talk.say(r#"{"ids":3}"#).is_empty(), "a number has no elements");
    let many = format!(r#"{{"ids":[{}]}}"#, vec!["0"; ELEMENTS_MAX + 1].join(","));
    assert_eq!(talk.say(&many), ["CLOSE"]);
    // each answer is as long as the message
    let (mut talk, _) = Talk::begin(script);
    let outputs = talk.say(&format!(r#"{{"ids":[{}]}}"#, vec!["0"; ELEMENTS_MAX].join(",")));
    assert_eq!(outputs.last().unwrap(), "CLOSE");
    assert!(outputs.iter().map(String::len).sum::<usize>() <= ANSWER_BYTES_MAX + 5);
    assert!(!outputs.contains(&"START".to_owned()));
    // messages without a byte
    let (mut talk, _) = Talk::begin(&format!(
        "[[reply]]\njson = {{ ids = '*' }}\neach = 'ids'\nsend = [{}]",
        "'', ".repeat(ENTRIES_MAX)
    ));
    let outputs = talk.say(&format!(r#"{{"ids":[{}]}}"#, vec!["0"; ELEMENTS_MAX].join(",")));
    assert_eq!(
        (outputs.last().unwrap().as_str(), outputs.len()),
        ("CLOSE", 1 + ANSWER_BYTES_MAX / FRAME_BYTES)
    );
}

#[test]
fn the_limit_of_an_answer_counts_its_frames() {
    let greeting = |lengths: &[usize]| {
        let messages: Vec<String> = lengths.iter().map(|len| format!("'{}'", "x".repeat(*len))).collect();
        of(&format!("greeting = [{}]", messages.join(",")))
    };
    for (first, second) in [(ANSWER_BYTES_MAX - FRAME_BYTES, None), (1_000, Some(ANSWER_BYTES_MAX - 1_020))] {
        let lengths = |more| [first + more].into_iter().chain(second).collect::<Vec<_>>();
        assert!(greeting(&lengths(0)).is_ok());
        let Err(ClientScriptError::Invalid { what, .. }) = greeting(&lengths(1)) else {
            panic!("it is too long")
        };
        assert_eq!(what, "longer than 131072 bytes, counting 10 for the frame of each message");
    }
}

#[test]
fn errors_have_line_and_column() {
    let long = format!("path = '{}'", "x".repeat(BYTES_MAX));
    let list = format!("leave_out = [{}]", "'a', ".repeat(ENTRIES_MAX + 1));
    let big = format!("\ngreeting = ['{}']", "x".repeat(ANSWER_BYTES_MAX + 1));
    for (text, place, what) in [
        ("path = ", (1, 8), "string"),
        ("\n  replys = 1", (2, 3), "unknown key \"replys\": did you mean reply?"),
        ("reply = 1", (1, 9), "expected [[reply]]"),
        ("path = 3", (1, 8), "expected a text"),
        ("leave_out = ['a', 'b\\']", (1, 19), "backslash"),
        ("subprotocol = 'a b'", (1, 15), "expected a subprotocol"),
        ("handshake_within = 'soon'", (1, 20), "duration"),
        ("handshake_within = '1ms'", (1, 20), "10ms to 24h"),
        ("handshake_within = '10s'", (1, 20), "no [[reply]] has `start = true`"),
        ("[heartbeat]\nevery = '1s'", (1, 1), "a heartbeat needs `every` and `send`"),
        ("[heartbeat]\nevery = '1s'\nsend = '${id}'", (3, 8), "needs the key `json`"),
        ("[[reply]]\nsend = 1", (2, 8), "expected a text, or { hex"),
        ("[[reply]]\nsend = { hex = '0g' }", (2, 16), "hexadecimal"),
        ("[[reply]]\nhex = '000*'", (2, 7), "pairs of hexadecimal digits"),
        ("[[reply]]\ntext = 'a'\nhex = '00'", (3, 7), "only one of"),
        ("[[reply]]\ntext = 'a*'\nsend = '${1}${2}'", (3, 8), "that many stars"),
        ("[[reply]]\ntext = 'a'\nsend = '${0'", (3, 8), "a placeholder without }"),
        ("[[reply]]\ntext = 'a'\neach = 'b'", (3, 8), "`each` needs the key `json`"),
        ("[[reply]]\njson = { a = 1 }\nsend = '${each}'", (3, 8), "needs the key `each`"),
        ("[[reply]]\njson = { a = 1 }\nsend = '${}'", (3, 8), "expected a key"),
        ("[[reply]]\njson = { \"ä\" = 1, b = 1.5 }", (2, 23), "an integer, true or false"),
        ("[[reply]]\njson = { a = 99999999999999999999 }", (2, 14), "too large"),
        ("[[reply]]\nafter = 'login'", (2, 9), "no [[reply]] has the name \"login\""),
        ("[[reply]]\nstart = true\nclose = true", (3, 9), "both `start` and `close`"),
        ("[[reply]]\nstart = 'yes'", (2, 9), "true or false"),
        (&long, (1, 1), "at most 262144 bytes"),
        (&list, (1, 1294), "at most 256 entries"),
        (&big, (2, 12), "longer than 131072 bytes, counting 10 for the frame of each message"),
    ] {
        let shown = &text[..text.len().min(60)];
        let ClientScriptError::Invalid { line, column, what: found, .. } = of(text).unwrap_err() else {
            panic!("{shown}");
        };
        assert!(found.contains(what), "{shown}: {found}");
        assert_eq!((line, column), place, "{shown}: {found}");
    }
}

/// Returns messages of a client, many of which a script knows.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        r#"{"method":"SUBSCRIBE","params":["a"],"id":1}"#,
        r#"{"method":"ping"}"#,
        r#"{"action":"auth"}"#,
        r#"{"action":"subscribe","params":"T.*,Q.*"}"#,
        r#"{"action":"subscribe","params":["T.*",7]}"#,
        "[[[[",
    ]);
    prop_oneof![known.prop_map(|text| text.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 0..40)]
}

proptest! {
    #[test]
    fn no_client_gets_in_without_the_handshake(
        massive in any::<bool>(),
        said in prop::collection::vec((messages(), any::<bool>()), 0..12),
    ) {
        let (mut talk, _) = Talk::begin(if massive { MASSIVE } else { BINANCE });
        let (mut authenticated, mut expected, mut started) = (false, false, 0);
        for (message, as_text) in &said {
            let outputs = match std::str::from_utf8(message) {
                Ok(text) if *as_text => talk.say(text),
                _ => talk.say_binary(message),
            };
            started += outputs.iter().filter(|output| *output == "START").count();
            expected |= match message.as_slice() {
                br#"{"method":"SUBSCRIBE","params":["a"],"id":1}"# => !massive,
                message if message.starts_with(br#"{"action":"subscribe""#) => massive && authenticated,
                _ => false,
            };
            authenticated |= message == br#"{"action":"auth"}"#;
            prop_assert_eq!(talk.0.is_open(), expected);
        }
        prop_assert_eq!(started, usize::from(expected));
    }

    #[test]
    fn any_text_is_a_script_or_an_error_with_a_place(text in "[a-z\\[\\]{}='\"$*\\n ]{0,80}") {
        if let Err(ClientScriptError::Invalid { line, column, .. }) = of(&text) {
            prop_assert!(line >= 1 && column >= 1 && line <= text.lines().count() + 1);
        }
    }
}
