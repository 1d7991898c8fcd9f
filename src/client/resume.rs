//! The state of a stream over all connections, and the decision how to continue it. There is no I/O here.

use std::time::Duration;

use tradesim_bridge::{
    core::SEQ_END,
    socket::{HandshakeHeaders, Oversize},
};
use tradesim_replay::Notice;
use tradesim_schemas::{ContentDigest, StreamSeq};

use crate::output::safe;

/// The delay before the first of several attempts; each further attempt doubles it.
const DELAY_BASE: Duration = Duration::from_millis(200);
const DELAY_MAX: Duration = Duration::from_secs(5);
/// The delay if the last connection delivered messages: just enough not to flood a server with requests.
const DELAY_AFTER_PROGRESS: Duration = Duration::from_millis(20);

/// The state of a stream over all connections.
#[derive(Clone, Debug)]
pub(crate) struct ResumeState {
    /// The message to ask for: first `--from-seq`, later the next one.
    wanted: Option<StreamSeq>,
    retries: u32,
    identity: Option<Identity>,
    /// The sequence number of the first message, if the server numbers its messages.
    first: Option<StreamSeq>,
    /// The sequence number of the next message, if the server numbers its messages.
    next: Option<StreamSeq>,
    received: u64,
    on_connection: u64,
    connections: u64,
    failures: u32,
    jumped: bool,
    missing: u64,
    too_large: Vec<TooLarge>,
    too_large_count: u64,
    end: Option<End>,
    closed_normally: bool,
}

/// The properties of a stream that must be the same on every connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) stream: Option<String>,
    pub(crate) run: Option<String>,
    /// The digest of the whole stream, if the server knows it in advance.
    pub(crate) digest: Option<ContentDigest>,
}

/// A message above the size limit, which was read and discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    /// The number of messages that were received before it.
    pub(crate) seq: u64,
    pub(crate) bytes: u64,
    pub(crate) hash: String,
}

/// The maximum number of messages above the size limit that are listed; all are counted.
const TOO_LARGE_NAMED: usize = 100;

/// The end of the stream, as announced by the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) seq: StreamSeq,
    pub(crate) sent: u64,
    pub(crate) digest: Option<ContentDigest>,
    /// The number of messages that had arrived on this connection.
    arrived: u64,
}

/// The reason why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DisconnectReason {
    /// The server closed it.
    Closed { code: u16, reason: String },
    /// It was lost, or could not be established.
    Lost(String),
}

/// The next step after a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The stream has ended.
    Done,
    /// Reconnect, if there are attempts left.
    Again,
    /// Reconnecting cannot help.
    Failed(String),
}

/// The server violated the protocol, or has another stream than before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the server does not number its messages, so it cannot start at a sequence number")]
    Unnumbered,
    #[error("message {wanted} was requested, but the server starts with message {found}")]
    Start { wanted: StreamSeq, found: StreamSeq },
    #[error("the server now has another {what}: {found} instead of {before}")]
    Other { what: &'static str, before: String, found: String },
    #[error("the server sent all messages before {sent}, but those from {next} on did not arrive")]
    Lost { next: StreamSeq, sent: StreamSeq },
    #[error("the server sent the invalid sequence number {found}: the limit is 2^53")]
    Number { found: StreamSeq },
    #[error("the server sent a notice of {bytes} bytes: the limit is 1 MiB")]
    LongNotice { bytes: usize },
    #[error("the server sent {count} consecutive notices: the limit is 10000")]
    ManyNotices { count: u32 },
}

impl ResumeState {
    pub(crate) fn new(from_seq: Option<StreamSeq>, retries: u32) -> ResumeState {
        ResumeState {
            wanted: from_seq,
            retries,
            identity: None,
            first: None,
            next: None,
            received: 0,
            on_connection: 0,
            connections: 0,
            failures: 0,
            jumped: false,
            missing: 0,
            too_large: Vec::new(),
            too_large_count: 0,
            end: None,
            closed_normally: false,
        }
    }

    /// Returns the query parameters of the next connection.
    pub(crate) fn query(&self) -> Vec<String> {
        let mut query = Vec::new();
        if let Some(seq) = self.wanted {
            query.push(format!("from_seq={seq}"));
            // makes the server refuse if it now has another recording
            if let Some(digest) = self.identity.as_ref().and_then(|identity| identity.digest) {
                query.push(format!("digest={digest}"));
            }
        }
        query
    }

