//! Servers of the binary: processes that listen.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStderr, Stdio},
};

use tungstenite::Message;

use super::{Folder, Run};

/// A process that serves a stream and has said where.
pub(crate) struct Listening {
    pub(crate) child: Child,
    stderr: BufReader<ChildStderr>,
    /// What it has said so far.
    pub(crate) said: String,
    pub(crate) url: String,
}

impl Listening {
    /// Starts one on a free port and without waiting at the end, unless the arguments say otherwise.
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

    /// Starts a replay, at max unless the arguments say otherwise.
    #[track_caller]
    pub(crate) fn replay(folder: &Folder, args: &[&str]) -> Listening {
        let mut all = vec!["replay"];
        all.extend(args);
        if !args.contains(&"--speed") {
            all.extend(["--speed", "max"]);
        }
        Listening::start(folder, &all)
    }

    /// What a plain client gets of a replay with these arguments: each message with whether it is binary.
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

    /// One that was started with pipes, once it listens.
    #[track_caller]
    pub(crate) fn of(mut child: Child) -> Listening {
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let url = loop {
            let start = said.len();
            assert!(stderr.read_line(&mut said).unwrap() > 0, "it ended before it listened: {said}");
            if let Some(url) = said[start..].strip_prefix("listening on ") {
                break url.trim_end().to_owned();
            }
        };
        Listening { child, stderr, said, url }
    }

    /// What it left when it had ended by itself.
    pub(crate) fn end(mut self) -> Run {
        self.stderr.read_to_string(&mut self.said).unwrap();
        let output = self.child.wait_with_output().unwrap();
        let mut run = Run::of(output);
        run.stderr = self.said;
        run
    }
}
