//! Golden archives: small recordings in `fixtures/`, each with the command that makes it and its digest.
//!
//! `UPDATE_GOLDEN=1 cargo test golden` makes them anew. What is compared is the content, by digest: a newer zstd may pack
//! the same content into other bytes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::support::{json, tradesim};

/// Messages in the text twin of a fixture.
const TWIN_MESSAGES: &str = "1000";
/// Fixtures are part of every clone.
const BYTES_MAX: u64 = 1_000_000;

/// What is recorded: a name, and the arguments of `tradesim record`.
const RECORDINGS: &[(&str, &str)] = &[
    ("minute", "--date 2026-02-18 --seed 42 --rate 100 --from 10:00 --to 10:01"),
    (
        "opening-hour",
        "--date 2026-02-18 --seed 42 --rate 4 --from 09:30 --to 10:30 \
         --burst-at 09:45 --burst-for 5s --burst-multiplier 50",
    ),
    ("early-close", "--date 2026-11-27 --seed 42 --rate 1"),
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

/// Records into `folder`, and tells what came out.
fn record(folder: &Path, name: &str, arguments: &str) -> Fixture {
    let file = format!("{name}.parquet");
    let mut command = tradesim();
    command.current_dir(folder).arg("record").args(arguments.split_whitespace());
    let output = command.args(["-o", &file, "--no-env", "--force", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = json(&output.stdout);
    let text = |key: &str| report[key].as_str().unwrap().to_owned();
    let arguments = arguments.split_whitespace().collect::<Vec<_>>().join(" ");
    Fixture {
        command: format!("tradesim record {arguments} -o {file}"),
        file,
        digest: text("digest"),
        events: report["events"]["total"].as_u64().unwrap(),
        generator_version: text("generator_version"),
        format_version: text("format_version"),
    }
}

fn twin(folder: &Path, name: &str) -> Vec<u8> {
    let file = format!("{name}.parquet");
    let output = tradesim().current_dir(folder).args(["cat", &file, "--limit", TWIN_MESSAGES]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn golden_archives_are_recorded_anew_with_the_same_digests() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let scratch = tempfile::tempdir().unwrap();
    let recorded: Vec<Fixture> =
        RECORDINGS.iter().map(|(name, arguments)| record(scratch.path(), name, arguments)).collect();
    let manifest = fixtures().join("MANIFEST.json");
    if update {
        for (name, _) in RECORDINGS {
            let file = format!("{name}.parquet");
            fs::copy(scratch.path().join(&file), fixtures().join(&file)).unwrap();
            fs::write(fixtures().join(format!("{name}.jsonl")), twin(scratch.path(), name)).unwrap();
        }
        fs::write(&manifest, serde_json::to_string_pretty(&recorded).unwrap() + "\n").unwrap();
    }
    let expected: Vec<Fixture> = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    assert_eq!(recorded, expected, "the generator changed: see docs/adr/0001-determinism.md");
}

#[test]
fn golden_archives_are_whole_small_and_equal_their_text() {
    let manifest = fs::read(fixtures().join("MANIFEST.json")).unwrap();
    for fixture in serde_json::from_slice::<Vec<Fixture>>(&manifest).unwrap() {
        let path = fixtures().join(&fixture.file);
        assert!(fs::metadata(&path).unwrap().len() < BYTES_MAX, "{}", fixture.file);
        let verify = tradesim().arg("verify").arg(&path).args(["--against", &fixture.digest]).output().unwrap();
        assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stderr));
        let name = fixture.file.trim_end_matches(".parquet");
        let text = fs::read(fixtures().join(format!("{name}.jsonl"))).unwrap();
        assert!(text == twin(&fixtures(), name), "{name}.jsonl is not the text of {}", fixture.file);
    }
}
