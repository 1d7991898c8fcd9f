//! `bridge` and `dlq` as processes: delivery, reports and exit codes. The brokers are those of `dev broker`, which cannot show
//! exactly-once delivery; tests on a real cluster do.

mod feeds;

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStderr, Stdio},
};

use tradesim_schemas::ContentHasher;

use crate::support::{
    Run, day_text,
    feed::{Server, Socket, plain_feed},
    listening::Listening,
    send_signal,
    stage::Stage,
    tls::tls_feed,
    wait_until,
};

fn replay(stage: &Stage, args: &[&str]) -> Listening {
    Listening::start(&stage.folder, &[&["replay", day_text()], args].concat())
}

/// Returns the arguments of a bridge from a feed, with additional ones.
fn bridge<'a>(stage: &'a Stage, url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["bridge", "--ws-uri", url, "--bootstrap-servers", &stage.brokers.line];
    args.extend(["--schema-registry-url", &stage.registry.line, "--register-schemas", "--metrics-port", "0"]);
    args.extend(more);
    args
}

fn bridged(stage: &Stage, url: &str, more: &[&str]) -> Run {
    stage.folder.run(&bridge(stage, url, more))
}

fn dlq(stage: &Stage, action: &str, more: &[&str]) -> Run {
    let args = ["dlq", action, "--bootstrap-servers", &stage.brokers.line];
    stage.folder.run(&[&args, more].concat())
}

/// A running bridge.
struct Working {
    child: Child,
    stderr: BufReader<ChildStderr>,
    metrics: String,
}

