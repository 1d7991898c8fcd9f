//! Runs the binary in temporary folders.

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
use tradesim_schemas::{ContentDigest, ContentHasher};

/// The timeout for any condition, which is generous even for a slow machine.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A temporary folder in which the binary runs.
#[derive(Debug)]
pub(crate) struct Folder {
    dir: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Folder {
        Folder { dir: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    /// Returns a path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns the names of all files in the folder, including hidden ones, in order.
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

    /// Returns a command that runs the binary in the folder, without the settings of the environment and without a terminal.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.wrapped(env!("CARGO_BIN_EXE_tradesim"), args)
    }

    /// Returns a command that runs another program in the same way.
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

    /// Runs the binary to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    /// Runs the binary, expects success, and returns its standard output.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert_eq!(run.code, 0, "{args:?}: {}", run.stderr);
        run.stdout
    }
}

/// The result of a run of the binary.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Run {
        Run {
            code: output.status.code().expect("the process exits"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Expects this exit code, and one error line that contains `text`.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, text: &str) {
        assert_eq!(self.code, code, "{}", self.stderr);
        let errors: Vec<&str> = self.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{}", self.stderr);
        assert!(errors[0].contains(text), "{text:?} is not in {:?}", errors[0]);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
    }

    /// Parses the JSON object on standard output.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Returns a small recorded day of about 100,000 messages, which is recorded once.
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

/// Returns the path of [`day`] as text.
pub(crate) fn day_text() -> &'static str {
    day().to_str().unwrap()
}

/// Returns the content digest of lines (contract, section 3).
pub(crate) fn digest_of_lines(lines: &[u8]) -> ContentDigest {
    let mut digest = ContentHasher::new();
    for line in lines.split_inclusive(|&byte| byte == b'\n') {
        digest.push(line.strip_suffix(b"\n").expect("every message ends its line"));
    }
    digest.finish()
}

/// Returns the digest in `info --json`.
#[track_caller]
pub(crate) fn digest(folder: &Folder, file: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(&folder.ok(&["info", "--json", file])).unwrap();
    report["digest"].as_str().unwrap().to_owned()
}

/// The time since an instant, for timeouts and for choosing instants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "a test that waits for another process needs a timeout")]
    pub(crate) fn start() -> Clock {
        Clock { started: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// Waits until the condition holds, and fails after a timeout.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let clock = Clock::start();
    while !condition() {
        assert!(clock.elapsed() < TIMEOUT, "{what}: not after {TIMEOUT:?}");
        std::thread::yield_now();
    }
}

/// Sends a signal to a process, by a name such as INT.
#[track_caller]
pub(crate) fn send_signal(signal: &str, child: &Child) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
    assert!(status.success());
}
