//! What fuzzing has found so far: the corpora of the fuzz targets, through the functions that the targets call. (That of
//! `settings` is read by a unit test of the binary, which has its functions.)

use std::{
    collections::BTreeMap,
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

/// Bytes of all corpora.
const BYTES_MAX: u64 = 1 << 20;

/// What the targets call.
const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("archive", tradesim_archive::fuzzing::archive),
    ("avro", tradesim_bridge::fuzzing::avro),
    ("control", tradesim_replay::fuzzing::control),
    ("delivery", tradesim_bridge::core::fuzzing::delivery),
    ("envelope", tradesim_schemas::fuzzing::envelope),
    ("http", tradesim_replay::fuzzing::http),
    ("inbound", tradesim_replay::fuzzing::inbound),
    ("journal", tradesim_archive::fuzzing::journal),
    ("letters", tradesim_bridge::fuzzing::letters),
    ("metadata", tradesim_archive::fuzzing::document),
    ("pages", tradesim_archive::fuzzing::pages),
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

#[track_caller]
fn replay(target: &str) {
    let run = TARGETS.iter().find(|(name, _)| *name == target).unwrap().1;
    let files = files(target);
    assert!(!files.is_empty());
    for file in files {
        let bytes = fs::read(&file).unwrap();
        assert!(catch_unwind(|| run(&bytes)).is_ok(), "{}", file.display());
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

corpora! { archive avro control delivery envelope http inbound journal letters metadata pages }

fn manifest(folder: &Path) -> Table {
    fs::read_to_string(folder.join("Cargo.toml")).unwrap().parse().unwrap()
}

/// A dependency as a table, however short it is written.
fn written_out(dependency: &Value) -> Table {
    match dependency {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    }
}

#[test]
fn the_binary_is_fuzzed_with_the_dependencies_that_it_is_released_with() {
    let root = manifest(Path::new(env!("CARGO_MANIFEST_DIR")));
    let fuzz = manifest(&fuzz_folder());
    let of_fuzz = |name: &str| fuzz["dependencies"].get(name).map(written_out);
    let mut differing = BTreeMap::new();
    for (name, dependency) in root["dependencies"].as_table().unwrap() {
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
    assert!(differing.is_empty(), "fuzz/Cargo.toml does not have what Cargo.toml has: {differing:#?}");
}
