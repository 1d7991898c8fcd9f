//! The page of a run while it lasts.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Stdio},
    thread,
};

use serde_json::Value;

use super::{data_of, scenario};
use crate::support::{Folder, wait_until};

/// A running load, and the URL that it printed.
struct Watched {
    child: Child,
    url: String,
    /// Reads the rest of standard error.
    rest: thread::JoinHandle<String>,
}

impl Watched {
    fn start(folder: &Folder, args: &[&str]) -> Watched {
        let mut command = folder.command(&[&["load", "run", "--watch"], args].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let url = loop {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the load ended without a page");
            if let Some(url) = line.trim_end().strip_prefix("watch at ") {
                break url.to_owned();
            }
        };
        let rest = thread::spawn(move || {
            let mut rest = String::new();
            lines.read_to_string(&mut rest).unwrap();
            rest
        });
        Watched { child, url, rest }
    }

    /// Sends a request, and returns status, policy and body.
    fn ask(&self, path: &str, host: Option<&str>) -> (u16, String, String) {
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().new_agent();
        let mut request = agent.get(format!("{}{path}", self.url)).header("accept", "text/html");
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let mut answer = request.call().unwrap();
        let policy =
            answer.headers().get("content-security-policy").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), policy.unwrap_or_default(), answer.body_mut().read_to_string().unwrap())
    }

    fn report(&self, from: usize) -> Value {
        serde_json::from_str(&self.ask(&format!("report?from={from}"), None).2).unwrap()
    }
}

#[test]
fn a_load_is_watched_from_its_beginning_to_its_verdict() {
    let folder = Folder::new();
    let thresholds = ["lost == 0", "late.max < 10s", "delivered == 800"];
    let load =
        "stages = [\"4s:200\"]\n[[event]]\nat = \"1s\"\nlabel = \"a <b>mark</b>\"\nstall_clients = \"100ms\"";
    let file = scenario(&folder, "watched", load, "kind = \"websocket\"", &thresholds);
    let mut watched = Watched::start(&folder, &[&file, "--json", "--report", "end.html"]);
    assert!(watched.url.starts_with("http://127.0.0.1:") && watched.url.ends_with('/'), "{}", watched.url);
    let (status, policy, page) = watched.ask("", None);
    assert_eq!((status, data_of(&page)), (200, Value::Null));
    assert!(
        policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(watched.ask("", Some("evil.example")).0, 403);
    assert_eq!(watched.ask("report", Some("evil.example")).0, 403);

    let mut samples = Vec::new();
    let mut last = Value::Null;
    let mut rates = Vec::new();
    wait_until("the verdict", || {
        last = watched.report(samples.len());
        assert_eq!(last["from"], samples.len());
        samples.extend(last["samples"].as_array().unwrap().iter().cloned());
        if last["phase"] == "running" {
            rates.push(last["report"]["delivered"].as_u64().unwrap_or(0));
            assert_ne!(last["report"]["complete"], true);
        }
        last["phase"] == "over"
    });
    // the numbers moved while it ran, and the last ones are final
    rates.dedup();
    assert!(rates.len() > 2 && rates.is_sorted(), "{rates:?}");
    let report = &last["report"];
    assert_eq!((&report["ok"], &report["delivered"]), (&true.into(), &800.into()), "{report}");
    assert_eq!(report["events"][0]["what"], "a <b>mark</b>");
    let mut output = String::new();
    watched.child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert_eq!(watched.child.wait().unwrap().code(), Some(0), "{}", watched.rest.join().unwrap());
    let printed: Value = serde_json::from_str(&output).unwrap();
    assert_eq!(printed["samples"].as_array().unwrap(), &samples);
    assert_eq!(printed["thresholds"], report["thresholds"]);
    // the same page, with its data inside
    let written = String::from_utf8(folder.read("end.html")).unwrap();
    assert_eq!(data_of(&written)["report"], printed);
    let script = |page: &str| page.split_once("<script type=\"module\">").unwrap().1.to_owned();
    assert_eq!(script(&written), script(&page));
}

#[test]
fn a_load_that_no_one_watches_does_not_wait_for_a_page() {
    let folder = Folder::new();
    let file = scenario(&folder, "alone", "stages = [\"0.2s:500\"]", "kind = \"websocket\"", &["lost == 0"]);
    let watched = Watched::start(&folder, &[&file]);
    let output = watched.child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", watched.rest.join().unwrap());
}
