//! One client of a script.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    ANSWER_BYTES_MAX, ELEMENTS_MAX, FRAME_BYTES, Script,
    rule::{Found, Input, Rule, Then},
    template::{Template, Values},
};
use crate::session::Incoming;

/// The actions that a script requests, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptOutput {
    /// Send a text message.
    Text(String),
    /// Send a binary message.
    Binary(Vec<u8>),
    /// The client counts for the start of the playback, and receives the recording from now on. Happens once.
    Start,
    /// Close the connection after everything before it was sent. Nothing follows.
    Close,
}

/// The session of one client. Pass in what happens, then take the [outputs](ScriptSession::poll) until there are none. Times count
/// from the beginning of the connection, `unix_ms` is the wall clock.
#[derive(Debug)]
pub struct ScriptSession {
    script: Arc<Script>,
    /// True for each name whose rule has matched.
    passed: Vec<bool>,
    is_open: bool,
    closed: bool,
    beat_at: Option<Duration>,
    outputs: VecDeque<ScriptOutput>,
}

impl ScriptSession {
    /// Returns a session that has not begun yet.
    pub fn new(script: Arc<Script>) -> ScriptSession {
        ScriptSession {
            passed: vec![false; script.names],
            is_open: false,
            closed: false,
            beat_at: script.heartbeat.as_ref().map(|heartbeat| heartbeat.every),
            outputs: VecDeque::new(),
            script,
        }
    }

    /// Begins the session when the connection is established.
    pub fn greet(&mut self, unix_ms: u64) {
        let script = Arc::clone(&self.script);
        self.send(&script.greeting, Values { unix_ms, ..Values::default() }, &mut 0);
        if !script.has_handshake() {
            self.start();
        }
    }

    /// Receives a message of the client: the first rule that matches answers. A message without one is ignored.
    pub fn receive(&mut self, message: Incoming<'_>, unix_ms: u64) {
        if self.closed || self.script.rules.is_empty() {
            return;
        }
        let script = Arc::clone(&self.script);
        let input = Input::new(message);
        let found = script.rules.iter().find_map(|rule| {
            let has_passed = |name: usize| self.passed.get(name).is_some_and(|passed| *passed);
            let may = rule.after.is_none_or(has_passed);
            may.then(|| rule.find(&input)).flatten().map(|found| (rule, found))
        });
        if let Some((rule, found)) = found {
            self.apply(rule, &found, unix_ms);
        }
    }

    fn apply(&mut self, rule: &Rule, found: &Found<'_>, unix_ms: u64) {
        if let Some(passed) = rule.name.and_then(|name| self.passed.get_mut(name)) {
            *passed = true;
        }
        let values = Values { json: found.json, stars: &found.stars, each: None, unix_ms };
        let mut bytes = 0;
        let sent = match &found.elements {
            None => self.send(&rule.send, values, &mut bytes),
            Some(elements) => {
                elements.len() <= ELEMENTS_MAX
                    && elements.iter().all(|element| {
                        self.send(&rule.send, Values { each: Some(element), ..values }, &mut bytes)
                    })
            }
        };
        match rule.then {
            // the answer would be too long: a client that asks for more than a script allows is refused
            _ if !sent => self.close(),
            Then::Close => self.close(),
            Then::Start => self.start(),
            Then::Nothing => {}
        }
    }

    /// Sends messages, and counts their bytes. Returns false if that would exceed the limit.
    fn send(&mut self, messages: &[Template], values: Values<'_>, bytes: &mut usize) -> bool {
        for message in messages {
            let Some(left) = ANSWER_BYTES_MAX.checked_sub(*bytes + FRAME_BYTES) else { return false };
            let output = match message {
                Template::Text(parts) => Template::text(parts, values, left).map(ScriptOutput::Text),
                Template::Binary(payload) => {
                    (payload.len() <= left).then(|| ScriptOutput::Binary(payload.clone()))
                }
            };
            let Some(output) = output else { return false };
            *bytes += FRAME_BYTES;
            *bytes += match &output {
                ScriptOutput::Text(text) => text.len(),
                ScriptOutput::Binary(payload) => payload.len(),
                ScriptOutput::Start | ScriptOutput::Close => 0,
            };
            self.outputs.push_back(output);
        }
        true
    }

    fn start(&mut self) {
        if !self.is_open {
            self.is_open = true;
            self.outputs.push_back(ScriptOutput::Start);
        }
    }

    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            self.outputs.push_back(ScriptOutput::Close);
        }
    }

    /// Returns what must be done next.
    pub fn poll(&mut self) -> Option<ScriptOutput> {
        self.outputs.pop_front()
    }

    /// Returns the time at which [`ScriptSession::handle_timeout`] must be called.
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.closed {
            return None;
        }
        let handshake = self.script.handshake_within.filter(|_| !self.is_open);
        [handshake, self.beat_at].into_iter().flatten().min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Duration, unix_ms: u64) {
        if self.closed {
            return;
        }
        if !self.is_open && self.script.handshake_within.is_some_and(|within| now >= within) {
            return self.close();
        }
        let script = Arc::clone(&self.script);
        if let Some(heartbeat) = &script.heartbeat
            && self.beat_at.is_some_and(|at| now >= at)
        {
            // not from when it was due: a client is not sent several at once
            self.beat_at = Some(now + heartbeat.every);
            let message = std::slice::from_ref(&heartbeat.message);
            self.send(message, Values { unix_ms, ..Values::default() }, &mut 0);
        }
    }

    /// Returns true if the client receives the recording.
    pub fn is_open(&self) -> bool {
        self.is_open && !self.closed
    }

    /// Returns the script.
    pub fn script(&self) -> &Script {
        &self.script
    }
}
