//! Writing, reading and seeking in an archive. `TRADESIM_BENCH_EVENTS` sets the number of events (default: 1,000,000).
#![allow(missing_docs)]

use std::{num::NonZeroUsize, path::Path};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tradesim_archive::{Archive, ArchiveWriter, OpenOptions, Start, Summary, WriterOptions};
use tradesim_schemas::{Record, Timestamp};

#[allow(dead_code, reason = "shared with the crate's tests, which use all of it")]
#[path = "../archive-format/src/sample.rs"]
mod sample;

fn batches() -> Vec<Vec<Record>> {
    let events = std::env::var("TRADESIM_BENCH_EVENTS")
        .map_or(1_000_000, |text| text.parse().expect("TRADESIM_BENCH_EVENTS is a number"));
    let mut sample = sample::Sample::new(1);
    (0..events / ArchiveWriter::BATCH_ROWS + 1).map(|_| sample.take(ArchiveWriter::BATCH_ROWS)).collect()
}

fn write(path: &Path, batches: Vec<Vec<Record>>, threads: usize) -> Summary {
    let threads = NonZeroUsize::new(threads).expect("there is a thread");
    let options = WriterOptions { overwrite: true, threads, ..WriterOptions::default() };
    let mut writer = ArchiveWriter::create(path, sample::provenance(), options).expect("the folder is ours");
    for batch in batches {
        writer.write_records(batch).expect("the sample is in order");
    }
    writer.finish().expect("the disk has room")
}

fn read(archive: &Archive) -> u64 {
    archive.batches(Start::Beginning).map(|batch| batch.expect("the file is whole").len() as u64).sum()
}

fn archive(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    let path = folder.path().join("bench.parquet");
    let batches = batches();
    let events = (batches.len() * ArchiveWriter::BATCH_ROWS) as u64;

    let mut group = criterion.benchmark_group("archive/write");
    group.throughput(Throughput::Elements(events)).sample_size(10);
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new("sample", format!("{threads}-threads")), |bencher| {
            bencher.iter_batched(
                || batches.clone(),
                |batches| write(&path, batches, threads),
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();

    let summary = write(&path, batches.clone(), 2);
    let archive = Archive::open(&path, OpenOptions::default()).expect("it was just written");
    assert_eq!(archive.verify_content().expect("it is whole"), summary.digest);

    let mut group = criterion.benchmark_group("archive/read");
    group.throughput(Throughput::Elements(events)).sample_size(10);
    for mmap in [true, false] {
        let archive = Archive::open(&path, OpenOptions { mmap }).expect("it was just written");
        assert_eq!(read(&archive), events);
        let name = if mmap { "mapped" } else { "plain" };
        group.bench_function(BenchmarkId::new("sample", name), |bencher| bencher.iter(|| read(&archive)));
    }
    group.finish();

    let (first, last) = (summary.metadata.first().expect("events"), summary.metadata.last().expect("events"));
    let micros = first.1.micros() + (last.1.micros() - first.1.micros()) / 10 * 9;
    let at = Timestamp::from_micros(micros).expect("it lies between two times");
    let mut group = criterion.benchmark_group("archive/seek");
    group.bench_function(BenchmarkId::new("sample", "open-and-first-event"), |bencher| {
        bencher.iter(|| {
            let archive = Archive::open(&path, OpenOptions::default()).expect("it was just written");
            let batch = archive.batches(Start::Time(at)).next().expect("there are later events");
            assert!(batch.expect("the file is whole").records()[0].envelope.timestamp >= at);
        });
    });
    group.finish();
}

criterion_group!(benches, archive);
criterion_main!(benches);
