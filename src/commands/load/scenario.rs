//! Scenarios whose flags are parsed.

use std::{fs, path::Path};

use anyhow::Context;

use tradesim_load::{Error, Flags, Scenario};

use crate::cli::{self, BridgeTuning, Record};

/// A scenario, and the flags of other commands in it.
#[derive(Debug)]
pub(crate) struct LoadTest {
    pub(super) scenario: Scenario,
    pub(super) record: Option<Record>,
    pub(super) tuning: BridgeTuning,
}

impl LoadTest {
    /// Reads a scenario from its file, or, if there is no such file, the bundled one with this name.
    pub(super) fn read(path: &Path, short: bool) -> anyhow::Result<LoadTest> {
        if !path.exists()
            && let Some(shipped) = path.to_str().and_then(super::find)
        {
            return LoadTest::parse(shipped.text, shipped.name, short).map_err(super::failure);
        }
        let origin = path.display().to_string();
        let text = fs::read_to_string(path).with_context(|| {
            format!("cannot read {origin} (`tradesim load list` lists the bundled scenarios)")
        })?;
        LoadTest::parse(&text, &origin, short).map_err(super::failure)
    }

    pub(crate) fn parse(text: &str, origin: &str, short: bool) -> Result<LoadTest, Error> {
        let scenario = Scenario::read(text, origin, short)?;
        let record = typed(scenario.recording.record.as_ref(), origin, record_flags)?;
        let tuning = typed(scenario.target.bridge.as_ref(), origin, bridge_flags)?.unwrap_or_default();
        Ok(LoadTest { scenario, record, tuning })
    }
}

/// Parses flags in a scenario, if there are any.
fn typed<T>(
    flags: Option<&Flags>,
    origin: &str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Option<T>, Error> {
    flags.map(|flags| parse(&flags.text).map_err(|what| flags.invalid(origin, &what))).transpose()
}

fn record_flags(text: &str) -> Result<Record, String> {
    let flags: Record = cli::flags(text).map_err(|error| format!("record: {error}"))?;
    if flags.dry_run || flags.json || flags.force || flags.output.is_some() {
        return Err("record: --output, --force, --dry-run and --json are not allowed in a scenario; [recording] file \
                    names the archive"
            .to_owned());
    }
    Ok(flags)
}

fn bridge_flags(text: &str) -> Result<BridgeTuning, String> {
    cli::flags(text).map_err(|error| {
        format!("bridge: {error}; flags of the feed and of the Kafka connection belong to `load run`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradesim_load::SHIPPED;

    const BRIDGED: &str = r#"
name = "bridged"
[recording]
record = "--date 2026-02-18 --seed 1"
[load]
stages = ["1s:100"]
[target]
kind = "kafka"
bridge = "--strict"
"#;

    #[test]
    fn invalid_flags_are_refused_with_the_line() {
        for (from, to, part) in [
            ("--seed 1", "--sede 1", "line 4: record: unexpected argument '--sede'"),
            ("--seed 1", "--dry-run", "line 4: record: --output, --force, --dry-run and --json are not"),
            (
                "--strict",
                "--commit-intreval 1s",
                "line 9: bridge: unexpected argument '--commit-intreval' found; flags of",
            ),
            ("--strict", "--until-end", "line 9: bridge: unexpected argument '--until-end'"),
            ("--strict", "--topic-prefix other.", "line 9: bridge: unexpected argument '--topic-prefix'"),
            ("--strict", "--delivery at-least-once", "line 9: bridge: unexpected argument '--delivery'"),
        ] {
            let error =
                LoadTest::parse(&BRIDGED.replacen(from, to, 1), "test", false).unwrap_err().to_string();
            assert!(error.starts_with("invalid scenario test: ") && error.contains(part), "{error}");
        }
        assert!(LoadTest::parse(BRIDGED, "test", false).unwrap().tuning.strict);
    }

    #[test]
    fn the_flags_of_each_bundled_scenario_are_valid_in_both_forms() {
        for shipped in SHIPPED {
            for short in [false, true] {
                let test = LoadTest::parse(shipped.text, shipped.name, short).unwrap();
                assert_eq!(test.record.is_some(), test.scenario.recording.record.is_some());
            }
        }
    }
}
