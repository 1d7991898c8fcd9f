//! The promise: the same seed, date and options give the same events, whatever else differs.

use std::{fs, path::Path, process::Command};

use tradesim_schemas::Digest;

use crate::support::{json, tradesim};

/// What has to be equal between two recordings of the same day.
#[derive(Debug, PartialEq)]
struct Proof {
    content: String,
    state: String,
    file: Digest,
}

/// Records a day with random bursts in `folder`, with `prepare` applied to the command.
fn record(folder: &Path, threads: &str, prepare: impl FnOnce(&mut Command)) -> Proof {
    let mut command = tradesim();
    command.current_dir(folder);
    command.args(["record", "--date", "2026-02-18", "--seed", "7", "--rate", "3", "--burst", "--json", "--no-env"]);
    command.args(["--threads", threads, "-o", "day.parquet", "--force"]);
    prepare(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = json(&output.stdout);
    let text = |key: &str| report[key].as_str().unwrap().to_owned();
    let file = Digest::of(&fs::read(folder.join("day.parquet")).unwrap());
    Proof { content: text("digest"), state: text("state_digest"), file }
}

#[test]
fn threads_folders_and_surroundings_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let expected = record(folder.path(), "1", |_| {});
    for threads in ["2", "3", "8"] {
        assert_eq!(record(folder.path(), threads, |_| {}), expected, "{threads} threads");
    }
    let other = tempfile::tempdir().unwrap();
    let surroundings = |command: &mut Command| {
        command.env("TZ", "Asia/Tokyo").env("LANG", "tr_TR.UTF-8").env("LC_ALL", "C").env("HOME", "/nonexistent");
        command.env("HOSTNAME", "elsewhere").env("TRADE_GEN_RATE", "99").env("RUST_LOG", "trace");
    };
    assert_eq!(record(other.path(), "2", surroundings), expected);
}

#[cfg(unix)]
#[test]
fn the_umask_changes_the_modes_of_the_file_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let record_with = |umask: &str| {
        let mut command = Command::new("sh");
        command.current_dir(folder.path()).arg("-c").arg(format!(
            "umask {umask}; exec \"$0\" record --date 2026-02-18 --seed 7 --to 04:30 -o {umask}.parquet --no-env"
        ));
        assert!(command.arg(env!("CARGO_BIN_EXE_tradesim")).output().unwrap().status.success());
        let path = folder.path().join(format!("{umask}.parquet"));
        (fs::metadata(&path).unwrap().permissions().mode() & 0o777, Digest::of(&fs::read(&path).unwrap()))
    };
    let (open, first) = record_with("022");
    let (closed, second) = record_with("077");
    assert_eq!((open, closed), (0o644, 0o600));
    assert_eq!(first, second);
}

/// A mathematical library whose every result is off by one unit in the last place.
const OFF_BY_ONE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#define ONE(name) double name(double x) { \
    double (*real)(double) = (double (*)(double))dlsym(RTLD_NEXT, #name); \
    return nextafter(real(x), INFINITY); }
ONE(exp) ONE(exp2) ONE(expm1) ONE(log) ONE(log2) ONE(log10) ONE(log1p)
ONE(sin) ONE(cos) ONE(tan) ONE(tanh) ONE(cbrt) ONE(erf) ONE(erfc)
double pow(double x, double y) {
    double (*real)(double, double) = (double (*)(double, double))dlsym(RTLD_NEXT, "pow");
    return nextafter(real(x, y), INFINITY); }
"#;

/// Prints bits of functions of the mathematical library: what the preloaded one must change.
const CONTROL: &str = r#"
#include <math.h>
#include <stdio.h>
int main(int argc, char **argv) {
    volatile double x = argc + 0.5;
    printf("%a %a %a\n", exp(x), log(x), pow(x, x));
    return 0; }
"#;

#[cfg(target_os = "linux")]
#[test]
fn the_platforms_mathematical_library_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let compile = |name: &str, source: &str, flags: &[&str]| {
        let path = folder.path().join(name);
        fs::write(path.with_extension("c"), source).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-O0", "-fno-builtin", "-o"]).arg(&path).arg(path.with_extension("c")).args(flags);
        assert!(cc.status().unwrap().success(), "{name} does not compile");
        path
    };
    let library = compile("off_by_one.so", OFF_BY_ONE, &["-shared", "-fPIC", "-ldl", "-lm"]);
    let control = compile("control", CONTROL, &["-lm"]);
    let run = |preload: Option<&Path>| {
        let mut command = Command::new(&control);
        command.env_remove("LD_PRELOAD");
        preload.map(|library| command.env("LD_PRELOAD", library));
        command.output().unwrap().stdout
    };
    assert_ne!(run(None), run(Some(&library)), "the library is preloaded and changes results");

    let expected = record(folder.path(), "2", |_| {});
    let found = record(folder.path(), "2", |command| {
        command.env("LD_PRELOAD", &library);
    });
    assert_eq!(found, expected);
}
