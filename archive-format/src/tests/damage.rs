//! A damaged file is never read as if it were intact, and never reaches the parser.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    sync::atomic::{AtomicU64, Ordering},
};

use super::*;

const ROWS: usize = 500;

/// An archive with all features: events, frames, stored ids, state frames, several row groups.
fn archive_of_everything(path: &Path) -> u64 {
    let mut provenance = sample::provenance();
    provenance.origins.push(sample::origin("another"));
    let options = WriterOptions { columns: ALL_COLUMNS, row_group_rows: 1_024, ..WriterOptions::default() };
    let mut writer = ArchiveWriter::create(path, provenance, options).unwrap();
    let rows = any_rows(7, ROWS);
    for (index, row) in rows.iter().enumerate() {
        if index == 400 {
            writer.append_state_frame(RecordSeq(0), vec![1; 1_000]).unwrap();
        }
        writer.write_row(row.clone()).unwrap();
    }
    writer.finish().unwrap().bytes
}

/// Opens and reads everything.
fn read_all(path: &Path, mmap: bool) -> Result<usize, Error> {
    let archive = Archive::open(path, OpenOptions { mmap })?;
    let rows = read_rows(&archive)?.len();
    archive.state_frame(0)?;
    Ok(rows)
}

#[track_caller]
fn assert_refused(result: Result<usize, Error>, what: &str) {
    match result {
        Ok(_) => panic!("{what}: read as if it were intact"),
        // the digest comes first: the parser never saw the damage
        Err(error @ Error::Corrupt { .. }) => panic!("{what}: reached the parser: {error}"),
        Err(error) => assert!(error.is_bad_data(), "{what}: {error}"),
    }
}

/// Runs `check(file, path, n)` for all n below a bound, on all cores, each with its own copy of a file.
fn for_all(original: &Path, bound: u64, check: impl Fn(&File, &Path, u64) + Sync) {
    let next = AtomicU64::new(0);
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get());
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (next, check) = (&next, &check);
            scope.spawn(move || {
                let path = original.with_extension(format!("copy{worker}"));
                std::fs::copy(original, &path).unwrap();
                let file = File::options().read(true).write(true).open(&path).unwrap();
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= bound {
                        break;
                    }
                    check(&file, &path, n);
                }
            });
        }
    });
}

#[test]
fn every_flipped_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let bytes = archive_of_everything(&path);
    assert!((50_000..80_000).contains(&bytes), "{bytes}");
    assert_eq!(read_all(&path, true).unwrap(), ROWS);
    let content = std::fs::read(&path).unwrap();
    for_all(&path, bytes, |file, path, at| {
        let original = content[at as usize];
        // a different bit for different bytes, and sometimes several
        let mask = Random(at).bits() as u8 | 1 << (at % 8);
        file.write_all_at(&[original ^ mask], at).unwrap();
        assert_refused(read_all(path, at % 2 == 0), &format!("byte {at} ^ {mask:#04x}"));
        file.write_all_at(&[original], at).unwrap();
    });
}

#[test]
fn every_truncation_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let bytes = archive_of_everything(&path);
    let content = std::fs::read(&path).unwrap();
    for_all(&path, bytes, |file, path, at| {
        // lengths ascend for each worker: the file grows back to its original bytes
        let have = file.metadata().unwrap().len().min(at);
        file.set_len(at).unwrap();
        file.write_all_at(&content[have as usize..at as usize], have).unwrap();
        assert_refused(read_all(path, at % 2 == 0), &format!("cut to {at} bytes"));
    });
}

#[test]
fn appended_bytes_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    archive_of_everything(&path);
    let mut content = std::fs::read(&path).unwrap();
    content.push(0);
    std::fs::write(&path, &content).unwrap();
    assert_refused(read_all(&path, true), "one byte more");
    content.extend_from_slice(&content.clone());
    std::fs::write(&path, &content).unwrap();
    assert_refused(read_all(&path, true), "two archives in a row");
}

#[test]
fn errors_say_where_the_damage_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let summary = write(&path, Sample::new(1).take(6_000), small_options()).unwrap();
    let content = std::fs::read(&path).unwrap();
    let damaged = |at: u64| {
        let mut content = content.clone();
        content[at as usize] ^= 0x10;
        std::fs::write(&path, content).unwrap();
        Archive::open(&path, OpenOptions::default())
            .and_then(|archive| archive.verify_structure())
            .unwrap_err()
    };
    for (index, group) in summary.metadata.row_groups().iter().enumerate() {
        match damaged(group.offset + group.length / 2) {
            Error::DamagedRowGroup { row_group, offset, length, .. } => {
                assert_eq!((row_group, offset, length), (index, group.offset, group.length));
            }
            other => panic!("{other}"),
        }
    }
    let last = summary.metadata.row_groups().last().unwrap();
    assert!(matches!(damaged(last.offset + last.length + 3), Error::DamagedTail { .. }));
    assert!(matches!(damaged(0), Error::NotParquet { .. }));
    assert!(matches!(damaged(summary.bytes - 1), Error::Unfinished { .. }));
}
