//! Scenario files: recording, schedule, target, events, faults and thresholds.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, de};
use toml::Spanned;
use tradesim_bridge::core::Guarantee;
use tradesim_replay::{Speed, parse_buffer};
use tradesim_sources::{FaultPlan, duration_of, from_toml, optional_duration_of};

use crate::{error::Error, profile::Stage, threshold::Threshold};

/// The maximum number of clients in one process.
const CLIENTS_MAX: usize = 256;

/// A scenario file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The name in the report.
    pub name: String,
    /// The purpose, in a sentence.
    #[serde(default)]
    pub about: String,
    /// The recording that is sent.
    pub recording: ScenarioRecording,
    pub(crate) load: Load,
    #[serde(default)]
    /// The target of the load.
    pub target: Target,
    /// The fault plan.
    pub(crate) faults: Option<FaultPlan>,
    /// The events during the load.
    #[serde(default, rename = "event")]
    pub(crate) events: Vec<Event>,
    #[serde(default)]
    pub(crate) thresholds: Vec<Threshold>,
    /// The changes for the short form.
    pub(crate) short: Option<Short>,
    /// True for the short form, which the report states.
    #[serde(skip)]
    pub(crate) is_short: bool,
}

/// The recording that is sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioRecording {
    /// The archive: a file, which is recorded with `record` if it does not exist, or the URL of an object.
    pub file: Option<PathBuf>,
    /// The flags of `tradesim record` that record it.
    pub record: Option<Flags>,
    /// The digest that the recording must have.
    pub digest: Option<String>,
}

/// The flags of a command. The caller interprets them, because it also has the command.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Spanned<String>")]
pub struct Flags {
    /// The flags as the scenario contains them.
    pub text: String,
    /// The place in the scenario: the number of bytes before it.
    offset: usize,
    /// The line, counted from 1.
    line: usize,
}

impl From<Spanned<String>> for Flags {
    fn from(text: Spanned<String>) -> Flags {
        Flags { offset: text.span().start, line: 0, text: text.into_inner() }
    }
}

impl Flags {
    /// Returns the error for flags that are invalid.
    pub fn invalid(&self, origin: &str, what: &str) -> Error {
        Error::Scenario { origin: origin.to_owned(), what: format!("line {}: {what}", self.line) }
    }
}

/// The schedule: stages, or a speed of the recording.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Load {
    #[serde(default)]
    pub(crate) stages: Vec<Stage>,
    #[serde(default, deserialize_with = "speed")]
    pub(crate) speed: Option<Speed>,
    /// Ends a load with a speed after this time.
    #[serde(default, deserialize_with = "optional_duration_of")]
    pub(crate) duration: Option<Duration>,
}

/// The target of the load.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The kind of target.
    pub kind: TargetKind,
    /// The number of WebSocket clients.
    #[serde(default = "one")]
    pub(crate) clients: usize,
    /// The delivery guarantee of the bridge.
    #[serde(default = "exactly_once", with = "GuaranteeName")]
    pub delivery: Guarantee,
    /// True to read the topics back and compare them with the recording.
    #[serde(default = "yes")]
    pub(crate) verify: bool,
    /// Additional flags of `bridge`.
    pub bridge: Option<Flags>,
    /// The buffer of the server, in bytes. Memory use grows until it is full.
    #[serde(default, deserialize_with = "buffer")]
    pub(crate) buffer: Option<usize>,
}

/// The kind of target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// WebSocket clients. The end point is the arrival of a message.
    Websocket,
    /// The bridge. The end point is the acknowledgement of Kafka, or the commit of a transaction.
    Kafka,
}

/// The names of the delivery guarantees.
#[derive(Deserialize)]
#[serde(remote = "Guarantee", rename_all = "kebab-case")]
enum GuaranteeName {
    ExactlyOnce,
    AtLeastOnce,
}

