use std::{fs, path::Path};

use tradesim_schemas::testing::mutant;

/// The number of mutants to test.
const MUTANTS: u64 = 1_000;

#[test]
fn the_corpus_of_settings_and_mutants_of_it_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/settings");
    let entries = fs::read_dir(&folder).unwrap();
    let inputs: Vec<Vec<u8>> = entries.map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    for bytes in inputs.iter().cloned().chain((0..MUTANTS).map(|seed| mutant(&inputs, seed))) {
        super::settings(&bytes);
    }
}
