//! `control` with a server that answers according to docs/PROTOCOL.md, and with other servers.

use std::{net::TcpListener, sync::mpsc};

use crate::support::{
    Folder, Run,
    feed::{Server, answer},
};

const STATUS: &str = r#"{"schema_version":1,"state":"paused","stream":"ab","run":"r","digest":null,"seq":1234,"messages":994584,"time":"2026-02-18T14:30:00.366511Z","speed":"50x","speed_achieved":49.99,"seconds":12.3,"sent":1234,"late_ms":{"p50":0.3,"p99":0.8,"p999":1.2,"max":2.0},"clients":[{"id":1,"peer":"127.0.0.1:50312","protocol":"tradesim.v1","seq":1230,"start_seq":0,"sent":1230,"lag_messages":4,"lag_bytes":1620,"late_ms":null}]}"#;

fn control(args: &[&str]) -> Run {
    Folder::new().run(&[&["control"], args].concat())
}

#[test]
fn every_action_sends_the_request_of_the_protocol() {
    let (sender, requests) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        sender.send(answer(stream, "200 OK", STATUS)).unwrap();
    });
    for (args, first, body) in [
        (&["pause"][..], "POST /control/pause ", ""),
        (&["resume"], "POST /control/resume ", ""),
        (&["stop"], "POST /control/stop ", ""),
        (&["step"], "POST /control/step ", r#"{"messages":1}"#),
        (&["step", "10"], "POST /control/step ", r#"{"messages":10}"#),
        (&["seek", "12345"], "POST /control/seek ", r#"{"to":12345}"#),
        (&["seek", "10:00"], "POST /control/seek ", r#"{"to":"10:00"}"#),
        (&["loop", "09:30", "77"], "POST /control/loop ", r#"{"from":"09:30","to":77}"#),
        (&["loop", "off"], "POST /control/loop ", ""),
        (&["speed", "10x"], "POST /control/speed ", r#"{"speed":"10x"}"#),
        (&["status"], "GET /status ", ""),
    ] {
        let run = control(&[&[server.url().as_str()], args].concat());
        assert_eq!(run.code, 0, "{args:?}: {}", run.stderr);
        let line = "paused at seq 1,234 of 994,584, 2026-02-18T14:30:00.366511Z, 50x\n";
        assert!(run.stdout.starts_with(line), "{}", run.stdout);
        assert_eq!(run.stdout.contains("127.0.0.1:50312"), args == ["status"], "{}", run.stdout);
        let request = requests.recv().unwrap();
        assert!(request.starts_with(first), "{request}");
        assert_eq!(request.split_once("\r\n\r\n").unwrap().1, body);
    }
}

#[test]
fn a_loop_has_two_ends_and_is_shown() {
    let status = STATUS.replacen(r#""speed":"50x""#, r#""speed":"50x","loop":{"from":1000,"to":2000}"#, 1);
    let server = Server::start(move |_, stream| {
        drop(answer(stream, "200 OK", &status));
    });
    let run = control(&[&server.url(), "loop", "1000", "2000"]);
    assert!(run.stdout.contains("50x, repeats seq 1,000 up to 2,000\n"), "{}", run.stdout);
    control(&["127.0.0.1:1", "loop", "09:30"]).fails(2, "needs the place where the repetition ends");
    control(&["127.0.0.1:1", "loop", "off", "09:30"]).fails(2, "takes no further place");
    control(&["127.0.0.1:1", "loop", "noon", "09:30"]).fails(2, "noon");
}

#[test]
fn a_token_is_sent_with_commands_and_comes_from_a_file_or_the_environment() {
    const FROM_FILE: &str = "token-of-the-file-1";
    const FROM_ENVIRONMENT: &str = "token-of-the-environment";
    let folder = Folder::new();
    folder.write("token", format!("{FROM_FILE}\r\n"));
    let (sender, requests) = mpsc::channel();
    let server = Server::start(move |_, stream| {
        sender.send(answer(stream, "200 OK", STATUS)).unwrap();
    });
    let url = server.url();
    let authorization = |args: &[&str], variable: Option<&str>| {
        let mut command = folder.command(&[&["control", &url], args].concat());
        command
            .env_remove("TRADESIM_CONTROL_TOKEN")
            .envs(variable.map(|value| ("TRADESIM_CONTROL_TOKEN", value)));
        let run = Run::of(command.output().unwrap());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let request = requests.recv().unwrap();
        let header = request.lines().find_map(|line| line.strip_prefix("authorization: "));
        header.map(str::to_owned)
    };
    let bearer = |token: &str| Some(format!("Bearer {token}"));
    assert_eq!(authorization(&["pause"], None), None);
    assert_eq!(authorization(&["step", "3"], Some(FROM_ENVIRONMENT)), bearer(FROM_ENVIRONMENT));
    assert_eq!(authorization(&["pause", "--token-file", "token"], Some(FROM_ENVIRONMENT)), bearer(FROM_FILE));
    assert_eq!(authorization(&["status"], Some(FROM_ENVIRONMENT)), None, "reading the status needs no token");
}

#[test]
fn what_is_not_a_token_is_not_sent_and_not_shown() {
    let folder = Folder::new();
    folder.write("short", "s3cret");
    folder.write("spaces", "a secret with spaces in it");
    for file in ["short", "spaces", "missing", "."] {
        let run = folder.run(&["control", "127.0.0.1:1", "pause", "--token-file", file]);
        run.fails(78, "control token");
        assert!(!run.stderr.contains("secret") && !run.stderr.contains("s3cret"), "{}", run.stderr);
    }
}

#[test]
fn the_servers_object_is_printed_as_json() {
    let server = Server::start(|_, stream| {
        drop(answer(stream, "200 OK", STATUS));
    });
    let json = control(&[&server.url(), "status", "--json"]).json();
    assert_eq!(json, serde_json::from_str::<serde_json::Value>(STATUS).unwrap());
}

#[test]
fn a_refusal_exits_with_1_and_its_text() {
    let server = Server::start(|_, stream| {
        drop(answer(
            stream,
            "400 Bad Request",
            r#"{"error":{"code":"beyond_end","text":"seq 9 is behind the end"}}"#,
        ));
    });
    control(&[&server.url(), "seek", "9"]).fails(1, "the server refused: seq 9 is behind the end");
}

#[test]
fn another_kind_of_server_exits_with_1() {
    for (status, body, text) in [
        ("200 OK", "<html></html>", "is not a server of `replay`"),
        ("404 Not Found", "", "answered 404"),
        ("302 Found", "", "answered 302"),
    ] {
        let server = Server::start(move |_, stream| {
            drop(answer(stream, status, body));
        });
        control(&[&server.url(), "status"]).fails(1, text);
    }
}

#[test]
fn an_unreachable_and_a_silent_server_exit_with_69() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    control(&[&gone, "pause"]).fails(69, "cannot be reached");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    control(&[&url, "status", "--timeout", "100ms"]).fails(69, "cannot be reached");
}

#[test]
fn invalid_arguments_are_usage_errors() {
    for args in [
        &["127.0.0.1:1"][..],
        &["127.0.0.1:1", "jump"],
        &["127.0.0.1:1", "step", "0"],
        &["127.0.0.1:1", "step", "-1"],
        &["127.0.0.1:1", "seek"],
        &["127.0.0.1:1", "seek", "noon"],
        &["127.0.0.1:1", "seek", "-1"],
        &["127.0.0.1:1", "speed", "fast"],
        &["wss://127.0.0.1:1", "status"],
    ] {
        let run = control(args);
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    }
}
