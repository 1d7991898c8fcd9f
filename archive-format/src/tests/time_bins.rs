//! Counting rows by time and type, against counting the rows themselves.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;
use crate::{Counts, TimeBins};

fn threads(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// Counts the rows that a reader returns.
fn counted(archive: &Archive, bins_max: usize) -> TimeBins {
    let rows = read_rows(archive).unwrap();
    let (first, last) = (rows[0].row_ref().timestamp(), rows[rows.len() - 1].row_ref().timestamp());
    let mut bins = TimeBins::over(first, last, bins_max);
    for row in &rows {
        bins.add(row.row_ref().timestamp(), row.row_ref().event().map(|event| event.event_type()));
    }
    bins
}

#[test]
fn two_columns_tell_what_all_rows_tell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    for seed in 0..4 {
        // several row groups, in two of them rows without an event
        match seed % 2 {
            0 => write(&path, Sample::new(seed).take(9_000), small_options()).unwrap(),
            _ => {
                let options = WriterOptions { columns: ALL_COLUMNS, ..small_options() };
                write_rows(&path, &any_rows(seed, 5_000), options).unwrap()
            }
        };
        let archive = Archive::open(&path, OpenOptions::default()).unwrap();
        for bins_max in [1, 7, 100, 5_000] {
            let expected = counted(&archive, bins_max);
            for count in [1, 3] {
                let found = archive.time_bins(bins_max, threads(count), &|| false).unwrap().unwrap();
                assert_eq!(found, expected, "{seed} {bins_max} {count}");
            }
            let total: u64 = expected.bins.iter().map(Counts::total).sum();
            assert_eq!(total, archive.metadata().counts().total());
        }
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn an_archive_without_rows_has_no_bins_and_a_cancelled_scan_neither() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, Vec::new(), small_options()).unwrap();
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    assert_eq!(archive.time_bins(10, threads(2), &|| false).unwrap(), None);
    let path = folder.path().join("b.parquet");
    write(&path, Sample::new(1).take(9_000), small_options()).unwrap();
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    let asked = AtomicUsize::new(0);
    let cancelled = || asked.fetch_add(1, Ordering::Relaxed) > 0;
    assert_eq!(archive.time_bins(10, threads(1), &cancelled).unwrap(), None);
    assert!(asked.load(Ordering::Relaxed) < archive.metadata().row_groups().len());
}

#[test]
fn damage_anywhere_is_an_error_and_not_a_wrong_count() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, Sample::new(1).take(9_000), small_options()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let group = Archive::open(&path, OpenOptions::default()).unwrap().metadata().row_groups()[2];
    // the last byte of a row group is of a column that is not counted
    for offset in [group.offset, group.offset + group.length / 2, group.offset + group.length - 1] {
        let mut damaged = bytes.clone();
        damaged[offset as usize] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        let archive = Archive::open(&path, OpenOptions::default()).unwrap();
        let error = archive.time_bins(10, threads(3), &|| false).unwrap_err();
        assert!(matches!(error, Error::DamagedRowGroup { row_group: 2, .. }), "{error}");
    }
}
