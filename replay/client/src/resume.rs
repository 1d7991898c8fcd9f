//! The state of a stream over all connections, and the decision how to continue it. There is no I/O here.

mod announced;

use tradesim_protocol::{
    CloseKind, FeedQuery, HandshakeHeaders, Notice, SEQ_END,
    foreign::{safe, shortened},
};
use tradesim_schemas::{ContentDigest, StreamSeq, text::grouped};

use self::announced::Announced;
use crate::{DisconnectReason, Oversize};

/// The state of a stream over all connections.
#[derive(Clone, Debug)]
pub struct ResumeState {
    /// The message to ask for: first `--from-seq`, later the next one.
    wanted: Option<StreamSeq>,
    identity: Option<Identity>,
    /// The sequence number of the first message, if the server numbers its messages.
    first: Option<StreamSeq>,
    /// The sequence number of the next message, if the server numbers its messages.
    next: Option<StreamSeq>,
    received: u64,
    on_connection: u64,
    connections: u64,
    jumped: bool,
    missing: u64,
    too_large: Vec<TooLarge>,
    too_large_count: u64,
    end: Option<End>,
    closed_normally: bool,
    announced: Announced,
}

/// The properties of a stream that must be the same on every connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The id of the stream.
    pub stream: Option<String>,
    /// The name of the run.
    pub run: Option<String>,
    /// The digest of the whole stream, if the server knows it in advance.
    pub digest: Option<ContentDigest>,
}

/// A message above the size limit, which was read and discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// The number of messages that were received before it.
    pub seq: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its BLAKE3 hash, with the name of the algorithm.
    pub hash: String,
}

/// The maximum number of messages above the size limit that are listed; all are counted.
const TOO_LARGE_NAMED: usize = 100;

/// The end of the stream, as announced by the server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct End {
    seq: StreamSeq,
    sent: u64,
    digest: Option<ContentDigest>,
    /// The number of messages that had arrived on this connection.
    arrived: u64,
}

/// The next step after a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The stream has ended.
    Done,
    /// Reconnect, if there are attempts left.
    Again,
    /// Reconnecting cannot help.
    Failed(String),
}

/// The server violated the protocol, or has another stream than before.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A number was requested from a server without numbers.
    #[error("the server does not number its messages, so it cannot start at a sequence number")]
    Unnumbered,
    /// The server starts at another message.
    #[error("message {wanted} was requested, but the server starts with message {found}")]
    Start {
        /// The requested message.
        wanted: StreamSeq,
        /// The first message of the connection.
        found: StreamSeq,
    },
    /// The server has another stream or run than before.
    #[error("the server now has another {what}: {found} instead of {before}")]
    Other {
        /// `stream` or `run`.
        what: &'static str,
        /// The name before.
        before: String,
        /// The name now.
        found: String,
    },
    /// Messages did not arrive.
    #[error("the server sent all messages before {sent}, but those from {next} on did not arrive")]
    Lost {
        /// The first of them.
        next: StreamSeq,
        /// The message after the last of them.
        sent: StreamSeq,
    },
    /// A number that no message has.
    #[error("the server sent the invalid sequence number {found}: the limit is 2^53")]
    Number {
        /// The number.
        found: StreamSeq,
    },
    /// A notice above the limit of length.
    #[error("the server sent a notice of {bytes} bytes: the limit is 1 MiB")]
    LongNotice {
        /// Its length.
        bytes: usize,
    },
    /// A text that begins as a notice and is not one.
    #[error("the server sent an invalid notice: {0}")]
    InvalidNotice(String),
    /// A violation of RFC 6455, after which nothing can be read.
    #[error("the server violated the WebSocket protocol: {0}")]
    Violation(String),
    /// Too many notices without a message between them.
    #[error("the server sent {count} consecutive notices: the limit is 10000")]
    ManyNotices {
        /// Their number.
        count: u32,
    },
}

impl ResumeState {
    /// Returns the state before the first connection.
    pub fn new(from_seq: Option<StreamSeq>) -> ResumeState {
        ResumeState {
            wanted: from_seq,
            identity: None,
            first: None,
            next: None,
            received: 0,
            on_connection: 0,
            connections: 0,
            jumped: false,
            missing: 0,
            too_large: Vec::new(),
            too_large_count: 0,
            end: None,
            closed_normally: false,
            announced: Announced::new(),
        }
    }

    /// Returns the query of the next connection.
    pub fn query(&self) -> FeedQuery {
        // makes the server refuse if it now has another recording
        let known = self.identity.as_ref().and_then(|identity| identity.digest);
        let digest = self.wanted.and(known);
        FeedQuery { from_seq: self.wanted, digest, ..FeedQuery::default() }
    }

