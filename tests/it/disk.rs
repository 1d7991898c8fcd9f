//! A full disk, simulated by a limit on the size of files.

use crate::support::{Folder, Run, day_text};

/// Runs the binary with files limited to `blocks` of 512 bytes.
fn run_limited(folder: &Folder, blocks: u32, args: &[&str]) -> Run {
    let script = format!("ulimit -f {blocks} && exec \"$0\" \"$@\"");
    let mut all = vec!["-c", script.as_str(), env!("CARGO_BIN_EXE_tradesim")];
    all.extend(args);
    Run::of(folder.wrapped("sh", &all).output().unwrap())
}

#[test]
fn a_full_disk_is_reported_and_leaves_nothing() {
    let folder = Folder::new();
    for args in [
        &["record", "--date", "2026-02-18", "--seed", "1", "-o", "out.parquet"][..],
        &["filter", day_text(), "-o", "out.parquet"],
        &["merge", day_text(), "-o", "out.parquet"],
        &["export", day_text(), "-o", "out.jsonl"],
        &["export", day_text(), "-o", "out.csv"],
        &["export", day_text(), "-o", "out.csv.zst"],
        &["export", day_text(), "-o", "out.avro"],
        &["export", day_text(), "-o", "out.parquet"],
    ] {
        let run = run_limited(&folder, 100, args);
        let output = args.last().unwrap();
        run.fails(1, &format!("error: no space left to write {output}: File too large (os error 27)"));
        assert_eq!(run.stderr.matches("os error").count(), 1, "{}", run.stderr);
        assert_eq!(folder.names(), [""; 0], "{args:?}");
    }
}

#[test]
fn a_file_that_just_fits_is_written() {
    let folder = Folder::new();
    let run = run_limited(&folder, 100, &["filter", day_text(), "-o", "out.parquet", "--limit", "100"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    folder.ok(&["verify", "out.parquet"]);
}
