//! Exit codes and error texts, one line each.

use std::fs;

use crate::support::{Folder, Run, day, day_text};

fn run(args: &[&str]) -> Run {
    Folder::new().run(args)
}

#[test]
fn usage_errors_exit_with_2() {
    for args in [
        &["recrd"][..],
        &["record", "--date", "2026-02-18", "--rate", "0"],
        &["record", "--date", "2026-02-18", "--rate", "10001"],
        &["record", "--date", "18.02.2026"],
        &["record", "--date", "2026-02-18", "--symbols", "51"],
        &["record", "--date", "2026-02-18", "--burst-at", "10:00"],
        &["record", "--date", "2026-02-18", "--burst-multiplier", "1"],
        &["record", "--date", "2026-02-18", "--market-hours", "maybe"],
        &["cat"],
        &["cat", "x", "--events", "trades"],
        &["record", "--date", "2026-02-18", "--burst-multiplier", "30"],
        &["record", "--date", "2026-02-18", "--burst-interval", "30s"],
        &["record", "--date", "2026-02-18", "--burst-duration", "30s"],
        &[
            "record",
            "--date",
            "2026-02-18",
            "--burst-at",
            "10:00",
            "--burst-for",
            "1m",
            "--burst-interval",
            "9s",
        ],
        &["cat", "x", "--from", "9:30"],
        &["filter", "x"],
        &["merge", "-o", "x"],
        &["completions", "tcsh"],
    ] {
        let run = run(args);
        run.fails(2, "");
        assert_eq!(run.stdout, "");
    }
    assert_eq!(run(&[]).code, 2);
}

#[test]
fn a_number_below_its_range_is_an_error_with_the_range() {
    let record = ["record", "--date", "2026-02-18"];
    for (flag, range) in [
        ("--seed", "whole number from 0 to 18446744073709551615"),
        ("--limit", "whole number of messages, 0 or more"),
        ("--rate", "1 to 10000"),
        ("--threads", "1 to 256"),
        ("--symbols", "1 to 50"),
    ] {
        run(&[&record[..], &[flag, "-1"]].concat()).fails(2, range);
    }
    run(&["cat", "x", "--limit", "-1"]).fails(2, "whole number of messages, 0 or more");
}

