//! Scripts for clients of feeds that have no dialect: what a client must say before it receives a recording, and what it is
//! answered (docs/guide/pass-through.md).
//!
//! A [`Script`] consists of [rules](Rule). A [`ScriptSession`] is one client: its messages in, [`ScriptOutput`] out. An empty
//! script ignores everything that a client sends. What one message of a client is answered is bounded.

mod rule;
mod session;
mod template;

use std::time::Duration;

use tradesim_schemas::pattern::Pattern;

pub use rule::{Expected, Matcher, Rule, Then};
pub use session::{ScriptOutput, ScriptSession};
pub use template::{Allowed, Form, Part, Template, TemplateError, pointer};

/// The size limit of what one message of a client is answered, in bytes.
pub const ANSWER_BYTES_MAX: usize = 128 * 1024;

/// The length that each message of an answer adds for its frame, in bytes, so that empty messages are bounded, too.
pub const FRAME_BYTES: usize = 10;

/// The limit of elements that a rule answers one by one.
pub const ELEMENTS_MAX: usize = 1024;

/// A script.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The paths that are answered; without them, all.
    pub paths: Vec<Pattern>,
    /// The WebSocket subprotocol that is selected where a client offers it.
    pub subprotocol: Option<String>,
    /// Messages to a client that has connected.
    pub greeting: Vec<Template>,
    /// Text messages of a recording that are left out.
    pub left_out: Vec<Pattern>,
    /// The time that a client has for its handshake.
    pub handshake_within: Option<Duration>,
    /// A message that is sent at regular intervals.
    pub heartbeat: Option<Heartbeat>,
    /// The rules, in the order in which they are tried.
    pub rules: Vec<Rule>,
    /// The number of names that rules have.
    pub names: usize,
}

/// A message that is sent at regular intervals.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The interval, which also precedes the first message.
    pub every: Duration,
    /// The message.
    pub message: Template,
}

impl Script {
    /// Returns true if clients are answered on a path.
    pub fn answers(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.is(path))
    }

    /// Returns true if no message of a recording is left out.
    pub fn plays_all(&self) -> bool {
        self.left_out.is_empty()
    }

    /// Returns true if a text message of a recording is left out.
    pub fn leaves_out(&self, message: &[u8]) -> bool {
        let text = || std::str::from_utf8(message).ok();
        !self.left_out.is_empty()
            && text().is_some_and(|text| self.left_out.iter().any(|pattern| pattern.is(text)))
    }

    /// Returns true if a client must say something before it receives the recording.
    pub fn has_handshake(&self) -> bool {
        self.rules.iter().any(|rule| rule.then == Then::Start)
    }
}