    /// Records the handshake of a new connection.
    ///
    /// # Errors
    /// Fails if the server starts at another message than requested, or has another stream or run than before.
    pub fn connected(&mut self, greeting: &HandshakeHeaders) -> Result<(), Fault> {
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
    pub fn message(&mut self) {
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
    pub fn oversize(&mut self, message: &Oversize) -> String {
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
    pub fn too_large(&self) -> (u64, &[TooLarge]) {
        (self.too_large_count, &self.too_large)
    }

    /// Handles a notice. Returns a sentence for people, if there is something to report.
    ///
    /// # Errors
    /// Fails on an invalid sequence number.
    pub fn notice(&mut self, notice: Notice) -> Result<Option<String>, Fault> {
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
                self.announced.clear();
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
            Notice::Event { seq, phase } => {
                // a new connection repeats the phases that begin with its first message
                self.announced.is_new(seq, &phase).then(|| {
                    let (id, name, at) = (shortened(&phase.id), shortened(&phase.phase), phase.at);
                    format!("planned event {id}: {name} from {at}")
                })
            }
            Notice::Error { code, text } => Some(format!("the server refused a message: {code}: {text}")),
            _ => None,
        }
    }

    /// Handles a ping, which means that all messages before `seq` were sent.
    ///
    /// # Errors
    /// Fails if not all of them arrived.
    pub fn ping(&self, seq: StreamSeq) -> Result<(), Fault> {
        match self.next {
            Some(next) if seq > next => Err(Fault::Lost { next, sent: seq }),
            _ => Ok(()),
        }
    }

    /// Returns the next step after a connection ended.
    pub fn ended(&mut self, reason: &DisconnectReason) -> Next {
        if self.end.is_some() {
            self.closed_normally = true;
            return Next::Done;
        }
        match reason.kind() {
            CloseKind::Complete => {
                self.closed_normally = true;
                Next::Done
            }
            CloseKind::Unstated if self.next.is_none() => {
                self.closed_normally = true;
                Next::Done
            }
            CloseKind::Moved if self.next.is_some() => {
                self.jumped = true;
                self.wanted = None;
                tracing::info!(%reason, "the player jumped: continuing at its new position");
                Next::Again
            }
            CloseKind::Interrupted | CloseKind::Unstated => self.resume(reason),
            _ => Next::Failed(self.describe(reason)),
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
    pub fn describe(&self, reason: &DisconnectReason) -> String {
        let after = match self.received {
            1 => "after 1 message".to_owned(),
            received => format!("after {} messages", grouped(received)),
        };
        match reason {
            DisconnectReason::Closed { code, reason } if reason.is_empty() => {
                format!("the server closed the connection with {code} {after}")
            }
            DisconnectReason::Closed { code, reason } => {
                format!("the server closed the connection with {code} ({}) {after}", safe(reason))
            }
            DisconnectReason::Lost(cause) if self.identity.is_none() => cause.clone(),
            DisconnectReason::Lost(cause) => format!("the connection was lost {after}: {cause}"),
        }
    }

    /// Returns whether messages arrived on the last connection. Later calls return false until more arrive.
    pub fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.on_connection) > 0
    }

    /// Returns the number of messages.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Returns the number of connections.
    pub fn connections(&self) -> u64 {
        self.connections
    }

    /// Returns the identity of the stream, after the first connection.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Returns the sequence number of the first message, if the server numbers its messages.
    pub fn first_seq(&self) -> Option<StreamSeq> {
        self.first
    }

    /// Returns the sequence number of the next message, if the server numbers its messages.
    pub fn next_seq(&self) -> Option<StreamSeq> {
        self.next
    }

    /// Returns whether the server ended the stream.
    pub fn is_complete(&self) -> bool {
        self.closed_normally
    }

    /// Returns the differences from what the server announced, as sentences. `digest` is the digest of everything received;
    /// `filtered` is true if the URL requested only a part of the stream.
    pub fn differences(&self, digest: ContentDigest, filtered: bool) -> Vec<String> {
        let mut found = Vec::new();
        if self.missing > 0 {
            found.push(format!("{} messages were no longer available", grouped(self.missing)));
        }
        if let Some(first) = self.too_large.first() {
            found.push(format!(
                "{} messages were larger than 16 MiB and were skipped; the first, after {} others, had {} bytes",
                grouped(self.too_large_count),
                grouped(first.seq),
                grouped(first.bytes),
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
