//! Dead letters that were sent again.

use super::{
    super::*,
    counts, example, messages,
    topics::{Record, Topics},
};

const SEQ: u64 = 400;

fn sent_again(record: &Record, retry: &str) -> Record {
    Record { retry: Some(retry.to_owned()), ..record.clone() }
}

/// Returns topics with a message that became a dead letter, the record that it would have been, and the dead letter.
fn with_dead_letter(messages: &[Vec<u8>]) -> (Topics, usize, Record, usize, Record) {
    let mut topics = Topics::bridged(messages);
    let (stream, record) = topics.replace_by_dead_letter(SEQ, &messages[SEQ as usize]);
    let (letters, at) = topics.find(SEQ);
    let letter = topics.records[letters][at].clone();
    (topics, stream, record, letters, letter)
}

#[test]
fn a_letter_that_is_a_record_now_is_no_fault() {
    let messages = messages(1_000);
    let (topics, stream, record, ..) = with_dead_letter(&messages);
    // wherever it is: before all others, after them, and before its dead letter is read
    for at in [0, topics.records[stream].len()] {
        let (mut topics, stream, ..) = with_dead_letter(&messages);
        topics.records[stream].insert(at, sent_again(&record, "1"));
        let report = topics.audit(&messages);
        assert!(report.is_clean(), "{report:?}");
        assert_eq!((report.present, report.dead_lettered, report.sent_again), (1_000, 1, 1));
    }
}

#[test]
fn a_letter_that_was_sent_again_in_vain_may_be_sent_once_more() {
    let messages = messages(1_000);
    let (mut topics, stream, record, letters, letter) = with_dead_letter(&messages);
    topics.records[letters].push(sent_again(&letter, "1"));
    topics.records[stream].push(sent_again(&record, "2"));
    let report = topics.audit(&messages);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.present, report.dead_lettered, report.sent_again), (1_000, 1, 1));
}

#[test]
fn what_was_sent_again_twice_is_duplicated() {
    let messages = messages(1_000);
    let (mut topics, stream, record, ..) = with_dead_letter(&messages);
    topics.records[stream].push(sent_again(&record, "1"));
    topics.records[stream].push(sent_again(&record, "1"));
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [0, 1, 0, 0, 0], "{report:?}");
    // without the header it is a duplicate, as before
    let (mut topics, stream, record, ..) = with_dead_letter(&messages);
    topics.records[stream].push(record);
    assert_eq!(counts(&topics.audit(&messages)), [0, 1, 0, 0, 0]);
}

#[test]
fn what_came_of_no_letter_is_duplicated() {
    let messages = messages(1_000);
    let mut topics = Topics::bridged(&messages);
    let (stream, at) = topics.find(SEQ);
    let again = sent_again(&topics.records[stream][at], "1");
    topics.records[stream].push(again);
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [0, 1, 0, 0, 0]);
    assert!(example(&report, Fault::Duplicated).contains("its dead letter is missing"), "{report:?}");

    for (retry, why) in [("2", "the first time is missing"), ("0", "no such time")] {
        let (mut topics, stream, record, ..) = with_dead_letter(&messages);
        topics.records[stream].push(sent_again(&record, retry));
        assert_eq!(counts(&topics.audit(&messages)), [0, 1, 0, 0, 0], "{why}");
    }
}

#[test]
fn a_letter_that_became_another_message_is_altered() {
    let messages = messages(1_000);
    let (mut topics, stream, record, ..) = with_dead_letter(&messages);
    let other = Record { emitted: Some("7".to_owned()), ..sent_again(&record, "1") };
    topics.records[stream].push(other);
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [0, 0, 0, 1, 0], "{report:?}");
    let broken = Record { value: Some(b"x".to_vec()), ..sent_again(&record, "1") };
    let (mut topics, stream, ..) = with_dead_letter(&messages);
    topics.records[stream].push(broken);
    assert_eq!(counts(&topics.audit(&messages)), [0, 0, 0, 1, 0]);
}

#[test]
fn an_altered_letter_is_altered_once_however_often_it_was_sent_again() {
    let messages = messages(1_000);
    let mut topics = Topics::bridged(&messages);
    topics.replace_by_dead_letter(SEQ, b"another text");
    let (letters, at) = topics.find(SEQ);
    let letter = topics.records[letters][at].clone();
    topics.records[letters].push(sent_again(&letter, "1"));
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [0, 0, 0, 1, 0], "{report:?}");
    assert_eq!(report.sent_again, 1);
}
