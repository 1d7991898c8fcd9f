//! Server processes of the binary.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStderr, Stdio},
};

use tungstenite::Message;

use super::{Folder, Run};

/// A process that serves a stream and has printed its URL.
pub(crate) struct Listening {
    pub(crate) child: Child,
    stderr: BufReader<ChildStderr>,
    /// Its standard error so far.
    pub(crate) printed: String,
    pub(crate) url: String,
}

impl Listening {
    /// Starts a server on a free port and without waiting at the end, unless the arguments differ.
    #[track_caller]
    pub(crate) fn start(folder: &Folder, args: &[&str]) -> Listening {
        let mut all = args.to_vec();
        for (name, value) in [("--port", "0"), ("--linger", "0s")] {
            if !args.contains(&name) {
                all.extend([name, value]);
            }
        }
        Listening::of(folder.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Starts a replay, at speed max unless the arguments differ.
    #[track_caller]
    pub(crate) fn replay(folder: &Folder, args: &[&str]) -> Listening {
        let mut all = vec!["replay"];
        all.extend(args);
        if !args.contains(&"--speed") {
            all.extend(["--speed", "max"]);
        }
        Listening::start(folder, &all)
    }

    /// Returns what a plain client receives from a replay with these arguments, each message with true if it is binary.
    #[track_caller]
    pub(crate) fn received(folder: &Folder, args: &[&str]) -> Vec<(bool, Vec<u8>)> {
        let server = Listening::replay(folder, args);
        let (mut socket, _) = tungstenite::connect(&server.url).unwrap();
        let mut messages = Vec::new();
        loop {
            match socket.read() {
                Ok(Message::Text(text)) => messages.push((false, text.as_bytes().to_vec())),
                Ok(Message::Binary(bytes)) => messages.push((true, bytes.to_vec())),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        let run = server.end();
        assert_eq!(run.code, 0, "{}", run.stderr);
        messages
    }

    /// Waits until a process that was started with pipes is listening.
    #[track_caller]
    pub(crate) fn of(mut child: Child) -> Listening {
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut printed = String::new();
        let url = loop {
            let start = printed.len();
            assert!(stderr.read_line(&mut printed).unwrap() > 0, "it ended before it listened: {printed}");
            if let Some(url) = printed[start..].strip_prefix("listening on ") {
                break url.trim_end().to_owned();
            }
        };
        Listening { child, stderr, printed, url }
    }

    /// Waits for a line that begins with `prefix`, after the URL, and returns the rest of it.
    #[track_caller]
    pub(crate) fn announces(&mut self, prefix: &str) -> String {
        loop {
            let start = self.printed.len();
            assert!(
                self.stderr.read_line(&mut self.printed).unwrap() > 0,
                "{prefix} is not in {}",
                self.printed
            );
            if let Some(rest) = self.printed[start..].strip_prefix(prefix) {
                return rest.trim_end().to_owned();
            }
        }
    }

    /// Waits until the process exits, and returns its output.
    pub(crate) fn end(mut self) -> Run {
        self.stderr.read_to_string(&mut self.printed).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let mut run = Run::of(output);
        run.stderr = self.printed;
        run
    }
}
