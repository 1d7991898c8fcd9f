//! Load profiles: a message rate over time, in stages.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tradesim_schemas::parse_duration;

/// The maximum rate of a stage, in messages per second. At this rate, due instants still differ by a microsecond.
const RATE_MAX: f64 = 1_000_000.0;

/// A span of time with a rate that is constant or changes linearly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stage {
    /// The duration.
    pub time: Duration,
    /// The rate at the start, in messages per second.
    pub from: f64,
    /// The rate at the end, in messages per second.
    pub to: f64,
}

impl Stage {
    /// Returns the number of messages in the first `seconds` of the stage.
    fn messages(&self, seconds: f64) -> f64 {
        let slope = (self.to - self.from) / self.time.as_secs_f64();
        seconds * (self.from + slope * seconds / 2.0)
    }

    /// Returns the time in seconds after which so many messages are due: the inverse of [`Stage::messages`].
    fn seconds(&self, messages: f64) -> f64 {
        let slope = (self.to - self.from) / self.time.as_secs_f64();
        // the root of slope/2 t² + from t = messages, in a form without cancellation for small slopes
        let root = slope.mul_add(2.0 * messages, self.from * self.from).max(0.0).sqrt();
        if root + self.from > 0.0 { 2.0 * messages / (self.from + root) } else { 0.0 }
    }
}

impl std::str::FromStr for Stage {
    type Err = String;

    /// Parses a stage: `30s:5000` is 5,000 messages per second for 30 seconds, `30s:10->5000` rises from 10 to 5,000.
    fn from_str(text: &str) -> Result<Stage, String> {
        let expected = || format!("invalid stage {text:?}: expected for example 30s:5000 or 30s:10->5000");
        let (time, rates) = text.split_once(':').ok_or_else(expected)?;
        let time = parse_duration(time.trim()).map_err(|_| expected())?;
        let rate = |text: &str| {
            let rate: f64 = text.trim().parse().map_err(|_| expected())?;
            if (0.0..=RATE_MAX).contains(&rate) {
                Ok(rate)
            } else {
                Err(format!("invalid rate {text:?}: expected 0 to {RATE_MAX} messages per second"))
            }
        };
        let (from, to) = match rates.split_once("->") {
            Some((from, to)) => (rate(from)?, rate(to)?),
            None => (rate(rates)?, rate(rates)?),
        };
        if time.is_zero() {
            return Err(format!("invalid stage {text:?}: the duration must be greater than zero"));
        }
        Ok(Stage { time, from, to })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s:{}", self.time.as_secs_f64(), self.from)?;
        if self.to == self.from { Ok(()) } else { write!(f, "->{}", self.to) }
    }
}

impl<'de> Deserialize<'de> for Stage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Stage, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Stage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A sequence of stages.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    stages: Vec<ScheduledStage>,
    messages: u64,
}

#[derive(Clone, Copy, Debug)]
struct ScheduledStage {
    stage: Stage,
    /// The start of the stage, in seconds.
    starts: f64,
    /// The number of messages before the stage.
    before: f64,
}

impl Profile {
    /// Creates a profile, or returns `None` if it contains no messages.
    pub(crate) fn new(stages: &[Stage]) -> Option<Profile> {
        let (mut starts, mut before) = (0.0, 0.0);
        let mut placed = Vec::with_capacity(stages.len());
        for &stage in stages {
            placed.push(ScheduledStage { stage, starts, before });
            starts += stage.time.as_secs_f64();
            before += stage.messages(stage.time.as_secs_f64());
        }
        // the end is exclusive: one second at a rate of 100 has messages 0 to 99
        let messages = (before - 1e-6).ceil().max(0.0) as u64;
        (messages > 0).then_some(Profile { stages: placed, messages })
    }

    /// Returns the number of messages.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    /// Returns the due instant of a message, relative to the start.
    pub(crate) fn due(&self, message: u64) -> Duration {
        let messages = message as f64;
        let next = self.stages.partition_point(|placed| placed.before <= messages);
        let ScheduledStage { stage, starts, before } = self.stages[next.max(1) - 1];
        let seconds = stage.seconds(messages - before).min(stage.time.as_secs_f64());
        Duration::from_micros(((starts + seconds) * 1e6).round() as u64)
    }

