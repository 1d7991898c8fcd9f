//! Golden archives: small recordings in `fixtures/`, each with its command and its digest.
//!
//! `UPDATE_GOLDEN=1 cargo test golden` records them again. Contents are compared by digest, because another version of zstd may
//! compress the same content differently.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::support::{Folder, Run};

/// The number of messages in the text file of a fixture.
const TWIN_MESSAGES: &str = "1000";
/// The maximum size of a fixture, because fixtures are part of every clone.
const BYTES_MAX: u64 = 1_000_000;

/// The recordings: names, and arguments of `tradesim record`.
const RECORDINGS: &[(&str, &str)] = &[
    ("minute", "--date 2026-02-18 --seed 42 --rate 100 --from 10:00 --to 10:01"),
    (
        "opening-hour",
        "--date 2026-02-18 --seed 42 --rate 4 --from 09:30 --to 10:30 \
         --burst-at 09:45 --burst-for 5s --burst-multiplier 50",
    ),
    ("early-close", "--date 2026-11-27 --seed 42 --rate 1"),
    // the opening cross of the other model
    ("stylized", "--date 2026-02-18 --seed 42 --rate 20 --model stylized --from 09:25 --to 09:40"),
];

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Fixture {
    file: String,
    command: String,
    digest: String,
    events: u64,
    generator_version: String,
    format_version: String,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Records into `folder`, and returns the description of the fixture.
fn record(folder: &Folder, name: &str, arguments: &str) -> Fixture {
    let file = format!("{name}.parquet");
    let mut args = vec!["record"];
    args.extend(arguments.split_whitespace());
    args.extend(["-o", &file]);
    let command = format!("tradesim {}", args.join(" "));
    args.extend(["--no-env", "--json"]);
    let run = folder.run(&args);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let report = run.json();
    let text = |key: &str| report[key].as_str().unwrap().to_owned();
    Fixture {
        command,
        digest: text("digest"),
        events: report["events"]["total"].as_u64().unwrap(),
        generator_version: text("generator_version"),
        format_version: text("format_version"),
        file,
    }
}

/// Returns the first messages of an archive as text.
fn twin(folder: &Folder, path: &Path) -> String {
    folder.ok(&["cat", path.to_str().unwrap(), "--limit", TWIN_MESSAGES])
}

#[test]
fn golden_archives_are_recorded_again_with_the_same_digests() {
    let folder = Folder::new();
    let recorded: Vec<Fixture> =
        RECORDINGS.iter().map(|(name, arguments)| record(&folder, name, arguments)).collect();
    let manifest = fixtures().join("MANIFEST.json");
    if env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        for fixture in &recorded {
            fs::copy(folder.path(&fixture.file), fixtures().join(&fixture.file)).unwrap();
            let text = fixtures().join(&fixture.file).with_extension("jsonl");
            fs::write(text, twin(&folder, &folder.path(&fixture.file))).unwrap();
        }
        fs::write(&manifest, serde_json::to_string_pretty(&recorded).unwrap() + "\n").unwrap();
    }
    let expected: Vec<Fixture> = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    assert_eq!(recorded, expected, "the generator changed: see docs/adr/0001-determinism.md");
}

#[test]
fn golden_archives_are_valid_small_and_equal_to_their_text() {
    let folder = Folder::new();
    let manifest = fs::read(fixtures().join("MANIFEST.json")).unwrap();
    for fixture in serde_json::from_slice::<Vec<Fixture>>(&manifest).unwrap() {
        let path = fixtures().join(&fixture.file);
        assert!(fs::metadata(&path).unwrap().len() < BYTES_MAX, "{}", fixture.file);
        let run = Run::of(
            folder
                .command(&["verify", path.to_str().unwrap(), "--against", &fixture.digest])
                .output()
                .unwrap(),
        );
        assert_eq!(run.code, 0, "{}", run.stderr);
        let text = fs::read_to_string(path.with_extension("jsonl")).unwrap();
        assert!(text == twin(&folder, &path), "the text of {} differs", fixture.file);
    }
}
