//! Failing system calls: the k-th open, write or accept of a process fails, or there are few file descriptors. In every case there
//! is a documented exit code, no panic and no incomplete file.

use std::{
    io::Write,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::support::{Folder, Run, day_text, listening::Listening};

/// A library that makes one call of a kind fail, counted from 1, in the process that preloads it.
const FAILING: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>
static atomic_long calls;
static int strikes(const char *call) {
    const char *failing = getenv("FAILING_CALL");
    if (failing == NULL || strcmp(failing, call) != 0) return 0;
    if (atomic_fetch_add(&calls, 1) + 1 != atol(getenv("FAILING_AT"))) return 0;
    errno = atoi(getenv("FAILING_WITH"));
    return 1; }
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define OPEN(name) int name(const char *path, int flags, ...) { \
    va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
    return strikes("open") ? -1 : REAL(name)(path, flags, mode); }
OPEN(open) OPEN(open64)
ssize_t write(int file, const void *bytes, size_t count) {
    return file != 2 && strikes("write") ? -1 : REAL(write)(file, bytes, count); }
ssize_t writev(int file, const struct iovec *parts, int count) {
    return file != 2 && strikes("write") ? -1 : REAL(writev)(file, parts, count); }
int accept4(int socket, struct sockaddr *address, socklen_t *length, int flags) {
    return strikes("accept") ? -1 : REAL(accept4)(socket, address, length, flags); }
"#;

/// The exit codes of commands without peers (contract, section 9).
const DOCUMENTED: [i32; 5] = [0, 1, 65, 73, 78];

/// The number of messages in the small archive.
const MESSAGES: usize = 50;

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ECONNABORTED: i32 = 103;

struct Place {
    folder: Folder,
    library: PathBuf,
    tools: Folder,
}

impl Place {
    fn new() -> Place {
        let (folder, tools) = (Folder::new(), Folder::new());
        tools.write("failing.c", FAILING);
        let args = ["-shared", "-fPIC", "-O1", "-o", "failing.so", "failing.c", "-ldl"];
        let run = Run::of(tools.wrapped("cc", &args).output().unwrap());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let limit = MESSAGES.to_string();
        folder.ok(&["filter", day_text(), "--limit", &limit, "-o", "small.parquet"]);
        let library = tools.path("failing.so");
        Place { folder, library, tools }
    }

    fn failing(&self, args: &[&str], call: &str, at: u32, with: i32) -> std::process::Command {
        let mut command = self.folder.command(args);
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAILING_CALL", call)
            .env("FAILING_AT", at.to_string())
            .env("FAILING_WITH", with.to_string());
        command
    }
}

/// Returns commands with the files that they write, or `None` for standard output.
fn commands() -> Vec<(Vec<&'static str>, Option<&'static str>)> {
    let record = "record --date 2026-02-18 --seed 1 --rate 1 --to 04:20 -o out.parquet";
    let mut commands = vec![
        (record.split(' ').collect(), Some("out.parquet")),
        (vec!["filter", "small.parquet", "--events", "trade", "-o", "out.parquet"], Some("out.parquet")),
        (vec!["merge", "small.parquet", "-o", "out.parquet"], Some("out.parquet")),
        (vec!["info", "small.parquet"], None),
        (vec!["cat", "small.parquet"], None),
        (vec!["verify", "small.parquet", "--json"], None),
        (vec!["diff", "small.parquet", "small.parquet"], None),
    ];
    for output in ["out.jsonl", "out.csv", "out.csv.zst", "out.avro", "out.flat.parquet"] {
        commands.push((vec!["export", "small.parquet", "-o", output], Some(output)));
    }
    commands
}

#[track_caller]
fn survives(place: &Place, call: &str, ats: std::ops::RangeInclusive<u32>, with: i32) {
    let mut failures = 0;
    for (args, output) in commands() {
        let good = place.folder.run(&args);
        assert_eq!(good.code, 0, "{args:?}: {}", good.stderr);
        let whole = output.map(|output| {
            let whole = place.folder.read(output);
            std::fs::remove_file(place.folder.path(output)).unwrap();
            whole
        });
        for at in ats.clone() {
            let run = Run::of(place.failing(&args, call, at, with).output().unwrap());
            let what = format!("{call} {at} of {args:?}: {} {}", run.code, run.stderr);
            assert!(DOCUMENTED.contains(&run.code) && !run.stderr.contains("panicked"), "{what}");
            if run.code != 0 {
                failures += 1;
                assert_eq!(run.stderr.matches("error: ").count(), 1, "{what}");
            }
            let names = place.folder.names();
            match output.filter(|output| names.iter().any(|name| name == output)) {
                Some(output) => {
                    assert_eq!(Some(place.folder.read(output)), whole, "{what}");
                    assert_eq!(names.len(), 2, "{what}: {names:?}");
                    std::fs::remove_file(place.folder.path(output)).unwrap();
                }
                None => {
                    assert!(output.is_none() || run.code != 0, "{what}");
                    assert_eq!(names, ["small.parquet"], "{what}");
                }
            }
            assert!(run.code != 0 || output.is_some() || run.stdout == good.stdout, "{what}");
        }
    }
    assert!(failures > 10, "too few calls failed: {failures}");
}

#[test]
fn a_failed_write_leaves_no_incomplete_file() {
    survives(&Place::new(), "write", 1..=4, EIO);
}

#[test]
fn a_failed_open_leaves_no_incomplete_file() {
    survives(&Place::new(), "open", 1..=9, EMFILE);
}

/// Counts the messages that a plain client receives.
fn received(url: &str) -> usize {
    let (mut socket, _) = tungstenite::connect(url).unwrap();
    let mut count = 0;
    while let Ok(message) = socket.read() {
        count += usize::from(message.is_text());
    }
    count
}

#[test]
fn a_failed_accept_does_not_lose_a_client() {
    let place = Place::new();
    for (at, with) in [(1, EMFILE), (1, ECONNABORTED), (2, EMFILE), (2, ECONNABORTED)] {
        let args = ["replay", "small.parquet", "--speed", "max", "--wait-clients", "2", "--port", "0"];
        let args = [&args[..], &["--linger", "0s"]].concat();
        let mut command = place.failing(&args, "accept", at, with);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let server = Listening::of(child);
        std::thread::scope(|scope| {
            for client in [scope.spawn(|| received(&server.url)), scope.spawn(|| received(&server.url))] {
                assert_eq!(client.join().unwrap(), MESSAGES);
            }
        });
        let run = server.end();
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(
            run.stderr.contains("cannot accept a connection") && !run.stderr.contains("panicked"),
            "{}",
            run.stderr
        );
    }
    drop(place.tools);
}

/// Returns a command that runs the binary with so many file descriptors.
fn with_files(folder: &Folder, files: u32, args: &[&str]) -> std::process::Command {
    let script = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
    folder.wrapped("sh", &[&["-c", &script, env!("CARGO_BIN_EXE_tradesim")], args].concat())
}

#[test]
fn more_connections_than_files_are_survived() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "--limit", "50", "-o", "small.parquet"]);
    let args = ["replay", "small.parquet", "--speed", "max", "--port", "0", "--linger", "0s"];
    let mut command = with_files(&folder, 64, &args);
    let server = Listening::of(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let address = server.url.trim_start_matches("ws://").trim_end_matches('/').to_owned();
    let mut half_sent = Vec::new();
    for _ in 0..100 {
        let mut socket = TcpStream::connect(&address).unwrap();
        // the server may have refused it already
        let _ = socket.write_all(b"GET / HTTP/1.1\r\nHost: loc");
        half_sent.push(socket);
    }
    drop(half_sent);
    assert_eq!(received(&server.url), MESSAGES);
    let run = server.end();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn more_inputs_than_files_are_an_error() {
    let folder = Folder::new();
    folder.ok(&["filter", day_text(), "--limit", "1", "-o", "0.parquet"]);
    let names: Vec<String> = (0..80).map(|number| format!("{number}.parquet")).collect();
    for name in &names[1..] {
        std::fs::copy(folder.path("0.parquet"), folder.path(name)).unwrap();
    }
    let mut args = vec!["merge", "-o", "out.parquet"];
    args.extend(names.iter().map(String::as_str));
    let run = Run::of(with_files(&folder, 64, &args).output().unwrap());
    run.fails(1, "Too many open files");
    assert!(!Path::new(&folder.path("out.parquet")).exists());
    assert_eq!(folder.names().len(), names.len());
}
