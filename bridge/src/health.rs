//! Whether a bridge is well, and why not.

use std::sync::Mutex;

use serde::Serialize;

/// What a bridge needs, and what may be missing.
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

/// What is wrong with each part, if anything is.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: [Option<String>; Part::ALL.len()],
    ready: bool,
}

/// What `/healthz` and `/readyz` answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Answer {
    /// `ok`, or what it is not.
    status: &'static str,
    /// A sentence for each part that something is wrong with.
    reasons: Vec<String>,
}

impl Health {
    /// Something is wrong with a part. Says whether that is news.
    pub(crate) fn fails(&self, part: Part, reason: impl Into<String>) -> bool {
        self.state().faults[part as usize].replace(reason.into()).is_none()
    }

    /// A part is well. Says whether that is news.
    pub(crate) fn recovers(&self, part: Part) -> bool {
        self.state().faults[part as usize].take().is_some()
    }

    /// Whether messages flow, or would if there were any.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.state().ready = ready;
    }

    /// Whether nothing is wrong, and the answer that says so.
    pub(crate) fn healthy(&self) -> (bool, Answer) {
        let reasons = self.state().reasons();
        let healthy = reasons.is_empty();
        (healthy, Answer { status: if healthy { "ok" } else { "failing" }, reasons })
    }

    /// Whether messages flow, and the answer that says so.
    pub(crate) fn ready(&self) -> (bool, Answer) {
        let state = self.state();
        let answer =
            Answer { status: if state.ready { "ok" } else { "not ready" }, reasons: state.reasons() };
        (state.ready, answer)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // what is behind it is whole at every moment
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
