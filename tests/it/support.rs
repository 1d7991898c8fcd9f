//! Running the binary, in folders that go away.

pub(crate) mod brokers;
pub(crate) mod feed;
pub(crate) mod listening;
pub(crate) mod pty;
pub(crate) mod stage;
pub(crate) mod tls;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tradesim_schemas::{ContentDigest, Digest};

/// The longest that any condition may take to come true; far more than it should on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder in which the binary runs.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder { dir: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    /// A path inside.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The names of all files inside, hidden ones too, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// The binary, to be run here: without the settings of whoever runs the tests, and without a terminal.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.wrapped(env!("CARGO_BIN_EXE_tradesim"), args)
    }

    /// Another program, to be run here in the same way.
    pub(crate) fn wrapped(&self, program: impl AsRef<OsStr>, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let upper = name.to_string_lossy().to_ascii_uppercase();
            if upper.starts_with("TRADE_GEN_") || upper.starts_with("KAFKA_BRIDGE_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs the binary here to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    /// Runs the binary and expects success; gives what it wrote to the standard output.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert_eq!(run.code, 0, "{args:?}: {}", run.stderr);
        run.stdout
    }
}

/// What a run of the binary left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Run {
        Run {
            code: output.status.code().expect("the process ends by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Expects this code, and one line of error that holds `text`.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, text: &str) {
        assert_eq!(self.code, code, "{}", self.stderr);
        let errors: Vec<&str> = self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{}", self.stderr);
        assert!(errors[0].contains(text), "{text:?} is not in {:?}", errors[0]);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }

    /// The one JSON object on the standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// A small recorded day, made once: about 100,000 messages.
pub(crate) fn day() -> &'static Path {
    static DAY: OnceLock<(Folder, PathBuf)> = OnceLock::new();
    let (_, path) = DAY.get_or_init(|| {
        let folder = Folder::new();
        folder.ok(&["record", "--date", "2026-02-18", "--seed", "7", "--rate", "1", "-o", "day.parquet"]);
        let path = folder.path("day.parquet");
        (folder, path)
    });
    path
}

/// [`day`] as text.
pub(crate) fn day_text() -> &'static str {
    day().to_str().unwrap()
}

/// The content digest of lines, as the contract defines it.
pub(crate) fn digest_of_lines(lines: &[u8]) -> Digest {
    let mut digest = ContentDigest::new();
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        digest.push(line.strip_suffix(b"\n").expect("every message ends its line"));
    }
    digest.finish()
}

/// The digest that `info --json` states.
#[track_caller]
pub(crate) fn digest(folder: &Folder, file: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(&folder.ok(&["info", "--json", file])).unwrap();
    report["digest"].as_str().unwrap().to_owned()
}

/// Time since some moment. Tests measure it to give up, and to choose moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test that waits for another process has to give up some time"
    )]
    pub(crate) fn start() -> Clock {
        Clock { started: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Waits until the condition holds, and fails when that takes too long.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let clock = Clock::start();
    while !condition() {
        assert!(clock.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// Sends a process a signal by its name, as INT.
#[track_caller]
pub(crate) fn send_signal(signal: &str, child: &Child) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
    assert!(status.success());
}
