//! The dialogue that a foreign feed expects: subscriptions, application pings, and replies to the feed's own pings.
//!
//! [Patterns](tradesim_schemas::pattern) decide what is a heartbeat.

use std::time::Duration;

pub use tradesim_schemas::pattern::{Answer, Pattern, PatternError};

use crate::header::Header;

/// Longer messages are never treated as heartbeats.
const HEARTBEAT_BYTES_MAX: usize = 64 * 1024;

/// The dialogue with a feed.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    /// Additional headers of the handshake.
    pub headers: Vec<Header>,
    /// Texts that are sent on each new connection.
    pub send: Vec<String>,
    /// A text that is sent periodically.
    pub ping: Option<Ping>,
    /// Messages that receive a reply and are not delivered.
    pub answers: Vec<Answer>,
    /// Messages that are not delivered.
    pub ignored: Vec<Pattern>,
}

/// A text that is sent periodically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The text.
    pub text: String,
    /// The interval, which also precedes the first ping of a connection.
    pub every: Duration,
}

/// The reaction to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heartbeat {
    /// Do nothing.
    Ignore,
    /// Send this reply.
    Answer(String),
}

impl Dialogue {
    /// Returns the reaction to a message, or `None` if it is not a heartbeat.
    #[inline]
    pub fn heartbeat(&self, text: &str) -> Option<Heartbeat> {
        if self.answers.is_empty() && self.ignored.is_empty() { None } else { self.find(text) }
    }

    /// Returns whether any message can be a heartbeat.
    pub fn has_heartbeats(&self) -> bool {
        !(self.answers.is_empty() && self.ignored.is_empty())
    }

    fn find(&self, text: &str) -> Option<Heartbeat> {
        if text.len() > HEARTBEAT_BYTES_MAX {
            return None;
        }
        let answer = self.answers.iter().find_map(|answer| answer.to(text)).map(Heartbeat::Answer);
        answer.or_else(|| self.ignored.iter().any(|pattern| pattern.is(text)).then_some(Heartbeat::Ignore))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_are_answered_or_ignored_and_nothing_else_is_one() {
        let dialogue = Dialogue {
            answers: vec!["ping=pong".parse().unwrap()],
            ignored: vec!["*\"heartbeat\"*".parse().unwrap(), "p*".parse().unwrap()],
            ..Dialogue::default()
        };
        assert_eq!(dialogue.heartbeat("ping"), Some(Heartbeat::Answer("pong".to_owned())));
        assert_eq!(dialogue.heartbeat("{\"e\":\"heartbeat\"}"), Some(Heartbeat::Ignore));
        assert_eq!(dialogue.heartbeat("{\"e\":\"trade\"}"), None);
        assert_eq!(dialogue.heartbeat(&"p".repeat(HEARTBEAT_BYTES_MAX + 1)), None);
        assert!(dialogue.has_heartbeats() && !Dialogue::default().has_heartbeats());
    }
}