#[test]
fn an_archive_is_not_written_under_the_name_of_another_format() {
    let folder = Folder::new();
    for output in ["x.jsonl", "x.json", "x.CSV", "x.csv.zst", "x.avro", "-"] {
        for args in [
            &["record", "--date", "2026-02-18", "--seed", "1", "--limit", "1", "-o", output][..],
            &["record", "--date", "2026-02-18", "--seed", "1", "--dry-run", "-o", output],
            &["filter", day_text(), "--limit", "1", "-o", output],
            &["merge", day_text(), "-o", output],
        ] {
            let run = folder.run(args);
            run.fails(2, if output == "-" { "standard output" } else { output });
            let hint = if output == "-" { "tradesim cat" } else { "tradesim export" };
            assert!(run.stderr.contains(hint), "{}", run.stderr);
        }
    }
    folder.run(&["export", day_text(), "-o", "-"]).fails(2, "-o - needs a format");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn an_empty_cut_is_an_empty_archive_and_a_warning() {
    let folder = Folder::new();
    let late = ["--from", "2027-01-04T15:00:00Z"];
    let record = ["record", "--date", "2026-02-18", "--seed", "1", "--rate", "1", "-o", "a"];
    for args in [
        &record[..],
        &["filter", day_text(), "-o", "b"],
        &["filter", "a", "-o", "c"],
        &["export", day_text(), "-o", "d.csv"],
    ] {
        let run = folder.run(&[args, &late].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let warning =
            "warning: no message passes the filters (from 2027-01-04T15:00:00.000000Z): the source ";
        assert!(run.stderr.contains(warning), "{}", run.stderr);
        let range = if args[1] == "a" { "is empty" } else { "contains messages from 2026-02-18T09:0" };
        assert!(run.stderr.contains(range), "{}", run.stderr);
    }
    folder.ok(&["verify", "a"]);
    let some = folder.run(&["filter", day_text(), "-o", "e", "--from", "15:00"]);
    assert!(some.code == 0 && !some.stderr.contains("warning"), "{}", some.stderr);
}

#[test]
fn dates_without_trading_are_usage_errors_with_the_reason() {
    let record = |date| run(&["record", "--date", date, "--seed", "1"]);
    record("2026-04-03").fails(2, "2026-04-03 is Good Friday");
    record("2026-02-21").fails(2, "2026-02-21 is a Saturday");
    record("2025-01-09").fails(2, "Jimmy Carter");
    record("2031-01-06").fails(2, "2031-01-06 is outside the calendar");
    let without = run(&["record", "--seed", "1"]);
    without.fails(2, "no trading date");
    assert!(without.stderr.contains("hint: use --date"), "{}", without.stderr);
}

#[test]
fn a_closed_date_is_recorded_on_request() {
    let folder = Folder::new();
    folder.ok(&["record", "--date", "2026-04-03", "--seed", "1", "--allow-closed", "--limit", "10"]);
    assert_eq!(folder.names(), ["2026-04-03.seed1.parquet"]);
}

#[test]
fn an_unknown_symbol_is_an_error_with_a_suggestion() {
    for args in [
        &["record", "--date", "2026-02-18", "--seed", "1", "--symbols", "APPL"][..],
        &["cat", day_text(), "--symbols", "MSFT,APPL"],
        &["filter", day_text(), "-o", "x.parquet", "--symbols", "aapl"],
        &["export", day_text(), "-o", "x.csv", "--symbols", "APPL"],
    ] {
        let run = run(args);
        run.fails(2, "is not a symbol of");
        assert!(run.stderr.contains("hint: did you mean AAPL?"), "{}", run.stderr);
    }
    let burst =
        ["record", "--date", "2026-02-18", "--burst-at", "10:00", "--burst-for", "1m", "--burst-symbol"];
    let near = run(&[&burst[..], &["MSTF"]].concat());
    near.fails(2, "MSTF is not a symbol of the symbol table");
    assert!(near.stderr.contains("hint: did you mean MSFT?"), "{}", near.stderr);
    // without a similar symbol, all are listed
    let far = run(&[&burst[..], &["ZZZ"]].concat());
    assert!(far.stderr.contains("hint: valid symbols: ") && far.stderr.contains(", MSFT"), "{}", far.stderr);
}

#[test]
fn empty_time_ranges_are_usage_errors() {
    run(&["cat", day_text(), "--from", "10:00", "--to", "10:00"]).fails(2, "empty time range");
    run(&["record", "--date", "2026-02-18", "--from", "10:00", "--to", "09:00"]).fails(2, "empty time range");
}

#[test]
fn a_missing_file_fails() {
    for args in
        [&["cat", "missing"][..], &["info", "missing"], &["verify", "missing"], &["diff", "missing", "gone"]]
    {
        run(args).fails(1, "missing");
    }
    run(&["cat", "."]).fails(1, ". is a folder, not a regular file");
    let folder = Folder::new();
    assert!(folder.wrapped("mkfifo", &["pipe"]).status().unwrap().success());
    for input in ["pipe", "/dev/null"] {
        for command in ["info", "cat", "verify"] {
            folder.run(&[command, input]).fails(1, ", not a regular file");
        }
    }
}

#[test]
fn files_that_are_not_archives_are_bad_data() {
    let folder = Folder::new();
    folder.write("text", "seq,timestamp\n0,now\n");
    folder.write("empty", "");
    folder.ok(&["export", day_text(), "-o", "foreign.parquet", "--limit", "100"]);
    for (file, text) in [
        ("text", "not a Parquet file"),
        ("empty", "not a Parquet file"),
        ("foreign.parquet", "is a Parquet file, but not a tradesim archive"),
    ] {
        for command in ["info", "cat", "verify"] {
            folder.run(&[command, file]).fails(65, text);
        }
    }
}

#[test]
fn a_truncated_or_damaged_archive_is_bad_data() {
    let folder = Folder::new();
    let whole = fs::read(day()).unwrap();
    folder.write("half", &whole[..whole.len() / 2]);
    for command in ["info", "cat", "verify"] {
        folder.run(&[command, "half"]).fails(65, "half does not end like an archive");
    }
    folder.write("longer", [&whole[..], b"\n"].concat());
    folder.run(&["info", "longer"]).fails(65, "bytes were cut off or added");
    for (name, at) in [("row-group", 10_000), ("tail", whole.len() - 1_000)] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        folder.write(name, &damaged);
        for mapping in [&["verify", name][..], &["verify", "--no-mmap", name]] {
            folder.run(mapping).fails(65, "damaged");
        }
    }
}

#[test]
fn an_output_that_exists_is_refused_before_any_work() {
    let folder = Folder::new();
    folder.write("there", "mine");
    let record = ["record", "--date", "2026-02-18", "--seed", "1", "--rate", "10000", "-o", "there"];
    for args in [&record[..], &["filter", day_text(), "-o", "there"], &["merge", day_text(), "-o", "there"]] {
        let run = folder.run(args);
        run.fails(73, "there already exists");
        assert!(run.stderr.contains("hint: --force"), "{}", run.stderr);
    }
    folder.write("there.csv", "mine");
    folder.run(&["export", day_text(), "-o", "there.csv"]).fails(73, "there.csv already exists");
    assert_eq!(folder.read("there"), b"mine");
    folder.ok(&["filter", day_text(), "-o", "there", "--limit", "3", "--force"]);
    folder.ok(&["verify", "there"]);
    assert_eq!(folder.names(), ["there", "there.csv"]);
}

#[test]
fn an_output_that_cannot_be_created_exits_with_73() {
    let folder = Folder::new();
    folder.write("file", "");
    fs::create_dir(folder.path("folder.csv")).unwrap();
    for output in ["missing/x.csv", "file/x.csv", "folder.csv", "new.csv/"] {
        folder.run(&["export", day_text(), "-o", output]).fails(73, output);
    }
    fs::create_dir(folder.path("folder.parquet")).unwrap();
    for output in ["missing/x.parquet", "file/x.parquet", "folder.parquet", "new.parquet/"] {
        let record = ["record", "--date", "2026-02-18", "--seed", "1", "--limit", "1", "-o", output];
        for args in [&record[..], &["filter", day_text(), "-o", output], &["merge", day_text(), "-o", output]]
        {
            let run = folder.run(args);
            run.fails(73, output);
            assert!(!run.stderr.contains(".partial"), "{}", run.stderr);
        }
    }
}

#[test]
fn an_unknown_extension_is_a_usage_error() {
    let run = run(&["export", day_text(), "-o", "x.xlsx"]);
    run.fails(2, "x.xlsx");
    assert!(run.stderr.contains(".jsonl.zst"), "{}", run.stderr);
}

#[test]
fn a_difference_exits_with_3() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "-o", "cut.parquet", "--limit", "1000"]);
    assert_eq!(folder.run(&["diff", day_text(), "cut.parquet"]).code, 3);
    assert_eq!(folder.run(&["verify", "cut.parquet", "--against", day_text()]).code, 3);
    let digest = crate::support::digest(&folder, "cut.parquet");
    folder.ok(&["verify", "cut.parquet", "--against", &digest]);
    folder.ok(&["verify", day_text(), "--against", day_text()]);
    folder.run(&["verify", day_text(), "--against", "blake3:12"]).fails(2, "invalid digest");
}

