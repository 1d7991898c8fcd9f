//! The fuzz target `settings` (fuzz/README.md), and the test of its corpus. cargo-fuzz compiles this whole binary as the
//! target.

#[cfg(test)]
mod tests;

use std::{fs, io::Write};

use tradesim_sources::FaultPlan;

use crate::{
    commands::load::LoadTest,
    settings::{Group, Settings, Sources},
};

/// Parses bytes as a settings file, and as a scenario and a fault plan if they are text.
pub(crate) fn settings(bytes: &[u8]) {
    env_file(bytes);
    let Ok(text) = str::from_utf8(bytes) else { return };
    for short in [false, true] {
        let _ = LoadTest::parse(text, "the input", short);
    }
    let _ = text.parse::<FaultPlan>();
}

fn env_file(bytes: &[u8]) {
    let path = std::env::temp_dir().join(format!("tradesim-fuzz-{}.env", std::process::id()));
    fs::File::create(&path)
        .and_then(|mut file| file.write_all(bytes))
        .expect("a temporary file can be written");
    let sources = Sources::of_process(Some(&path));
    if let Ok(sources) = sources {
        let _ = sources.unknown_names();
        let settings = Settings::from_sources(&sources);
        for group in Group::ALL {
            let _ = settings.check(group);
        }
    }
    let _ = fs::remove_file(&path);
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| settings(bytes));
