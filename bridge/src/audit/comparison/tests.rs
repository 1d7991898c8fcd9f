mod retries;
pub(in crate::audit) mod topics;

use proptest::prelude::*;
use tradesim_schemas::ContentDigest;

use self::topics::{MESSAGE_RUN, Topics, messages};
use super::*;

fn digest(messages: &[Vec<u8>]) -> ContentDigest {
    ContentDigest::of(messages)
}

/// Returns the counts of lost, duplicated, reordered, altered and foreign.
fn counts(report: &AuditReport) -> [u64; 5] {
    Fault::ALL.map(|fault| report.finding(fault).count)
}

#[track_caller]
fn example(report: &AuditReport, fault: Fault) -> String {
    report.finding(fault).examples[0].to_string()
}

#[test]
fn what_was_bridged_is_what_the_archive_has() {
    let messages = messages(3_000);
    let report = Topics::bridged(&messages).audit(&messages);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.digest, digest(&messages));
    assert_eq!((report.messages, report.present, report.records), (3_000, 3_000, 3_000));
}

#[test]
fn a_lost_record_is_named() {
    let messages = messages(1_000);
    let mut topics = Topics::bridged(&messages);
    topics.remove(500);
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [1, 0, 0, 0, 0]);
    assert_ne!(report.digest, report.expected_digest);
    assert_eq!(report.expected_digest, digest(&messages));
    let described = canonical_text::described(&messages[500]);
    let (stream, _) = Topics::bridged(&messages).find(500);
    let Stream { topic, partition, .. } = &topics.streams[stream];
    assert_eq!(example(&report, Fault::Lost), format!("seq 500: {topic}[{partition}]: {described}"));
}

#[test]
fn a_doubled_record_is_named_and_the_digest_is_that_of_the_messages() {
    let messages = messages(1_000);
    let mut topics = Topics::bridged(&messages);
    let (stream, at) = topics.find(700);
    let again = topics.records[stream][at].clone();
    topics.records[stream].push(again);
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [0, 1, 0, 0, 0]);
    assert_eq!(report.digest, report.expected_digest);
    assert!(example(&report, Fault::Duplicated).contains("was read before"));
    assert!(!report.is_clean());
}

#[test]
fn two_records_of_a_key_that_changed_places_are_named() {
    let messages = messages(1_000);
    let mut topics = Topics::bridged(&messages);
    let (stream, first, second) = topics.neighbours_of_one_key();
    let later = topics.records[stream][second].seq.clone().unwrap();
    topics.records[stream].swap(first, second);
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [0, 0, 1, 0, 0]);
    assert!(example(&report, Fault::Reordered).contains(&format!("it follows seq {later} of ")));
}

#[test]
fn records_of_different_keys_may_change_places() {
    let messages = messages(1_000);
    let mut topics = Topics::bridged(&messages);
    let (stream, first) = topics.neighbours_of_two_keys();
    topics.records[stream].swap(first, first + 1);
    let report = topics.audit(&messages);
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn an_altered_record_is_named_with_what_differs() {
    let messages = messages(1_000);
    let mut topics = Topics::bridged(&messages);
    let seq = topics.seq(0, 7);
    let (stream, at) = topics.find(seq);
    let text = String::from_utf8(messages[seq as usize].clone()).unwrap();
    let other = text.replacen("\"quantity\":", "\"quantity\":1", 1);
    assert_ne!(other, text);
    topics.records[stream][at].value = Topics::bridged(&[other.into_bytes()]).value_of(0);
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [0, 0, 0, 1, 0]);
    assert!(example(&report, Fault::Altered).contains("payload.quantity is 1"), "{report:?}");
    assert_ne!(report.digest, report.expected_digest);
}

