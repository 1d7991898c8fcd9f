//! `dev broker` and `dev registry` as processes: what they print, and how they end.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use crate::support::{Folder, send_signal};

/// A running `dev` process, and the line that it printed.
pub(crate) struct Running {
    child: Child,
    pub(crate) line: String,
}

impl Running {
    pub(crate) fn start(folder: &Folder, args: &[&str]) -> Running {
        Running::of(folder.command(args))
    }

    fn of(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Running { child, line: line.trim_end().to_owned() }
    }

    /// Sends a signal and returns the exit code.
    fn end(mut self, signal: &str) -> i32 {
        send_signal(signal, &self.child);
        let status = self.child.wait().unwrap();
        status.code().expect("the process exits")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // it may have exited already
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_registry_prints_its_url_answers_and_ends_tidily() {
    let folder = Folder::new();
    for (signal, code) in [("TERM", 0), ("INT", 130)] {
        let registry = Running::start(&folder, &["dev", "registry", "--port", "0"]);
        assert!(registry.line.starts_with("http://127.0.0.1:"), "{}", registry.line);
        let mut answer = ureq::get(format!("{}/subjects", registry.line)).call().unwrap();
        assert_eq!(answer.body_mut().read_to_string().unwrap(), "[]");
        assert_eq!(registry.end(signal), code);
    }
}

#[test]
fn a_registry_with_few_file_descriptors_survives_many_incomplete_requests() {
    let folder = Folder::new();
    let line = "ulimit -n 128; exec \"$0\" \"$@\"";
    let limited = ["-c", line, env!("CARGO_BIN_EXE_tradesim"), "dev", "registry", "--port", "0"];
    let registry = Running::of(folder.wrapped("sh", &limited));
    let address = registry.line.strip_prefix("http://").unwrap();
    let half: Vec<TcpStream> = (0..236)
        .map(|_| {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.write_all(b"GET /subjects HTTP/1.1\r\nHo").unwrap();
            socket
        })
        .collect();
    for _ in 0..3 {
        let mut answer = ureq::get(format!("{}/subjects", registry.line)).call().unwrap();
        assert_eq!(answer.body_mut().read_to_string().unwrap(), "[]");
    }
    drop(half);
    assert_eq!(registry.end("TERM"), 0);
}

#[test]
fn a_registry_reports_that_its_port_is_in_use() {
    let folder = Folder::new();
    let registry = Running::start(&folder, &["dev", "registry", "--port", "0"]);
    let port = registry.line.rsplit(':').next().unwrap();
    folder.run(&["dev", "registry", "--port", port]).fails(1, "cannot listen on port");
}

#[test]
fn brokers_print_their_addresses_and_end_tidily() {
    let folder = Folder::new();
    for (signal, code) in [("TERM", 0), ("INT", 130)] {
        let brokers = Running::start(&folder, &["dev", "broker", "--brokers", "2"]);
        let servers: Vec<&str> = brokers.line.split(',').collect();
        assert_eq!(servers.len(), 2, "{}", brokers.line);
        for server in servers {
            std::net::TcpStream::connect(server).unwrap();
        }
        assert_eq!(brokers.end(signal), code);
    }
}

#[test]
fn records_of_brokers_in_memory_can_be_tailed() {
    let folder = Folder::new();
    let brokers = Running::start(&folder, &["dev", "broker", "--topic-prefix", "t."]);
    let args =
        ["topics", "tail", "--topic-prefix", "t.", "--from-beginning", "--until-end", "--bootstrap-servers"];
    let run = folder.run(&[&args[..], &[brokers.line.as_str()]].concat());
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    assert!(run.stderr.contains("0 records"), "{}", run.stderr);
}
