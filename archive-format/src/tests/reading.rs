//! Seeking, and reading a file that changes under the reader.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use super::*;

#[test]
fn reading_starts_at_any_seq_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    // seqs with gaps and times with ties, as in a cut
    let mut records = Sample::new(6).take(9_000);
    for (index, record) in records.iter_mut().enumerate() {
        record.seq = RecordSeq(1_000 + 3 * index as u64);
        let micros = record.envelope.timestamp.micros() / 20_000 * 20_000;
        record.envelope.timestamp = Timestamp::from_micros(micros).unwrap();
    }
    write(&path, records.clone(), small_options()).unwrap();
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    let mut random = Random(1);
    let edges = [0, 1, 2_047, 2_048, 2_049, 4_096, 8_191, 8_192, 8_998, 8_999];
    for index in edges.into_iter().chain((0..40).map(|_| random.below(9_000) as usize)) {
        let record = records[index];
        for offset in 0..3 {
            // the two seqs before that of a record are missing, so all three find the record
            let expected = &records[index..];
            let found = read(&archive, Start::Seq(record.seq - offset)).unwrap();
            assert_eq!(found, expected);
            assert_eq!(archive.rows_before(Start::Seq(record.seq - offset)).unwrap(), index as u64);
        }
        assert_eq!(read(&archive, Start::Row(index as u64)).unwrap(), &records[index..]);
        assert_eq!(archive.rows_before(Start::Row(index as u64)).unwrap(), index as u64);
        let at = record.envelope.timestamp;
        for micros in [at.micros() - 1, at.micros(), at.micros() + 1] {
            let time = Timestamp::from_micros(micros).unwrap();
            let first = records.partition_point(|record| record.envelope.timestamp < time);
            assert_eq!(read(&archive, Start::Time(time)).unwrap(), &records[first..]);
            assert_eq!(archive.rows_before(Start::Time(time)).unwrap(), first as u64);
        }
    }
    for beyond in [
        Start::Seq(RecordSeq(u64::MAX)),
        Start::Time(Timestamp::MAX),
        Start::Row(9_000),
        Start::Row(u64::MAX),
    ] {
        assert_eq!(read(&archive, beyond).unwrap(), []);
        assert_eq!(archive.rows_before(beyond).unwrap(), 9_000);
    }
    for before in [Start::Row(0), Start::Beginning, Start::Seq(RecordSeq(0)), Start::Time(Timestamp::MIN)] {
        assert_eq!(read(&archive, before).unwrap().len(), 9_000);
    }
}

#[test]
fn seeking_reads_one_row_group() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let records = Sample::new(6).take(9_000);
    let summary = write(&path, records.clone(), small_options()).unwrap();
    // all other row groups are destroyed, which must not matter
    let file = File::options().write(true).open(&path).unwrap();
    for (index, group) in summary.metadata.row_groups().iter().enumerate() {
        if index != 2 {
            file.write_all_at(&vec![0; group.length as usize], group.offset).unwrap();
        }
    }
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    for start in [Start::Seq(RecordSeq(5_000)), Start::Row(5_000)] {
        assert_eq!(archive.rows_before(start).unwrap(), 5_000);
        let mut batches = archive.batches(start);
        let first = batches.next().unwrap().unwrap();
        assert_eq!(first.records(), &records[5_000..6_144]);
        assert!(matches!(batches.next(), Some(Err(Error::DamagedRowGroup { row_group: 3, .. }))));
        assert!(batches.next().is_none());
    }
}

/// A change of a file while it is read.
#[derive(Clone, Copy, Debug)]
enum Change {
    Truncated,
    OverwrittenByAnother,
    ReplacedByAnother,
}

#[test]
fn a_file_that_changes_under_a_reader_gives_a_clean_error_or_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (original, other, path) =
        (folder.path().join("original"), folder.path().join("other"), folder.path().join("a.parquet"));
    let records = Sample::new(1).take(40_000);
    write(&original, records.clone(), small_options()).unwrap();
    write(&other, Sample::new(2).take(35_000), small_options()).unwrap();
    let bytes = original.metadata().unwrap().len();
    let mut random = Random(3);
    let (mut whole, mut refused) = (0, 0);
    for round in 0..100 {
        for mmap in [true, false] {
            let changes = [Change::Truncated, Change::OverwrittenByAnother, Change::ReplacedByAnother];
            let change = changes[random.below(3) as usize];
            std::fs::copy(&original, &path).unwrap();
            let keep = random.below(bytes);
            // the change happens after the reader has this many batches, or while it continues
            let after = random.below(22) as usize;
            let (seen, done) = (AtomicUsize::new(0), AtomicBool::new(false));
            let result = std::thread::scope(|scope| {
                scope.spawn(|| {
                    while seen.load(Ordering::Acquire) < after && !done.load(Ordering::Acquire) {
                        std::hint::spin_loop();
                    }
                    match change {
                        Change::Truncated => {
                            File::options().write(true).open(&path).unwrap().set_len(keep).unwrap();
                        }
                        Change::OverwrittenByAnother => {
                            std::fs::copy(&other, &path).unwrap();
                        }
                        Change::ReplacedByAnother => {
                            let beside = folder.path().join("beside");
                            std::fs::copy(&other, &beside).unwrap();
                            std::fs::rename(&beside, &path).unwrap();
                        }
                    }
                });
                let result = (|| {
                    let archive = Archive::open(&path, OpenOptions { mmap })?;
                    let mut read = Vec::new();
                    for batch in archive.batches(Start::Beginning) {
                        read.extend_from_slice(batch?.records());
                        seen.fetch_add(1, Ordering::Release);
                    }
                    Ok::<_, Error>((archive.metadata().digest(), read))
                })();
                done.store(true, Ordering::Release);
                result
            });
            match result {
                Ok((_, read)) if read == records => whole += 1,
                // replaced before it was opened: the whole other archive is read
                Ok((digest, read)) => {
                    let another = Archive::open(&other, OpenOptions::default()).unwrap();
                    assert_eq!(digest, another.metadata().digest(), "round {round}, {change:?}");
                    assert_eq!(read.len(), 35_000, "round {round}, {change:?}");
                    whole += 1;
                }
                Err(error) => {
                    assert!(error.is_bad_data(), "round {round}, {change:?}: {error}");
                    assert!(!matches!(error, Error::Corrupt { .. }), "round {round}, {change:?}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(whole > 10 && refused > 10, "{whole} whole, {refused} refused");
}
