//! Journals that are truncated, left over, hostile, or not regular files.

use std::process::Stdio;

use super::{bytes_of, endless, foreign, start, wait_for_journal};
use crate::support::{Folder, Run};

/// Returns a journal with these records and their kinds (0 the feed, 1 a text, 2 a binary message, 3 a gap).
fn journal(records: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = b"tradesim-journal/1\n".to_vec();
    for (ordinal, (kind, content)) in (0u64..).zip(records) {
        let start = bytes.len();
        bytes.extend_from_slice(&ordinal.to_le_bytes());
        bytes.extend_from_slice(&(content.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(1_000_000 + ordinal as i64).to_le_bytes());
        bytes.push(*kind);
        bytes.extend_from_slice(content);
        let check = blake3::hash(&bytes[start..]);
        bytes.extend_from_slice(&check.as_bytes()[..8]);
    }
    bytes
}

#[test]
fn no_truncated_journal_replaces_another() {
    let folder = Folder::new();
    let text = |content: &'static str| {
        let whole = journal(&[(1, b"whole"), (1, content.as_bytes())]);
        whole[..whole.len() - 1].to_vec()
    };
    let mut torn = Vec::new();
    for (content, name) in [
        ("first", "feed.parquet.journal.torn"),
        ("second", "feed.parquet.journal.torn.2"),
        ("third", "feed.parquet.journal.torn.3"),
    ] {
        folder.write("feed.parquet.journal", text(content));
        let run = folder.run(&["recover", "feed.parquet.journal", "--force"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(run.stderr.contains(&format!("the journal is kept as {name}\n")), "{}", run.stderr);
        torn.push((name, text(content)));
        for (name, content) in &torn {
            assert!(folder.read(name) == *content, "{name}");
        }
    }
    assert_eq!(folder.names().len(), 4);
}

#[test]
fn what_is_not_a_regular_file_is_refused_before_it_is_opened() {
    let folder = Folder::new();
    assert!(folder.wrapped("mkfifo", &["feed.parquet.journal"]).status().unwrap().success());
    // opening the pipe would wait for a writer forever
    folder.run(&["recover", "feed.parquet.journal"]).fails(1, "feed.parquet.journal is a pipe");
    let capture = folder.run(&["capture", "ws://127.0.0.1:1", "-o", "feed.parquet"]);
    capture.fails(73, "feed.parquet.journal already exists");
    folder.run(&["recover", ".", "-o", "out"]).fails(1, ". is a folder");
    folder.run(&["recover", "/dev/zero", "-o", "out"]).fails(1, "/dev/zero is a device");
    assert_eq!(folder.names(), ["feed.parquet.journal"]);
}

#[test]
fn the_reason_for_a_gap_is_bounded() {
    let folder = Folder::new();
    let long = vec![b'x'; 1 << 20];
    let gap: (u8, &[u8]) = (3, &long);
    folder.write("feed.parquet.journal", journal(&[(0, b"ws://feed"), gap, (1, b"a"), gap, gap]));
    let run = folder.run(&["recover", "feed.parquet.journal", "--json"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    assert_eq!((&report["gap_count"], &report["events"]["total"]), (&3.into(), &1.into()));
    for gap in report["gaps"].as_array().unwrap() {
        assert_eq!(gap["reason"].as_str().unwrap(), "x".repeat(1_024));
    }
}

#[test]
fn hostile_journals_are_recovered_in_bounded_memory() {
    let folder = Folder::new();
    let large = vec![b'['; 16 << 20];
    let nested: (u8, &[u8]) = (1, &large);
    // 1,000 of these reasons would take 16 GB; at most three such messages may be in memory together
    let records = [(0, &large[..]), (3, &large), (3, &large), nested, nested, (3, &large), nested, nested];
    folder.write("feed.parquet.journal", journal(&records));
    let script = "ulimit -v 1000000 && exec \"$0\" \"$@\"";
    let all = ["-c", script, env!("CARGO_BIN_EXE_tradesim"), "recover", "feed.parquet.journal", "--json"];
    let run = Run::of(folder.wrapped("sh", &[&all[..], &["--threads", "1"]].concat()).output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!((&run.json()["events"]["raw"], &run.json()["gap_count"]), (&4.into(), &3.into()));
    folder.ok(&["verify", "feed.parquet"]);
}

#[test]
fn a_failed_write_reports_the_number_of_messages_in_the_journal() {
    let folder = Folder::new();
    let big: Vec<_> = (0..64).map(|index| (true, vec![index; 10_000])).collect();
    let server = endless(big);
    // 102,400 bytes have room for the feed and ten messages
    let script = "ulimit -f 200 && exec \"$0\" \"$@\"";
    let args = ["-c", script, env!("CARGO_BIN_EXE_tradesim"), "capture", &server.url(), "-o", "feed.parquet"];
    let run = Run::of(folder.wrapped("sh", &args).stdout(Stdio::piped()).output().unwrap());
    run.fails(
        1,
        "received messages are in feed.parquet.journal, and `tradesim recover feed.parquet.journal`",
    );
    let error = run.stderr.lines().find_map(|line| line.strip_prefix("error: ")).unwrap();
    let words: Vec<&str> = error.split(' ').collect();
    assert_eq!((words[0], words[1]), ("10", "of"), "{error}");
    let received: u64 = words[2].parse().unwrap();
    assert!((10..=64).contains(&received), "{error}");
    assert!(error.contains("no space left to write feed.parquet.journal"), "{error}");
    let report = folder.run(&["recover", "feed.parquet.journal", "--json"]).json();
    assert_eq!(report["events"]["total"], 10);
}

#[test]
fn an_archive_that_cannot_be_created_leaves_all_messages_in_the_journal() {
    let folder = Folder::new();
    let messages = foreign();
    let server = endless(messages.clone());
    let child = start(&folder, &server.url(), &[]);
    wait_for_journal(&folder, bytes_of(&messages));
    // another program takes the name meanwhile
    folder.write("feed.parquet", "another file");
    crate::support::send_signal("TERM", &child);
    let run = Run::of(child.wait_with_output().unwrap());
    run.fails(73, "6 of 6 received messages are in feed.parquet.journal, and `tradesim recover");
    assert_eq!(folder.names(), ["feed.parquet", "feed.parquet.journal"]);
}
