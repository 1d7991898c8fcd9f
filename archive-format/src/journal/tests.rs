use std::{fs, path::PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::Error;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).unwrap()
}

fn any_record() -> impl Strategy<Value = JournalRecord> {
    let kinds = [JournalKind::Text, JournalKind::Binary, JournalKind::Gap];
    (any::<i32>(), prop::sample::select(kinds.to_vec()), prop::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(micros, kind, content)| JournalRecord { received: at(micros.into()), kind, content })
}

fn bytes_of(records: &[JournalRecord]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    for (ordinal, record) in (0..).zip(records) {
        encode(ordinal, record.received, record.kind, &record.content, &mut bytes);
    }
    bytes
}

struct Scratch {
    _folder: TempDir,
    path: PathBuf,
}

impl Scratch {
    fn new() -> Scratch {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        Scratch { _folder: folder, path }
    }

    fn read(&self, bytes: &[u8]) -> Result<(Vec<JournalRecord>, TruncatedTail), Error> {
        fs::write(&self.path, bytes).unwrap();
        read(&self.path)
    }
}

fn read(path: &std::path::Path) -> Result<(Vec<JournalRecord>, TruncatedTail), Error> {
    let mut reader = JournalReader::open(path)?;
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push(record);
    }
    assert_eq!(reader.next_record().unwrap(), None);
    Ok((records, reader.truncated_tail()))
}

/// Returns the end of each record in the bytes.
fn ends(records: &[JournalRecord]) -> Vec<usize> {
    (0..=records.len()).map(|count| bytes_of(&records[..count]).len()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn records_come_back_as_they_went_in(records in prop::collection::vec(any_record(), 0..20)) {
        let (found, torn) = Scratch::new().read(&bytes_of(&records)).unwrap();
        prop_assert_eq!(found, records);
        prop_assert_eq!(torn, TruncatedTail::default());
    }

    #[test]
    fn cut_at_any_byte_the_whole_records_are_left(records in prop::collection::vec(any_record(), 1..6)) {
        let scratch = Scratch::new();
        let bytes = bytes_of(&records);
        let ends = ends(&records);
        for cut in 0..bytes.len() {
            let read = scratch.read(&bytes[..cut]);
            if cut < MAGIC.len() {
                assert!(matches!(read, Err(Error::NotJournal { .. })));
                continue;
            }
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let (found, torn) = read.unwrap();
            prop_assert_eq!(&found, &records[..whole]);
            prop_assert_eq!(torn.bytes, (cut - ends[whole]) as u64);
            prop_assert_eq!(torn.messages_max > 0, torn.bytes > 0);
        }
    }

    #[test]
    fn a_flipped_byte_ends_the_journal_where_it_is(
        records in prop::collection::vec(any_record(), 1..6),
        flip in 1u8..,
    ) {
        let scratch = Scratch::new();
        let bytes = bytes_of(&records);
        let ends = ends(&records);
        for place in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[place] ^= flip;
            let read = scratch.read(&bytes);
            if place < MAGIC.len() {
                assert!(matches!(read, Err(Error::NotJournal { .. })));
                continue;
            }
            let whole = ends.iter().filter(|end| **end <= place).count() - 1;
            let (found, torn) = read.unwrap();
            prop_assert_eq!(&found, &records[..whole]);
            prop_assert_eq!(torn.bytes, (bytes.len() - ends[whole]) as u64);
            prop_assert!(torn.messages_max >= (records.len() - whole) as u64);
        }
    }

    #[test]
    fn any_bytes_behind_the_magic_are_read_without_a_panic(rest in prop::collection::vec(any::<u8>(), 0..300)) {
        let (found, torn) = Scratch::new().read(&[MAGIC, &rest].concat()).unwrap();
        prop_assert_eq!(found, []);
        prop_assert_eq!(torn.bytes, rest.len() as u64);
    }
}

