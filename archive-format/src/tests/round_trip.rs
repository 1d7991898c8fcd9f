//! Records, stored ids and captured frames are read back unchanged, however they were written.

use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::*;
use crate::RowDigest;

#[test]
fn records_come_back_as_they_went_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let records = Sample::new(1).take(20_000);
    let summary = write(&path, records.clone(), small_options()).unwrap();
    assert_eq!(summary.counts.total(), 20_000);
    assert_eq!(summary.bytes, path.metadata().unwrap().len());
    let mut digest = RowDigest::default();
    digest.push(&records.clone().into());
    assert_eq!(summary.digest, digest.finish());
    for mmap in [true, false] {
        let archive = Archive::open(&path, OpenOptions { mmap }).unwrap();
        assert_eq!(archive.metadata(), &summary.metadata);
        assert_eq!(archive.metadata().row_groups().len(), 10);
        assert_eq!(read(&archive, Start::Beginning).unwrap(), records);
        assert_eq!(archive.verify_content().unwrap(), summary.digest);
        archive.verify_structure().unwrap();
    }
}

#[test]
fn an_archive_may_be_empty() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, Vec::new(), small_options()).unwrap();
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    assert_eq!((archive.metadata().first(), archive.metadata().last()), (None, None));
    assert_eq!(read_rows(&archive).unwrap(), []);
    assert_eq!(archive.verify_content().unwrap(), tradesim_schemas::ContentDigest::of([""; 0]));
}

#[test]
fn the_number_of_threads_and_the_callers_batches_leave_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let records = Sample::new(2).take(50_000);
    let mut files = Vec::new();
    for (threads, batch) in [(1, 50_000), (2, 8_192), (3, 1_000), (8, 7)] {
        let path = folder.path().join(format!("{threads}.parquet"));
        let options = WriterOptions {
            threads: NonZeroUsize::new(threads).unwrap(),
            row_group_rows: 20_000,
            ..WriterOptions::default()
        };
        let mut writer = ArchiveWriter::create(&path, sample::provenance(), options).unwrap();
        for batch in records.chunks(batch) {
            writer.write_records(batch.to_vec()).unwrap();
        }
        writer.finish().unwrap();
        files.push(std::fs::read(&path).unwrap());
    }
    assert!(files.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_size_of_row_groups_does_not_change_the_digest() {
    let folder = tempfile::tempdir().unwrap();
    let records = Sample::new(3).take(30_000);
    let mut digests = Vec::new();
    for row_group_rows in [1_024, 5_000, 262_144] {
        let path = folder.path().join("a.parquet");
        let options = WriterOptions { row_group_rows, overwrite: true, ..WriterOptions::default() };
        digests.push(write(&path, records.clone(), options).unwrap().digest);
        let archive = Archive::open(&path, OpenOptions::default()).unwrap();
        assert_eq!(archive.verify_content().unwrap(), digests[0]);
    }
    assert_eq!(digests[0], digests[1]);
    assert_eq!(digests[0], digests[2]);
}

#[test]
fn simulated_data_takes_few_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let summary = write(&path, Sample::new(4).take(200_000), WriterOptions::default()).unwrap();
    let per_event = summary.bytes as f64 / 200_000.0;
    // more than a real day takes, because the prices and order numbers of the sample vary more
    assert!(per_event < 11.2, "{per_event} bytes per event");
}

