//! The server as a process, and its use of processor time and memory.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::recording::{Recording, tradesim};

/// The interval at which its memory is sampled.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The unit in which Linux reports processor time on every platform (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// A running server, which is stopped on drop.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Replays the recording on a free port.
    pub(crate) fn start(recording: &Recording, arguments: &[&str]) -> Server {
        let mut child = tradesim(&["replay", "--port", "0", "--json"])
            .args(arguments)
            .arg(&recording.path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("it was asked for"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).expect("a pipe can be read"), 0, "it does not listen");
            if let Some(address) = line.trim_end().strip_prefix("listening on ws://") {
                break address.parse().expect("an address");
            }
        };
        // drains the pipe, so that the server is never blocked
        thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        Server { child, address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the processor time that it has used.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        // the name, in parentheses, may contain anything; after it, utime and stime are the 12th and 13th field
        let fields: Vec<&str> = stat.rsplit(')').next().expect("a line").split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|field| field.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND)
    }

    /// Runs `work`, and returns its result and the maximum anonymous memory of the server meanwhile, in KiB.
    pub(crate) fn watched<T>(&self, work: impl FnOnce() -> T) -> (T, u64) {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let watch = scope.spawn(|| {
                let mut peak = 0;
                while !over.load(Ordering::Relaxed) {
                    peak = peak.max(self.anonymous_kib().unwrap_or(0));
                    thread::sleep(LOOK_EVERY);
                }
                peak
            });
            let outcome = work();
            over.store(true, Ordering::Relaxed);
            (outcome, watch.join().expect("it only looks"))
        })
    }

    fn anonymous_kib(&self) -> Option<u64> {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).expect("it was not waited for")
    }

    /// Waits until it exits, and returns its report.
    pub(crate) fn finish(mut self) -> serde_json::Value {
        let mut report = String::new();
        let mut stdout = self.child.stdout.take().expect("it was asked for");
        stdout.read_to_string(&mut report).expect("a pipe can be read");
        assert!(self.child.wait().expect("it ends").success());
        serde_json::from_str(&report).expect("a report")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // fails if the process has already exited
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
