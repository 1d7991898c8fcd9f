//! Captures of any feed, played to clients of that feed.

use serde_json::Value;
use tungstenite::{
    Message,
    protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    },
};

use super::speaker::Speaker;
use crate::support::{
    Folder,
    feed::{Server, Socket},
    listening::Listening,
    send_signal, wait_until,
};

const BINANCE: &str = include_str!("../../../examples/pass-through/binance.toml");
const SUBSCRIBE: &str = r#"{"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 5}"#;
const ACKNOWLEDGED: &str = r#"{"result":null,"id":5}"#;

/// Messages of a feed, each with true if it is binary.
fn of_the_feed() -> Vec<(bool, Vec<u8>)> {
    let mut messages = vec![
        (false, br#"{"result":null,"id":1}"#.to_vec()),
        (false, br#"{"e":"trade","p":"1.5"}"#.to_vec()),
        // valid UTF-8, and binary all the same
        (true, br#"{"e":"sbe"}"#.to_vec()),
        (true, vec![0xff, 0, 0x80]),
        (true, Vec::new()),
        (false, Vec::new()),
        (false, vec![b'x'; 70_000]),
    ];
    messages.extend((0..200).map(|n| (n % 3 == 0, format!(r#"{{"e":"trade","t":{n}}}"#).into_bytes())));
    messages
}

/// Captures a feed that wants a subscription.
fn captured(folder: &Folder) {
    let server = Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        let subscribed = socket.socket.read().unwrap();
        assert_eq!(subscribed.into_text().unwrap().as_str(), "SUBSCRIBE");
        for (is_binary, bytes) in of_the_feed() {
            match is_binary {
                true => socket.send_binary(&bytes),
                false => socket.send(std::str::from_utf8(&bytes).unwrap()),
            }
        }
        socket.close(1000, "");
    });
    folder.ok(&["capture", &server.url(), "--send", "SUBSCRIBE", "-o", "feed.parquet"]);
}

/// Starts a replay of the capture with this client script.
fn scripted(folder: &Folder, script: &str, args: &[&str]) -> Listening {
    folder.write("client.toml", script);
    Listening::replay(folder, &[&["feed.parquet", "--client-script", "client.toml"], args].concat())
}

fn state(server: &Listening) -> String {
    let url = format!("{}/status", server.url.replace("ws://", "http://"));
    let mut answer = ureq::Agent::config_builder().proxy(None).build().new_agent().get(&url).call().unwrap();
    let status: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    status["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_client_on_any_path_receives_every_frame_with_its_opcode_whatever_it_sends() {
    let folder = Folder::new();
    captured(&folder);
    // the paths of dialects and of our own protocol are like any other, and queries are the vendor's
    for path in
        ["/ws/btcusdt@trade?from_seq=99&symbols=X", "/", "/stocks", "/v2/sip", "/control/pause", "/metrics"]
    {
        let server =
            Listening::replay(&folder, &["feed.parquet", "--pass-through", "--start-paused", "--json"]);
        let mut speaker = Speaker::connect(&format!("{}{path}", server.url));
        speaker.send("anything");
        speaker.send(r#"{"action":"subscribe","symbols":["NONE"]}"#);
        speaker.send_message(Message::binary(vec![0xff, 0]));
        speaker.is_read();
        wait_until("the client counts", || state(&server) == "paused");
        folder.ok(&["control", &server.url, "resume"]);
        let (messages, code) = speaker.rest_of_any_kind();
        assert!(messages == of_the_feed(), "{path}: other messages: {}", messages.len());
        assert_eq!(code, Some(1000), "{path}");
        let run = server.end();
        assert_eq!(run.code, 0, "{}", run.stderr);
        let report = run.json();
        assert_eq!(report["clients"][0]["sent"], of_the_feed().len());
        assert_eq!(report["clients"][0]["delivered"], true);
        assert!(run.stderr.contains("pass-through: any path"), "{}", run.stderr);
    }
}

#[test]
fn our_own_clients_and_named_dialects_keep_their_paths() {
    let folder = Folder::new();
    captured(&folder);
    let server = Listening::replay(
        &folder,
        &["feed.parquet", "--pass-through", "--dialects", "massive", "--wait-clients", "2"],
    );
    // a client of the subprotocol knows the run and resumes
    let own = {
        let (url, folder) = (server.url.clone(), Folder::new());
        std::thread::spawn(move || folder.ok(&["tail", &url, "--digest"]))
    };
    let mut speaker = Speaker::connect(&format!("{}/stocks", server.url));
    assert!(speaker.next().contains("Connected Successfully"), "the dialect greets");
    let other = Speaker::connect(&format!("{}/elsewhere", server.url));
    assert_eq!(other.rest_of_any_kind().0, of_the_feed());
    let digest = crate::support::digest(&folder, "feed.parquet");
    assert_eq!(own.join().unwrap().trim(), digest);
    drop(speaker);
    assert_eq!(server.end().code, 0);
}

#[test]
fn nothing_is_played_before_the_handshake_is_complete() {
    let folder = Folder::new();
    captured(&folder);
    let server = scripted(&folder, BINANCE, &["--json"]);
    let mut speaker = Speaker::connect(&format!("{}/stream?streams=btcusdt@trade", server.url));
    assert_eq!(speaker.silence(), None);
    for (message, answer) in [
        (r#"{"id":9,"method":"ping"}"#, r#"{"id":9,"status":200,"#),
        (
            r#"{"id":3,"method":"SUBSCRIBE","params":[]}"#,
            r#"{"error":{"code":2,"msg":"Invalid request"},"id":3}"#,
        ),
    ] {
        speaker.send(message);
        let received = speaker.next();
        assert!(received.starts_with(answer), "{received}");
    }
    speaker.send("SUBSCRIBE");
    speaker.send_message(Message::binary(vec![0xff]));
    assert_eq!(speaker.silence(), None);
    assert_eq!(state(&server), "waiting", "the client does not count");
    speaker.send(SUBSCRIBE);
    assert_eq!(speaker.next(), ACKNOWLEDGED);
    let (messages, code) = speaker.rest_of_any_kind();
    // the acknowledgement of the recording is left out
    assert!(messages[..] == of_the_feed()[1..], "other messages: {}", messages.len());
    assert_eq!(code, Some(1000));
    let run = server.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("client.toml with 4 replies, clients start after the handshake"),
        "{}",
        run.stderr
    );
    let report = run.json();
    assert_eq!(report["sent"], of_the_feed().len(), "messages of the stream");
    assert_eq!(report["clients"][0]["sent"], of_the_feed().len() - 1);
}

#[test]
fn a_handshake_may_be_fragmented_and_has_limits() {
    let folder = Folder::new();
    captured(&folder);
    let frame = |text: &str, data, is_final| {
        Message::Frame(Frame::message(text.as_bytes().to_vec(), OpCode::Data(data), is_final))
    };
    let server = scripted(&folder, BINANCE, &["--wait-clients", "2"]);
    let url = format!("{}/ws", server.url);
    // too long in one frame, and in several
    let long = "x".repeat(64 * 1024);
    let mut speaker = Speaker::connect(&url);
    speaker.send(&format!("{long}y"));
    assert_eq!(speaker.rest_of_any_kind(), (vec![], Some(1009)));
    let mut speaker = Speaker::connect(&url);
    speaker.send_message(frame(&long, Data::Text, false));
    speaker.send_message(frame("y", Data::Continue, true));
    assert_eq!(speaker.rest_of_any_kind(), (vec![], Some(1009)));
    // the longest that is allowed is read: it is no JSON, and ignored
    let mut speaker = Speaker::connect(&url);
    speaker.send(&long);
    speaker.send_message(frame(&SUBSCRIBE[..9], Data::Text, false));
    speaker.send_message(frame(&SUBSCRIBE[9..40], Data::Continue, false));
    speaker.send_message(frame("", Data::Continue, false));
    speaker.send_message(frame(&SUBSCRIBE[40..], Data::Continue, true));
    assert_eq!(speaker.next(), ACKNOWLEDGED);
    assert_eq!(state(&server), "waiting");
    // as a client that sends JSON in binary messages
    let mut other = Speaker::connect(&url);
    other.send_message(Message::binary(SUBSCRIBE));
    assert_eq!(other.next(), ACKNOWLEDGED);
    for speaker in [speaker, other] {
        assert!(speaker.rest_of_any_kind() == (of_the_feed()[1..].to_vec(), Some(1000)), "other messages");
    }
    assert_eq!(server.end().code, 0);
}

#[test]
fn a_client_is_refused_as_the_script_says() {
    let folder = Folder::new();
    captured(&folder);
    let script = r#"
        path = "/feed"
        subprotocol = "vendor.v2"
        [[reply]]
        text = "wrong *"
        send = ["no ${1}", { hex = "00" }]
        close = true
        [[reply]]
        json = { all = "*" }
        each = "all"
        send = "${all}"
        [[reply]]
        text = "go"
        start = true
    "#;
    let server = scripted(&folder, script, &["--stay"]);
    let url = format!("{}/feed", server.url);
    let mut speaker = Speaker::connect(&url);
    speaker.send("wrong key");
    let no = vec![(false, b"no key".to_vec()), (true, vec![0])];
    assert_eq!(speaker.rest_of_any_kind(), (no, Some(1008)));
    // an answer that would be too long
    let mut speaker = Speaker::connect(&url);
    speaker.send(&format!(r#"{{"all":[{}]}}"#, vec!["0"; 1000].join(",")));
    let (messages, code) = speaker.rest_of_any_kind();
    assert!(messages.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= 128 * 1024);
    assert_eq!(code, Some(1008));
    // another path, and a subprotocol
    match tungstenite::connect(format!("{}/other", server.url)) {
        Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 404),
        other => panic!("{other:?}"),
    }
    // a client that offers it closes a connection without it
    drop(Speaker::with_header(&url, "sec-websocket-protocol", "vendor.v2"));
    send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
    // a handshake that does not come
    let script = "handshake_within = '50ms'\n[[reply]]\ntext = 'go'\nstart = true";
    let server = scripted(&folder, script, &["--stay"]);
    assert_eq!(Speaker::connect(&server.url).rest_of_any_kind(), (vec![], Some(1008)));
    send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
}

#[test]
fn heartbeats_holding_and_seeks_are_as_for_other_clients_of_vendors() {
    let folder = Folder::new();
    captured(&folder);
    let script = "heartbeat = { every = '20ms', send = 'beat' }\ngreeting = 'welcome'\nleave_out = '*:196*'";
    let server = scripted(&folder, script, &["--start-paused", "--at-end", "hold"]);
    let control = |args: &[&str]| folder.ok(&[&["control", &server.url], args].concat());
    let mut speaker = Speaker::connect(&server.url);
    assert_eq!([speaker.next(), speaker.next(), speaker.next()], ["welcome", "beat", "beat"]);
    wait_until("the client counts", || state(&server) == "paused");
    control(&["step", "1"]);
    // vendors have no word for a jump: the client goes on with what is played
    control(&["seek", "200"]);
    control(&["resume"]);
    let played = [&of_the_feed()[..1], &of_the_feed()[200..]].concat();
    let texts = played.into_iter().filter(|(is_binary, _)| !is_binary);
    let mut texts: Vec<String> = texts.map(|(_, bytes)| String::from_utf8(bytes).unwrap()).collect();
    texts.retain(|text| !text.contains(":196"));
    assert_eq!(texts.len(), 5);
    let mut received = Vec::new();
    while received.len() < texts.len() {
        received.extend(Some(speaker.next_text()).filter(|text| text != "beat"));
    }
    assert_eq!(received, texts);
    // open at the end, and alive
    assert_eq!(speaker.next_text(), "beat");
    speaker.close();
    assert_eq!(server.end().code, 0);
}

#[test]
fn faults_are_planted_for_clients_of_a_script_as_for_others() {
    let folder = Folder::new();
    captured(&folder);
    folder.write(
        "plan.toml",
        "fault = [{ kind = 'drop', at = 9 }, { kind = 'duplicate', at = 12 }, { kind = 'swap', at = 20 },
                  { kind = 'slow-client', at = 30 }, { kind = 'duplicate', at = 0 }]",
    );
    let expected = Listening::received(&folder, &["feed.parquet", "--faults", "plan.toml"]);
    assert_eq!(expected.len(), of_the_feed().len() + 1);
    let server = scripted(&folder, BINANCE, &["--faults", "plan.toml"]);
    let mut speaker = Speaker::connect(&format!("{}/ws", server.url));
    speaker.send(SUBSCRIBE);
    assert_eq!(speaker.next(), ACKNOWLEDGED);
    // message 0 and its repetition are left out
    assert!(speaker.rest_of_any_kind() == (expected[2..].to_vec(), Some(1000)), "other messages");
    assert_eq!(server.end().code, 0);
}

#[test]
fn the_guide_shows_the_script_that_is_tested() {
    assert!(include_str!("../../../docs/guide/pass-through.md").contains(&format!("```toml\n{BINANCE}```")));
}

#[test]
fn a_wrong_script_is_refused_with_its_place_before_anything_is_served() {
    let folder = Folder::new();
    folder.write("client.toml", "path = '/ws'\n\n[[reply]]\nsend = '${id}'\n");
    let run = |args: &[&str]| folder.run(&[&["replay", crate::support::day_text()], args].concat());
    run(&["--client-script", "client.toml"])
        .fails(78, "invalid client script client.toml, line 4, column 8: ${id} needs the key `json`");
    folder.write("client.toml", "[[reply]]\nsends = 'x'");
    run(&["--client-script", "client.toml"])
        .fails(78, "line 2, column 1: unknown key \"sends\": did you mean send?");
    folder.write("client.toml", "#".repeat(256 * 1024 + 1));
    run(&["--client-script", "client.toml"]).fails(78, "a script has at most 262144 bytes");
    folder.write("client.toml", [b'#', 0xff]);
    run(&["--client-script", "client.toml"]).fails(78, "cannot read the client script client.toml");
    run(&["--client-script", "missing.toml"]).fails(78, "cannot read the client script missing.toml");
}
