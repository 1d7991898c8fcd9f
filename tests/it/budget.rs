//! Archives of a dishonest writer, whose digests are all right, within a bound of memory and of processor time: each
//! command refuses them, or reads the right rows.

use std::{fs, path::Path};

use tradesim_archive::{
    Error, JournalKind, JournalWriter, WriterOptions, archive_journal,
    fuzzing::{self, seal},
};
use tradesim_schemas::Timestamp;

use crate::support::{Folder, Run, day_text};

/// KiB of address space: the promised 256 MiB, the largest file that is mapped, and what a process of several threads
/// takes of it without using it (the program, stacks, arenas of the allocator).
const SPACE_KIB: u32 = (256 + 64 + 192) * 1024;
/// Seconds of processor time: the promise is 2 for a release build, and tests are not one.
const CPU_SECONDS: u32 = 20;

/// Runs the binary within the budget.
fn run(folder: &Folder, args: &[&str]) -> Run {
    let script = format!("ulimit -v {SPACE_KIB} && ulimit -t {CPU_SECONDS} && exec \"$0\" \"$@\"");
    let mut command =
        folder.wrapped("sh", &[&["-c", &script, env!("CARGO_BIN_EXE_tradesim")], args].concat());
    // each arena takes 64 MiB of address space, and one takes as little memory as several
    Run::of(command.env("MALLOC_ARENA_MAX", "2").output().unwrap_or_else(|error| panic!("{args:?}: {error}")))
}

/// Every command that reads an archive, with what it makes.
const COMMANDS: &[(&[&str], Option<&str>)] = &[
    (&["info", "bomb.parquet"], None),
    (&["cat", "bomb.parquet", "--limit", "1"], None),
    (&["verify", "bomb.parquet"], None),
    (&["diff", "bomb.parquet", "bomb.parquet"], None),
    (&["filter", "bomb.parquet", "-o", "out.parquet"], Some("out.parquet")),
    (&["merge", "bomb.parquet", "-o", "out.parquet"], Some("out.parquet")),
    (&["export", "bomb.parquet", "-o", "out.jsonl"], Some("out.jsonl")),
    (&["export", "bomb.parquet", "-o", "out.csv"], Some("out.csv")),
    (&["export", "bomb.parquet", "-o", "out.flat.parquet"], Some("out.flat.parquet")),
    (&["plant", "bomb.parquet", "--faults", "plan.toml", "-o", "out.parquet"], Some("out.parquet")),
    (&["replay", "bomb.parquet", "--port", "0", "--wait-clients", "0", "--speed", "max"], None),
];

/// Gives a bomb to every command, each of which has to refuse it as bad data.
#[track_caller]
fn is_refused(bomb: &[u8]) {
    let folder = Folder::new();
    folder.write("plan.toml", "seed = 1\n[[fault]]\nkind = \"drop\"\nat = 0\n");
    folder.write("bomb.parquet", bomb);
    for (args, _) in COMMANDS {
        run(&folder, args).fails(65, "bomb.parquet");
        assert_eq!(folder.names(), ["bomb.parquet", "plan.toml"], "{args:?}");
    }
}

/// A small archive.
fn small() -> Vec<u8> {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "--limit", "20", "-o", "small.parquet"]);
    folder.read("small.parquet")
}

/// The archive with further fields at the end of its footer, which is a struct of Thrift's compact protocol, and with the
/// digests that belong to that.
fn with_fields(mut archive: Vec<u8>, fields: &[u8]) -> Vec<u8> {
    const END_BYTES: usize = 8;
    const STOP: u8 = 0;
    let end = archive.split_off(archive.len() - END_BYTES);
    let length = u32::from_le_bytes(end[..4].try_into().unwrap()) + fields.len() as u32;
    assert_eq!(archive.pop(), Some(STOP));
    archive.extend_from_slice(fields);
    archive.push(STOP);
    archive.extend_from_slice(&length.to_le_bytes());
    archive.extend_from_slice(&end[4..]);
    seal(&mut archive);
    archive
}

/// The header of a field whose number is one above that of the field before it.
fn next_field(kind: u8) -> u8 {
    0x10 | kind
}

const LIST: u8 = 9;
const STRUCT: u8 = 12;

/// A list of booleans that says to have this many.
fn list_of_booleans(count: u32) -> Vec<u8> {
    const LONG: u8 = 0xf0;
    const BOOLEAN: u8 = 1;
    let mut list = vec![next_field(LIST), LONG | BOOLEAN];
    let mut rest = count;
    while rest >= 0x80 {
        list.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    list.push(rest as u8);
    list
}

#[test]
fn what_is_changed_here_is_read_before() {
    let folder = Folder::new();
    folder.write("small.parquet", small());
    assert_eq!(run(&folder, &["verify", "small.parquet"]).code, 0);
    // a field that nobody knows, as a later version may have
    folder.write("later.parquet", with_fields(small(), &[next_field(8), 1, b'x']));
    assert_eq!(run(&folder, &["verify", "later.parquet"]).code, 0);
}

#[test]
fn structs_in_structs_are_refused() {
    for depth in [200, 20_000, 2_000_000] {
        is_refused(&with_fields(small(), &[vec![next_field(STRUCT); depth], vec![0; depth]].concat()));
    }
}

#[test]
fn lists_that_are_longer_than_the_file_are_refused() {
    is_refused(&with_fields(small(), &list_of_booleans(i32::MAX as u32).repeat(10)));
}

#[test]
fn long_texts_of_zeros_are_read_within_the_budget() {
    const FRAME_BYTES: usize = 16 << 20;
    const FRAMES: u64 = 6;
    let folder = Folder::new();
    let journal = folder.path("zeros.journal");
    let mut writer = JournalWriter::create(&journal, "ws://feed", at(0)).unwrap();
    let zeros = vec![0; FRAME_BYTES];
    for second in 1..=FRAMES {
        writer.append(at(second as i64), JournalKind::Binary, &zeros).unwrap();
    }
    writer.flush().unwrap();
    let archive = folder.path("bomb.parquet");
    archive_journal(&journal, &archive, WriterOptions::default(), |_, _| Ok::<(), Error>(())).unwrap();
    fs::remove_file(&journal).unwrap();
    let bytes = fs::metadata(&archive).unwrap().len();
    assert!(bytes < 1 << 20, "it is a small file for what it holds: {bytes}");
    for args in [
        &["info", "bomb.parquet"][..],
        &["verify", "bomb.parquet"],
        &["filter", "bomb.parquet", "-o", "out.parquet"],
    ] {
        let run = run(&folder, args);
        assert_eq!(run.code, 0, "{args:?}: {}", run.stderr);
    }
}

#[test]
fn what_fuzzing_found_is_read_or_refused_by_every_command() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/archive");
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        fuzzing::seal(&mut bytes);
        let folder = Folder::new();
        folder.write("bomb.parquet", &bytes);
        for (args, output) in &COMMANDS[..3] {
            let run = run(&folder, args);
            assert!([0, 3, 65].contains(&run.code), "{args:?} {}: {}", path.display(), run.stderr);
            assert!(!run.stderr.contains("panicked"), "{args:?} {}: {}", path.display(), run.stderr);
            assert!(output.is_none());
        }
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000).unwrap()
}
