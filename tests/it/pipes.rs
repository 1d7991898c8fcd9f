//! Standard output and standard error that are pipes, closed or full.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use crate::support::{Folder, Run, day_text, digest, digest_of_lines};

#[test]
fn cat_exits_quietly_when_its_pipe_is_closed() {
    let folder = Folder::new();
    let mut child =
        folder.command(&["cat", day_text()]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.starts_with(r#"{"schema_version":1,"#), "{line}");
    drop(stdout);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(stderr, "");
}

#[test]
fn a_closed_standard_error_changes_nothing() {
    let folder = Folder::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let args = ["record", "--date", "2026-02-18", "--seed", "1", "--limit", "10", "--log-level", "TRACE"];
    let output = folder.command(&args).stderr(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(b"blake3:"));
}

#[test]
fn a_full_standard_output_is_an_error() {
    let folder = Folder::new();
    for args in [&["cat", day_text()][..], &["info", day_text()], &["config", "show"], &["--help"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = folder.command(args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        Run::of(output).fails(1, "cannot write to standard output");
    }
}

#[test]
fn standard_output_carries_data_only() {
    let folder = Folder::new();
    let stdout = folder.ok(&["record", "--date", "2026-02-18", "--seed", "1", "--limit", "10"]);
    assert_eq!(stdout, format!("{}\n", digest(&folder, "2026-02-18.seed1.parquet")));
}

#[test]
fn the_lines_of_cat_hash_to_the_digest() {
    let folder = Folder::new();
    let lines = folder.ok(&["cat", day_text()]);
    assert_eq!(digest_of_lines(lines.as_bytes()).to_string(), digest(&folder, day_text()));
    assert_eq!(folder.ok(&["cat", "--no-mmap", day_text()]), lines);
}
