//! Signals, including SIGKILL.

use std::{
    io::Read,
    os::unix::process::ExitStatusExt,
    process::{Child, Stdio},
};

use crate::support::{Folder, Run, day_text, send_signal, wait_until};

/// Arguments for a recording of about a billion messages, which never ends during a test.
const ENDLESS: &[&str] =
    &["record", "--date", "2026-02-18", "--seed", "1", "--rate", "10000", "-o", "day.parquet"];

/// Starts a recording and waits until its unfinished file exists.
fn start(folder: &Folder) -> Child {
    let child = folder.command(ENDLESS).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("an unfinished file", || folder.names().iter().any(|name| name.ends_with(".partial")));
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
fn closing_the_terminal_stops_a_recording_tidily() {
    stops_tidily("HUP", 129);
}

#[test]
fn under_nohup_a_recording_outlives_its_terminal() {
    let folder = Folder::new();
    let mut args = vec!["-c", "trap '' HUP && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tradesim")];
    args.extend(ENDLESS);
    let child = folder.wrapped("sh", &args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("an unfinished file", || folder.names().iter().any(|name| name.ends_with(".partial")));
    send_signal("HUP", &child);
    // if SIGHUP had an effect, its name would be printed, or the second signal would end the process at once
    send_signal("TERM", &child);
    Run::of(child.wait_with_output().unwrap()).fails(143, "stopped by SIGTERM");
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn a_signal_ends_a_command_that_is_blocked_by_its_reader() {
    let folder = Folder::new();
    let mut child = folder.command(&["cat", day_text()]).stdout(Stdio::piped()).spawn().unwrap();
    // one byte shows that it writes; the pipe has no room for the rest, so the process is blocked in a write
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    send_signal("TERM", &child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(143));
}

/// Returns instants in thousandths of the file of a recording, from a full-period generator, so that each run of the test uses the
/// same ones. Values of a thousand and more mean the file under its final name.
fn moments() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(17u64), |moment| Some((moment * 21 + 73) % 1_250)).take(50)
}

/// Returns the size of the unfinished file, or 0 if there is none.
fn unfinished_bytes(folder: &Folder) -> u64 {
    let partial = folder.names().into_iter().find(|name| name.ends_with(".partial"));
    partial.and_then(|name| std::fs::metadata(folder.path(&name)).ok()).map_or(0, |metadata| metadata.len())
}

// by file size and not by time, because the duration of a recording varies while other tests run
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
        wait_until("the instant to kill it", || {
            folder.path("day.parquet").exists()
                || moment < 1_000 && unfinished_bytes(&folder) >= bytes * moment / 1_000
        });
        // it may have finished already, which is one of the cases
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

/// Returns the names of unfinished files.
fn partial(folder: &Folder) -> Vec<String> {
    folder.names().into_iter().filter(|name| name.ends_with(".partial")).collect()
}

#[test]
fn the_next_run_in_a_folder_removes_unfinished_files_of_killed_processes() {
    let folder = Folder::new();
    for args in [ENDLESS, &["serve", "--port", "0", "--record", "live.parquet", "--log-format", "text"]] {
        let mut child = folder.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("an unfinished file", || !partial(&folder).is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        let left = partial(&folder);
        assert_eq!(left.len(), 1, "{args:?}");

        // a run with another output reports and removes it
        let run =
            folder.run(&["filter", day_text(), "-o", "cut.parquet", "--limit", "1", "--log-format", "text"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(
            run.stderr.contains("removed the unfinished file of a process that was killed"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains(&left[0]), "{}", run.stderr);
        assert_eq!(folder.names(), ["cut.parquet"], "{args:?}");
        std::fs::remove_file(folder.path("cut.parquet")).unwrap();
    }

    // a file that is still being written is left alone
    let child = start(&folder);
    let running = partial(&folder);
    let run = folder.run(&["filter", day_text(), "-o", "cut.parquet", "--limit", "1"]);
    assert_eq!((run.code, partial(&folder)), (0, running), "{}", run.stderr);
    send_signal("TERM", &child);
    Run::of(child.wait_with_output().unwrap()).fails(143, "stopped by SIGTERM");
    assert_eq!(folder.names(), ["cut.parquet"]);
}

#[test]
fn sigbus_from_another_process_ends_the_command() {
    let folder = Folder::new();
    let mut child = folder.command(&["cat", day_text()]).stdout(Stdio::piped()).spawn().unwrap();
    // one byte shows that the archive is mapped; the pipe has no room for the rest
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    send_signal("BUS", &child);
    assert_eq!(child.wait_with_output().unwrap().status.signal(), Some(7));
}
