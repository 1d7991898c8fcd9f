use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;
use tradesim_schemas::{
    Envelope, Event,
    testing::{any_timestamp, foreign_text, market_envelope},
};

use super::*;
use crate::{Archive, JournalWriter, OpenOptions, Start, row::RowRef};

struct Scratch {
    _folder: TempDir,
    journal: PathBuf,
    archive: PathBuf,
}

/// Creates a message that was received at an instant.
type Message = (Timestamp, JournalKind, Vec<u8>);

impl Scratch {
    fn new() -> Scratch {
        let folder = tempfile::tempdir().unwrap();
        let (journal, archive) = (folder.path().join("a.journal"), folder.path().join("a.parquet"));
        Scratch { _folder: folder, journal, archive }
    }

    fn archived(&self, messages: &[Message]) -> Archived {
        let mut writer = JournalWriter::create(&self.journal, "ws://feed", at(0)).unwrap();
        for (received, kind, bytes) in messages {
            writer.append(*received, *kind, bytes).unwrap();
        }
        writer.flush().unwrap();
        self.archive_journal()
    }

    fn archive_journal(&self) -> Archived {
        let progress = |_, _| Ok::<(), Error>(());
        archive_journal(&self.journal, &self.archive, WriterOptions::default(), progress).unwrap()
    }

    fn rows(&self) -> Vec<Captured> {
        let archive = Archive::open(&self.archive, OpenOptions::default()).unwrap();
        archive.verify_content().unwrap();
        let mut rows = Vec::new();
        for batch in archive.batches(Start::Beginning) {
            for row in batch.unwrap().rows() {
                let RowRef::Captured(captured) = row else { panic!("{row:?}") };
                rows.push(captured.clone());
            }
        }
        rows
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).unwrap()
}

fn book(second: i64) -> Envelope {
    use tradesim_schemas::{Exchange, OrderBook, Price, Quantity, Symbol};
    let price = |units| Price::from_units(units).unwrap();
    let (bid_price, ask_price) = (price(1_000_000), price(1_000_300));
    let event = Event::OrderBook(OrderBook {
        symbol: Symbol::new("AAPL").unwrap(),
        bid_price,
        ask_price,
        bid_size: Quantity::new(100).unwrap(),
        ask_size: Quantity::new(200).unwrap(),
        spread: ask_price.checked_sub(bid_price).unwrap(),
        mid_price: Price::mid(bid_price, ask_price),
        timestamp: at(second),
        exchange: Exchange::Arca,
    });
    Envelope { timestamp: at(second), event }
}

/// Archives messages: a number stands for our own text with that second, a text for a message of another program. Each is
/// received a second after the previous one, from 1,000 on. `expected` is the second of each row, with a star if the row is
/// stored by columns.
#[track_caller]
fn check(messages: &[Result<i64, &str>], expected: &str) {
    let received = (0..).map(|index| at(1_000 + index));
    let texts = messages.iter().map(|message| match message {
        Ok(second) => book(*second).to_json().into_bytes(),
        Err(text) => text.as_bytes().to_vec(),
    });
    let messages: Vec<Message> =
        received.zip(texts).map(|(received, text)| (received, JournalKind::Text, text)).collect();
    let scratch = Scratch::new();
    scratch.archived(&messages);
    let places: Vec<String> = scratch
        .rows()
        .iter()
        .map(|row| {
            let star = if matches!(row.content, Content::Event(_)) { "*" } else { "" };
            format!("{}{star}", row.timestamp.micros() / 1_000_000)
        })
        .collect();
    assert_eq!(places.join(" "), expected);
}

#[test]
fn our_own_text_stands_at_its_envelopes_time() {
    check(&[Ok(10), Ok(10), Ok(70)], "10* 10* 70*");
}

