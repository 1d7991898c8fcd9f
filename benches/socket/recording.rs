//! The recording that is played: a day that the binary records for the bench.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A recorded day.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) path: PathBuf,
    pub(crate) messages: u64,
    /// The mean length of a message.
    pub(crate) text_bytes: usize,
    pub(crate) digest: String,
}

/// The number of orders per second, which determines the size of a day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate(&'static str);

/// A part of the day.
#[derive(Debug)]
pub(crate) struct Stretch {
    pub(crate) messages: u64,
    /// The recorded time from the first to the last message.
    pub(crate) seconds: f64,
    /// The flags that select it.
    pub(crate) cut: Vec<String>,
}

/// The number of messages that are measured for their mean length.
const SAMPLE: &str = "100000";

impl Recording {
    /// A tenth of a million messages.
    pub(crate) const SMALL: Rate = Rate("1");
    /// Ten million, 80 MB.
    pub(crate) const USUAL: Rate = Rate("100");
    /// A hundred million, 0.75 GB.
    pub(crate) const LARGE: Rate = Rate("1000");

    pub(crate) fn make(folder: &Path, rate: Rate) -> Recording {
        let path = folder.join(format!("rate-{}.parquet", rate.0));
        let output = tradesim(&["record", "--no-env", "--date", "2026-02-18", "--seed", "42"])
            .args(["--rate", rate.0, "--json", "-o"])
            .arg(&path)
            .stderr(Stdio::null())
            .output()
            .expect("the binary starts");
        assert!(output.status.success(), "a day is recorded");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
        let messages = report["events"]["total"].as_u64().expect("a count");
        let digest = report["digest"].as_str().expect("a digest").to_owned();
        Recording { text_bytes: text_bytes(&path), path, messages, digest }
    }

    /// Returns a part with about so many messages from 10:00 on, in whole minutes.
    pub(crate) fn minutes(&self, messages: f64) -> Stretch {
        for minutes in 1..=59 {
            let cut =
                vec!["--from".to_owned(), "10:00".to_owned(), "--to".to_owned(), format!("10:{minutes:02}")];
            let mut command = tradesim(&["cat"]);
            let output = command.arg(&self.path).args(&cut).output().expect("the binary starts");
            let text = String::from_utf8(output.stdout).expect("messages are UTF-8");
            let count = text.lines().count() as u64;
            if count as f64 >= messages || minutes == 59 {
                let at = |line: Option<&str>| seconds_of_day(line.expect("there are messages"));
                let seconds = at(text.lines().next_back()) - at(text.lines().next());
                return Stretch { messages: count, seconds, cut };
            }
        }
        unreachable!("the last minute returns")
    }
}

/// Returns the emission time of a message, in seconds of the day.
fn seconds_of_day(line: &str) -> f64 {
    let text = line.split("\"timestamp\":\"").nth(1).expect("an envelope has a time");
    let number = |range: std::ops::Range<usize>| text[range].parse::<f64>().expect("a time");
    number(11..13) * 3600.0 + number(14..16) * 60.0 + number(17..26)
}

fn text_bytes(path: &Path) -> usize {
    let output = tradesim(&["cat", "--from", "10:00", "--limit", SAMPLE])
        .arg(path)
        .output()
        .expect("the binary starts");
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let (count, bytes) = lines.fold((0, 0), |(count, bytes), line| (count + 1, bytes + line.len()));
    bytes / count
}

/// Returns a command that runs the binary.
pub(crate) fn tradesim(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tradesim"));
    command.args(arguments).stdin(Stdio::null());
    command
}
