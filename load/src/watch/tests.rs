use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
};

use serde_json::Value;

use super::*;
use crate::compare::testing::report;

/// Sends a request, and returns the status line and header, and the body.
fn ask(watch: &Watch, request: &str, host: &str) -> (String, String) {
    let mut socket = TcpStream::connect(watch.address()).unwrap();
    write!(socket, "{request} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

fn samples(count: u64) -> Vec<Sample> {
    (0..count).map(|second| Sample { second, due: 10, ..Sample::default() }).collect()
}

fn shown(watch: &Watch, from: usize) -> Value {
    let (head, body) = ask(watch, &format!("GET /report?from={from}"), "localhost");
    assert!(head.starts_with("http/1.1 200"), "{head}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn a_page_gets_what_it_does_not_have() {
    let mut watch = Watch::start("a \"run\"").unwrap();
    assert!(!watch.wants_update(), "no one looks");
    let first = shown(&watch, 0);
    assert_eq!((&first["report"], &first["phase"]), (&Value::Null, &"waiting".into()));
    assert!(watch.wants_update());
    watch.update(Phase::Running, &report("live"), &samples(2_500)).unwrap();
    assert!(!watch.wants_update(), "it was just updated");
    let some = shown(&watch, 0);
    assert_eq!((some["samples"].as_array().unwrap().len(), &some["more"]), (SAMPLES_MAX, &true.into()));
    assert_eq!((&some["run"], &some["report"]["name"]), (&"a \"run\"".into(), &"live".into()));
    let rest = shown(&watch, SAMPLES_MAX);
    assert_eq!((&rest["from"], &rest["samples"][0]["second"]), (&2_000.into(), &2_000.into()));
    assert_eq!((rest["samples"].as_array().unwrap().len(), &rest["more"]), (500, &false.into()));
    assert_eq!(shown(&watch, usize::MAX)["samples"], Value::Array(Vec::new()));
}

#[test]
fn a_page_that_looks_gets_the_final_report_before_the_end() {
    let mut watch = Watch::start("run").unwrap();
    watch.update(Phase::Running, &report("final"), &samples(1)).unwrap();
    shown(&watch, 0);
    watch.update(Phase::Over, &report("final"), &samples(2)).unwrap();
    let address = watch.address();
    let waiting = thread::spawn(move || watch.finish());
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET /report?from=1 HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"phase\":\"over\"") && answer.contains("\"second\":1,"), "{answer}");
    waiting.join().unwrap();
    // without a page there is nothing to wait for
    let started = now();
    Watch::start("run").unwrap().finish();
    assert!(started.elapsed() < FINAL_WAIT);
}

#[test]
fn other_hosts_paths_and_methods_are_refused() {
    let watch = Watch::start("run").unwrap();
    for (request, host, status) in [
        ("GET /", "127.0.0.1", "200"),
        ("HEAD /", "localhost:1", "200"),
        ("GET /", "evil.example", "403"),
        ("GET /report", "evil.example", "403"),
        ("GET /status", "localhost", "404"),
        ("POST /report", "localhost", "405"),
        ("GET /report?from=x", "localhost", "400"),
        ("GET /report?from=-1", "localhost", "400"),
    ] {
        let (head, _) = ask(&watch, request, host);
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{request} {host}: {head}");
    }
    let (head, body) = ask(&watch, "GET /", "localhost");
    assert!(head.contains("content-security-policy: default-src 'none'; "), "{head}");
    assert!(head.contains("x-frame-options: deny") && !head.contains("access-control"), "{head}");
    assert!(body.contains("id=\"data\">null</script>"), "{}", body.len());
}