/// A message of another program with a timestamp of 1970.
fn timed(time: &str) -> String {
    format!(r#"{{"timestamp": "1970-01-01T{time}Z"}}"#)
}

#[test]
fn what_states_no_time_stands_when_it_was_received() {
    check(&[Err("a"), Err("b"), Err("c")], "1000 1001 1002");
}

#[test]
fn other_texts_stand_at_the_times_that_they_state() {
    let [first, second, third] = ["00:00:10", "00:00:10", "00:01:10"].map(timed);
    check(&[Err(&first), Err(&second), Err(&third)], "10 10 70");
    // a message without a timestamp keeps its distance from the previous one
    check(&[Err(&first), Err("a"), Err("b"), Err(&third), Err("c")], "10 11 12 70 71");
    check(&[Err("a"), Err(&first)], "10 10");
}

#[test]
fn one_message_with_a_time_far_ahead_moves_no_other() {
    let [far, early, late] = ["23:00:00", "00:00:20", "00:00:30"].map(timed);
    check(&[Ok(10), Err(&far), Ok(11), Ok(12)], "10* 11 11* 12*");
    check(&[Err(&early), Err(&far), Err(&late), Err("a")], "20 30 30 31");
    check(&[Err(&early), Err(&late), Err(&early)], "20 20 20");
    check(&[Ok(10), Err(&far), Err(&late), Ok(20), Ok(40)], "10* 20 20 20* 40*");
}

#[test]
fn what_states_no_time_is_moved_as_far_as_order_demands() {
    check(&[Err("a"), Ok(10), Err("b"), Err("c"), Ok(70), Err("d")], "10 10* 11 12 70* 71");
    check(&[Err("a"), Ok(2_000), Err("b"), Ok(3_000)], "1000 2000* 2001 3000*");
}

#[test]
fn our_own_text_that_comes_late_is_kept_as_its_bytes() {
    check(&[Ok(70), Ok(10), Ok(71)], "70* 70 71*");
    check(&[Ok(70), Err("a"), Ok(10), Err("b"), Ok(80)], "70* 71 71 72 80*");
}

#[test]
fn a_clock_that_is_set_back_keeps_the_order() {
    let scratch = Scratch::new();
    let messages = [5, 3, 8].map(|second| (at(second), JournalKind::Binary, b"x".to_vec()));
    scratch.archived(&messages);
    let rows = scratch.rows();
    let times: Vec<_> = rows.iter().map(|row| (row.timestamp, row.received.unwrap(), row.opcode)).collect();
    assert_eq!(times, [5, 5, 8].map(|second| (at(second), at(second), Some(2))));
}

#[test]
fn an_archive_whose_making_is_stopped_leaves_the_journal_alone() {
    let scratch = Scratch::new();
    scratch.archived(&[(at(1), JournalKind::Text, b"x".to_vec())]);
    std::fs::remove_file(&scratch.archive).unwrap();
    let stopped = |_, _| Err(Error::Failed { path: PathBuf::new() });
    archive_journal(&scratch.journal, &scratch.archive, WriterOptions::default(), stopped).unwrap_err();
    assert!(scratch.journal.exists() && !scratch.archive.exists());
}

#[test]
fn gaps_and_the_feed_are_named() {
    let scratch = Scratch::new();
    let gap = (at(3), JournalKind::Gap, b"lost".to_vec());
    let text = |second| (at(second), JournalKind::Text, b"x".to_vec());
    let archived = scratch.archived(&[text(1), text(2), gap.clone(), text(4), gap]);
    let found: Vec<_> = archived.gaps.iter().map(|gap| (gap.seq, gap.at, gap.reason.as_str())).collect();
    assert_eq!(found, [(RecordSeq(2), at(3), "lost"), (RecordSeq(3), at(3), "lost")]);
    let options = &archived.summary.metadata.provenance().options;
    let stated: Vec<_> = options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(stated, [("feed", "ws://feed"), ("gaps", "2,3"), ("pace", "received")]);
}

#[test]
fn a_reason_for_a_gap_is_bounded_whoever_wrote_it() {
    let long = [vec![b'a'; 1_023], "\u{1f600}".repeat(100_000).into_bytes()].concat();
    let scratch = Scratch::new();
    // as tradesim writes it, and as another program may write it
    let archived = scratch.archived(&[(at(3), JournalKind::Gap, long.clone())]);
    assert_eq!(std::fs::metadata(&scratch.journal).unwrap().len(), 19 + 29 + 9 + 29 + 1_023);
    assert_eq!(archived.gaps[0].reason, "a".repeat(1_023));
    let mut bytes = b"tradesim-journal/1\n".to_vec();
    crate::journal::encode(0, at(3), JournalKind::Gap, &long, &mut bytes);
    let other = Scratch::new();
    std::fs::write(&other.journal, bytes).unwrap();
    let archived = other.archive_journal();
    assert_eq!((archived.gap_count, archived.gaps[0].reason.as_str()), (1, "a".repeat(1_023).as_str()));
}

#[test]
fn a_feed_with_an_endless_name_is_left_unnamed() {
    let scratch = Scratch::new();
    drop(JournalWriter::create(&scratch.journal, &format!("ws://{}", "x".repeat(4_096)), at(0)).unwrap());
    let archived = scratch.archive_journal();
    assert!(!archived.summary.metadata.provenance().options.contains_key("feed"));
}

#[test]
fn a_journal_without_messages_is_an_empty_archive() {
    let scratch = Scratch::new();
    assert_eq!(scratch.archived(&[]).summary.counts.total(), 0);
    assert_eq!(scratch.rows(), []);
}

#[test]
fn a_feed_whose_name_metadata_cannot_hold_is_left_unnamed() {
    let scratch = Scratch::new();
    drop(JournalWriter::create(&scratch.journal, "ws://x/tradesim-tail/", at(0)).unwrap());
    let archived = scratch.archive_journal();
    assert!(!archived.summary.metadata.provenance().options.contains_key("feed"));
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => market_envelope().prop_map(|envelope| envelope.to_json().into_bytes()),
        2 => (0i64..100).prop_map(|second| book(second).to_json().into_bytes()),
        2 => foreign_text().prop_map(|(_, text, _)| text.into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..50),
    ]
}

