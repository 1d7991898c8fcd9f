//! Hostile archives with valid digests, under limits of memory and processor time: each command refuses them or reads the right
//! rows.

use std::{fs, path::Path};

use tradesim_archive::{
    Error, JournalKind, JournalWriter, WriterOptions, archive_journal,
    testing::{HostileFile, hostile_files, reseal},
};
use tradesim_schemas::Timestamp;

use crate::support::{Folder, Run};

/// The limit of address space in KiB: the promised 256 MiB, the largest mapped file, and what a multi-threaded process reserves
/// without using it (the program, stacks, arenas of the allocator).
const SPACE_KIB: u32 = (256 + 64 + 192) * 1024;
/// The limit of processor time in seconds. The promise is 2 for a release build; tests use a debug build.
const CPU_SECONDS: u32 = 20;

/// Runs the binary within the budget.
fn run(folder: &Folder, args: &[&str]) -> Run {
    let script = format!("ulimit -v {SPACE_KIB} && ulimit -t {CPU_SECONDS} && exec \"$0\" \"$@\"");
    let mut command =
        folder.wrapped("sh", &[&["-c", &script, env!("CARGO_BIN_EXE_tradesim")], args].concat());
    // each arena reserves 64 MiB of address space
    Run::of(command.env("MALLOC_ARENA_MAX", "2").output().unwrap_or_else(|error| panic!("{args:?}: {error}")))
}

/// Every command that reads an archive, with its output.
const COMMANDS: &[(&[&str], Option<&str>)] = &[
    (&["info", "bomb.parquet"], None),
    (&["cat", "bomb.parquet", "--limit", "1"], None),
    (&["verify", "bomb.parquet"], None),
    (&["realism", "bomb.parquet"], None),
    (&["diff", "bomb.parquet", "bomb.parquet"], None),
    (&["filter", "bomb.parquet", "-o", "out.parquet"], Some("out.parquet")),
    (&["merge", "bomb.parquet", "-o", "out.parquet"], Some("out.parquet")),
    (&["export", "bomb.parquet", "-o", "out.jsonl", "--skip-raw"], Some("out.jsonl")),
    (&["export", "bomb.parquet", "-o", "out.csv", "--skip-raw"], Some("out.csv")),
    (&["export", "bomb.parquet", "-o", "out.flat.parquet", "--skip-raw"], Some("out.flat.parquet")),
    (&["plant", "bomb.parquet", "--faults", "plan.toml", "-o", "out.parquet"], Some("out.parquet")),
    (&["replay", "bomb.parquet", "--port", "0", "--wait-clients", "0", "--speed", "max"], None),
];

/// Commands that may not notice invalid rows, because they read no rows or only the first.
const READ_LITTLE: [&str; 2] = ["info", "cat"];

#[test]
fn hostile_files_are_refused_or_read_by_every_command() {
    let bombs = Folder::new();
    let files = hostile_files(&bombs.path("")).unwrap();
    assert!(files.len() > 20, "{}", files.len());
    for HostileFile { name, path, refusal, at_opening } in files {
        let folder = Folder::new();
        folder.write("plan.toml", "seed = 1\n[[fault]]\nkind = \"drop\"\nat = 0\n");
        fs::rename(path, folder.path("bomb.parquet")).unwrap();
        for (args, output) in COMMANDS {
            let run = run(&folder, args);
            let what = format!("{name}: {args:?}: {} {}", run.code, run.stderr);
            assert!(!run.stderr.contains("panicked"), "{what}");
            let is_read = refusal.is_none() || !at_opening && READ_LITTLE.contains(&args[0]);
            match run.code {
                65 if refusal.is_some() => {
                    assert!(is_read || run.stderr.contains(refusal.unwrap()), "{what}");
                    assert_eq!(folder.names(), ["bomb.parquet", "plan.toml"], "{what}");
                }
                // verify finds that these events break market rules
                0 | 3 if is_read => {}
                _ => panic!("{what}"),
            }
            if let Some(output) = output {
                // does not exist if the input was refused
                let _ = fs::remove_file(folder.path(output));
            }
        }
    }
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
    assert!(bytes < 1 << 20, "the file is small: {bytes}");
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
        reseal(&mut bytes);
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
