use std::{io::Write, sync::mpsc, time::Duration};

use nix::{errno::Errno, unistd::Pid};
use rustix::termios::{LocalModes, OutputModes, tcgetattr};

use super::*;

#[path = "../../tests/it/support/pty.rs"]
mod pty;

use pty::pty;

/// The timeout for a key.
const TIMEOUT: Duration = Duration::from_secs(60);

fn decoded(bytes: &[u8]) -> Vec<Key> {
    let mut decoder = Decoder::default();
    bytes.iter().filter_map(|byte| decoder.push(*byte)).collect()
}

#[test]
fn keys_are_found_in_what_a_terminal_sends() {
    assert_eq!(decoded(b" qQ"), [Key::Space, Key::Q, Key::Q]);
    assert_eq!(decoded(b"\x1b[A\x1b[B\x1b[C\x1b[D"), [Key::Up, Key::Down, Key::Right]);
    assert_eq!(decoded(b"\x1bOA\x1bOC"), [Key::Up, Key::Right]);
}

#[test]
fn other_keys_mean_nothing() {
    // letters, arrows with shift, delete, F5, alt and q
    assert_eq!(decoded(b"abc\r\n\x1b[1;2A\x1b[3~\x1b[15~\x1bq"), []);
    assert_eq!(decoded(b"\x1b\x1b[A "), [Key::Up, Key::Space]);
}

#[test]
fn speeds_double_and_halve_up_to_max() {
    let check = |now: &str, times, then: Option<&str>| {
        assert_eq!(speed(now, times).map(|speed| speed.to_string()).as_deref(), then, "{now}");
    };
    check("1x", 2.0, Some("2x"));
    check("1x", 0.5, Some("0.5x"));
    check("0.000001x", 0.5, None);
    check("1000000x", 2.0, Some("max"));
    check("max", 2.0, None);
    check("max", 0.5, Some("1000x"));
}

#[test]
fn a_terminal_is_read_key_by_key_and_put_back() {
    let (mut outer, inner) = pty();
    let before = tcgetattr(&inner).unwrap();
    let (sender, keys) = mpsc::channel();
    let guard = listen(inner.try_clone().unwrap(), |_| true, move |key| sender.send(key).unwrap()).unwrap();
    let during = tcgetattr(&inner).unwrap();
    assert!(!during.local_modes.intersects(LocalModes::ICANON | LocalModes::ECHO));
    // signals and output work as before
    assert!(during.local_modes.contains(LocalModes::ISIG));
    assert!(
        during.output_modes.contains(OutputModes::OPOST) == before.output_modes.contains(OutputModes::OPOST)
    );
    for (typed, key) in
        [(&b" "[..], Key::Space), (b"\x1b[C", Key::Right), (b"x\x1b[A", Key::Up), (b"q", Key::Q)]
    {
        outer.write_all(typed).unwrap();
        assert_eq!(keys.recv_timeout(TIMEOUT).unwrap(), key);
    }
    drop(guard);
    let after = tcgetattr(&inner).unwrap();
    assert_eq!((after.local_modes, after.input_modes), (before.local_modes, before.input_modes));
    // the thread ends with the guard, and drops the channel
    assert_eq!(keys.recv_timeout(TIMEOUT), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn closing_the_terminal_ends_the_keys() {
    let (outer, inner) = pty();
    let (sender, keys) = mpsc::channel::<Key>();
    let _guard = listen(inner, |_| true, move |key| sender.send(key).unwrap()).unwrap();
    drop(outer);
    assert_eq!(keys.recv_timeout(TIMEOUT), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn the_terminal_of_another_process_is_left_alone() {
    let (_outer, inner) = pty();
    let before = tcgetattr(&inner).unwrap();
    let guard = listen(inner.try_clone().unwrap(), |_| false, |_| {}).unwrap();
    assert_eq!(tcgetattr(&inner).unwrap().local_modes, before.local_modes);
    drop(guard);
    assert!(!terminal::in_foreground(&inner), "the terminal does not control this process");
}

#[test]
fn a_session_outside_the_namespace_of_process_ids_is_unknown() {
    assert_eq!(terminal::known(Ok(Pid::from_raw(0))), None);
    assert_eq!(terminal::known(Err(Errno::ENOTTY)), None);
    assert_eq!(terminal::known(Ok(Pid::from_raw(7))), Some(Pid::from_raw(7)));
}
