//! Terminals: control characters in foreign text are escaped, and the modes of the terminal are restored whenever another process
//! has it.

use std::{
    fs::File,
    io::{Read, Write},
    process::Stdio,
    sync::mpsc::{self, Receiver},
    thread,
};

use rustix::termios::{LocalModes, tcgetattr};
use tradesim_archive::{ArchiveWriter, Captured, Columns, Content, Provenance, Row, WriterOptions};
use tradesim_schemas::{RecordSeq, Timestamp};

use crate::support::{Folder, day_text, feed::plain_feed, pty::pty, wait_until};

/// A terminal: the side of the user, the side of programs, and its output so far.
struct Terminal {
    outer: File,
    inner: File,
    shown: Vec<u8>,
    parts: Receiver<Vec<u8>>,
}

impl Terminal {
    fn new() -> Terminal {
        let (outer, inner) = pty();
        let (sender, parts) = mpsc::channel();
        let mut reader = outer.try_clone().unwrap();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Terminal { outer, inner, shown: Vec::new(), parts }
    }

    fn side_of_a_program(&self) -> Stdio {
        self.inner.try_clone().unwrap().into()
    }

    fn shows(&mut self, text: &str) {
        wait_until(text, || {
            self.shown.extend(self.parts.try_iter().flatten());
            self.shown.windows(text.len()).any(|window| window == text.as_bytes())
        });
    }

    fn type_in(&mut self, keys: &[u8]) {
        self.outer.write_all(keys).unwrap();
    }

    /// Returns whether line editing and echo are on, as for a shell.
    fn is_for_lines(&self) -> bool {
        tcgetattr(&self.inner).unwrap().local_modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }
}

/// A message that clears the screen in two ways, one of them not UTF-8, and writes from right to left.
const HOSTILE: &[u8] = b"\x1b[2J\x9b2J \xe2\x80\xae bad";
const SHOWN: &str = "\\u001b[2J\\x9b2J \\u202e bad";

fn archive_of(folder: &Folder, frame: &[u8]) {
    let columns = Columns { captured: true, stored_ids: true, ..Columns::default() };
    let options = WriterOptions { columns, ..WriterOptions::default() };
    let mut provenance = Provenance::default();
    provenance.options.insert("feed".to_owned(), "wss://x/\u{1b}]0;title\u{7}".to_owned());
    let mut writer = ArchiveWriter::create(folder.path("frames.parquet"), provenance, options).unwrap();
    let timestamp = Timestamp::from_micros(1_771_425_000_000_000).unwrap();
    let content = Content::Raw { bytes: frame.to_vec(), event: None };
    let captured =
        Captured { seq: RecordSeq(0), timestamp, received: Some(timestamp), opcode: Some(2), content };
    writer.write_row(Row::Captured(Box::new(captured))).unwrap();
    writer.finish().unwrap();
}

