//! Errors of writing and reading, and their texts.

use std::sync::Arc;

use super::*;
use crate::{FormatVersion, Place};

#[track_caller]
fn refused(result: Result<Summary, Error>, expected: &str) {
    assert_eq!(result.expect_err("it is refused").to_string(), expected);
}

fn writer(folder: &tempfile::TempDir, columns: Columns) -> ArchiveWriter {
    let options = WriterOptions { columns, overwrite: true, ..small_options() };
    ArchiveWriter::create(folder.path().join("a.parquet"), sample::provenance(), options).unwrap()
}

#[track_caller]
fn check_record(change: impl FnOnce(&mut Record), expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut records = Sample::new(1).take(2);
    assert!(records.iter().all(|record| record.order.is_some()), "the sample begins with trades");
    change(&mut records[1]);
    let mut writer = writer(&folder, Columns::default());
    let error = writer.write_records(records).unwrap_err();
    assert_eq!(error.to_string(), expected);
    // the writer cannot be used afterwards, and leaves no file
    assert!(matches!(writer.write_records(Vec::new()), Err(Error::Failed { .. })));
    assert!(matches!(writer.finish(), Err(Error::Failed { .. })));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

fn trade(record: &mut Record) -> &mut Trade {
    match &mut record.envelope.event {
        Event::Trade(trade) => trade,
        _ => panic!("not a trade"),
    }
}

#[test]
fn records_that_would_not_come_back_are_refused() {
    check_record(|record| record.seq = RecordSeq(0), "seq 0 is out of order: expected 1 to 2⁶³−1");
    check_record(
        |record| record.envelope.timestamp = Timestamp::default(),
        "the time 1970-01-01T00:00:00.000000Z of seq 1 is before 2026-02-18T14:30:00.005099Z, the time of the \
         previous row",
    );
    check_record(
        |record| trade(record).correlation_id = None,
        "the ids of seq 1 do not match its order reference",
    );
    check_record(
        |record| trade(record).symbol = Symbol::new("NONE").unwrap(),
        "seq 1 has symbol NONE, which origin 0 of the metadata does not list",
    );
    check_record(
        |record| record.order = None,
        "seq 1 needs the column `trade_id`, but the archive was created without it",
    );
    check_record(
        |record| record.origin = 1,
        "seq 1 needs the column `origin`, but the archive was created without it",
    );
    check_record(
        |record| {
            let mut random = Random(1);
            let any = |random: &mut Random| any_event(random, Timestamp::default());
            let mut event = any(&mut random);
            while !matches!(event, Event::OrderBook(_)) {
                event = any(&mut random);
            }
            if let Event::OrderBook(book) = &mut event {
                book.spread = Price::MAX;
            }
            record.envelope.event = event;
            record.order = None;
        },
        "seq 1 cannot be stored in columns: spread or mid_price does not follow from bid and ask",
    );
}

#[test]
fn frames_need_their_columns_and_have_a_longest_length() {
    let folder = tempfile::tempdir().unwrap();
    let frame = |bytes: Vec<u8>| {
        Row::Captured(Box::new(Captured {
            seq: RecordSeq(0),
            timestamp: Timestamp::default(),
            received: None,
            opcode: Some(2),
            content: Content::Raw { bytes, event: None },
        }))
    };
    let error = writer(&folder, Columns::default()).write_row(frame(vec![1])).unwrap_err();
    assert!(matches!(error, Error::MissingColumn { column: "raw", .. }));
    let error = writer(&folder, ALL_COLUMNS).write_row(frame(vec![1; (16 << 20) + 1])).unwrap_err();
    assert!(matches!(error, Error::FrameTooLarge { .. }));
}

#[test]
fn metadata_cannot_hold_what_readers_search_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut provenance = sample::provenance();
    provenance.options.insert("name".to_owned(), "tradesim-tail/1 ".to_owned());
    let created = ArchiveWriter::create(folder.path().join("a"), provenance, small_options());
    assert!(matches!(created, Err(Error::BadMetadata { .. })));
    let mut provenance = sample::provenance();
    let first = provenance.origins[0].symbols[0].clone();
    provenance.origins[0].symbols.push(first);
    let created = ArchiveWriter::create(folder.path().join("a"), provenance, small_options());
    assert!(matches!(created, Err(Error::BadMetadata { .. })));
}