#[test]
fn only_a_regular_file_is_ever_overwritten() {
    use std::os::unix::fs::FileTypeExt;
    let folder = Folder::new();
    let made = folder
        .wrapped(
            "sh",
            &["-c", "mkfifo pipe && ln -s pipe link && ln -s pipe link.csv && ln -s gone lost.csv"],
        )
        .status()
        .unwrap();
    assert!(made.success());
    for output in ["pipe", "link"] {
        for args in [
            &["record", "--date", "2026-02-18", "--seed", "1", "--limit", "1", "--force", "-o", output][..],
            &["filter", day_text(), "--limit", "1", "--force", "-o", output],
            &["merge", day_text(), "--force", "-o", output],
            &["export", day_text(), "--limit", "1", "--force", "-o", "link.csv"],
        ] {
            folder.run(args).fails(73, "it is a pipe, not a regular file");
        }
    }
    assert!(fs::symlink_metadata(folder.path("pipe")).unwrap().file_type().is_fifo());
    assert!(fs::symlink_metadata(folder.path("link.csv")).unwrap().file_type().is_symlink());
    folder.run(&["export", day_text(), "-o", "lost.csv"]).fails(73, "lost.csv already exists");
    assert_eq!(folder.names(), ["link", "link.csv", "lost.csv", "pipe"]);
}
