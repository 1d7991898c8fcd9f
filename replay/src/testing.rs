//! A replay for tests: messages as JSON lines, served by a server of its own on a free port.
//!
//! ```
//! use tradesim_replay::testing::Replay;
//!
//! // what `tradesim cat` prints; in a test, `include_str!("fixtures/open.jsonl")`
//! let lines = concat!(
//!     r#"{"schema_version":1,"event_type":"orderbook","timestamp":"2026-02-18T14:30:00.000000Z","payload":{"#,
//!     r#""symbol":"AAPL","bid_price":"178.50","ask_price":"178.52","bid_size":300,"ask_size":200,"spread":"0.02","#,
//!     r#""mid_price":"178.51","timestamp":"2026-02-18T14:30:00.000000Z","exchange":"NASDAQ"}}"#,
//! );
//! let replay = Replay::of_lines(lines)?.start()?;
//!
//! let (mut socket, _) = tungstenite::connect(replay.url())?;
//! let mut received = Vec::new();
//! // ends when the server closes: everything is delivered
//! while let Ok(message) = socket.read() {
//!     if message.is_text() {
//!         received.push(message.into_text()?);
//!     }
//! }
//! assert_eq!(received, [lines]);
//!
//! let report = replay.finish()?;
//! assert!(report.complete);
//! assert_eq!(report.status.sent, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{ops::Range, sync::Arc, time::Duration};

use tradesim_schemas::{
    ContentHasher, StreamSeq, Symbol, TimeSpec,
    reader::{ReadOptions, Refusal, read},
};

use crate::{
    Background, BlockBuilder, Feed, Filled, Meta, Opcode, Options, Report, ServerError, Source, SourceError,
    SourceInfo, Speed,
};

#[cfg(test)]
mod tests;

/// An error of a replay for tests.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A line is not a valid message.
    #[error("line {line} is not a valid message")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// The cause.
        source: Refusal,
    },
    /// Serving failed.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// A replay that is not started yet. By default it plays as fast as its client reads.
#[derive(Clone, Debug)]
pub struct Replay {
    lines: Arc<Lines>,
    speed: Speed,
}

impl Replay {
    /// Returns a replay of messages as JSON lines, as `tradesim cat` and `tradesim export` write them. Each is sent
    /// unchanged.
    ///
    /// # Errors
    /// [`ReplayError::Line`] for the first line that is not a valid message, such as an empty line.
    pub fn of_lines(text: &str) -> Result<Replay, ReplayError> {
        Ok(Replay { lines: Arc::new(Lines::read(text)?), speed: Speed::Max })
    }

    /// Sets the speed; [`Speed::Max`] by default.
    #[must_use]
    pub fn speed(self, speed: Speed) -> Replay {
        Replay { speed, ..self }
    }

    pub(crate) fn source(&self) -> Arc<dyn Source> {
        Arc::clone(&self.lines) as _
    }

    /// Starts a server on a free port of 127.0.0.1, on a thread of its own. Playback starts when the first client
    /// connects.
    ///
    /// # Errors
    /// [`ReplayError::Server`].
    pub fn start(&self) -> Result<Running, ReplayError> {
        let options = Options { speed: self.speed, linger: Duration::ZERO, ..Options::new("test") };
        let server = Background::start(self.source(), options)?;
        Ok(Running { url: server.url(), server })
    }
}

/// A replay that runs until everything was delivered, or until it is dropped.
#[derive(Debug)]
pub struct Running {
    url: String,
    server: Background,
}

impl Running {
    /// Returns the URL of the server, such as `ws://127.0.0.1:41219`; filters may be appended, such as
    /// `/?symbols=AAPL&events=trade`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits until everything was delivered and all clients have disconnected. Without a client it waits without a
    /// limit.
    ///
    /// # Errors
    /// [`ReplayError::Server`].
    ///
    /// # Panics
    /// If the server panicked.
    pub fn finish(self) -> Result<Report, ReplayError> {
        Ok(self.server.finish()?)
    }
}

/// Messages in memory.
#[derive(Debug)]
struct Lines {
    info: SourceInfo,
    messages: Arc<Messages>,
}

#[derive(Debug, Default)]
struct Messages {
    text: String,
    entries: Vec<(Range<usize>, Meta)>,
}

impl Lines {
    fn read(text: &str) -> Result<Lines, ReplayError> {
        let mut messages = Messages::default();
        let mut digest = ContentHasher::new();
        for (index, line) in text.lines().enumerate() {
            let message = read(line.as_bytes(), ReadOptions::default())
                .map_err(|source| ReplayError::Line { line: index + 1, source })?;
            let kind = Symbol::new(message.symbol()).map(|symbol| (symbol, message.event_type()));
            let start = messages.text.len();
            messages.text += line;
            let meta = Meta { at: message.timestamp, kind, opcode: Opcode::Text };
            messages.entries.push((start..messages.text.len(), meta));
            digest.push(line.as_bytes());
        }
        let digest = digest.finish();
        let info = SourceInfo {
            identity: format!("lines {digest}"),
            messages: Some(messages.entries.len() as u64),
            digest: Some(digest),
            symbols: Vec::new(),
        };
        Ok(Lines { info, messages: Arc::new(messages) })
    }
}

impl Source for Lines {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn open(&self, seq: StreamSeq) -> Result<Box<dyn Feed>, SourceError> {
        let messages = self.messages.entries.len() as u64;
        if seq > StreamSeq(messages) {
            return Err(SourceError::BeyondEnd { seq, messages });
        }
        Ok(Box::new(LinesFeed { messages: Arc::clone(&self.messages), next: seq.get() as usize }))
    }

    fn find(&self, time: TimeSpec) -> Result<StreamSeq, SourceError> {
        let TimeSpec::Instant(at) = time else {
            let reason = "expected an RFC 3339 time".to_owned();
            return Err(SourceError::InvalidPosition { position: time, reason });
        };
        let entries = &self.messages.entries;
        Ok(StreamSeq(entries.iter().position(|(_, meta)| meta.at >= at).unwrap_or(entries.len()) as u64))
    }
}

struct LinesFeed {
    messages: Arc<Messages>,
    next: usize,
}

impl Feed for LinesFeed {
    fn fill(&mut self, block: &mut BlockBuilder) -> Result<Filled, SourceError> {
        for (text, meta) in &self.messages.entries[self.next..] {
            if block.is_full() {
                return Ok(Filled::More);
            }
            block.push(*meta, |out| out.extend_from_slice(self.messages.text[text.clone()].as_bytes()));
            self.next += 1;
        }
        Ok(Filled::End)
    }
}