#[test]
fn an_existing_file_is_kept_unless_overwriting_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    std::fs::write(&path, "mine").unwrap();
    refused(write(&path, Vec::new(), small_options()), &format!("{} already exists", path.display()));
    // also if it appears while the archive is written
    std::fs::remove_file(&path).unwrap();
    let writer = ArchiveWriter::create(&path, sample::provenance(), small_options()).unwrap();
    std::fs::write(&path, "mine").unwrap();
    assert!(matches!(writer.finish(), Err(Error::Exists { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    write(&path, Vec::new(), WriterOptions { overwrite: true, ..small_options() }).unwrap();
    Archive::open(&path, OpenOptions::default()).unwrap();
}

#[test]
fn an_output_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing/a.parquet"), folder.path().to_owned(), "/".into()] {
        let created = write(&path, Vec::new(), small_options());
        assert!(matches!(created, Err(Error::CannotCreate { .. })), "{}", path.display());
    }
    // and by its final name, because the temporary one is internal
    let missing = folder.path().join("missing/a.parquet");
    match write(&missing, Vec::new(), small_options()) {
        Err(Error::CannotCreate { path, source }) => {
            assert_eq!(path, missing);
            assert_eq!(source.raw_os_error(), Some(2), "{source}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn until_it_is_finished_an_archive_has_no_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let mut writer = ArchiveWriter::create(&path, sample::provenance(), small_options()).unwrap();
    writer.write_records(Sample::new(1).take(10_000)).unwrap();
    let names: Vec<String> = folder
        .path()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.len(), 1);
    assert!(names[0].starts_with(".a.parquet.") && names[0].ends_with(".partial"), "{names:?}");
    drop(writer);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn options_have_ranges() {
    let folder = tempfile::tempdir().unwrap();
    for row_group_rows in [0, 1_023, 524_289] {
        let options = WriterOptions { row_group_rows, ..WriterOptions::default() };
        let created = write(&folder.path().join("a"), Vec::new(), options);
        assert!(matches!(created, Err(Error::BadOption { option: "row_group_rows", .. })));
    }
}

#[test]
fn other_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let open = |content: &[u8]| {
        std::fs::write(&path, content).unwrap();
        Archive::open(&path, OpenOptions::default()).unwrap_err()
    };
    assert!(matches!(open(b""), Error::NotParquet { .. }));
    assert!(matches!(open(b"PAR"), Error::NotParquet { .. }));
    assert!(matches!(open(b"{\"schema_version\":1}"), Error::NotParquet { .. }));
    assert!(matches!(open(b"PAR1"), Error::Unfinished { .. }));
    assert!(matches!(open(b"PAR1 and then nothing more"), Error::Unfinished { .. }));
    assert!(matches!(open(&[b"PAR1", &[0xff; 4][..], b"PAR1"].concat()), Error::DamagedTail { .. }));
    assert!(matches!(open(&foreign_parquet()), Error::Foreign { .. }));
    std::fs::remove_file(&path).unwrap();
    let missing = Archive::open(&path, OpenOptions::default()).unwrap_err();
    assert!(matches!(missing, Error::Io { action: "open", .. }) && !missing.is_bad_data());
    let directory = Archive::open(folder.path(), OpenOptions::default()).unwrap_err();
    assert!(matches!(directory, Error::NotRegular { found: "a folder", .. }));
}

#[test]
fn a_pipe_or_socket_is_neither_opened_nor_replaced() {
    use std::os::unix::net::UnixListener;
    let folder = tempfile::tempdir().unwrap();
    let (pipe, socket) = (folder.path().join("pipe"), folder.path().join("socket"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let _listener = UnixListener::bind(&socket).unwrap();
    for (path, kind) in [(pipe, "a pipe"), (socket, "a socket"), ("/dev/null".into(), "a device")] {
        match Archive::open(&path, OpenOptions::default()).unwrap_err() {
            Error::NotRegular { found, .. } => assert_eq!(found, kind),
            other => panic!("{other}"),
        }
        let options = WriterOptions { overwrite: true, ..small_options() };
        let refused = ArchiveWriter::create(&path, sample::provenance(), options).unwrap_err();
        assert!(matches!(refused, Error::CannotCreate { .. }), "{refused}");
        assert!(!path.metadata().unwrap().file_type().is_file());
    }
}

#[test]
fn bytes_behind_the_end_are_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, Sample::new(1).take(100), small_options()).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.push(b'\n');
    std::fs::write(&path, bytes).unwrap();
    let error = Archive::open(&path, OpenOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Unfinished { .. }), "{error}");
    assert!(error.to_string().ends_with("bytes were cut off or added"), "{error}");
}

fn foreign_parquet() -> Vec<u8> {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
    let batch = RecordBatch::try_from_iter([("seq", column)]).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn later_minor_versions_are_read_and_other_major_versions_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let of_version = |major, minor| {
        let options = WriterOptions { overwrite: true, ..small_options() };
        let mut writer = ArchiveWriter::create(&path, sample::provenance(), options).unwrap();
        writer.set_format_version(FormatVersion::of(major, minor));
        writer.write_records(Sample::new(1).take(100)).unwrap();
        writer.finish().unwrap();
        Archive::open(&path, OpenOptions::default())
    };
    assert_eq!(read(&of_version(1, 7).unwrap(), Start::Beginning).unwrap().len(), 100);
    for (major, minor, expected) in [(2, 0, "2.0"), (0, 9, "0.9")] {
        match of_version(major, minor).unwrap_err() {
            Error::UnsupportedVersion { found, supported, .. } => {
                assert_eq!((found.as_str(), supported), (expected, FormatVersion::WITH_PARTS));
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_writer_that_lies_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let lie = |lie: &dyn Fn(&mut ArchiveWriter)| {
        let options = WriterOptions { overwrite: true, ..small_options() };
        let mut writer = ArchiveWriter::create(&path, sample::provenance(), options).unwrap();
        writer.write_records(Sample::new(1).take(5_000)).unwrap();
        lie(&mut writer);
        writer.finish().unwrap();
        Archive::open(&path, OpenOptions::default()).and_then(|archive| archive.verify_content()).unwrap_err()
    };
    let corrupt = |error: Error, expected: Place| match error {
        Error::Corrupt { place, .. } => assert_eq!(place, expected),
        other => panic!("{other}"),
    };
    corrupt(lie(&|writer| writer.lie_about_groups(|group| group.rows += 1)), Place::Metadata);
    corrupt(lie(&|writer| writer.lie_about_groups(|group| group.offset += 1)), Place::Metadata);
    corrupt(lie(&|writer| writer.lie_about_groups(|group| group.length -= 1)), Place::Metadata);
    corrupt(lie(&|writer| writer.lie_about_groups(|group| group.last.0 += 1)), Place::Metadata);
    corrupt(lie(&|writer| writer.lie_about_provenance(|p| p.origins[0].symbols.clear())), Place::RowGroup(0));
    corrupt(
        lie(&|writer| {
            writer.lie_about_provenance(|p| {
                let first = p.origins[0].symbols[0].clone();
                p.origins[0].symbols.push(first);
            })
        }),
        Place::Metadata,
    );
    let other_ids = lie(&|writer| writer.lie_about_provenance(|p| p.origins[0].identity.push('!')));
    assert!(matches!(other_ids, Error::WrongContent { .. }));
}
