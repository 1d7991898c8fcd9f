//! Dead letters on a real cluster: those that are valid now are sent again exactly once, even if the command is killed.

use std::{collections::BTreeSet, process::Stdio, time::Duration};

use serde_json::Value;

use crate::support::{
    Clock, Folder,
    brokers::{cluster, prefix},
    day_text,
    feed::plain_feed,
    send_signal, wait_until,
};

/// The number of dead letters: a little more than three transactions.
const LETTERS: usize = 1_700;
/// The number of kills, each of them this much later. The command takes one to two seconds.
const KILLS: u32 = 14;
const LATER: Duration = Duration::from_millis(125);

/// Returns order books whose bid is above their ask. They break only a market rule, so only `--strict` refuses them.
fn crossed_books(folder: &Folder) -> Vec<Vec<u8>> {
    let limit = LETTERS.to_string();
    let books = folder.ok(&["cat", day_text(), "--events", "orderbook", "--limit", &limit]);
    let crossed = |line: &str| {
        let mut book: Value = serde_json::from_str(line).unwrap();
        let payload = &mut book["payload"];
        let bid = payload["bid_price"].take();
        payload["bid_price"] = std::mem::replace(&mut payload["ask_price"], bid);
        book.to_string().into_bytes()
    };
    books.lines().map(crossed).collect()
}

#[test]
#[ignore = "needs a Kafka cluster: .ci/kafka PYTHON tests"]
fn letters_that_have_become_valid_are_sent_again_once_whatever_is_killed() {
    let cluster = cluster();
    let folder = Folder::new();
    let prefix = prefix(&folder);
    let brokers = ["--bootstrap-servers", &cluster.brokers, "--topic-prefix", &prefix];
    let registry = ["--schema-registry-url", cluster.registry.as_str()];
    folder.ok(&[&["topics", "create"], &brokers[..]].concat());

    let books = crossed_books(&folder);
    assert_eq!(books.len(), LETTERS);
    let feed = plain_feed(books);
    let url = feed.url();
    folder.ok(&["capture", &url, "-o", "books.parquet", "--count", &LETTERS.to_string()]);
    let args = ["bridge", "--strict", "--register-schemas", "--until-end", "--delivery", "at-least-once"];
    let more = ["--run", "crossed", "--ws-uri", &url, "--metrics-port", "0", "--json"];
    let run = folder.run(&[&args[..], &more, &brokers, &registry].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(run.json()["dead_lettered"], LETTERS);

    let retry = [&["dlq", "retry", "--json"], &brokers[..], &registry].concat();
    folder.run(&retry).fails(2, "has no position");
    let again = folder.run(&[&retry[..], &["--strict", "--from-beginning"]].concat());
    assert_eq!((again.code, &again.json()["invalid"]), (3, &LETTERS.into()), "{}", again.stderr);
    let mut killed = 0;
    for kill in 1..=KILLS {
        let mut child = folder.command(&retry).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let clock = Clock::start();
        let mut ended = false;
        wait_until("the instant to kill it", || {
            ended = child.try_wait().unwrap().is_some();
            ended || clock.elapsed() >= LATER * kill
        });
        if !ended {
            send_signal("KILL", &child);
            killed += 1;
        }
        child.wait().unwrap();
    }
    assert!(killed > 0, "none was killed");
    let last = folder.run(&retry);
    assert_eq!(last.code, 0, "{}", last.stderr);
    assert_eq!(last.json()["invalid"], 0);
    assert_eq!(folder.run(&retry).json()["read"], 0, "nothing is left");
    // the position is a record, which does not expire like the offsets of a group
    let positions = ["topics", "tail", "tradesim.positions", "--from-beginning", "--until-end"];
    let positions = folder.ok(&[&positions[..], &brokers, &registry].concat());
    let newest: Value = serde_json::from_str(positions.lines().next_back().unwrap()).unwrap();
    assert_eq!(newest["key"], format!("dlq-retry:{prefix}dlq.raw.failed"));
    let settled: i64 = newest["value"]["next_offsets"]
        .as_object()
        .unwrap()
        .values()
        .map(|offset| offset.as_i64().unwrap())
        .sum();
    assert!(settled >= 2 * LETTERS as i64, "{newest}");

    let tail = ["topics", "tail", "raw.orderbook", "--from-beginning", "--until-end", "--run", "crossed"];
    let records = folder.ok(&[&tail[..], &brokers, &registry].concat());
    let seqs: Vec<u64> = records
        .lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            record["headers"]["tradesim-seq"].as_str().unwrap().parse().unwrap()
        })
        .collect();
    assert_eq!(seqs.len(), LETTERS, "after {killed} kills");
    assert_eq!(seqs.into_iter().collect::<BTreeSet<_>>(), (0..LETTERS as u64).collect());

    let audit = ["verify-topic", "--archive", "books.parquet", "--run", "crossed", "--json"];
    let run = folder.run(&[&audit[..], &brokers, &registry].concat());
    assert_eq!(run.code, 0, "{}", run.stdout);
    let report = run.json();
    let counts = ["present", "dead_lettered", "sent_again"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [LETTERS as u64; 3]);
}
