//! Determinism: the same seed, date and options produce the same events, whatever else differs.

use std::{fs, path::Path, process::Command};

use tradesim_schemas::ByteHash;

use crate::support::{Folder, Run};

/// Digests that must be equal for two recordings of the same day.
#[derive(Debug, PartialEq)]
struct Proof {
    content: String,
    state: String,
    file: ByteHash,
}

const MODELS: [&str; 2] = ["gbm", "stylized"];

/// Records a day of a model with random bursts in `folder`, with `prepare` applied to the command.
fn record(folder: &Folder, model: &str, threads: &str, prepare: impl FnOnce(&mut Command)) -> Proof {
    let mut args = vec!["record", "--date", "2026-02-18", "--seed", "7", "--rate", "3", "--burst"];
    args.extend(["--model", model]);
    args.extend(["--json", "--no-env", "--threads", threads, "-o", "day.parquet", "--force"]);
    let mut command = folder.command(&args);
    prepare(&mut command);
    let run = Run::of(command.output().unwrap());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let text = |key: &str| run.json()[key].as_str().unwrap().to_owned();
    Proof {
        content: text("digest"),
        state: text("state_digest"),
        file: ByteHash::of(&folder.read("day.parquet")),
    }
}

#[test]
fn threads_folders_and_environment_change_nothing() {
    for model in MODELS {
        let folder = Folder::new();
        let expected = record(&folder, model, "1", |_| {});
        for threads in ["2", "3", "8"] {
            assert_eq!(record(&folder, model, threads, |_| {}), expected, "{model} with {threads} threads");
        }
        let environment = |command: &mut Command| {
            command
                .env("TZ", "Asia/Tokyo")
                .env("LANG", "tr_TR.UTF-8")
                .env("LC_ALL", "C")
                .env("HOME", "/nonexistent");
            command.env("HOSTNAME", "elsewhere").env("TRADE_GEN_RATE", "99").env("RUST_LOG", "trace");
        };
        assert_eq!(record(&Folder::new(), model, "2", environment), expected, "{model}");
    }
}

#[cfg(unix)]
#[test]
fn the_umask_changes_the_mode_of_the_file_and_nothing_else() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let record_with = |umask: &str| {
        let script = format!(
            "umask {umask}; exec \"$0\" record --date 2026-02-18 --seed 7 --to 04:30 -o {umask}.parquet --no-env"
        );
        let run =
            Run::of(folder.wrapped("sh", &["-c", &script, env!("CARGO_BIN_EXE_tradesim")]).output().unwrap());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let name = format!("{umask}.parquet");
        let mode = fs::metadata(folder.path(&name)).unwrap().permissions().mode() & 0o777;
        (mode, ByteHash::of(&folder.read(&name)))
    };
    let (open, first) = record_with("022");
    let (closed, second) = record_with("077");
    assert_eq!((open, closed), (0o644, 0o600));
    assert_eq!(first, second);
}

/// A math library whose results are all off by one unit in the last place.
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

/// Prints results of the math library, which the preloaded one must change.
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
fn the_math_library_of_the_platform_changes_nothing() {
    let folder = Folder::new();
    let compile = |name: &str, source: &str, flags: &[&str]| {
        let file = format!("{name}.c");
        folder.write(&file, source);
        let args = [&["-O0", "-fno-builtin", "-o", name, &file], flags].concat();
        let run = Run::of(folder.wrapped("cc", &args).output().unwrap());
        assert_eq!(run.code, 0, "{}", run.stderr);
        folder.path(name)
    };
    let library = compile("off_by_one.so", OFF_BY_ONE, &["-shared", "-fPIC", "-ldl", "-lm"]);
    let control = compile("control", CONTROL, &["-lm"]);
    let run = |preload: Option<&Path>| {
        let mut command = folder.wrapped(&control, &[]);
        command.env_remove("LD_PRELOAD");
        if let Some(library) = preload {
            command.env("LD_PRELOAD", library);
        }
        Run::of(command.output().unwrap()).stdout
    };
    assert_ne!(run(None), run(Some(&library)), "the library is preloaded and changes results");

    for model in MODELS {
        let expected = record(&folder, model, "2", |_| {});
        let found = record(&folder, model, "2", |command| {
            command.env("LD_PRELOAD", &library);
        });
        assert_eq!(found, expected, "{model}");
    }
}
