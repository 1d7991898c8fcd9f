//! Compares with the independent reader in Python, if `TRADESIM_PYTHON` names an interpreter that has pyarrow and blake3.

use std::{path::Path, process::Command};

use super::*;

/// Runs the reader. Returns its exit code and standard output.
fn run(python: &str, path: &Path, more: &[&str]) -> (Option<i32>, Vec<u8>) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/read_archive.py");
    let output = Command::new(python).arg(script).arg(path).args(more).output().unwrap();
    (output.status.code(), output.stdout)
}

#[test]
#[ignore = "needs Python with pyarrow and blake3: TRADESIM_PYTHON=PYTHON cargo test -- --ignored reader_in_python"]
fn an_independent_reader_in_python_finds_the_same_messages() {
    let python = std::env::var("TRADESIM_PYTHON").expect("TRADESIM_PYTHON names an interpreter");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let of_everything = WriterOptions { columns: ALL_COLUMNS, ..small_options() };
    let simulated = write(&path, Sample::new(1).take(5_000), small_options()).unwrap();
    assert_eq!(run(&python, &path, &[]), (Some(0), format!("{}\n", simulated.digest).into_bytes()));

    let proved = WriterOptions { slices: Some(parts::grid()), ..small_options() };
    let path = folder.path().join("keys.parquet");
    let simulated = write(&path, Sample::new(1).take(5_000), proved).unwrap();
    assert!(simulated.metadata.keys().is_some_and(|keys| keys.len() > 10));
    assert_eq!(run(&python, &path, &[]), (Some(0), format!("{}\n", simulated.digest).into_bytes()));

    let path = folder.path().join("b.parquet");
    let rows = any_rows(3, 5_000);
    let everything = write_rows(&path, &rows, of_everything).unwrap();
    assert_eq!(run(&python, &path, &[]), (Some(0), format!("{}\n", everything.digest).into_bytes()));
    let mut encoder = tradesim_schemas::MessageEncoder::new();
    let mut expected = Vec::new();
    let archive = Archive::open(&path, OpenOptions::default()).unwrap();
    for batch in archive.batches(Start::Beginning) {
        for row in batch.unwrap().rows() {
            row.write_message(&mut encoder, &mut expected);
            expected.push(b'\n');
        }
    }
    assert!(run(&python, &path, &["--messages"]) == (Some(0), expected));

    let mut content = std::fs::read(&path).unwrap();
    let mut random = Random(5);
    for _ in 0..20 {
        let at = random.below(content.len() as u64) as usize;
        content[at] ^= 4;
        std::fs::write(&path, &content).unwrap();
        assert_eq!(run(&python, &path, &[]).0, Some(1), "byte {at}");
        content[at] ^= 4;
    }
}
