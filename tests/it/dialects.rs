//! Dialects of vendors over real sockets, compared with the messages of the archive.

mod answers;
mod faults;
mod gateway;
mod pass_through;
mod refusals;
mod speaker;

use serde_json::Value;

use self::speaker::Speaker;
use crate::support::{Folder, day_text, listening::Listening};

/// Ten minutes of the day around the open: prints in and outside the core session, quotes, and minute candles.
const CUT: [&str; 4] = ["--from", "09:25", "--to", "09:35"];

const MASSIVE: [&str; 2] =
    [r#"{"action":"auth","params":"k"}"#, r#"{"action":"subscribe","params":"T.*,Q.*,AM.*"}"#];

const ALPACA: [&str; 2] = [
    r#"{"action":"auth","key":"k","secret":"s"}"#,
    r#"{"action":"subscribe","trades":["*"],"quotes":["*"],"bars":["*"],"dailyBars":["*"]}"#,
];

/// Numbers of messages, and sums of their sizes and of their prices in units of 0.0001.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    count: u64,
    sizes: u64,
    prices: i64,
}

impl Sums {
    fn add(&mut self, size: u64, price: i64) {
        self.count += 1;
        self.sizes += size;
        self.prices += price;
    }
}

/// Returns a price in units of 0.0001, of a text with 2 to 4 decimals or of a JSON number.
fn units(price: &Value) -> i64 {
    let text = price.as_str().map_or_else(|| price.to_string(), str::to_owned);
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    format!("{whole}{part:0<4}").parse().unwrap()
}

/// Returns the sums of executions, of quotes and of minutes that messages of our own contain.
fn expected(messages: &str) -> [Sums; 3] {
    let mut sums = [Sums::default(); 3];
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).unwrap();
        let payload = &message["payload"];
        let size = |key: &str| payload[key].as_u64().unwrap();
        match message["event_type"].as_str().unwrap() {
            "trade" if ["PARTIALLY_FILLED", "FILLED"].contains(&payload["status"].as_str().unwrap()) => {
                sums[0].add(size("quantity"), units(&payload["price"]));
            }
            "orderbook" => {
                let prices = units(&payload["bid_price"]) + units(&payload["ask_price"]);
                sums[1].add(size("bid_size") + size("ask_size"), prices);
            }
            "marketdata" if payload["interval"] == "1m" => {
                sums[2].add(size("volume"), units(&payload["close"]))
            }
            _ => {}
        }
    }
    assert!(sums.iter().all(|sums| sums.count > 20), "the cut has too little of something: {sums:?}");
    sums
}

/// Returns the same sums of messages of a vendor, each an array of one object. `kind` is the key of its type, and
/// `kinds` are the types.
fn received(messages: &[String], kind: &str, kinds: [&str; 3]) -> [Sums; 3] {
    let mut sums = [Sums::default(); 3];
    for message in messages {
        let parsed: Value = serde_json::from_str(message).unwrap();
        let [message] = parsed.as_array().unwrap().as_slice() else { panic!("{message}") };
        let size = |key: &str| message[key].as_u64().unwrap();
        match kinds.iter().position(|name| message[kind] == *name).expect("a kind that was subscribed to") {
            0 => sums[0].add(size("s"), units(&message["p"])),
            1 => sums[1].add(size("bs") + size("as"), units(&message["bp"]) + units(&message["ap"])),
            _ => sums[2].add(size("v"), units(&message["c"])),
        }
    }
    sums
}

fn cat(folder: &Folder, args: &[&str]) -> String {
    folder.ok(&[&["cat", day_text()], args].concat())
}

/// Starts a replay of the cut.
fn replay(folder: &Folder, args: &[&str]) -> Listening {
    Listening::replay(folder, &[&[day_text()], &CUT[..], args].concat())
}

#[test]
fn massive_and_alpaca_receive_the_executions_quotes_and_minutes_of_the_archive() {
    let folder = Folder::new();
    let expected = expected(&cat(&folder, &CUT));
    for (name, path, subscribe, kind, kinds) in [
        ("massive", "/stocks", MASSIVE, "ev", ["T", "Q", "AM"]),
        ("alpaca", "/v2/sip", ALPACA, "T", ["t", "q", "b"]),
    ] {
        let server = replay(&folder, &["--wait-clients", "2", "--at-end", "close", "--json"]);
        // two clients at once: what is translated for one is sent to both
        let others = {
            let url = format!("{}{path}", server.url);
            std::thread::spawn(move || Speaker::subscribed(&url, &subscribe).rest())
        };
        let speaker = Speaker::subscribed(&format!("{}{path}", server.url), &subscribe);
        let (messages, code) = speaker.rest();
        assert_eq!(code, Some(1000), "{name}");
        assert_eq!(received(&messages, kind, kinds), expected, "{name}");
        assert_eq!(others.join().unwrap(), (messages.clone(), code), "{name}");
        let printed = cat(&folder, &[&CUT[..], &["--dialect", name]].concat());
        assert!(messages.iter().eq(printed.lines()), "{name}: cat prints other messages");
        let run = server.end();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert_eq!(run.json()["clients"].as_array().unwrap().len(), 2, "{name}");
    }
}