#[test]
fn records_of_another_place_are_not_taken_for_ones_of_this() {
    let record = JournalRecord { received: at(1), kind: JournalKind::Text, content: b"a".to_vec() };
    let one = bytes_of(std::slice::from_ref(&record));
    let again = [&one[..], &one[MAGIC.len()..]].concat();
    let (found, torn) = Scratch::new().read(&again).unwrap();
    assert_eq!(found, [record]);
    assert_eq!(torn.bytes, (one.len() - MAGIC.len()) as u64);
}

#[test]
fn a_length_that_is_promised_and_not_there_takes_no_memory() {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&0u64.to_le_bytes());
    head.extend_from_slice(&(16u32 << 20).to_le_bytes());
    head.extend_from_slice(&[0; 9]);
    let (found, torn) = Scratch::new().read(&head).unwrap();
    assert_eq!((found.len(), torn.bytes, torn.messages_max), (0, HEAD_BYTES as u64, 1));
}

#[test]
fn what_was_flushed_is_there_for_whoever_comes_after_us() {
    let scratch = Scratch::new();
    let mut writer = JournalWriter::create(&scratch.path, "ws://x", at(5)).unwrap();
    writer.append(at(6), JournalKind::Text, b"one").unwrap();
    writer.append(at(7), JournalKind::Binary, &[0, 255]).unwrap();
    writer.flush().unwrap();
    writer.append(at(8), JournalKind::Text, b"in memory").unwrap();
    let (found, torn) = read(&scratch.path).unwrap();
    let kinds: Vec<_> = found.iter().map(|record| (record.kind, record.kind.opcode())).collect();
    assert_eq!(
        kinds,
        [(JournalKind::Feed, None), (JournalKind::Text, Some(1)), (JournalKind::Binary, Some(2))]
    );
    assert_eq!(torn, TruncatedTail::default());
    writer.sync().unwrap();
    assert_eq!(writer.bytes(), fs::metadata(&scratch.path).unwrap().len());
    assert_eq!(read(&scratch.path).unwrap().0.len(), 4);
}

#[test]
fn a_journal_in_use_is_told_from_one_that_was_left() {
    let scratch = Scratch::new();
    let writer = JournalWriter::create(&scratch.path, "ws://x", at(0)).unwrap();
    let again = || JournalWriter::create(&scratch.path, "ws://x", at(0));
    assert!(matches!(again(), Err(Error::JournalInUse { .. })));
    assert!(matches!(JournalWriter::claim(&scratch.path), Err(Error::JournalInUse { .. })));
    drop(writer);
    assert!(matches!(again(), Err(Error::JournalExists { .. })));
    let claim = JournalWriter::claim(&scratch.path).unwrap();
    assert!(matches!(again(), Err(Error::JournalInUse { .. })));
    drop(claim);
    fs::remove_file(&scratch.path).unwrap();
    again().unwrap().remove().unwrap();
    assert!(!scratch.path.exists());
}

#[test]
fn a_journal_that_cannot_be_made_says_so() {
    let scratch = Scratch::new();
    let missing = scratch.path.join("folder/a.journal");
    assert!(matches!(JournalWriter::create(missing, "ws://x", at(0)), Err(Error::CannotCreate { .. })));
}

#[test]
fn a_message_above_the_limit_is_refused() {
    let scratch = Scratch::new();
    let mut writer = JournalWriter::create(&scratch.path, "ws://x", at(0)).unwrap();
    let longest = vec![b'a'; limits::FRAME_BYTES_MAX];
    writer.append(at(0), JournalKind::Text, &longest).unwrap();
    let longer = [&longest[..], b"a"].concat();
    let refused = writer.append(at(0), JournalKind::Text, &longer);
    assert!(matches!(refused, Err(Error::FrameTooLarge { .. })));
    writer.flush().unwrap();
    assert_eq!(read(&scratch.path).unwrap().0[1].content.len(), longest.len());
}
