//! `tail` and `control` with the real server and a small source in memory.

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle};

use tradesim_replay::{
    BlockBuilder, Feed, Filled, Handle, Meta, Opcode, Options, Report, Server, Source, SourceError,
    SourceInfo, Speed,
};
use tradesim_schemas::{EventType, StreamSeq, Symbol, TimeSpec, Timestamp};

use crate::support::{Folder, digest_of_lines, wait_until};

/// A source of numbered messages, one per millisecond.
struct Numbers {
    info: SourceInfo,
    messages: u64,
}

fn text(seq: u64) -> String {
    format!(r#"{{"n":{seq},"text":"{}"}}"#, "x".repeat((seq * 37 % 300) as usize))
}

fn lines(seqs: std::ops::Range<u64>) -> String {
    seqs.map(|seq| text(seq) + "\n").collect()
}

fn numbers(messages: u64) -> Arc<Numbers> {
    let info = SourceInfo {
        identity: format!("numbers {messages}"),
        messages: Some(messages),
        digest: Some(digest_of_lines(lines(0..messages).as_bytes())),
        symbols: vec![Symbol::new("AAPL").unwrap(), Symbol::new("MSFT").unwrap()],
    };
    Arc::new(Numbers { info, messages })
}

struct Reading {
    next: u64,
    messages: u64,
}

impl Source for Numbers {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        if seq > StreamSeq(self.messages) {
            return Err(SourceError::BeyondEnd { seq, messages: self.messages });
        }
        Ok(Box::new(Reading { next: seq.get(), messages: self.messages }))
    }

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        Err(SourceError::InvalidPosition { position: time, reason: "this source has no times".to_owned() })
    }
}

impl Feed for Reading {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        while self.next < self.messages && !block.is_full() {
            let at = Timestamp::from_micros(1_000 * self.next as i64).unwrap();
            let symbol = Symbol::new(if self.next.is_multiple_of(2) { "AAPL" } else { "MSFT" }).unwrap();
            let meta = Meta { at, kind: Some((symbol, EventType::Trade)), opcode: Opcode::Text };
            block.push(meta, |out| out.extend_from_slice(text(self.next).as_bytes()));
            self.next += 1;
        }
        Ok(if self.next == self.messages { Filled::End } else { Filled::More })
    }
}

/// A server on its own thread.
struct Served {
    address: SocketAddr,
    handle: Handle,
    thread: JoinHandle<Report>,
}

fn serve(messages: u64, speed: Speed, change: impl FnOnce(&mut Options)) -> Served {
    let mut options = Options::new("r");
    options.speed = speed;
    change(&mut options);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = runtime
        .block_on(async { Server::bind("127.0.0.1:0".parse().unwrap(), numbers(messages), options) })
        .unwrap();
    let (address, handle) = (server.local_addr(), server.handle());
    let thread = std::thread::spawn(move || runtime.block_on(server.run()).unwrap());
    Served { address, handle, thread }
}

impl Served {
    fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

#[test]
fn tail_gets_exactly_what_is_served() {
    let served = serve(20_000, Speed::Max, |_| {});
    let run = Folder::new().run(&["tail", &served.url(), "--digest", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let json = run.json();
    let digest = digest_of_lines(lines(0..20_000).as_bytes());
    assert_eq!(json["digest"], digest.to_string());
    assert_eq!(
        (&json["count"], &json["complete"], &json["run"]),
        (&20_000.into(), &true.into(), &"r".into())
    );
    let report = served.thread.join().unwrap();
    assert!(report.complete && report.status.clients[0].delivered);
    assert_eq!(report.digest, Some(digest));
}

#[test]
fn tail_starts_at_the_requested_message_with_the_requested_filters() {
    let served = serve(1_000, Speed::Max, |options| options.stay = true);
    let folder = Folder::new();
    // earlier messages are sent, too
    assert_eq!(folder.ok(&["tail", &served.url(), "--from-seq", "0", "--count", "1000"]), lines(0..1_000));
    assert_eq!(folder.ok(&["tail", &served.url(), "--from-seq", "990", "--count", "10"]), lines(990..1_000));
    let half: String = (0..500).map(|n| text(2 * n) + "\n").collect();
    let args = ["tail", &served.url(), "--from-seq", "0", "--symbols", "AAPL", "--count", "500"];
    assert_eq!(folder.ok(&args), half);
    folder.run(&["tail", &served.url(), "--symbols", "APPL"]).fails(1, "1008");
    folder.run(&["tail", &served.url(), "--from-seq", "1001"]).fails(1, "1008");
    folder.ok(&["control", &served.url(), "stop"]);
    served.thread.join().unwrap();
}

#[test]
fn control_controls_the_player() {
    let served = serve(100_000, "1x".parse().unwrap(), |options| {
        options.wait_clients = 0;
        options.start_paused = true;
    });
    let folder = Folder::new();
    let url = served.url();
    let control = |args: &[&str]| {
        let text = folder.ok(&[&["control", &url, "--json"], args].concat());
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    assert_eq!(control(&["status"])["state"], "paused");
    control(&["step", "10"]);
    wait_until("ten messages", || served.handle.status().seq == StreamSeq(10));
    let sought = control(&["seek", "500"]);
    assert_eq!((&sought["seq"], &sought["state"]), (&500.into(), &"paused".into()));
    assert_eq!(control(&["speed", "max"])["speed"], "max");
    folder
        .run(&["control", &url, "seek", "100001"])
        .fails(1, "the server refused: seq 100001 is past the end");
    folder.run(&["control", &url, "seek", "10:00"]).fails(1, "this source has no times");
    assert!(
        folder
            .ok(&["control", &url, "pause"])
            .starts_with("paused at seq 500 of 100,000, 1970-01-01T00:00:00.500000Z, max")
    );
    folder.ok(&["control", &url, "stop"]);
    assert!(!served.thread.join().unwrap().complete);
    folder.run(&["control", &url, "status"]).fails(69, "cannot be reached");
}
