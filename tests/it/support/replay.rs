//! A `replay` that runs beside a test.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStderr, Stdio},
};

use super::{Folder, Run};

/// A replay that listens.
pub(crate) struct Replay {
    pub(crate) child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
    pub(crate) url: String,
}

impl Replay {
    /// Starts one on a free port, at max and without waiting at the end, unless the arguments say otherwise.
    pub(crate) fn start(folder: &Folder, args: &[&str]) -> Replay {
        let mut all = vec!["replay"];
        for (name, value) in [("--port", "0"), ("--linger", "0s"), ("--speed", "max")] {
            if !args.contains(&name) {
                all.extend([name, value]);
            }
        }
        all.extend(args);
        let mut child = folder.command(&all).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let url = loop {
            let start = said.len();
            assert!(stderr.read_line(&mut said).unwrap() > 0, "it ended before it listened: {said}");
            if let Some(url) = said[start..].strip_prefix("listening on ") {
                break url.trim_end().to_owned();
            }
        };
        Replay { child, stderr, said, url }
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
