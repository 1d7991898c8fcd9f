//! The health of a bridge, and the reasons if it is not healthy.

use std::sync::Mutex;

use serde::Serialize;

/// A peer that a bridge needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The WebSocket server.
    Feed,
    /// The brokers.
    Kafka,
    /// The schema registry.
    Registry,
}

impl Part {
    const ALL: [Part; 3] = [Part::Feed, Part::Kafka, Part::Registry];

    const fn as_str(self) -> &'static str {
        match self {
            Part::Feed => "feed",
            Part::Kafka => "kafka",
            Part::Registry => "registry",
        }
    }
}

/// The faults of each part.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: [Option<String>; Part::ALL.len()],
    ready: bool,
}

/// The answer of `/healthz` and `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Answer {
    /// `ok`, or the missing property.
    status: &'static str,
    /// A sentence for each part with a fault.
    reasons: Vec<String>,
}

impl Health {
    /// Records a fault of a part. Returns true if it is new.
    pub(crate) fn fails(&self, part: Part, reason: impl Into<String>) -> bool {
        self.state().faults[part as usize].replace(reason.into()).is_none()
    }

    /// Records that a part works. Returns true if that is new.
    pub(crate) fn recovers(&self, part: Part) -> bool {
        self.state().faults[part as usize].take().is_some()
    }

    /// Sets whether messages flow, or would if there were any.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.state().ready = ready;
    }

    /// Returns true if there are no faults, and the answer.
    pub(crate) fn healthy(&self) -> (bool, Answer) {
        let reasons = self.state().reasons();
        let healthy = reasons.is_empty();
        (healthy, Answer { status: if healthy { "ok" } else { "failing" }, reasons })
    }

    /// Returns true if messages flow, and the answer.
    pub(crate) fn ready(&self) -> (bool, Answer) {
        let state = self.state();
        let answer =
            Answer { status: if state.ready { "ok" } else { "not ready" }, reasons: state.reasons() };
        (state.ready, answer)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // the value is consistent at every moment
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    fn reasons(&self) -> Vec<String> {
        let faults = Part::ALL.iter().zip(&self.faults);
        faults.filter_map(|(part, fault)| Some(format!("{}: {}", part.as_str(), fault.as_ref()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_until_it_is_over() {
        let health = Health::default();
        assert!(health.healthy().0 && !health.ready().0);
        assert!(health.fails(Part::Kafka, "no broker answers"));
        assert!(!health.fails(Part::Kafka, "still none"));
        let (healthy, answer) = health.healthy();
        assert!(!healthy);
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(text, r#"{"status":"failing","reasons":["kafka: still none"]}"#);
        assert!(health.recovers(Part::Kafka) && !health.recovers(Part::Kafka));
        health.set_ready(true);
        assert!(health.healthy().0 && health.ready().0);
    }
}
