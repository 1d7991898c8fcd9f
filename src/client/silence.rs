//! How long nothing has come from a server, and when that is too long.

use std::time::Duration;

use crate::progress::Stopwatch;

/// Silence after which the server is asked for a sign of life, and silence after which it is taken for dead.
const SILENCE_ASKED: Duration = Duration::from_secs(30);
const SILENCE_DEAD: Duration = Duration::from_secs(45);

/// How long nothing has come.
#[derive(Debug)]
pub(crate) struct Silence {
    clock: Stopwatch,
    /// Whether the server was asked for a sign of life.
    asked: bool,
}

impl Silence {
    pub(crate) fn new() -> Silence {
        Silence { clock: Stopwatch::start(), asked: false }
    }

    /// Something came.
    pub(crate) fn ended(&mut self) {
        *self = Silence::new();
    }

    /// Why the server is taken for dead, if it is.
    pub(crate) fn too_long(&self) -> Option<String> {
        (self.clock.elapsed() >= SILENCE_DEAD)
            .then(|| format!("nothing came for {} s", SILENCE_DEAD.as_secs()))
    }

    /// Whether to ask for a sign of life now; once in a silence.
    pub(crate) fn should_ask(&mut self) -> bool {
        let should = !self.asked && self.clock.elapsed() >= SILENCE_ASKED;
        self.asked |= should;
        should
    }
}
