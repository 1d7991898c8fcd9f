//! What came of a stream, and how it goes on: decides, and touches neither socket nor clock.

use std::time::Duration;

use tradesim_bridge::{
    core::SEQ_END,
    socket::{Greeting, Oversize},
};
use tradesim_replay::Notice;
use tradesim_schemas::Digest;

use crate::output::safe;

/// The delay before the first of several tries in a row; each further one doubles it.
const DELAY_BASE: Duration = Duration::from_millis(200);
const DELAY_MAX: Duration = Duration::from_secs(5);
/// The delay where the connection before brought messages: just enough for a server not to be hammered.
const DELAY_AFTER_PROGRESS: Duration = Duration::from_millis(20);

/// What was received, over all connections.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    /// `--from-seq`, and later the message at which the stream goes on.
    wanted: Option<u64>,
    retries: u32,
    identity: Option<Identity>,
    /// The seq of the first message of all, where the server says it.
    first: Option<u64>,
    /// The seq of the next message, where the server numbers them.
    next: Option<u64>,
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

/// What must be the same on every connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) stream: Option<String>,
    pub(crate) run: Option<String>,
    /// Digest of the whole stream, where the server knows it beforehand.
    pub(crate) digest: Option<Digest>,
}

/// A message above the limit, which was read and not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge {
    /// Messages that were received before it.
    pub(crate) seq: u64,
    pub(crate) bytes: u64,
    pub(crate) hash: String,
}

/// Messages above the limit that are named; all are counted.
const TOO_LARGE_NAMED: usize = 100;

/// What the server said at the end of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) seq: u64,
    pub(crate) sent: u64,
    pub(crate) digest: Option<Digest>,
    /// What had arrived on this connection by then.
    arrived: u64,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The server closed it.
    Closed { code: u16, reason: String },
    /// It broke, or could not be made.
    Lost(String),
}

/// What comes after a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The stream is over.
    Done,
    /// Another connection, if there are tries left.
    Again,
    /// Nothing that could help.
    Failed(String),
}

/// What the server does cannot be the stream that was promised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the server does not number its messages, so that none can be asked for by its seq")]
    Unnumbered,
    #[error("message {wanted} was asked for, and the server begins with message {found}")]
    Start { wanted: u64, found: u64 },
    #[error("the server has another {what} now: {found} instead of {before}")]
    Other { what: &'static str, before: String, found: String },
    #[error("the server has sent all messages before {sent}, and those from {next} on have not arrived")]
    Lost { next: u64, sent: u64 },
    #[error("the server speaks of message {found}, and numbers are below 2^53")]
    Number { found: u64 },
    #[error("the server sends a notice of {bytes} bytes, and at most 1 MiB are read")]
    LongNotice { bytes: usize },
    #[error("the server sends {count} notices in a row")]
    ManyNotices { count: u32 },
}

