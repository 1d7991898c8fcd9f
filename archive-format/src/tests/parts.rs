//! Parts of a recording: the digests of symbols, the sums of slices, and what a reader makes of wrong ones.

use std::num::NonZeroUsize;

use parquet::file::{metadata::ParquetMetaDataReader, statistics::Statistics};
use serde_json::{Value, json};
use tradesim_schemas::ContentDigest;

use super::*;
use crate::{FormatVersion, KeyDigest, Provenance, RecordingPart, SliceGrid, testing::Parts};

/// A second for each slice, around the sample's records.
pub(super) fn grid() -> SliceGrid {
    let start = Sample::new(1).take(1)[0].envelope.timestamp;
    let start = Timestamp::from_micros(start.micros() - 1_500_000).unwrap();
    SliceGrid { start, micros: 1_000_000, count: 1_000 }
}

fn options() -> WriterOptions {
    WriterOptions { slices: Some(grid()), ..small_options() }
}

fn symbols() -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> =
        sample::provenance().origins[0].symbols.iter().map(|entry| entry.symbol).collect();
    symbols.sort_unstable_by(|left, right| left.as_str().cmp(right.as_str()));
    symbols
}

/// The provenance and the records of one of three parts.
fn part(index: u16) -> (Provenance, Vec<Record>) {
    let symbols: Vec<Symbol> = symbols().chunks(17).nth(usize::from(index)).unwrap().to_vec();
    let mut records = Sample::new(1).take(20_000);
    records.retain(|record| symbols.contains(&record.envelope.event.symbol()));
    let part = Some(RecordingPart { index, of: 3, symbols });
    (Provenance { part, ..sample::provenance() }, records)
}

fn write_part(path: &Path, index: u16, options: WriterOptions) -> Result<Summary, Error> {
    let (provenance, records) = part(index);
    let mut writer = ArchiveWriter::create(path, provenance, options)?;
    writer.write_records(records)?;
    writer.finish()
}

#[test]
fn each_symbol_has_the_digest_of_its_messages_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let records = Sample::new(1).take(20_000);
    let plain = write(&path, records.clone(), small_options()).unwrap();
    let threads = |count| NonZeroUsize::new(count).unwrap();
    for count in [1, 2, 5, 8] {
        let options = WriterOptions { threads: threads(count), overwrite: true, ..small_options() };
        assert_eq!(write(&path, records.clone(), options).unwrap(), plain, "{count} threads");
        let options = WriterOptions { slices: Some(grid()), ..options };
        let proved = write(&path, records.clone(), options).unwrap();
        assert_eq!(proved.digest, plain.digest);
        assert_eq!(proved.metadata.row_groups(), plain.metadata.row_groups());
        assert_eq!(proved.metadata.format_version(), FormatVersion::WITH_PARTS);

        let mut encoder = tradesim_schemas::MessageEncoder::new();
        let mut text = |record: &Record| {
            let mut text = Vec::new();
            encoder.write(&record.envelope, &mut text);
            text
        };
        let entries = sample::provenance().origins[0].symbols.clone();
        let expected: Vec<KeyDigest> = entries
            .iter()
            .map(|entry| {
                let of_symbol = |record: &&Record| record.envelope.event.symbol() == entry.symbol;
                let texts: Vec<Vec<u8>> = records.iter().filter(of_symbol).map(&mut text).collect();
                KeyDigest {
                    symbol: entry.symbol,
                    messages: texts.len() as u64,
                    bytes: texts.iter().map(|text| text.len() as u64 + 4).sum(),
                    digest: ContentDigest::of(&texts),
                }
            })
            .filter(|key| key.messages > 0)
            .collect();
        assert_eq!(proved.metadata.keys().unwrap(), expected);
        let slices = proved.metadata.slices().unwrap();
        assert_eq!((slices.messages.len(), slices.messages[0]), (1_000, 0));
        assert_eq!(slices.messages.iter().sum::<u64>(), 20_000);
        let bytes: u64 = expected.iter().map(|key| key.bytes).sum();
        assert_eq!(slices.bytes.iter().sum::<u64>(), bytes);

        let archive = Archive::open(&path, OpenOptions::default()).unwrap();
        assert_eq!(archive.metadata(), &proved.metadata);
        assert_eq!(archive.verify_content().unwrap(), plain.digest);
        let mut check = archive.content_check(threads(count)).unwrap();
        for batch in archive.batches(Start::Beginning) {
            check.push(&std::sync::Arc::new(batch.unwrap()));
        }
        assert_eq!(check.finish(&archive).unwrap(), plain.digest);
    }
}

