//! The page of `view` and `replay`, and what it asks the server for, with real recordings.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use serde_json::{Value, json};

use crate::support::{Folder, Run, day_text, listening::Listening, send_signal};

const TYPES: [&str; 4] = ["trade", "orderbook", "marketdata", "other"];

/// Sends a request, and returns status, content type and body.
fn ask(url: &str, accept: &str) -> (u16, String, String) {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
    let mut answer = agent.get(url).header("accept", accept).call().unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, answer.body_mut().read_to_string().unwrap())
}

fn timeline(server: &str) -> Value {
    let (status, _, body) = ask(&format!("{server}/timeline"), "application/json");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Returns the messages of each type in a segment.
fn totals(segment: &Value) -> [u64; 4] {
    let sum = |name: &str| {
        segment["bins"][name].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum()
    };
    TYPES.map(sum)
}

fn of_replay(folder: &Folder, args: &[&str]) -> Value {
    let replay = Listening::replay(folder, args);
    let found = timeline(&replay.url.replace("ws://", "http://"));
    send_signal("TERM", &replay.child);
    replay.end();
    found
}

/// A running `view`, and the URL that it printed.
struct Viewing {
    child: Child,
    url: String,
}

impl Viewing {
    fn start(folder: &Folder, args: &[&str]) -> Viewing {
        let mut command = folder.command(&[&["view"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Viewing { child, url: url.trim_end().to_owned() }
    }

    fn end(self, signal: &str) -> Run {
        send_signal(signal, &self.child);
        Run::of(self.child.wait_with_output().unwrap())
    }
}

#[test]
fn view_prints_the_url_of_a_page_that_is_paused_at_the_beginning() {
    let folder = Folder::new();
    let viewing = Viewing::start(&folder, &[day_text()]);
    assert!(viewing.url.starts_with("http://127.0.0.1:") && viewing.url.ends_with('/'), "{}", viewing.url);
    let (status, kind, page) = ask(&viewing.url, "text/html");
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    assert!(page.contains("<canvas id=\"timeline\""));
    let (_, _, status) = ask(&format!("{}status", viewing.url), "application/json");
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (&status["state"], &status["seq"], &status["control"]),
        (&"paused".into(), &0.into(), &"loopback".into())
    );
    let run = viewing.end("TERM");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.stdout, "");
    // what interrupts it on a terminal is reported as for a replay
    assert_eq!(Viewing::start(&folder, &[day_text()]).end("INT").code, 130);
}

#[test]
fn view_of_what_is_not_an_archive_fails_as_every_command_does() {
    let folder = Folder::new();
    folder.write("a.parquet", "no");
    folder.run(&["view", "a.parquet"]).fails(65, "a.parquet");
    assert_eq!(folder.run(&["view"]).code, 2);
    // settings of a server that other programs connect to are not for a page
    let mut command = folder.command(&["view", day_text()]);
    command.env("TRADE_GEN_WS_PORT", "x").env("TRADE_GEN_WS_HOST", "0.0.0.0");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert_eq!(Viewing { child, url }.end("TERM").code, 0);
}

#[test]
fn no_page_turns_the_page_off_and_a_replay_announces_it() {
    let folder = Folder::new();
    for (args, status) in [(&[day_text()][..], 200), (&[day_text(), "--no-page"], 426)] {
        let replay = Listening::replay(&folder, args);
        let url = replay.url.replace("ws://", "http://") + "/";
        assert_eq!(ask(&url, "text/html").0, status);
        send_signal("TERM", &replay.child);
        let run = replay.end();
        assert_eq!(run.stderr.contains(&format!("page {url}\n")), status == 200, "{}", run.stderr);
    }
}

#[test]
fn the_timeline_counts_every_message_once() {
    let folder = Folder::new();
    let events = folder.run(&["info", day_text(), "--json"]).json()["events"].clone();
    let found = of_replay(&folder, &[day_text()]);
    assert_eq!(
        (&found["schema_version"], &found["live"], &found["rounds"]),
        (&1.into(), &false.into(), &1.into())
    );
    assert_eq!(found["messages"], events["total"]);
    assert!(found["symbols"].as_array().unwrap().contains(&json!("AAPL")));
    let segment = &found["segments"][0];
    let expected = TYPES.map(|name| events[if name == "other" { "raw" } else { name }].as_u64().unwrap());
    assert_eq!(totals(segment), expected);
    let bins = segment["bins"]["trade"].as_array().unwrap().len();
    assert!((10..=1_501).contains(&bins), "{bins}");
    let periods: Vec<&str> = segment["spans"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|span| span["kind"] == "period")
        .map(|span| span["name"].as_str().unwrap())
        .collect();
    assert!(periods.contains(&"morning"), "{periods:?}");
}

#[test]
fn the_timeline_of_a_filter_and_that_of_the_cut_file_are_equal() {
    let folder = Folder::new();
    for filter in [
        &["--symbols", "AAPL,MSFT"][..],
        &["--events", "trade"],
        &["--from", "10:00", "--to", "10:20"],
        &["--limit", "777"],
    ] {
        folder.ok(&[&["filter", day_text(), "-o", "cut.parquet", "--force"], filter].concat());
        let whole = of_replay(&folder, &["cut.parquet"]);
        let filtered = of_replay(&folder, &[&[day_text()], filter].concat());
        assert_eq!(totals(&filtered["segments"][0]), totals(&whole["segments"][0]), "{filter:?}");
        let total: u64 = totals(&whole["segments"][0]).iter().sum();
        assert_eq!(whole["messages"], total, "{filter:?}");
    }
}

#[test]
fn the_files_of_a_playlist_are_segments_and_rounds_repeat_them() {
    let folder = Folder::new();
    for (name, limit) in [("a.parquet", "100"), ("b.parquet", "50")] {
        folder.ok(&["filter", day_text(), "-o", name, "--limit", limit]);
    }
    let found = of_replay(&folder, &["a.parquet", "b.parquet", "--loop=3"]);
    assert_eq!((&found["rounds"], &found["messages"]), (&3.into(), &450.into()));
    let firsts: Vec<&Value> =
        found["segments"].as_array().unwrap().iter().map(|segment| &segment["seq"]).collect();
    assert_eq!(firsts, [&json!(0), &json!(100)]);
    assert_eq!(of_replay(&folder, &["a.parquet", "--loop"])["rounds"], Value::Null);
}

#[test]
fn planted_faults_are_marked_by_their_messages() {
    let folder = Folder::new();
    folder.write("plan.toml", "seed = 7\n[[fault]]\nkind = \"corrupt\"\nat = [5, 900]\n");
    let expected = json!([
        {"kind": "fault", "seq": 5, "name": "corrupt"},
        {"kind": "fault", "seq": 900, "name": "corrupt"},
    ]);
    let live = of_replay(&folder, &[day_text(), "--faults", "plan.toml"]);
    assert_eq!((&live["marks"], &live["marks_total"]), (&expected, &2.into()));
    folder.ok(&["plant", day_text(), "--faults", "plan.toml", "-o", "planted.parquet"]);
    assert_eq!(of_replay(&folder, &["planted.parquet"])["marks"], expected);
    // a filter renumbers them
    let cut = of_replay(&folder, &["planted.parquet", "--limit", "100"]);
    assert_eq!(cut["marks"], json!([{"kind": "fault", "seq": 5, "name": "corrupt"}]));
}

#[test]
fn a_damaged_row_group_makes_the_timeline_an_error_and_not_a_wrong_one() {
    let folder = Folder::new();
    let mut bytes = std::fs::read(day_text()).unwrap();
    // the first row group; state frames come before it
    bytes[100_000] ^= 1;
    folder.write("damaged.parquet", bytes);
    let viewing = Viewing::start(&folder, &["damaged.parquet"]);
    let (status, _, body) = ask(&format!("{}timeline", viewing.url), "application/json");
    assert_eq!(status, 500, "{body}");
    assert!(body.contains("source_failed") && body.contains("damaged"), "{body}");
    viewing.end("TERM").fails(65, "damaged.parquet is damaged");
}

/// The player reads ahead: it knows of damage before it gets there.
#[test]
fn a_paused_replay_of_a_damaged_archive_can_be_controlled_and_stopped() {
    let folder = Folder::new();
    let mut bytes = std::fs::read(day_text()).unwrap();
    // the first row group; state frames come before it
    bytes[100_000] ^= 1;
    folder.write("damaged.parquet", bytes);
    let replay = Listening::replay(&folder, &["damaged.parquet", "--start-paused"]);
    for action in [&["status"][..], &["speed", "5x"], &["pause"], &["stop"]] {
        let run = folder.run(&[&["control", &replay.url], action].concat());
        assert_eq!(run.code, 0, "{action:?}: {}", run.stderr);
    }
    replay.end().fails(65, "damaged.parquet is damaged");
}

#[test]
fn a_live_stream_has_a_page_without_a_timeline() {
    let folder = Folder::new();
    let server =
        Listening::start(&folder, &["serve", "--seed", "7", "--day", "2026-02-18", "--clock", "10:00"]);
    let url = server.url.replace("ws://", "http://");
    let found = timeline(&url);
    assert_eq!((&found["live"], &found["segments"]), (&true.into(), &json!([])));
    assert_eq!(found["symbols"].as_array().unwrap().len(), 50);
    assert_eq!(ask(&format!("{url}/"), "text/html").0, 200);
    folder.run(&["control", &server.url, "loop", "0", "10"]).fails(1, "can be paused, but not moved");
    send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
}