#[test]
fn finnhub_receives_the_executions_of_one_symbol() {
    let folder = Folder::new();
    let cut = [&CUT[..], &["--symbols", "AAPL"]].concat();
    let expected = expected(&cat(&folder, &CUT.map(|arg| if arg == "09:25" { "09:00" } else { arg })));
    let server = replay(&folder, &[]);
    let mut speaker = Speaker::connect(&format!("{}/finnhub?token=k", server.url));
    speaker.send(r#"{"type":"subscribe","symbol":"AAPL"}"#);
    let (messages, code) = speaker.rest();
    assert_eq!(code, Some(1000));
    // the server streams all symbols, and prints of Finnhub have no sequence numbers: the cut prints the same
    let printed = cat(&folder, &[&cut[..], &["--dialect", "finnhub"]].concat());
    assert!(messages.iter().eq(printed.lines()), "cat prints other messages");
    assert!(messages.len() > 10 && (messages.len() as u64) < expected[0].count, "{}", messages.len());
    assert_eq!(server.end().code, 0);
}

#[test]
fn channels_and_symbols_are_selected_together() {
    let folder = Folder::new();
    let server = replay(&folder, &[]);
    let subscribe = [MASSIVE[0], r#"{"action":"subscribe","params":"T.AAPL,Q.MSFT,AM.*,T.AAPL"}"#];
    let (messages, _) = Speaker::subscribed(&format!("{}/stocks", server.url), &subscribe).rest();
    let printed = cat(&folder, &[&CUT[..], &["--dialect", "massive"]].concat());
    let wanted = |line: &&str| {
        ["\"ev\":\"T\",\"sym\":\"AAPL\"", "\"ev\":\"Q\",\"sym\":\"MSFT\"", "\"ev\":\"AM\""]
            .iter()
            .any(|part| line.contains(part))
    };
    assert!(messages.iter().eq(printed.lines().filter(wanted)), "another selection");
    assert!(messages.len() > 30, "{}", messages.len());
    server.end();
}

#[test]
fn alpaca_in_messagepack_has_as_many_messages_and_the_type_first() {
    let folder = Folder::new();
    let server = replay(&folder, &["--at-end", "close"]);
    let mut speaker =
        Speaker::with_header(&format!("{}/v2/iex", server.url), "content-type", "application/msgpack");
    speaker.send(ALPACA[0]);
    speaker.send(ALPACA[1]);
    let (messages, code) = speaker.rest_binary();
    assert_eq!(code, Some(1000));
    let of_stream: Vec<_> = messages
        .iter()
        .filter(|message| {
            message[5..].first().is_some_and(|len| *len == b't' || *len == b'q' || *len == b'b')
        })
        .collect();
    let printed = cat(&folder, &[&CUT[..], &["--dialect", "alpaca"]].concat());
    assert_eq!(of_stream.len(), printed.lines().count());
    // an array of one map, whose first key is T
    assert!(
        messages.iter().all(|message| message[0] == 0x91 && message[2..4] == [0xa1, b'T']),
        "another start"
    );
    assert_eq!(server.end().code, 0);
}

#[test]
fn alpaca_stays_open_and_silent_at_the_end_and_the_replay_ends_with_its_last_client() {
    let folder = Folder::new();
    let server = replay(&folder, &["--json"]);
    let mut speaker = Speaker::subscribed(&format!("{}/v2/sip", server.url), &ALPACA);
    let count = cat(&folder, &[&CUT[..], &["--dialect", "alpaca"]].concat()).lines().count();
    for _ in 0..count {
        speaker.next();
    }
    assert_eq!(speaker.silence(), None, "nothing follows, and the connection stays open");
    speaker.close();
    let run = server.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.json()["clients"][0]["delivered"], true);
}

#[test]
fn playback_waits_for_a_subscription_and_default_clients_receive_their_stream_beside() {
    let folder = Folder::new();
    let server = replay(&folder, &["--wait-clients", "2"]);
    let plain = {
        let url = server.url.clone();
        std::thread::spawn(move || Speaker::connect(&url).rest())
    };
    let mut speaker = Speaker::connect(&format!("{}/stocks", server.url));
    speaker.send(MASSIVE[0]);
    assert!(speaker.next().contains("\"connected\""));
    assert!(speaker.next().contains("\"auth_success\""));
    let status = || -> Value {
        let url = format!("{}/status", server.url.replace("ws://", "http://"));
        let mut answer =
            ureq::Agent::config_builder().proxy(None).build().new_agent().get(&url).call().unwrap();
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    };
    // the other one is there, and authenticated clients do not count
    while status()["clients"].as_array().unwrap().len() < 2 {}
    assert_eq!(status()["state"], "waiting");
    speaker.send(MASSIVE[1]);
    let (messages, _) = speaker.rest();
    let printed = cat(&folder, &[&CUT[..], &["--dialect", "massive"]].concat());
    assert_eq!(messages.iter().filter(|text| !text.contains("\"status\"")).count(), printed.lines().count());
    let (own, _) = plain.join().unwrap();
    assert!(own.iter().eq(cat(&folder, &CUT).lines()), "a default client received another stream");
    assert_eq!(server.end().code, 0);
}

#[test]
fn a_client_that_joins_late_receives_the_volume_of_the_whole_day() {
    let folder = Folder::new();
    // the candle of 09:34 counts everything since the cut began
    let server = replay(&folder, &["--start-paused", "--wait-clients", "0"]);
    let control = |args: &[&str]| folder.ok(&[&["control", &server.url], args].concat());
    control(&["seek", "09:33"]);
    let subscribe = [MASSIVE[0], r#"{"action":"subscribe","params":"AM.*"}"#];
    let speaker = Speaker::subscribed(&format!("{}/stocks", server.url), &subscribe);
    control(&["resume"]);
    let (messages, _) = speaker.rest();
    let whole = cat(&folder, &[&CUT[..], &["--dialect", "massive"]].concat());
    let late: Vec<&str> = whole.lines().filter(|line| line.contains("\"ev\":\"AM\"")).collect();
    assert!(!messages.is_empty() && messages.len() < late.len());
    assert!(messages.iter().eq(late[late.len() - messages.len()..].iter()), "other volumes of the day");
    server.end();
}