    /// Records the handshake of a new connection.
    ///
    /// # Errors
    /// Fails if the server starts at another message than requested, or has another stream or run than before.
    pub(crate) fn connected(&mut self, greeting: &HandshakeHeaders) -> Result<(), Fault> {
        self.connections += 1;
        self.on_connection = 0;
        if let (Some(wanted), found) = (self.wanted, greeting.start_seq) {
            match found {
                None => return Err(Fault::Unnumbered),
                Some(found) if found != wanted => return Err(Fault::Start { wanted, found }),
                Some(_) => {}
            }
        }
        let identity =
            Identity { stream: greeting.stream.clone(), run: greeting.run.clone(), digest: greeting.digest };
        match &self.identity {
            None => {
                self.first = greeting.start_seq;
                self.identity = Some(identity);
            }
            Some(before) => {
                differs("stream", before.stream.as_ref(), identity.stream.as_ref())?;
                differs("run", before.run.as_ref(), identity.run.as_ref())?;
            }
        }
        self.next = greeting.start_seq;
        Ok(())
    }

    /// Counts a message.
    pub(crate) fn message(&mut self) {
        self.received += 1;
        self.count();
    }

    fn count(&mut self) {
        self.on_connection += 1;
        if let Some(next) = &mut self.next {
            *next += 1;
        }
    }

    /// Counts a message above the size limit, which has a sequence number and is discarded. Returns a sentence for people.
    pub(crate) fn oversize(&mut self, message: &Oversize) -> String {
        let too_large = TooLarge {
            seq: self.received,
            bytes: message.length,
            hash: format!("blake3:{}", message.hash.to_hex()),
        };
        let sentence = format!(
            "a message of {} bytes ({}) is larger than 16 MiB and is skipped",
            too_large.bytes, too_large.hash
        );
        self.too_large_count += 1;
        if self.too_large.len() < TOO_LARGE_NAMED {
            self.too_large.push(too_large);
        }
        self.count();
        sentence
    }

    /// Returns the number of messages above the size limit, and the first of them.
    pub(crate) fn too_large(&self) -> (u64, &[TooLarge]) {
        (self.too_large_count, &self.too_large)
    }

    /// Handles a notice. Returns a sentence for people, if there is something to report.
    ///
    /// # Errors
    /// Fails on an invalid sequence number.
    pub(crate) fn notice(&mut self, notice: Notice) -> Result<Option<String>, Fault> {
        if let Notice::Seek { seq: found } | Notice::Gap { to: found, .. } | Notice::End { seq: found, .. } =
            notice
            && found >= StreamSeq(SEQ_END)
        {
            return Err(Fault::Number { found });
        }
        Ok(self.apply(notice))
    }

    fn apply(&mut self, notice: Notice) -> Option<String> {
        match notice {
            Notice::Seek { seq } => {
                self.jumped = true;
                self.next = Some(seq);
                Some(format!("the player jumped: the next message is {seq}"))
            }
            Notice::Gap { from, to } => {
                self.missing = self.missing.saturating_add(to.since(from));
                self.next = Some(to);
                Some(format!("messages {from} to {} are no longer available", to.get().saturating_sub(1)))
            }
            Notice::End { seq, sent, digest } => {
                self.end = Some(End { seq, sent, digest, arrived: self.on_connection });
                None
            }
            Notice::Error { code, text } => Some(format!("the server refused a message: {code}: {text}")),
            _ => None,
        }
    }

    /// Handles a ping, which means that all messages before `seq` were sent.
    ///
    /// # Errors
    /// Fails if not all of them arrived.
    pub(crate) fn ping(&self, seq: StreamSeq) -> Result<(), Fault> {
        match self.next {
            Some(next) if seq > next => Err(Fault::Lost { next, sent: seq }),
            _ => Ok(()),
        }
    }

    /// Returns the next step after a connection ended.
    pub(crate) fn ended(&mut self, reason: &DisconnectReason) -> Next {
        if self.end.is_some() {
            self.closed_normally = true;
            return Next::Done;
        }
        if self.on_connection > 0 {
            self.failures = 0;
        }
        match reason {
            DisconnectReason::Closed { code: 1000, .. } => {
                self.closed_normally = true;
                Next::Done
            }
            // many servers end a stream with a close frame without a code
            DisconnectReason::Closed { code: 1005, .. } if self.next.is_none() => {
                self.closed_normally = true;
                Next::Done
            }
            DisconnectReason::Closed { code: 1012, reason } if self.next.is_some() => {
                self.jumped = true;
                self.wanted = None;
                tracing::info!(reason, "the player jumped: continuing at its new position");
                Next::Again
            }
            DisconnectReason::Closed { code: 1001 | 1005 | 1013, .. } | DisconnectReason::Lost(_) => {
                self.resume(reason)
            }
            DisconnectReason::Closed { .. } => Next::Failed(self.describe(reason)),
        }
    }

