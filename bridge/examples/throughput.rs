//! How many messages a second a whole bridge takes from a socket into librdkafka's mock cluster, all acknowledged.
//!
//! `cargo run --release -p tradesim-bridge --example throughput -- FILE.jsonl [messages] [exactly-once|at-least-once]`
//!
//! The lines of the file are sent over and over, as frames that were made beforehand, so that the feed costs little. The
//! brokers run in this process: this is what the bridge and the producer cost, and says nothing about Kafka.

use std::{
    error::Error,
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    time::Duration,
};

use tradesim_bridge::{
    Bridge, BridgeOptions, Ended, ProducerOptions,
    connection::KafkaConnection,
    core::{Backoff, Guarantee, Options, Topics},
    dev::{DevBroker, DevRegistry},
    registry::{Registry, RegistryOptions},
};
use tradesim_schemas::ReadOptions;
use tungstenite::handshake::derive_accept_key;

/// Bytes of a write: what a replay writes at once.
const WRITE_BYTES: usize = 32 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or("the file with messages, one a line, is missing")?;
    let messages: u64 = arguments.next().map_or(Ok(2_000_000), |text| text.parse())?;
    let guarantee = match arguments.next().as_deref() {
        None | Some("exactly-once") => Guarantee::ExactlyOnce,
        Some("at-least-once") => Guarantee::AtLeastOnce,
        Some(other) => return Err(format!("{other}: expected exactly-once or at-least-once").into()),
    };
    let text = std::fs::read_to_string(file)?;
    let names = ["raw.trades", "raw.orderbook", "raw.marketdata", "dlq.raw.failed"];
    let mut topics: Vec<(String, u16)> = names.iter().map(|name| ((*name).to_owned(), 12)).collect();
    topics.push((Topics::POSITIONS.to_owned(), 1));
    let brokers = DevBroker::start(3, &topics)?;
    let registry = DevRegistry::start(0)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let feed_url = format!("ws://{}", listener.local_addr()?);
    let feed = std::thread::spawn(move || serve(&listener, &text, messages));
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10));
    let options = BridgeOptions {
        feed_url,
        connect_timeout: Duration::from_secs(10),
        kafka: KafkaConnection::new(brokers.bootstrap_servers(), &[])?,
        producer: ProducerOptions::default(),
        registry: Registry::new(RegistryOptions::new(registry.url()))?,
        register_schemas: true,
        topics: Arc::new(Topics::new("", "dlq.raw.failed")),
        delivery: Options {
            guarantee,
            until_end: true,
            run: None,
            bridge: "throughput".to_owned(),
            batch_events: 50_000,
            batch_time: Duration::from_millis(100),
            feed_tries: 0,
            feed_backoff: backoff,
            kafka_tries: Some(0),
            kafka_backoff: backoff,
            refusals_max: 0,
        },
        read: ReadOptions::default(),
        run: "throughput".to_owned(),
        metrics: None,
        stop_patience: Duration::from_secs(10),
    };
    let (report, result) = Bridge::new(options)?.run(|| 0.5, &|| false);
    assert_eq!(result?, Ended::Complete);
    let delivered = report.counts.produced;
    assert_eq!(delivered, messages, "every message is acknowledged");
    let rate = delivered as f64 / report.seconds;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{guarantee:?}: {delivered} messages in {:.2} s: {rate:.0} a second", report.seconds)?;
    writeln!(out, "{} transactions", report.counts.transactions)?;
    feed.join().map_err(|_| "the feed panicked")??;
    Ok(())
}

/// Serves one client: everything, the end, and the close.
fn serve(listener: &TcpListener, text: &str, messages: u64) -> Result<(), std::io::Error> {
    let (mut stream, _) = listener.accept()?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim().to_owned())
    });
    let accept = derive_accept_key(key.unwrap_or_default().as_bytes());
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: tradesim.v1\r\ntradesim-stream: bench\r\n\
         tradesim-run: bench\r\ntradesim-start-seq: 0\r\n\r\n"
    )?;
    let mut blocks: Vec<(u64, Vec<u8>)> = vec![(0, Vec::new())];
    for line in text.lines() {
        let (count, block) = blocks.last_mut().expect("there is one");
        frame(block, line.as_bytes());
        *count += 1;
        if block.len() >= WRITE_BYTES {
            blocks.push((0, Vec::new()));
        }
    }
    let mut left = messages;
    for (count, block) in blocks.iter().cycle() {
        if left < *count {
            break;
        }
        stream.write_all(block)?;
        left -= count;
    }
    let mut rest = Vec::new();
    for line in text.lines().cycle().take(left as usize) {
        frame(&mut rest, line.as_bytes());
    }
    let end = format!(r#"{{"notice":"end","seq":{messages},"sent":{messages},"digest":null}}"#);
    frame(&mut rest, end.as_bytes());
    // a close with 1000
    rest.extend_from_slice(&[0x88, 2, 0x03, 0xe8]);
    stream.write_all(&rest)?;
    // until the client has answered
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// A whole text message in a frame (RFC 6455, section 5.2).
fn frame(out: &mut Vec<u8>, text: &[u8]) {
    out.push(0x81);
    match text.len() {
        len @ 0..=125 => out.push(len as u8),
        len => {
            out.push(126);
            out.extend_from_slice(&u16::try_from(len).expect("a message is short").to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}
