//! Runs the functions of the fuzz targets on their corpora and on seeded mutants of them. (The target `settings` is tested by a
//! unit test of the binary, which contains its functions.)

use std::{
    collections::BTreeMap,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use toml::{Table, Value};
use tradesim_schemas::testing::mutant;

/// The maximum size of all corpora together.
const BYTES_MAX: u64 = 1 << 20;

/// A target: its name, its function, and the number of mutants in a normal run. The slowest take 2 ms each.
type Target = (&'static str, fn(&[u8]), u64);

const TARGETS: &[Target] = &[
    ("archive", tradesim_archive::fuzzing::archive, 500),
    ("avro", tradesim_bridge::fuzzing::avro, 2_000),
    ("control", tradesim_replay::fuzzing::control, 5_000),
    ("delivery", tradesim_bridge::core::fuzzing::delivery, 10_000),
    ("envelope", tradesim_schemas::fuzzing::envelope, 10_000),
    ("frames", tradesim_client::fuzzing::frames, 10_000),
    ("http", tradesim_replay::fuzzing::http, 300),
    ("inbound", tradesim_replay::fuzzing::inbound, 10_000),
    ("journal", tradesim_archive::fuzzing::journal, 100),
    ("letters", tradesim_bridge::fuzzing::letters, 5_000),
    ("metadata", tradesim_archive::fuzzing::document, 2_000),
    ("pages", tradesim_archive::fuzzing::pages, 1_000),
];

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn files(target: &str) -> Vec<PathBuf> {
    let folder = fuzz_folder().join("corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Multiplies a number of mutants by `TRADESIM_MUTANTS`, if that is set.
fn times(count: u64) -> u64 {
    match std::env::var("TRADESIM_MUTANTS") {
        Ok(text) => count * text.parse::<u64>().unwrap_or_else(|_| panic!("TRADESIM_MUTANTS is {text:?}")),
        Err(_) => count,
    }
}

#[track_caller]
fn replay(target: &str) {
    let (_, run, mutants) = TARGETS.iter().find(|(name, ..)| *name == target).unwrap();
    let mut inputs = Vec::new();
    for file in files(target) {
        let bytes = fs::read(&file).unwrap();
        assert!(catch_unwind(|| run(&bytes)).is_ok(), "{}", file.display());
        inputs.push(bytes);
    }
    for seed in 0..times(*mutants) {
        let bytes = mutant(&inputs, seed);
        if catch_unwind(|| run(&bytes)).is_err() {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{target}-{seed}"));
            fs::write(&path, &bytes).unwrap();
            panic!("mutant {seed}, which is in {}", path.display());
        }
    }
}

macro_rules! corpora {
    ($($target:ident)*) => {
        $(
            #[test]
            fn $target() {
                replay(stringify!($target));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let mut replayed = vec!["settings", $(stringify!($target)),*];
            replayed.sort_unstable();
            let built = manifest(&fuzz_folder());
            let mut built: Vec<&str> =
                built["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
            built.sort_unstable();
            assert_eq!(built, replayed);
            let bytes: u64 = built
                .iter()
                .flat_map(|target| files(target))
                .map(|file| file.metadata().unwrap().len())
                .sum();
            assert!(bytes <= BYTES_MAX, "the corpora have {bytes} bytes; `cargo fuzz cmin` makes them smaller");
        }
    };
}

corpora! { archive avro control delivery envelope frames http inbound journal letters metadata pages }

fn manifest(folder: &Path) -> Table {
    fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap()
}

/// Returns a dependency as a table, even if it is written in the short form.
fn written_out(dependency: &Value) -> Table {
    match dependency {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    }
}

/// Returns a dependency without the feature that opens our crates to the fuzz targets.
fn without_entry_points(mut dependency: Table) -> Table {
    let features = dependency.get("features").and_then(Value::as_array);
    let kept: Vec<_> = features
        .into_iter()
        .flatten()
        .filter(|feature| feature.as_str() != Some("fuzzing"))
        .cloned()
        .collect();
    dependency.remove("features");
    if !kept.is_empty() {
        dependency.insert("features".to_owned(), Value::Array(kept));
    }
    dependency
}

#[test]
fn the_binary_is_fuzzed_with_the_dependencies_that_it_is_released_with() {
    let root = manifest(Path::new(env!("CARGO_MANIFEST_DIR")));
    let fuzz = manifest(&fuzz_folder());
    let of_fuzz = |name: &str| fuzz["dependencies"].get(name).map(written_out).map(without_entry_points);
    let mut differing = BTreeMap::new();
    for (name, dependency) in root["dependencies"].as_table().unwrap() {
        // a feature that is off by default is not fuzzed
        if dependency.get("optional").is_some() {
            continue;
        }
        let mut expected = written_out(&root["workspace"]["dependencies"][name]);
        if let Some(path) = expected.get_mut("path") {
            *path = Value::String(format!("../{}", path.as_str().unwrap()));
        }
        let features = dependency.get("features").and_then(Value::as_array).cloned().unwrap_or_default();
        if !features.is_empty() {
            let all = expected.entry("features").or_insert_with(|| Value::Array(Vec::new()));
            all.as_array_mut().unwrap().extend(features);
        }
        let found = of_fuzz(name);
        if found.as_ref() != Some(&expected) {
            differing.insert(name, (expected, found));
        }
    }
    assert!(
        differing.is_empty(),
        "dependencies of fuzz/Cargo.toml differ from those of Cargo.toml: {differing:#?}"
    );
}