/// An event during the load.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Event {
    /// Time since the first message.
    #[serde(deserialize_with = "duration_of")]
    pub(crate) at: Duration,
    /// The name in the report.
    #[serde(default)]
    pub(crate) label: String,
    /// A command for `sh -c`. One that fails ends the run.
    pub(crate) run: Option<String>,
    /// Makes the WebSocket clients stop reading for this time.
    #[serde(default, deserialize_with = "optional_duration_of")]
    pub(crate) stall_clients: Option<Duration>,
}

/// The changes for `--short`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Short {
    pub(crate) load: Option<Load>,
    pub(crate) faults: Option<FaultPlan>,
    #[serde(rename = "event")]
    pub(crate) events: Option<Vec<Event>>,
    pub(crate) thresholds: Option<Vec<Threshold>>,
}

impl Default for Target {
    fn default() -> Target {
        Target {
            kind: TargetKind::Websocket,
            clients: 1,
            delivery: exactly_once(),
            verify: true,
            bridge: None,
            buffer: None,
        }
    }
}

impl Target {
    /// Returns the number of endpoints.
    pub(crate) fn end_points(&self) -> usize {
        match self.kind {
            TargetKind::Websocket => self.clients,
            TargetKind::Kafka => 1,
        }
    }
}

impl Event {
    /// Returns the name in reports.
    pub(crate) fn name(&self) -> String {
        match (&self.run, self.stall_clients) {
            _ if !self.label.is_empty() => self.label.clone(),
            (Some(command), _) => command.clone(),
            (None, Some(time)) => format!("clients stall for {} s", time.as_secs_f64()),
            (None, None) => String::new(),
        }
    }
}

impl Scenario {
    /// Parses a scenario; with `short`, its short form.
    ///
    /// # Errors
    /// Returns what is invalid, and where.
    pub fn read(text: &str, origin: &str, short: bool) -> Result<Scenario, Error> {
        let invalid = |what: String| Error::Scenario { origin: origin.to_owned(), what };
        let mut scenario: Scenario = from_toml(text).map_err(invalid)?;
        let flags = scenario.recording.record.iter_mut().chain(&mut scenario.target.bridge);
        for flags in flags {
            flags.line = text[..flags.offset].matches('\n').count() + 1;
        }
        if short {
            scenario.shorten().map_err(invalid)?;
        }
        scenario.check().map_err(invalid)?;
        Ok(scenario)
    }

    /// Returns true if the scenario has a short form.
    pub fn has_short_form(&self) -> bool {
        self.short.is_some()
    }

    fn shorten(&mut self) -> Result<(), String> {
        let short = self.short.take().ok_or("it does not have a [short] form")?;
        self.is_short = true;
        if let Some(load) = short.load {
            self.load = load;
        }
        if let Some(faults) = short.faults {
            self.faults = Some(faults);
        }
        if let Some(events) = short.events {
            self.events = events;
        }
        if let Some(thresholds) = short.thresholds {
            self.thresholds = thresholds;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), String> {
        let Scenario { recording, load, target, events, thresholds, .. } = self;
        if recording.file.is_none() && recording.record.is_none() {
            return Err("[recording] needs file or record".to_owned());
        }
        if load.stages.is_empty() == load.speed.is_none() {
            return Err("[load] needs either stages or speed".to_owned());
        }
        if load.duration.is_some() && load.speed.is_none_or(|speed| speed == Speed::Max) {
            return Err(
                "[load] duration needs a speed such as 1x; stages have their own durations".to_owned()
            );
        }
        if !(1..=CLIENTS_MAX).contains(&target.clients) {
            return Err(format!("[target] clients must be from 1 to {CLIENTS_MAX}"));
        }
        if target.kind == TargetKind::Websocket && target.bridge.is_some() {
            return Err("[target] bridge is only for a target of kind kafka".to_owned());
        }
        if let Some(faults) = &self.faults {
            faults.check().map_err(|what| format!("[faults] {what}"))?;
        }
        if self.faults.is_some() && target.kind == TargetKind::Websocket {
            // the clients count messages, and do not handle notices of missing ones
            return Err(
                "[faults] is only for a target of kind kafka; `replay --faults` adds faults for any client"
                    .to_owned(),
            );
        }
        for event in events {
            match (&event.run, event.stall_clients) {
                (Some(_), None) => {}
                (None, Some(_)) if target.kind == TargetKind::Websocket => {}
                (None, Some(_)) => {
                    return Err("stall_clients is only for a target of kind websocket".to_owned());
                }
                _ => return Err("an event needs either run or stall_clients".to_owned()),
            }
        }
        for threshold in thresholds {
            if threshold.metric.needs_kafka() && (target.kind != TargetKind::Kafka || !target.verify) {
                return Err(format!("{threshold}: this metric needs the topics, which are not read"));
            }
            if threshold.metric.needs_schedule() && load.speed == Some(Speed::Max) {
                return Err(format!("{threshold}: at speed max messages are not due at any instant"));
            }
        }
        Ok(())
    }
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

fn exactly_once() -> Guarantee {
    Guarantee::ExactlyOnce
}

fn buffer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    parse_buffer(&String::deserialize(deserializer)?).map(Some).map_err(de::Error::custom)
}

fn speed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Speed>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"
name = "minimal"
thresholds = ["lost == 0"]
[recording]
record = "--date 2026-02-18 --seed 1"
[load]
stages = ["1s:100"]
[short]
thresholds = ["latency.p99 < 1s"]
[short.load]
speed = "50x"
duration = "5s"
"#;