#[test]
fn a_part_has_bounds_of_its_symbols_and_other_archives_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let bounds = || {
        let file = std::fs::File::open(&path).unwrap();
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
        let column =
            metadata.row_group(0).columns().iter().find(|column| column.column_path().string() == "symbol");
        match column.unwrap().statistics() {
            Some(Statistics::ByteArray(bounds)) => {
                let text = |bytes: Option<&parquet::data_type::ByteArray>| {
                    bytes.unwrap().as_utf8().unwrap().to_owned()
                };
                Some((text(bounds.min_opt()), text(bounds.max_opt())))
            }
            _ => None,
        }
    };
    write(&path, Sample::new(1).take(5_000), small_options()).unwrap();
    assert_eq!(bounds(), None);
    let overwrite = WriterOptions { overwrite: true, ..options() };
    write_part(&path, 1, overwrite).unwrap();
    let (min, max) = bounds().unwrap();
    let symbols = symbols();
    assert!(min.as_str() >= symbols[17].as_str() && max.as_str() <= symbols[33].as_str(), "{min} to {max}");
    assert!(min < max);
}

#[test]
fn a_cut_of_a_part_is_not_a_part() {
    let folder = tempfile::tempdir().unwrap();
    let summary = write_part(&folder.path().join("a.parquet"), 0, options()).unwrap();
    assert!(summary.metadata.provenance().part.is_some());
    let cut = crate::Cut { limit: Some(1), ..crate::Cut::default() };
    assert!(summary.metadata.cut_provenance(&cut).part.is_none());
    assert!(summary.metadata.cut_provenance(&crate::Cut::default()).part.is_none());
    assert!(summary.metadata.derived_provenance().part.is_none());
}

#[test]
fn a_message_outside_of_a_part_or_its_slices_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let (provenance, _) = part(0);
    let mut writer = ArchiveWriter::create(&path, provenance, options()).unwrap();
    let (_, others) = part(1);
    assert!(matches!(writer.write_records(others), Err(Error::NoSlice { .. })));
    drop(writer);
    let short = WriterOptions { slices: Some(SliceGrid { count: 2, ..grid() }), ..small_options() };
    assert!(matches!(write_part(&path, 0, short), Err(Error::NoSlice { .. })));
    assert!(!path.exists());
}

/// Changes the document of a part, seals the file again, and returns the error of reading it.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write_part(&path, 0, options()).unwrap();
    let mut parts = Parts::take_apart(&std::fs::read(&path).unwrap());
    change(&mut parts.metadata);
    std::fs::write(&path, parts.seal()).unwrap();
    let read = Archive::open(&path, OpenOptions::default()).and_then(|archive| archive.verify_content());
    let error = read.expect_err("the document is wrong");
    assert!(error.is_bad_data(), "{error}");
    error.to_string()
}

#[test]
fn a_reader_finds_what_a_document_states_wrongly() {
    let check = |expected: &str, change: fn(&mut Value)| {
        let found = changed(change);
        assert!(found.contains(expected), "{expected:?} is not in {found:?}");
    };
    check("the messages of SYA in", |document| document["keys"][0]["messages"] = json!(1));
    check("the messages of SYA in", |document| {
        let other = document["keys"][1]["digest"].clone();
        document["keys"][0]["digest"] = other;
    });
    check("the messages of SYA in", |document| drop(document["keys"].as_array_mut().unwrap().remove(0)));
    check("slices of time", |document| document["slices"]["messages"][0] = json!(1));
    check("slices of time", |document| document["slices"]["bytes"][3] = json!(1));
    check("that its metadata excludes", |document| {
        document["part"]["symbols"].as_array_mut().unwrap().remove(0);
        document["keys"].as_array_mut().unwrap().remove(0);
    });
    check("that its metadata excludes", |document| {
        for sums in ["messages", "bytes"] {
            document["slices"][sums].as_array_mut().unwrap().truncate(2);
        }
    });
    check("one of `keys` and `slices` is missing", |document| {
        drop(document.as_object_mut().unwrap().remove("slices"));
    });
    check("`slices` has 1000 and 999 entries", |document| {
        document["slices"]["bytes"].as_array_mut().unwrap().pop();
    });
    check("`slices`", |document| document["slices"]["micros"] = json!(0));
    check("`part` is number 3 of 3", |document| document["part"]["index"] = json!(3));
    check("not in order", |document| document["part"]["symbols"].as_array_mut().unwrap().reverse());
    check("which no origin lists", |document| document["part"]["symbols"][0] = json!("A"));
    check("`keys` contains a symbol twice", |document| {
        let first = document["keys"][0].clone();
        document["keys"].as_array_mut().unwrap().push(first);
    });
    check("`keys` has 5000 symbols, more than the limit of 4096", |document| {
        let first = document["keys"][0].clone();
        document["keys"] = json!(vec![first; 5_000]);
    });
    check("`slices` has 70000 and 70000 entries", |document| {
        for sums in ["messages", "bytes"] {
            document["slices"][sums] = json!(vec![0; 70_000]);
        }
    });
}