/// Returns the output of a command on a terminal.
fn on_a_terminal(folder: &Folder, args: &[&str]) -> String {
    let mut terminal = Terminal::new();
    let status =
        folder.command(args).stdout(terminal.side_of_a_program()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{args:?}");
    terminal.type_in(b"over\n");
    terminal.shows("over");
    String::from_utf8_lossy(&terminal.shown).into_owned()
}

#[test]
fn messages_are_safe_to_show_on_a_terminal_and_unchanged_elsewhere() {
    let folder = Folder::new();
    archive_of(&folder, HOSTILE);
    let shown = on_a_terminal(&folder, &["cat", "frames.parquet"]);
    assert!(shown.starts_with(&format!("{SHOWN}\r\n")), "{shown:?}");
    let raw = on_a_terminal(&folder, &["cat", "frames.parquet", "--raw"]);
    assert!(raw.starts_with("\u{1b}[2J"), "{raw:?}");
    let bytes = folder.command(&["cat", "frames.parquet"]).output().unwrap().stdout;
    assert_eq!(bytes, [HOSTILE, b"\n"].concat());
}

#[test]
fn a_feed_is_safe_to_show_on_a_terminal_and_unchanged_elsewhere() {
    let folder = Folder::new();
    let text = "\u{1b}[2J\u{9b}2J\nbad";
    let feed = || plain_feed(vec![text.as_bytes().to_vec()]);
    let shown = on_a_terminal(&folder, &["tail", &feed().url()]);
    assert!(shown.starts_with("\\u001b[2J\\u009b2J\\u000abad\r\n"), "{shown:?}");
    let pretty = on_a_terminal(&folder, &["tail", &feed().url(), "--pretty"]);
    assert!(pretty.starts_with("\\u001b[2J\\u009b2J\\u000abad\r\n"), "{pretty:?}");
    let raw = on_a_terminal(&folder, &["tail", &feed().url(), "--raw"]);
    assert!(raw.starts_with("\u{1b}[2J"), "{raw:?}");
    assert_eq!(folder.ok(&["tail", &feed().url()]), format!("{text}\n"));
}

#[test]
fn reports_and_errors_are_always_safe_to_show() {
    let folder = Folder::new();
    archive_of(&folder, HOSTILE);
    std::fs::rename(folder.path("frames.parquet"), folder.path("a.parquet")).unwrap();
    archive_of(&folder, b"other\x1b");
    let is_safe = |text: &str| text.chars().all(|c| c == '\n' || !c.is_control());
    let info = folder.ok(&["info", "a.parquet"]);
    assert!(is_safe(&info) && info.contains("wss://x/\\u001b]0;title\\u0007"), "{info:?}");
    let json = folder.ok(&["info", "--json", "a.parquet"]);
    assert!(is_safe(&json), "{json:?}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["options"]["feed"], "wss://x/\u{1b}]0;title\u{7}");
    let diff = folder.run(&["diff", "a.parquet", "frames.parquet"]);
    assert_eq!(diff.code, 3, "{}", diff.stderr);
    assert!(is_safe(&diff.stdout) && diff.stdout.contains("other\\u001b"), "{:?}", diff.stdout);
    // file names are foreign text, too
    let run = folder.run(&["info", "no\u{1b}[2Jfile\u{202e}"]);
    assert!(run.code != 0 && is_safe(&run.stderr), "{:?}", run.stderr);
    assert!(run.stderr.contains("no\\u001b[2Jfile\\u202e"), "{:?}", run.stderr);
    let run = folder.run(&["record", "--no\u{1b}[2Jflag"]);
    assert!(run.code == 2 && is_safe(&run.stderr), "{:?}", run.stderr);
}

#[test]
fn ctrl_z_restores_the_terminal_and_fg_takes_it_again() {
    let folder = Folder::new();
    let mut terminal = Terminal::new();
    // a shell without line editing, which has the terminal while the job is suspended
    let script = "set -m; \"$@\"; echo sus''pended; read go; fg >/dev/null; echo ov''er";
    let program = env!("CARGO_BIN_EXE_tradesim");
    let replay = ["replay", day_text(), "--start-paused", "--port", "0"];
    let args = [&["--ctty", "--wait", "sh", "-c", script, "sh", program][..], &replay].concat();
    let mut shell = folder
        .wrapped("setsid", &args)
        .stdin(terminal.side_of_a_program())
        .stdout(terminal.side_of_a_program())
        .stderr(terminal.side_of_a_program())
        .spawn()
        .unwrap();
    terminal.shows("keys: ");
    wait_until("the terminal is read key by key", || !terminal.is_for_lines());
    terminal.type_in(b"\x1a");
    terminal.shows("suspended");
    assert!(terminal.is_for_lines(), "the terminal is not restored");
    terminal.type_in(b"go\n");
    wait_until("the terminal is read key by key again", || !terminal.is_for_lines());
    terminal.type_in(b"q");
    terminal.shows("over");
    assert!(terminal.is_for_lines(), "the terminal is not restored");
    shell.wait().unwrap();
}