impl Working {
    fn start(stage: &Stage, url: &str, more: &[&str]) -> Working {
        let mut command = stage.folder.command(&bridge(stage, url, more));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("metrics on ") {
            line.clear();
            assert!(
                stderr.read_line(&mut line).unwrap() > 0,
                "it ended before it printed the address of its metrics"
            );
        }
        let address = line.split(['/', ',']).nth(2).unwrap();
        Working { child, stderr, metrics: format!("http://{address}") }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let mut answer = config.new_agent().get(format!("{}{path}", self.metrics)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }

    fn delivered(&self) -> u64 {
        let page = self.get("/metrics").1;
        let line = page.lines().find_map(|line| line.strip_prefix("bridge_delivered_seq "));
        line.unwrap().parse().unwrap()
    }

    fn end(mut self, signal: &str) -> Run {
        send_signal(signal, &self.child);
        let mut stderr = String::new();
        self.stderr.read_to_string(&mut stderr).unwrap();
        let mut run = Run::of(self.child.wait_with_output().unwrap());
        run.stderr = stderr;
        run
    }
}

#[test]
fn a_recording_is_delivered_and_the_report_has_the_names_of_the_contract() {
    for delivery in ["exactly-once", "at-least-once"] {
        let stage = Stage::new();
        let replay = replay(&stage, &["--limit", "20000", "--run", "of-a-test", "--speed", "max"]);
        let run = bridged(&stage, &replay.url, &["--until-end", "--json", "--delivery", delivery]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let report = run.json();
        for (name, value) in [
            ("received", 20_000),
            ("produced", 20_000),
            ("dead_lettered", 0),
            ("next_seq", 20_000),
            ("schema_version", 1),
        ] {
            assert_eq!(report[name], value, "{delivery}: {name}");
        }
        assert_eq!(report["run"], "of-a-test");
        assert!(report["seconds"].as_f64().unwrap() > 0.0);
        assert_eq!(replay.end().code, 0);
        let args = ["topics", "tail", "--from-beginning", "--until-end", "--bootstrap-servers"];
        let peers = [stage.brokers.line.as_str(), "--schema-registry-url", &stage.registry.line];
        let tail = stage.folder.run(&[&args[..], &peers].concat());
        assert_eq!((tail.code, tail.stdout.lines().count()), (0, 20_000), "{delivery}: {}", tail.stderr);
    }
}

#[test]
fn a_bridge_that_is_stopped_resumes_at_its_position() {
    let stage = Stage::new();
    let replay = replay(&stage, &["--limit", "3000", "--run", "r", "--speed", "1000x", "--stay"]);
    let bridge = Working::start(&stage, &replay.url, &["--json"]);
    wait_until("messages are delivered", || bridge.delivered() > 500);
    assert_eq!(bridge.get("/healthz"), (200, r#"{"status":"ok","reasons":[]}"#.to_owned()));
    assert_eq!(bridge.get("/readyz").0, 200);
    // SIGTERM is the normal end
    let run = bridge.end("TERM");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let first = run.json();
    assert_eq!(first["complete"], false);
    let bridge = Working::start(&stage, &replay.url, &["--json"]);
    wait_until("everything is delivered", || bridge.delivered() == 3_000);
    let run = bridge.end("INT");
    assert_eq!(run.code, 130, "{}", run.stderr);
    let second = run.json();
    assert_eq!(first["received"].as_u64().unwrap() + second["received"].as_u64().unwrap(), 3_000);
    assert_eq!(first["next_seq"], first["received"]);
    send_signal("TERM", &replay.child);
    replay.end();
}

#[test]
fn failures_have_their_exit_code_and_a_hint() {
    let stage = Stage::new();
    // first, because the others register the schemas
    let servers = stage.brokers.line.as_str();
    let unregistered =
        ["bridge", "--bootstrap-servers", servers, "--metrics-port", "0", "--schema-registry-url"];
    let run = stage.folder.run(&[&unregistered[..], &[&stage.registry.line]].concat());
    run.fails(78, "the schema is not registered");
    let nobody = bridged(&stage, "ws://127.0.0.1:1", &["--ws-retries", "0", "--until-end"]);
    nobody.fails(69, "cannot reach the feed (attempts: 1)");
    assert!(nobody.stderr.contains("hint: `tradesim replay FILE`"), "{}", nobody.stderr);
    let plain = Server::start(|_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        socket.until_closed();
    });
    let run = bridged(&stage, &plain.url(), &["--until-end"]);
    run.fails(78, "exactly-once delivery needs a resumable feed (numbered messages)");
    assert!(run.stderr.contains("hint: --delivery at-least-once"), "{}", run.stderr);
    bridged(&stage, "ws://x/?from_seq=1", &[]).fails(78, "from_seq");
    bridged(&stage, "ws://x", &["--kafka-property", "no.such=hush"]).fails(78, "no.such");
    let mut acks = stage.folder.command(&bridge(&stage, "ws://x", &[]));
    let run = Run::of(acks.env("KAFKA_BRIDGE_KAFKA_ACKS", "1").output().unwrap());
    run.fails(78, "exactly-once delivery needs KAFKA_ACKS=all");
}

#[test]
fn dead_letters_are_shown_with_their_bytes_and_sent_again_once() {
    let stage = Stage::new();
    let good = stage.folder.ok(&["cat", day_text(), "--limit", "50"]);
    let mut texts: Vec<Vec<u8>> = good.lines().map(|line| line.as_bytes().to_vec()).collect();
    texts.insert(10, b"\xff\xfe".to_vec());
    texts.insert(20, b"{\"a\": \"b\\n\"}".to_vec());
    let feed = plain_feed(texts);
    let args = ["--until-end", "--json", "--delivery", "at-least-once", "--run", "plain"];
    let run = bridged(&stage, &feed.url(), &args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(
        (&report["received"], &report["produced"], &report["dead_lettered"]),
        (&52.into(), &50.into(), &2.into())
    );
    assert_eq!(report["run"], "plain");
    let shown = dlq(&stage, "show", &["--json"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let mut letters: Vec<serde_json::Value> =
        shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    letters.sort_by_key(|letter| letter["seq"].as_u64());
    assert_eq!(letters.len(), 2);
    let (binary, text) = (&letters[0]["letter"], &letters[1]["letter"]);
    assert_eq!((&letters[0]["seq"], &letters[0]["run"]), (&10.into(), &"plain".into()));
    assert_eq!((&binary["original_encoding"], &binary["original_value"]), (&"base64".into(), &"//4=".into()));
    assert_eq!(
        (&binary["reason"], &binary["original_topic"]),
        (&"not_utf8".into(), &serde_json::Value::Null)
    );
    assert_eq!(text["original_value"], "{\"a\": \"b\\n\"}");
    let line = dlq(&stage, "show", &["--reason", "not_utf8"]).stdout;
    assert!(line.lines().count() == 1 && line.contains(" not_utf8 (2 bytes, 0 retries): "), "{line}");
    let registry = ["--schema-registry-url", &stage.registry.line, "--json"];
    let refused = dlq(&stage, "retry", &registry);
    refused.fails(2, "tradesim.positions has no position for dlq.raw.failed");
    assert!(refused.stderr.contains("hint: --from-beginning"), "{}", refused.stderr);
    let retried = dlq(&stage, "retry", &[&registry[..], &["--from-beginning"]].concat());
    assert_eq!(retried.code, 3, "{}", retried.stderr);
    let report = retried.json();
    assert_eq!((&report["read"], &report["produced"], &report["invalid"]), (&2.into(), &0.into(), &2.into()));
}

#[test]
fn a_text_that_is_not_utf8_is_a_dead_letter_and_later_messages_arrive() {
    let stage = Stage::new();
    let good = stage.folder.ok(&["cat", day_text(), "--limit", "50"]);
    let feed = Server::start(move |_, stream| {
        let mut socket = Socket::accept(stream, |_| Vec::new());
        for (index, line) in good.lines().enumerate() {
            if index == 20 {
                socket.send_text_bytes(b"{\"a\":\"\xff\xfe\"}");
            }
            socket.send(line);
        }
        socket.close(1000, "");
    });
    let args = ["--until-end", "--json", "--delivery", "at-least-once"];
    let run = bridged(&stage, &feed.url(), &args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!(
        (&report["received"], &report["produced"], &report["dead_lettered"], &report["reconnects"]),
        (&51.into(), &50.into(), &1.into(), &0.into())
    );
    let letter: serde_json::Value = serde_json::from_str(&dlq(&stage, "show", &["--json"]).stdout).unwrap();
    assert_eq!((&letter["seq"], &letter["letter"]["reason"]), (&20.into(), &"not_utf8".into()));
    // the bytes {"a":"\xff\xfe"}
    assert_eq!(letter["letter"]["original_value"], "eyJhIjoi//4ifQ==");
}

#[test]
fn a_feed_over_tls_is_bridged_if_its_authority_is_trusted() {
    let stage = Stage::new();
    let good = stage.folder.ok(&["cat", day_text(), "--limit", "50"]);
    let feed = tls_feed(&stage.folder, good.lines().map(str::to_owned).collect());
    let url = feed.url().replace("ws://", "wss://");
    let args = ["--until-end", "--json", "--delivery", "at-least-once"];
    bridged(&stage, &url, &args).fails(1, "TLS: invalid peer certificate: UnknownIssuer");
    let mut trusting = stage.folder.command(&bridge(&stage, &url, &args));
    let run = Run::of(trusting.env("SSL_CERT_FILE", "authority.pem").output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.json()["produced"], 50);
}

#[test]
fn dead_letters_contain_the_texts_of_the_feed() {
    let stage = Stage::new();
    // every truncation of the fixture
    let good = stage.folder.ok(&["cat", day_text(), "--limit", "1"]);
    let line = good.trim_end();
    let texts: Vec<Vec<u8>> = (0..line.len()).map(|end| line.as_bytes()[..end].to_vec()).collect();
    let mut expected = ContentHasher::new();
    for text in &texts {
        expected.push(text);
    }
    let feed = plain_feed(texts.clone());
    let run = bridged(&stage, &feed.url(), &["--until-end", "--json", "--delivery", "at-least-once"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.json()["dead_lettered"], texts.len());
    let shown = dlq(&stage, "show", &["--json"]);
    let mut letters: Vec<serde_json::Value> =
        shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    letters.sort_by_key(|letter| letter["seq"].as_u64());
    let mut found = ContentHasher::new();
    for letter in &letters {
        found.push(letter["letter"]["original_value"].as_str().unwrap().as_bytes());
    }
    assert_eq!(found.finish(), expected.finish());
}