#[test]
fn state_frames_lie_between_row_groups_and_are_ignored_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let records = Sample::new(5).take(6_000);
    let mut writer = ArchiveWriter::create(&path, sample::provenance(), small_options()).unwrap();
    let frames = [b"before all".to_vec(), vec![7; 100_000], Vec::new()];
    writer.append_state_frame(RecordSeq(0), frames[0].clone()).unwrap();
    writer.write_records(records[..3_000].to_vec()).unwrap();
    writer.append_state_frame(RecordSeq(3_000), frames[1].clone()).unwrap();
    writer.write_records(records[3_000..].to_vec()).unwrap();
    writer.append_state_frame(RecordSeq(6_000), frames[2].clone()).unwrap();
    let summary = writer.finish().unwrap();
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    assert_eq!(read(&archive, Start::Beginning).unwrap(), records);
    archive.verify_structure().unwrap();
    for (index, content) in frames.iter().enumerate() {
        assert_eq!(&archive.state_frame(index).unwrap(), content);
    }
    let seqs: Vec<RecordSeq> = archive.metadata().state_frames().iter().map(|frame| frame.seq).collect();
    assert_eq!(seqs, [0, 3_000, 6_000].map(RecordSeq));
    // without them, the content is the same
    let plain = write(&folder.path().join("b.parquet"), records, small_options()).unwrap();
    assert_eq!(plain.digest, summary.digest);
    // a plain Parquet reader sees only the rows
    let file = std::fs::File::open(&path).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1_000).unwrap();
    assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 6_000);
}

#[test]
fn long_frames_end_a_row_group_early() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let mut random = Random(9);
    let noise: Vec<u8> = (0..8 << 20).map(|_| random.bits() as u8).collect();
    let rows: Vec<Row> = (0..10)
        .map(|seq| {
            let timestamp = Timestamp::from_micros(seq as i64).unwrap();
            let content = Content::Raw { bytes: noise.clone(), event: None };
            Row::Captured(Box::new(Captured {
                seq: RecordSeq(seq),
                timestamp,
                received: None,
                opcode: None,
                content,
            }))
        })
        .collect();
    let options = WriterOptions { columns: ALL_COLUMNS, ..small_options() };
    let summary = write_rows(&path, &rows, options).unwrap();
    let groups: Vec<u64> = summary.metadata.row_groups().iter().map(|group| group.rows).collect();
    // each frame fills a whole row group
    assert_eq!(groups, [1; 10]);
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    assert!(read_rows(&archive).unwrap() == rows);
}

#[test]
fn metadata_survives_its_document() {
    let provenance = crate::Provenance {
        bursts: vec![crate::Burst {
            from: Timestamp::MIN,
            to: Timestamp::MAX,
            multiplier: 0.1 + 0.2,
            symbol: Symbol::new("A\"\\"),
            planned: true,
        }],
        sources: vec![crate::Source {
            digest: tradesim_schemas::ContentDigest::of([b"x"]),
            cuts: vec![crate::Cut { limit: Some(u64::MAX), ..crate::Cut::default() }],
            sources: vec![],
        }],
        cuts: vec![crate::Cut {
            from: Some(Timestamp::default()),
            to: None,
            symbols: vec![Symbol::new("B").unwrap()],
            events: tradesim_schemas::EventType::ALL.to_vec(),
            limit: None,
        }],
        seed: Some(u64::MAX),
        tzdb_version: Some("2026a".to_owned()),
        faults: Some(crate::Faults {
            plan_seed: Some(u64::MAX),
            planted: Some(vec![crate::PlantedFaults {
                kind: "corrupt".to_owned(),
                reason: Some("not_json".to_owned()),
                seqs: vec![RecordSeq(0), RecordSeq(u64::MAX)],
            }]),
        }),
        ..sample::provenance()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let writer = ArchiveWriter::create(&path, provenance.clone(), small_options()).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    assert_eq!(archive.metadata().provenance(), &provenance);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_of_every_kind_come_back_as_they_went_in(seed: u64, count in 0usize..3_000, threads in 1usize..4) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let rows = any_rows(seed, count);
        let threads = NonZeroUsize::new(threads).unwrap();
        let options = WriterOptions { columns: ALL_COLUMNS, threads, row_group_rows: 1_024, ..small_options() };
        let summary = write_rows(&path, &rows, options).unwrap();
        let archive = Archive::open(&path, OpenOptions::default()).unwrap();
        prop_assert_eq!(read_rows(&archive).unwrap(), rows);
        prop_assert_eq!(archive.verify_content().unwrap(), summary.digest);
    }
}
