//! A full disk, and other cases that need access to the internals of a writer.

use std::{
    io,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::*;
use crate::{
    WriterVersions,
    sample::{self, Sample},
};

impl ArchiveWriter {
    /// Writes a different format version into the metadata.
    pub(crate) fn set_format_version(&mut self, version: FormatVersion) {
        self.format_version = version;
    }

    /// Changes the metadata of row groups that are already written.
    pub(crate) fn lie_about_groups(&mut self, lie: impl Fn(&mut RowGroup)) {
        assert!(!self.row_groups.is_empty());
        self.row_groups.iter_mut().for_each(lie);
    }

    /// Changes the provenance after the writer was created.
    pub(crate) fn lie_about_provenance(&mut self, lie: impl Fn(&mut Provenance)) {
        lie(&mut self.provenance);
    }
}

/// A disk with space for a number of bytes.
struct SmallDisk {
    room: Arc<AtomicUsize>,
}

impl Write for SmallDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room.load(Ordering::Relaxed);
        if room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let written = bytes.len().min(room);
        self.room.fetch_sub(written, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_strikes() {
    let records = Sample::new(1).take(10_000);
    let write = |room: usize, threads: usize| {
        let disk = SmallDisk { room: Arc::new(AtomicUsize::new(room)) };
        let options = WriterOptions {
            threads: NonZeroUsize::new(threads).unwrap(),
            row_group_rows: 2_048,
            ..WriterOptions::default()
        };
        let path = Path::new("somewhere.parquet");
        let mut writer = ArchiveWriter::start(path, Box::new(disk), None, sample::provenance(), options)?;
        writer.write_records(records.clone())?;
        writer.finish()
    };
    let bytes = write(usize::MAX, 1).unwrap().bytes as usize;
    for threads in [1, 3] {
        for room in (0..bytes).step_by(bytes / 40).chain([bytes - 1]) {
            match write(room, threads) {
                Err(Error::DiskFull { path, .. }) => assert_eq!(path, Path::new("somewhere.parquet")),
                Err(other) => panic!("{room} bytes, {threads} threads: {other:?}"),
                Ok(_) => panic!("{room} bytes, {threads} threads: published"),
            }
        }
        assert!(write(bytes, threads).is_ok());
    }
}

#[test]
fn the_parquet_version_in_the_metadata_is_the_one_in_use() {
    let lock = include_str!("../../../Cargo.lock");
    let version = WriterVersions::current().parquet;
    assert!(lock.contains(&format!("name = \"parquet\"\nversion = \"{version}\"\n")));
}