#[test]
fn foreign_records_are_named() {
    let messages = messages(1_000);
    for (change, what) in [
        (
            Box::new(|record: &mut topics::Record| record.run = None) as Box<dyn Fn(&mut topics::Record)>,
            "it has no run",
        ),
        (Box::new(|record| record.seq = None), "it has no seq"),
        (Box::new(|record| record.seq = Some("x".to_owned())), "its seq is \"x\""),
        (Box::new(|record| record.seq = Some("1000".to_owned())), "the archive has 1000 messages"),
        (Box::new(|record| record.seq = Some(u64::MAX.to_string())), "the archive has 1000 messages"),
    ] {
        let mut topics = Topics::bridged(&messages);
        let mut record = topics.records[0][0].clone();
        change(&mut record);
        topics.records[0].insert(0, record);
        let report = topics.audit(&messages);
        assert_eq!(counts(&report), [0, 0, 0, 0, 1], "{what}");
        assert_eq!(report.digest, report.expected_digest);
        assert!(example(&report, Fault::Foreign).ends_with(what), "{}", example(&report, Fault::Foreign));
    }
}

#[test]
fn one_of_each_fault_is_found_beside_the_others() {
    let messages = messages(3_000);
    let mut topics = Topics::bridged(&messages);
    let (stream, first, second) = topics.neighbours_of_one_key();
    let swapped: Vec<u64> = [first, second].iter().map(|&at| topics.seq(stream, at)).collect();
    topics.records[stream].swap(first, second);
    let mut free = (1_000..2_000).filter(|seq| !swapped.contains(seq));
    let mut next = || free.next().unwrap();
    topics.remove(next());
    let (stream, at) = topics.find(next());
    let again = topics.records[stream][at].clone();
    topics.records[stream].insert(at + 1, again);
    let (stream, at) = topics.find(next());
    let value = topics.records[stream][at].value.as_mut().unwrap();
    let last = value.len() - 30;
    value[last] ^= 1;
    let mut foreign = topics.records[3][5].clone();
    foreign.run = None;
    topics.records[3].insert(9, foreign);
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [1, 1, 1, 1, 1], "{report:?}");
}

#[test]
fn other_runs_are_left_alone() {
    let messages = messages(500);
    let mut topics = Topics::bridged(&messages);
    for records in &mut topics.records {
        let others: Vec<_> = records
            .iter()
            .cloned()
            .map(|record| topics::Record { run: Some("other".to_owned()), ..record })
            .collect();
        records.splice(0..0, others);
    }
    let report = topics.audit(&messages);
    assert!(report.is_clean());
    assert_eq!((report.records, report.other_runs), (1_000, 500));
}

#[test]
fn without_a_run_everything_is_lost() {
    let messages = messages(500);
    let report = Topics::bridged(&messages).audit_run(None, &messages);
    assert_eq!(counts(&report), [500, 0, 0, 0, 0]);
    let report = Topics::bridged(&messages).audit_run(Some("no such run"), &messages);
    assert_eq!(counts(&report), [500, 0, 0, 0, 0]);
    assert_eq!(report.finding(Fault::Lost).examples.len(), Finding::EXAMPLES_MAX);
}

#[test]
fn what_was_not_bridged_yet_is_lost_and_what_the_archive_lacks_is_foreign() {
    let messages = messages(1_000);
    let report = Topics::bridged(&messages[..900]).audit(&messages);
    assert_eq!(counts(&report), [100, 0, 0, 0, 0]);
    let report = Topics::bridged(&messages).audit(&messages[..900]);
    assert_eq!(counts(&report), [0, 0, 0, 0, 100]);
    assert_eq!(report.digest, digest(&messages[..900]));
}

#[test]
fn a_resend_is_duplicated_and_nothing_else() {
    let messages = messages(1_000);
    let mut topics = Topics::bridged(&messages);
    for records in &mut topics.records {
        let from = records.len() / 2;
        let again = records[from..].to_vec();
        records.extend(again);
    }
    let resent = topics.records.iter().map(Vec::len).sum::<usize>() as u64 - 1_000;
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [0, resent, 0, 0, 0]);
    assert_eq!(report.digest, report.expected_digest);
}

#[test]
fn dead_letters_are_messages_that_are_there() {
    let mut messages = messages(1_000);
    messages[10] = b"no message at all".to_vec();
    messages[20] = vec![0xff, 0x00, 0xfe];
    messages[30] = vec![b'x'; 600_000];
    messages[40] = b"{\"payload\":{\"symbol\":\"AAPL\"}}".to_vec();
    let topics = Topics::bridged(&messages);
    let report = topics.audit(&messages);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.dead_lettered, 4);
    assert_eq!(report.digest, digest(&messages));

    let mut others = messages.clone();
    others[10] = b"no massage at all".to_vec();
    others[30][599_999] = b'y';
    let report = topics.audit(&others);
    assert_eq!(counts(&report), [0, 0, 0, 2, 0]);
}