    #[test]
    fn a_short_form_replaces_what_it_names() {
        let whole = Scenario::read(MINIMAL, "test", false).unwrap();
        assert_eq!((whole.load.stages.len(), whole.thresholds[0].to_string()), (1, "lost == 0".to_owned()));
        let short = Scenario::read(MINIMAL, "test", true).unwrap();
        assert!(short.load.stages.is_empty());
        assert_eq!(short.load.duration, Some(Duration::from_secs(5)));
        assert_eq!(short.thresholds[0].to_string(), "latency.p99 < 1s");
    }

    #[test]
    fn invalid_scenarios_are_refused_with_the_place() {
        let changed = |from: &str, to: &str| {
            assert!(MINIMAL.contains(from), "{from}");
            MINIMAL.replacen(from, to, 1)
        };
        let bridge = "[target]\nkind = \"websocket\"\nbridge = \"--strict\"\n[load]";
        let event = "[[event]]\nat = \"1s\"\n[load]";
        for (text, part) in [
            (changed("name", "nmae"), "line 2: unknown field `nmae`"),
            (changed("1s:100", "100"), "line 7: invalid stage \"100\""),
            (changed("lost ==", "lots =="), "line 3: unknown metric \"lots\"; did you mean lost?"),
            (changed("record =", "digest ="), "[recording] needs file or record"),
            (changed("stages = [\"1s:100\"]", ""), "needs either stages or speed"),
            (changed("[load]", "[load]\nspeed = \"1x\""), "needs either stages or speed"),
            (changed("[load]", "[load]\nduration = \"1s\""), "duration needs a speed"),
            (
                changed("[load]", "[target]\nkind = \"websocket\"\nclients = 0\n[load]"),
                "clients must be from 1 to 256",
            ),
            (changed("[load]", "[faults]\nseed = 1\n[load]"), "[faults] is only for a target of kind kafka"),
            (changed("[load]", event), "needs either run or stall_clients"),
            (changed("lost ==", "altered =="), "needs the topics, which are not read"),
            (
                changed("stages = [\"1s:100\"]", "speed = \"max\"").replace("lost == 0", "latency.max < 1s"),
                "at speed max messages are not due",
            ),
            (changed("[load]", "[target]\nkind = \"pigeon\"\n[load]"), "unknown variant `pigeon`"),
            (changed("[load]", bridge), "bridge is only for a target of kind kafka"),
        ] {
            let error = Scenario::read(&text, "test", false).unwrap_err().to_string();
            assert!(error.starts_with("invalid scenario test") && error.contains(part), "{error}");
        }
        let error = Scenario::read(&MINIMAL[..MINIMAL.find("[short]").unwrap()], "test", true).unwrap_err();
        assert!(error.to_string().contains("does not have a [short] form"));
    }
}