    fn resume(&mut self, reason: &DisconnectReason) -> Next {
        match self.next {
            Some(next) => {
                self.wanted = Some(next);
                Next::Again
            }
            // there was no connection yet
            None if self.identity.is_none() => Next::Again,
            None => Next::Failed(format!(
                "{}; this server cannot resume, and a new connection would leave a gap",
                self.describe(reason)
            )),
        }
    }

    /// Describes the end of a connection, with the number of messages before it.
    pub(crate) fn describe(&self, reason: &DisconnectReason) -> String {
        let after = match self.received {
            1 => "after 1 message".to_owned(),
            received => format!("after {} messages", crate::output::grouped(received)),
        };
        match reason {
            DisconnectReason::Closed { code, reason } if reason.is_empty() => {
                format!("the server closed the connection with {code} {after}")
            }
            DisconnectReason::Closed { code, reason } => {
                format!("the server closed the connection with {code} ({}) {after}", safe(reason))
            }
            DisconnectReason::Lost(_) if self.identity.is_none() => reason.cause().to_owned(),
            DisconnectReason::Lost(cause) => format!("the connection was lost {after}: {cause}"),
        }
    }

    /// Counts an attempt. Returns the delay before it, or `None` if no attempts are left. `jitter` is from 0 to 1.
    pub(crate) fn next_attempt(&mut self, jitter: f64) -> Option<Duration> {
        let progressed = self.failures == 0 && self.on_connection > 0;
        // otherwise, connections that are lost at once could be re-established forever
        self.on_connection = 0;
        if self.failures >= self.retries {
            return None;
        }
        self.failures += 1;
        let delay = if progressed {
            DELAY_AFTER_PROGRESS
        } else {
            let doublings = (self.failures - 1).min(16);
            (DELAY_BASE * (1 << doublings)).min(DELAY_MAX)
        };
        Some(delay.mul_f64(0.9 + 0.2 * jitter))
    }

    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    pub(crate) fn first_seq(&self) -> Option<StreamSeq> {
        self.first
    }

    pub(crate) fn next_seq(&self) -> Option<StreamSeq> {
        self.next
    }

    /// Returns whether the server ended the stream.
    pub(crate) fn is_complete(&self) -> bool {
        self.closed_normally
    }

    /// Returns the differences from what the server announced, as sentences. `digest` is the digest of everything received;
    /// `filtered` is true if the URL requested only a part of the stream.
    pub(crate) fn differences(&self, digest: ContentDigest, filtered: bool) -> Vec<String> {
        let mut found = Vec::new();
        if self.missing > 0 {
            found.push(format!("{} messages were no longer available", crate::output::grouped(self.missing)));
        }
        if let Some(first) = self.too_large.first() {
            found.push(format!(
                "{} messages were larger than 16 MiB and were skipped; the first, after {} others, had {} bytes",
                crate::output::grouped(self.too_large_count),
                crate::output::grouped(first.seq),
                crate::output::grouped(first.bytes),
            ));
        }
        if !self.closed_normally {
            return found;
        }
        if let (Some(end), Some(next)) = (&self.end, self.next) {
            if end.seq != next {
                found.push(format!(
                    "the stream ended before message {}, but the next message is {next}",
                    end.seq
                ));
            }
            if end.sent != end.arrived {
                found.push(format!(
                    "the server sent {} messages on the last connection, but {} arrived",
                    end.sent, end.arrived
                ));
            }
        }
        let is_whole_stream = self.first == Some(StreamSeq(0))
            && !self.jumped
            && self.missing == 0
            && self.too_large_count == 0
            && !filtered;
        if is_whole_stream {
            let announced = self.identity.as_ref().and_then(|identity| identity.digest);
            let at_end = self.end.as_ref().and_then(|end| end.digest);
            for (other, place) in [(at_end, "at the end"), (announced, "in the handshake")] {
                if let Some(other) = other.filter(|other| *other != digest) {
                    found.push(format!(
                        "the digest of the received messages is {digest}, but the server announced {other} {place}"
                    ));
                }
            }
        }
        found
    }
}

impl DisconnectReason {
    /// Returns the cause as text.
    pub(crate) fn cause(&self) -> &str {
        match self {
            DisconnectReason::Closed { reason, .. } => reason,
            DisconnectReason::Lost(cause) => cause,
        }
    }
}

fn differs(what: &'static str, before: Option<&String>, found: Option<&String>) -> Result<(), Fault> {
    if before == found {
        return Ok(());
    }
    let text =
        |value: Option<&String>| value.map_or_else(|| "none".to_owned(), |text| safe(text).into_owned());
    Err(Fault::Other { what, before: text(before), found: text(found) })
}

#[cfg(test)]
mod tests;