#[test]
fn another_wording_is_the_same_message() {
    let mut messages = messages(1_000);
    let spaced = String::from_utf8(messages[5].clone()).unwrap().replace("\":", "\" : ");
    messages[5] = spaced.into_bytes();
    let report = Topics::bridged(&messages).audit(&messages);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.reworded, 1);
    // the topics cannot restore the spaces
    assert_ne!(report.digest, digest(&messages));
}

#[test]
fn what_is_wrong_with_the_record_around_a_message_is_altered() {
    let messages = messages(1_000);
    let mut topics = Topics::bridged(&messages);
    let (stream, at) = topics.find(100);
    topics.records[stream][at].emitted = None;
    let (stream, at) = topics.find(101);
    topics.records[stream][at].emitted = Some("1".to_owned());
    let (stream, at) = topics.find(102);
    topics.records[stream][at].key = Some(b"NOBODY".to_vec());
    let (stream, at) = topics.find(103);
    topics.records[stream][at].value = None;
    let (stream, at) = topics.find(104);
    topics.records[stream][at].value.as_mut().unwrap()[4] = 99;
    let (stream, at) = topics.find(105);
    let moved = topics.records[stream].remove(at);
    topics.insert_by_seq((stream + 1) % topics.streams.len(), moved);
    let report = topics.audit(&messages);
    assert_eq!(counts(&report), [0, 0, 0, 6, 0], "{report:?}");
    let examples: Vec<String> =
        report.finding(Fault::Altered).examples.iter().map(ToString::to_string).collect();
    for (example, text) in examples.iter().zip([
        "tradesim-emitted is not a time",
        "timestamp is \"1970-01-01T00:00:00.000001Z\"",
        "its key is \"NOBODY\"",
        "the value is missing",
        "the registry has no schema 99",
    ]) {
        assert!(example.contains(text), "{text}: {example}");
    }
}

#[test]
fn a_record_that_comes_far_too_late_is_reordered_and_still_compared() {
    // all of them in one partition, and more than are held ahead
    let hour = messages(1_000);
    let key = |text: &[u8]| canonical_text::kind_and_symbol(text);
    let of_one_key = hour.iter().filter(|text| key(text) == key(&hour[999]));
    let messages: Vec<_> = of_one_key.cycle().take(40_000).cloned().collect();
    for altered in [false, true] {
        let mut topics = Topics::bridged(&messages);
        let (stream, at) = topics.find(3);
        let mut late = topics.records[stream].remove(at);
        if altered {
            late.emitted = Some("1".to_owned());
        }
        topics.records[stream].push(late);
        let report = topics.audit(&messages);
        assert_eq!(counts(&report), [0, 0, 1, u64::from(altered), 0], "{report:?}");
        assert_ne!(report.digest, report.expected_digest);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every message has a fate, and the report counts exactly those.
    #[test]
    fn every_fate_is_counted_once(fates in proptest::collection::vec(0u8..12, 1..400), foreign in 0u64..5) {
        let messages = messages(fates.len());
        let mut topics = Topics::bridged(&messages);
        let mut expected = [0, 0, 0, 0, foreign];
        for (seq, fate) in fates.iter().enumerate() {
            let (stream, at) = topics.find(seq as u64);
            match fate {
                0 => topics.remove(seq as u64),
                1 => {
                    let again = topics.records[stream][at].clone();
                    topics.records[stream].push(again);
                }
                2 => topics.records[stream][at].emitted = Some("7".to_owned()),
                _ => continue,
            }
            expected[match fate { 0 => 0, 1 => 1, _ => 3 }] += 1;
        }
        for at in 0..foreign {
            let record = topics::Record { run: Some(MESSAGE_RUN.to_owned()), seq: Some((messages.len() as u64 + at).to_string()), ..Default::default() };
            topics.records[at as usize].insert(0, record);
        }
        let report = topics.audit(&messages);
        prop_assert_eq!(counts(&report), expected);
        prop_assert_eq!(report.digest == report.expected_digest, expected[0] + expected[3] == 0);
    }
}