impl Follower {
    pub(crate) fn new(from_seq: Option<u64>, retries: u32) -> Follower {
        Follower {
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

    /// What the next connection has to ask for.
    pub(crate) fn query(&self) -> Vec<String> {
        let mut query = Vec::new();
        if let Some(seq) = self.wanted {
            query.push(format!("from_seq={seq}"));
            // a guard against going on with another recording; before the first connection nothing is known
            if let Some(digest) = self.identity.as_ref().and_then(|identity| identity.digest) {
                query.push(format!("digest={digest}"));
            }
        }
        query
    }

    /// Takes note of what a server says about itself in the handshake.
    ///
    /// # Errors
    /// It is not what was asked for, or not what was there before.
    pub(crate) fn connected(&mut self, greeting: &Greeting) -> Result<(), Fault> {
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
        self.came();
    }

    fn came(&mut self) {
        self.on_connection += 1;
        if let Some(next) = &mut self.next {
            *next += 1;
        }
    }

    /// Counts a message above the limit, which has a number and is not kept. Returns a sentence for people.
    pub(crate) fn oversize(&mut self, message: &Oversize) -> String {
        let too_large = TooLarge {
            seq: self.received,
            bytes: message.length,
            hash: format!("blake3:{}", message.hash.to_hex()),
        };
        let sentence = format!(
            "a message of {} bytes ({}) is above the limit of 16 MiB and is left out",
            too_large.bytes, too_large.hash
        );
        self.too_large_count += 1;
        if self.too_large.len() < TOO_LARGE_NAMED {
            self.too_large.push(too_large);
        }
        self.came();
        sentence
    }

    /// Messages above the limit: how many, and the first of them.
    pub(crate) fn too_large(&self) -> (u64, &[TooLarge]) {
        (self.too_large_count, &self.too_large)
    }

    /// Takes note of a notice. Returns a sentence for people where there is something to say.
    ///
    /// # Errors
    /// A number that no message can have.
    pub(crate) fn notice(&mut self, notice: Notice) -> Result<Option<String>, Fault> {
        if let Notice::Seek { seq: found } | Notice::Gap { to: found, .. } | Notice::End { seq: found, .. } =
            notice
            && found >= SEQ_END
        {
            return Err(Fault::Number { found });
        }
        Ok(self.believe(notice))
    }

    fn believe(&mut self, notice: Notice) -> Option<String> {
        match notice {
            Notice::Seek { seq } => {
                self.jumped = true;
                self.next = Some(seq);
                Some(format!("the player jumped: the next message is number {seq}"))
            }
            Notice::Gap { from, to } => {
                self.missing = self.missing.saturating_add(to.saturating_sub(from));
                self.next = Some(to);
                Some(format!("the messages {from} to {} cannot be had any more", to.saturating_sub(1)))
            }
            Notice::End { seq, sent, digest } => {
                self.end = Some(End { seq, sent, digest, arrived: self.on_connection });
                None
            }
            Notice::Error { code, text } => {
                Some(format!("the server refused a message of ours: {code}: {text}"))
            }
            _ => None,
        }
    }

    /// Takes note of a ping: all messages before `seq` were sent.
    ///
    /// # Errors
    /// Not all of them arrived.
    pub(crate) fn ping(&self, seq: u64) -> Result<(), Fault> {
        match self.next {
            Some(next) if seq > next => Err(Fault::Lost { next, sent: seq }),
            _ => Ok(()),
        }
    }

    /// What comes after a connection that ended in this way.
    pub(crate) fn ended(&mut self, ending: &Ending) -> Next {
        if self.end.is_some() {
            self.closed_normally = true;
            return Next::Done;
        }
        if self.on_connection > 0 {
            self.failures = 0;
        }
        match ending {
            Ending::Closed { code: 1000, .. } => {
                self.closed_normally = true;
                Next::Done
            }
            // a close without a code is how many a plain server says goodbye
            Ending::Closed { code: 1005, .. } if self.next.is_none() => {
                self.closed_normally = true;
                Next::Done
            }
            Ending::Closed { code: 1012, reason } if self.next.is_some() => {
                self.jumped = true;
                self.wanted = None;
                tracing::info!(reason, "the player jumped: going on where it is");
                Next::Again
            }
            Ending::Closed { code: 1001 | 1005 | 1013, .. } | Ending::Lost(_) => self.resume(ending),
            Ending::Closed { .. } => Next::Failed(self.in_words(ending)),
        }
    }

    fn resume(&mut self, ending: &Ending) -> Next {
        match self.next {
            Some(next) => {
                self.wanted = Some(next);
                Next::Again
            }
            // nothing was promised yet
            None if self.identity.is_none() => Next::Again,
            None => Next::Failed(format!(
                "{}; this server cannot resume, and a new connection would leave a gap",
                self.in_words(ending)
            )),
        }
    }

    /// How a connection ended, with how many messages came.
    pub(crate) fn in_words(&self, ending: &Ending) -> String {
        let came = match self.received {
            1 => "after 1 message".to_owned(),
            received => format!("after {} messages", crate::output::grouped(received)),
        };
        match ending {
            Ending::Closed { code, reason } if reason.is_empty() => {
                format!("the server closed the connection with {code} {came}")
            }
            Ending::Closed { code, reason } => {
                format!("the server closed the connection with {code} ({}) {came}", safe(reason))
            }
            Ending::Lost(_) if self.identity.is_none() => ending.cause().to_owned(),
            Ending::Lost(cause) => format!("the connection was lost {came}: {cause}"),
        }
    }

    /// Uses up a try: how long to wait for it, or `None` when there is none left. `jitter` is 0 to 1.
    pub(crate) fn another_try(&mut self, jitter: f64) -> Option<Duration> {
        let progressed = self.failures == 0 && self.on_connection > 0;
        // without this one, a connection that is lost at once could be made again for ever
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

    pub(crate) fn first_seq(&self) -> Option<u64> {
        self.first
    }

    pub(crate) fn next_seq(&self) -> Option<u64> {
        self.next
    }

    /// Whether the server said that this was all.
    pub(crate) fn is_complete(&self) -> bool {
        self.closed_normally
    }

    /// What does not fit together, at the end, in sentences. `digest` is that of everything received, `filtered` says
    /// whether the URL asked for a part of the stream.
    pub(crate) fn differences(&self, digest: Digest, filtered: bool) -> Vec<String> {
        let mut found = Vec::new();
        if self.missing > 0 {
            found
                .push(format!("{} messages could not be had any more", crate::output::grouped(self.missing)));
        }
        if let Some(first) = self.too_large.first() {
            found.push(format!(
                "{} messages were above the limit of 16 MiB and are left out; the first, behind {} others, had {} bytes",
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
                    "the stream ends before message {}, and message {next} is due next",
                    end.seq
                ));
            }
            if end.sent != end.arrived {
                found.push(format!(
                    "the server sent {} messages on the last connection, and {} arrived",
                    end.sent, end.arrived
                ));
            }
        }
        let whole = self.first == Some(0)
            && !self.jumped
            && self.missing == 0
            && self.too_large_count == 0
            && !filtered;
        if whole {
            let announced = self.identity.as_ref().and_then(|identity| identity.digest);
            let at_end = self.end.as_ref().and_then(|end| end.digest);
            for (other, said) in [(at_end, "at the end"), (announced, "in the handshake")] {
                if let Some(other) = other.filter(|other| *other != digest) {
                    found.push(format!(
                        "the digest of what came is {digest}, and the server said {other} {said}"
                    ));
                }
            }
        }
        found
    }
}

impl Ending {
    /// The cause, in words.
    pub(crate) fn cause(&self) -> &str {
        match self {
            Ending::Closed { reason, .. } => reason,
            Ending::Lost(cause) => cause,
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
