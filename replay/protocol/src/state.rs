//! The state of a player.

use serde::{Deserialize, Serialize};

/// The state of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for clients.
    Waiting,
    /// The clock runs.
    Playing,
    /// The clock is stopped.
    Paused,
    /// All messages were played.
    Ended,
}

impl State {
    /// Returns the text in statuses and notices.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Playing => "playing",
            State::Paused => "paused",
            State::Ended => "ended",
        }
    }

    /// Returns the state with this text.
    pub fn parse(text: &str) -> Option<State> {
        [State::Waiting, State::Playing, State::Paused, State::Ended]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}
