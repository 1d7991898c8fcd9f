//! Signals, and the death that cannot be caught.

use std::{
    io::Read,
    os::unix::process::ExitStatusExt,
    process::{Child, Stdio},
};

use crate::support::{Folder, Run, day_text, send_signal, wait_until};

/// A recording of about a billion messages: none of these tests lets it end by itself.
const ENDLESS: &[&str] =
    &["record", "--date", "2026-02-18", "--seed", "1", "--rate", "10000", "-o", "day.parquet"];

/// Starts a recording and waits until its file has begun.
fn start(folder: &Folder) -> Child {
    let child = folder.command(ENDLESS).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a file in the making", || folder.names().iter().any(|name| name.ends_with(".partial")));
    child
}

#[track_caller]
fn stops_tidily(signal: &str, code: i32) {
    let folder = Folder::new();
    let child = start(&folder);
    send_signal(signal, &child);
    let run = Run::of(child.wait_with_output().unwrap());
    run.fails(code, &format!("stopped by SIG{signal}"));
    assert_eq!(run.stdout, "");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn sigint_stops_a_recording_tidily() {
    stops_tidily("INT", 130);
}

#[test]
fn sigterm_stops_a_recording_tidily() {
    stops_tidily("TERM", 143);
}

#[test]
fn a_terminal_that_goes_away_stops_a_recording_tidily() {
    stops_tidily("HUP", 129);
}

#[test]
fn under_nohup_a_recording_outlives_its_terminal() {
    let folder = Folder::new();
    let mut args = vec!["-c", "trap '' HUP && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tradesim")];
    args.extend(ENDLESS);
    let child = folder.wrapped("sh", &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a file in the making", || folder.names().iter().any(|name| name.ends_with(".partial")));
    send_signal("HUP", &child);
    // had the first one counted, its number would be told, or the second signal would end the process at once
    send_signal("TERM", &child);
    Run::of(child.wait_with_output().unwrap()).fails(143, "stopped by SIGTERM");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_signal_ends_a_reader_that_waits_for_its_own_reader() {
    let folder = Folder::new();
    let mut child = folder.command(&["cat", day_text()]).stdout(Stdio::piped()).spawn().unwrap();
    // one byte shows that it writes; the pipe holds far less than the rest, so that it waits for us in a write
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    send_signal("TERM", &child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(143));
}

/// Moments in thousandths of a recording's file, spread by a full-period generator so that each run of the test tries the
/// same ones. Those beyond a thousand mean the file under its final name.
fn moments() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(17u64), |moment| Some((moment * 21 + 73) % 1_250)).take(50)
}

/// Bytes of the file in the making; none where there is none, or no longer.
fn bytes_in_the_making(folder: &Folder) -> u64 {
    let partial = folder.names().into_iter().find(|name| name.ends_with(".partial"));
    partial.and_then(|name| std::fs::metadata(folder.path(&name)).ok()).map_or(0, |metadata| metadata.len())
}

// by what is written, not by the clock: beside other tests a recording takes now one second, now three
#[test]
fn kill_9_never_leaves_a_bad_file_under_the_final_name() {
    let args = ["record", "--date", "2026-02-18", "--seed", "7", "--rate", "1", "-o", "day.parquet"];
    let reference = Folder::new();
    let digest = reference.ok(&args);
    let bytes = std::fs::metadata(reference.path("day.parquet")).unwrap().len();
    let (mut absent, mut whole) = (0, 0);
    for moment in moments() {
        let folder = Folder::new();
        let mut child = folder.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("the moment of death", || {
            folder.path("day.parquet").exists()
                || moment < 1_000 && bytes_in_the_making(&folder) >= bytes * moment / 1_000
        });
        // it may have ended by itself, which is one of the moments to look at
        child.kill().unwrap();
        child.wait().unwrap();
        if folder.path("day.parquet").exists() {
            folder.ok(&["verify", "day.parquet", "--against", digest.trim_end()]);
            whole += 1;
        } else {
            absent += 1;
        }
    }
    assert!(absent >= 10 && whole >= 1, "{absent} kills left nothing, {whole} the whole file");
    let folder = Folder::new();
    assert_eq!(folder.ok(&args), digest);
}

/// The names of files in the making.
fn partial(folder: &Folder) -> Vec<String> {
    folder.names().into_iter().filter(|name| name.ends_with(".partial")).collect()
}

#[test]
fn what_kill_9_left_goes_with_the_next_run_in_the_folder_and_what_is_written_stays() {
    let folder = Folder::new();
    for args in [ENDLESS, &["serve", "--port", "0", "--record", "live.parquet", "--log-format", "text"]] {
        let mut child = folder.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("a file in the making", || !partial(&folder).is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        let left = partial(&folder);
        assert_eq!(left.len(), 1, "{args:?}");

        // a run of another output finds it, names it and removes it
        let run =
            folder.run(&["filter", day_text(), "-o", "cut.parquet", "--limit", "1", "--log-format", "text"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(
            run.stderr.contains("removed an unfinished file of a process that was killed"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains(&left[0]), "{}", run.stderr);
        assert_eq!(folder.names(), ["cut.parquet"], "{args:?}");
        std::fs::remove_file(folder.path("cut.parquet")).unwrap();
    }

    // one that is still written is left alone, and comes to its end
    let child = start(&folder);
    let running = partial(&folder);
    let run = folder.run(&["filter", day_text(), "-o", "cut.parquet", "--limit", "1"]);
    assert_eq!((run.code, partial(&folder)), (0, running), "{}", run.stderr);
    send_signal("TERM", &child);
    Run::of(child.wait_with_output().unwrap()).fails(143, "stopped by SIGTERM");
    assert_eq!(folder.names(), ["cut.parquet"]);
}

#[test]
fn sigbus_keeps_its_meaning_where_a_process_sends_it() {
    let folder = Folder::new();
    let mut child = folder.command(&["cat", day_text()]).stdout(Stdio::piped()).spawn().unwrap();
    // one byte shows that the archive is mapped; the pipe holds far less than the rest
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    send_signal("BUS", &child);
    assert_eq!(child.wait_with_output().unwrap().status.signal(), Some(7));
}