fn any_message() -> impl Strategy<Value = Message> {
    let kind = prop::sample::select(vec![JournalKind::Text, JournalKind::Binary]);
    (any_timestamp(), kind, any_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_was_received_comes_back_byte_by_byte(messages in prop::collection::vec(any_message(), 0..30)) {
        let scratch = Scratch::new();
        let archived = scratch.archived(&messages);
        let rows = scratch.rows();
        let mut encoder = tradesim_schemas::MessageEncoder::new();
        let mut content = tradesim_schemas::ContentHasher::new();
        prop_assert_eq!(rows.len(), messages.len());
        for (row, (_, kind, bytes)) in rows.iter().zip(&messages) {
            let mut text = Vec::new();
            RowRef::Captured(row).write_message(&mut encoder, &mut text);
            prop_assert_eq!(&text, bytes);
            prop_assert_eq!(row.opcode, kind.opcode());
            content.push(bytes);
        }
        prop_assert!(rows.is_sorted_by_key(|row| (row.timestamp, row.received, row.seq)));
        let digest: tradesim_schemas::ContentDigest = content.finish();
        prop_assert_eq!(archived.summary.digest, digest);
        prop_assert_eq!(archived.truncated_tail, TruncatedTail::default());
    }
}

#[test]
fn a_capture_whose_ids_are_marked_as_uuids_is_read_and_none_is_made_any_more() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/capture-with-uuid.parquet");
    let archive = Archive::open(path, OpenOptions::default()).unwrap();
    archive.verify_content().unwrap();
    assert_eq!(
        archive.metadata().digest().to_string(),
        "blake3:279cdcb57412a8e4a148d93e03c3f07845793c54940b4466af3e6eb5a5618b87"
    );
    let marks = |path: &std::path::Path| {
        let file = std::fs::File::open(path).unwrap();
        let metadata = parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
        let schema = metadata.file_metadata().schema_descr_ptr();
        let column = schema.columns().iter().find(|column| column.name() == "trade_id").unwrap();
        column.logical_type_ref().is_some()
    };
    assert!(marks(path.as_ref()), "the file is that of an earlier writer");
    let scratch = Scratch::new();
    scratch.archived(&[(at(1), JournalKind::Text, book(1).to_json().into_bytes())]);
    assert!(!marks(&scratch.archive), "Spark refuses a file that has a column marked as a UUID");
}
