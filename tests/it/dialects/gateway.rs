//! The Databento live gateway: bytes of a TCP connection.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use tradesim_schemas::sha256;

use super::{CUT, Sums, cat, expected, replay};
use crate::support::{Folder, listening::Listening};

/// Prices of records are in units of 1e-9.
const UNITS: i64 = 100_000;

const TRADE: u8 = 0;
const MBP_1: u8 = 1;
const SYMBOL_MAPPING: u8 = 22;
const SYSTEM: u8 = 23;
const OHLCV_1M: u8 = 33;

/// A connection to the gateway that has received the greeting.
struct Gateway {
    socket: BufReader<TcpStream>,
    challenge: String,
}

impl Gateway {
    fn connect(address: &str) -> Gateway {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut gateway = Gateway { socket: BufReader::new(socket), challenge: String::new() };
        assert!(gateway.line().starts_with("lsg_version="));
        gateway.challenge = gateway.line().strip_prefix("cram=").unwrap().to_owned();
        gateway
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.socket.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn send(&mut self, line: &str) {
        self.socket.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Authenticates with a key, and returns the answer.
    fn authenticate(&mut self, key: &str) -> String {
        let digest = sha256(format!("{}|{key}", self.challenge).as_bytes());
        let digest = digest.map(|byte| format!("{byte:02x}")).concat();
        self.send(&format!("auth={digest}-{}|dataset=EQUS.SIP|encoding=dbn|ts_out=0", &key[key.len() - 5..]));
        self.line()
    }

    /// Reads everything up to the end of the connection.
    fn rest(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.socket.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn price_at(bytes: &[u8], at: usize) -> i64 {
    let price = i64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(price % UNITS, 0);
    price / UNITS
}

/// Divides the bytes after the metadata into records.
fn records(bytes: &[u8]) -> Vec<&[u8]> {
    assert_eq!(&bytes[..4], b"DBN\x03");
    let mut rest = &bytes[8 + u32_at(bytes, 4) as usize..];
    let mut records = Vec::new();
    while let Some(len) = rest.first() {
        let (record, after) = rest.split_at(usize::from(*len) * 4);
        records.push(record);
        rest = after;
    }
    records
}

pub(super) fn start(folder: &Folder, args: &[&str]) -> (Listening, String) {
    let mut server = replay(folder, &[&["--databento-port", "0"], args].concat());
    let address = server.announces("databento gateway on ");
    (server, address)
}

/// Subscribes to symbols, 500 in each line, as the vendor's clients do, and returns the number of symbols that are mapped.
pub(super) fn mapped(address: &str, symbols: &[String]) -> usize {
    let mut gateway = Gateway::connect(address);
    gateway.authenticate("db-any-key");
    for symbols in symbols.chunks(500) {
        gateway.send(&format!("schema=trades|stype_in=raw_symbol|symbols={}", symbols.join(",")));
    }
    // as the vendor's clients for Rust and C++ send it
    gateway.send("start_session");
    let mut head = [0; 8];
    gateway.socket.read_exact(&mut head).unwrap();
    gateway.socket.read_exact(&mut vec![0; u32_at(&head, 4) as usize]).unwrap();
    let mut mapped = 0;
    while mapped < symbols.len() {
        let mut start = [0; 2];
        gateway.socket.read_exact(&mut start).unwrap();
        gateway.socket.read_exact(&mut vec![0; usize::from(start[0]) * 4 - 2]).unwrap();
        mapped += usize::from(start[1] == SYMBOL_MAPPING);
    }
    mapped
}

#[test]
fn records_are_the_executions_quotes_and_minutes_of_the_archive() {
    let folder = Folder::new();
    let key = "db-0123456789abcdefghijklmnopqrs";
    let (server, address) = start(&folder, &["--api-key", key]);
    let mut gateway = Gateway::connect(&address);
    assert_eq!(gateway.authenticate(key), "success=1|session_id=1");
    for schema in ["trades", "mbp-1", "ohlcv-1m"] {
        let last = u8::from(schema == "ohlcv-1m");
        gateway.send(&format!(
            "schema={schema}|stype_in=raw_symbol|symbols=ALL_SYMBOLS|snapshot=0|is_last={last}"
        ));
    }
    gateway.send("start_session=0");
    let bytes = gateway.rest();
    let (mut sums, mut with_book, mut mappings) = ([Sums::default(); 3], Sums::default(), 0);
    for record in records(&bytes) {
        match record[1] {
            TRADE => sums[0].add(u64::from(u32_at(record, 24)), price_at(record, 16)),
            MBP_1 if record[28] == b'M' => {
                let sizes = u64::from(u32_at(record, 64)) + u64::from(u32_at(record, 68));
                sums[1].add(sizes, price_at(record, 48) + price_at(record, 56));
            }
            MBP_1 => with_book.add(u64::from(u32_at(record, 24)), price_at(record, 16)),
            OHLCV_1M => {
                let volume = u64::from_le_bytes(record[48..56].try_into().unwrap());
                sums[2].add(volume, price_at(record, 40));
            }
            SYMBOL_MAPPING => mappings += 1,
            SYSTEM => {}
            other => panic!("a record of type {other}"),
        }
    }
    assert_eq!(sums, expected(&cat(&folder, &CUT)));
    assert_eq!(with_book, sums[0]);
    assert_eq!(mappings, 50);
    let run = server.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn the_limits_of_connections_count_clients_of_all_ports() {
    let folder = Folder::new();
    let (server, address) = start(&folder, &["--max-connections-per-address", "1", "--stay"]);
    let first = Gateway::connect(&address);
    let status = match tungstenite::connect(format!("{}/stocks", server.url)) {
        Err(tungstenite::Error::Http(answer)) => answer.status(),
        other => panic!("{other:?}"),
    };
    assert_eq!(status, 503);
    let mut second = TcpStream::connect(&address).unwrap();
    assert_eq!(second.read(&mut [0; 64]).unwrap(), 0, "it is closed without a greeting");
    drop(first);
    crate::support::send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
}

#[test]
fn a_wrong_key_and_an_unknown_schema_are_refused() {
    let folder = Folder::new();
    let (server, address) = start(&folder, &["--api-key", "db-right", "--stay"]);
    let mut gateway = Gateway::connect(&address);
    assert!(gateway.authenticate("db-wrong").starts_with("success=0|error="));
    assert!(gateway.rest().is_empty());
    let mut gateway = Gateway::connect(&address);
    gateway.authenticate("db-right");
    gateway.send("schema=dreams|stype_in=raw_symbol|symbols=AAPL");
    gateway.send("start_session=0");
    let text = String::from_utf8_lossy(&gateway.rest()).into_owned();
    assert!(text.contains("dreams") || text.contains("schema"), "{text}");
    // a line that never ends is not stored
    let mut gateway = Gateway::connect(&address);
    let _ = gateway.socket.get_mut().write_all(&vec![b'a'; 1 << 20]);
    let answer = gateway.line();
    assert!(answer.starts_with("success=0") || answer.is_empty(), "{answer}");
    crate::support::send_signal("TERM", &server.child);
    assert_eq!(server.end().code, 0);
}