    /// Returns the end of the last stage with the highest rate, if there is a stage after it.
    pub(crate) fn peak(&self) -> Option<Peak> {
        let rate = |placed: &ScheduledStage| placed.stage.from.max(placed.stage.to);
        let highest = self.stages.iter().map(rate).fold(0.0, f64::max);
        let last = self.stages.iter().rposition(|placed| rate(placed) == highest)?;
        let next = self.stages.get(last + 1)?;
        Some(Peak { ends: Duration::from_secs_f64(next.starts), rate_after: rate(next) })
    }
}

/// The end of the highest load of a profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Peak {
    /// Time since the start.
    pub(crate) ends: Duration,
    /// The highest rate of the next stage, in messages per second.
    pub(crate) rate_after: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn profile(stages: &[&str]) -> Profile {
        let stages: Vec<Stage> = stages.iter().map(|text| text.parse().unwrap()).collect();
        Profile::new(&stages).unwrap()
    }

    #[test]
    fn a_constant_rate_is_even() {
        let profile = profile(&["2s:100"]);
        assert_eq!(profile.messages(), 200);
        let due: Vec<_> = [0, 1, 100, 199].map(|message| profile.due(message).as_micros()).into();
        assert_eq!(due, [0, 10_000, 1_000_000, 1_990_000]);
        assert_eq!(profile.peak(), None);
    }

    #[test]
    fn a_ramp_has_the_messages_of_its_mean_rate() {
        let profile = profile(&["10s:10", "30s:10->5000", "10s:5000", "5s:10"]);
        assert_eq!(profile.messages(), 100 + 75_150 + 50_000 + 50);
        // half of a ramp's time has a quarter of its rise
        let half = profile.due(100 + 150 + 74_850 / 4).as_secs_f64();
        assert!((half - 25.0).abs() < 0.001, "{half}");
        assert_eq!(profile.due(75_250), Duration::from_secs(40));
        assert_eq!(profile.peak(), Some(Peak { ends: Duration::from_secs(50), rate_after: 10.0 }));
    }

    #[test]
    fn nothing_is_due_in_a_pause() {
        let profile = profile(&["1s:10", "5s:0", "1s:10"]);
        assert_eq!(profile.messages(), 20);
        assert_eq!(profile.due(9), Duration::from_millis(900));
        assert_eq!(profile.due(10), Duration::from_secs(6));
        assert!(Profile::new(&["5s:0".parse().unwrap()]).is_none());
    }

    #[test]
    fn invalid_stages_are_refused() {
        for text in ["", "30s", "30x:5", "0s:5", "30s:-1", "30s:x", "30s:1->", "30s:1e9", "30s:nan"] {
            let error = text.parse::<Stage>().unwrap_err();
            assert!(error.contains("invalid stage") || error.contains("invalid rate"), "{text}: {error}");
        }
        for text in ["30s:5000", "0.5s:10->5000", "1s:0.1"] {
            assert_eq!(text.parse::<Stage>().unwrap().to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn messages_are_due_in_order_and_within_their_stages(
            stages in prop::collection::vec((1u64..20_000, 0u32..5_000, 0u32..5_000), 1..6),
        ) {
            let stages: Vec<Stage> = stages
                .into_iter()
                .map(|(ms, from, to)| Stage { time: Duration::from_millis(ms), from: from.into(), to: to.into() })
                .collect();
            let Some(profile) = Profile::new(&stages) else { return Ok(()) };
            let total: Duration = stages.iter().map(|stage| stage.time).sum();
            let step = (profile.messages() / 200).max(1) as usize;
            let mut last = Duration::ZERO;
            for message in (0..profile.messages()).step_by(step) {
                let due = profile.due(message);
                prop_assert!(last <= due && due <= total, "{last:?} {due:?} {total:?}");
                last = due;
                let at = stages.iter().zip(&profile.stages).rev().find(|(_, placed)| placed.before <= message as f64);
                let (stage, placed) = at.unwrap();
                let so_far = placed.before + stage.messages(due.as_secs_f64() - placed.starts);
                prop_assert!((so_far - message as f64).abs() < 0.02, "{so_far} {message}");
            }
        }
    }
}
